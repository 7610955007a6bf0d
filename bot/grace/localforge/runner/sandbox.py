"""The cage of a run: an own PID namespace where the machine allows one, and how to end it."""

import asyncio
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import assert_never


class Cage(StrEnum):
    """What holds the processes of a run together."""

    BWRAP = "bwrap"
    UNSHARE = "unshare"
    GROUP = "group"


@dataclass(frozen=True, slots=True)
class Mounts:
    """What a run may write, and folders whose content it must not see (bwrap alone enforces it)."""

    writable: tuple[Path, ...] = ()
    hidden: tuple[Path, ...] = ()


_UNSHARE = ("unshare", "--user", "--map-current-user", "--pid", "--fork", "--mount", "--mount-proc")

# Without it, Linux lets root map itself into no user namespace, and jobs could have no sandbox.
_FOR_ROOT = ("--cap-add", "CAP_SETFCAP")


def wrap(cage: Cage, argv: Sequence[str], mounts: Mounts) -> list[str]:
    """Return the command line that runs `argv` inside the cage."""
    match cage:
        case Cage.BWRAP:
            hidden = [
                arg for path in mounts.hidden if path.is_dir() for arg in ("--tmpfs", str(path))
            ]
            writable = [arg for path in mounts.writable for arg in ("--bind", str(path), str(path))]
            return [
                *("bwrap", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"),
                *("--bind", "/tmp", "/tmp", *hidden, *writable),  # noqa: S108 - shared as on CI
                *("--unshare-pid", "--die-with-parent", "--cap-drop", "ALL"),
                *(_FOR_ROOT if os.geteuid() == 0 else ()),
                *("--", *argv),
            ]
        case Cage.UNSHARE:
            return [*_UNSHARE, "--kill-child", "--", *argv]
        case Cage.GROUP:
            return list(argv)
        case _:
            assert_never(cage)


async def strongest() -> Cage:
    """Try the cages in order and return the first that works here."""
    for cage in (Cage.BWRAP, Cage.UNSHARE):
        if await works(cage):
            return cage
    return Cage.GROUP


async def works(cage: Cage) -> bool:
    """Say whether this machine lets a process run in the cage."""
    try:
        process = await asyncio.create_subprocess_exec(
            *wrap(cage, ("true",), Mounts()),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except FileNotFoundError:
        return False
    return await process.wait() == 0


def kill_group(pid: int) -> None:
    """Kill a process group; its PID namespace, if it has one, dies with it."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def kill_steps(home: Path, job: str | None = None) -> int:
    """Kill every process of a run's steps, or of one job's; return how many there were.

    A job's processes are known by `GITHUB_JOB` in their environment and the run by the folder
    its `GITHUB_EVENT_PATH` lies in.
    """
    wanted = f"GITHUB_JOB={job}".encode() if job else b""
    mark = f"GITHUB_EVENT_PATH={home}/".encode()
    killed = 0
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            environ = (entry / "environ").read_bytes().split(b"\0")
            if (not wanted or wanted in environ) and any(item.startswith(mark) for item in environ):
                os.kill(int(entry.name), signal.SIGKILL)
                killed += 1
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return killed

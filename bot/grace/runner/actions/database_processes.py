"""Which processes hold or have open a file, and how to end one and no other: by /proc, on Linux.

/proc/locks names the holder of each lock by process id and inode (proc_locks(5)). A process id may
be used again; with its time of start (field 22 of /proc/PID/stat) and the machine's boot, never.
"""

import contextlib
import os
import select
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from grace.runner.action import ActionFailed

PROC = Path("/proc")


class CannotSee(ActionFailed):
    """This system does not tell which process holds a file."""


@dataclass(frozen=True, slots=True)
class Lock:
    """One lock of a process on bytes `first` to `last` of a file."""

    pid: int
    write: bool
    inode: int
    first: int
    last: int

    def covers(self, byte: int) -> bool:
        return self.first <= byte <= self.last


@dataclass(frozen=True, slots=True)
class Process:
    """A process as it can be told from all others. `started`: clock ticks since the boot."""

    pid: int
    started: int
    boot: str
    name: str
    uid: int
    age_seconds: float
    command: str

    @property
    def words(self) -> str:
        return f"{self.name} (process {self.pid}, {self.age_seconds:.0f} s old: {self.command})"

    @property
    def about(self) -> str:
        """Name it so that it is told from any other, as long as it lives."""
        return f"process {self.pid} ({self.name}), started at {self.started} of boot {self.boot}"


def locks_of(path: Path) -> tuple[Lock, ...]:
    """List the locks on a file's inode, of processes that really have that file open."""
    try:
        lines = (PROC / "locks").read_text().splitlines()
        about = path.stat()
    except FileNotFoundError:
        if (PROC / "locks").exists():
            return ()
        raise CannotSee(
            "this system has no /proc/locks, so it cannot be told who holds the database: "
            "find out by `lsof` and end it by hand"
        ) from None
    found = []
    for line in lines:
        lock = _lock(line)
        if lock is not None and lock.inode == about.st_ino:
            # Elsewhere an inode of that number may be locked as well.
            if lock.pid > 0 and not _has_open(lock.pid, {(about.st_dev, about.st_ino)}):
                continue
            found.append(lock)
    return tuple(found)


def _lock(line: str) -> Lock | None:
    match line.split():
        case [_, "POSIX" | "OFDLCK", _, kind, pid, where, first, last]:
            end = 1 << 63 if last == "EOF" else int(last)
            return Lock(int(pid), kind == "WRITE", int(where.split(":")[2]), int(first), end)
        case _:
            return None


def openers(paths: tuple[Path, ...]) -> tuple[int, ...]:
    """List the processes, but for this one, that have one of these files open."""
    if not (PROC / "self/fd").exists():
        raise CannotSee(
            "this system has no /proc/PID/fd, so it cannot be told who has the database open: "
            "this step is only done on Linux"
        )
    wanted = set()
    for path in paths:
        if path.exists():
            about = path.stat()
            wanted.add((about.st_dev, about.st_ino))
    return tuple(pid for pid in _processes() if pid != os.getpid() and _has_open(pid, wanted))


def _processes() -> Iterator[int]:
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            yield int(entry.name)


def _has_open(pid: int, wanted: set[tuple[int, int]]) -> bool:
    try:
        entries = list((PROC / str(pid) / "fd").iterdir())
    except (FileNotFoundError, ProcessLookupError):
        return False
    except PermissionError:
        # Somebody else's: its open files cannot be seen, its locks can.
        return False
    for entry in entries:
        try:
            about = entry.stat()
        except OSError:
            continue
        if (about.st_dev, about.st_ino) in wanted:
            return True
    return False


def hidden() -> int:
    """Count the programs whose open files this process may not see."""
    return sum(
        1
        for pid in _processes()
        if not os.access(PROC / str(pid) / "fd", os.R_OK) and _is_program(pid)
    )


def _is_program(pid: int) -> bool:
    try:
        return (PROC / str(pid) / "cmdline").read_bytes() != b""
    except OSError:
        return False


def process(pid: int) -> Process | None:
    """Read who a process is, or None where it is gone."""
    folder = PROC / str(pid)
    try:
        stat = (folder / "stat").read_text()
        # The name stands in brackets and may hold anything.
        name, rest = stat[stat.index("(") + 1 :].rsplit(")", 1)
        fields = rest.split()
        if fields[0] in "ZX":
            return None
        started = int(fields[19])
        # Not the folder's owner: that is root's where the process changed its user.
        uids = next(
            line for line in (folder / "status").read_text().splitlines() if line.startswith("Uid:")
        )
        arguments = (folder / "cmdline").read_bytes().split(b"\0")
        uptime = float((PROC / "uptime").read_text().split()[0])
    except (FileNotFoundError, ProcessLookupError):
        return None
    return Process(
        pid=pid,
        started=started,
        boot=(PROC / "sys/kernel/random/boot_id").read_text().strip(),
        name=name,
        uid=int(uids.split()[1]),
        age_seconds=max(0.0, uptime - started / os.sysconf("SC_CLK_TCK")),
        command=_told([a.decode(errors="replace") for a in arguments if a]) or name,
    )


def ancestors() -> frozenset[int]:
    """List this process and all that it descends from."""
    found = {1, os.getpid()}
    pid = os.getppid()
    while pid > 1 and pid not in found:
        found.add(pid)
        try:
            stat = (PROC / str(pid) / "stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            break
        pid = int(stat.rsplit(")", 1)[1].split()[1])
    return frozenset(found)


def _told(arguments: list[str]) -> str:
    """Shorten a command line to program and script: options and addresses may hold secrets."""
    plain: list[str] = []
    for argument in arguments[:3]:
        if argument.startswith("-") or "=" in argument or "://" in argument:
            break
        plain.append(argument[:80])
    more = " ..." if len(arguments) > len(plain) else ""
    return " ".join(plain) + more


def same(known: Process | None, *, started: int, boot: str) -> bool:
    """Say whether a process is the one that was found earlier."""
    return known is not None and (known.started, known.boot) == (started, boot)


def end(target: Process, grace_seconds: float, *, kill: bool) -> str:
    """End a process: ask (SIGTERM), wait, and kill it where allowed; answer what it took.

    The handle is opened first and who it is checked afterwards, so that no signal can reach
    another process that got the same id (pidfd_open(2)).
    """
    try:
        handle = os.pidfd_open(target.pid)
    except ProcessLookupError:
        return "it had ended already"
    try:
        if not same(process(target.pid), started=target.started, boot=target.boot):
            return "it had ended already"
        try:
            _tell(handle, signal.SIGTERM)
        except PermissionError as error:
            raise ActionFailed(
                f"the runner may not end process {target.pid}: it belongs to another user"
            ) from error
        if _ends(handle, grace_seconds):
            return "it ended when asked"
        if not kill:
            raise ActionFailed(
                f"process {target.pid} did not end within {grace_seconds:.0f} s, "
                "and this step may not kill it"
            )
        _tell(handle, signal.SIGKILL)
        if not _ends(handle, 10):
            raise ActionFailed(f"process {target.pid} could not be killed: it waits in the kernel")
        return f"it did not end within {grace_seconds:.0f} s when asked, and was killed"
    finally:
        os.close(handle)


def _tell(handle: int, what: signal.Signals) -> None:
    # One that ended a moment ago needs no signal; that it ended is seen right after.
    with contextlib.suppress(ProcessLookupError):
        signal.pidfd_send_signal(handle, what)


def _ends(handle: int, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while True:
        ready, _, _ = select.select([handle], [], [], max(0.0, until - time.monotonic()))
        if ready or time.monotonic() >= until:
            return bool(ready)

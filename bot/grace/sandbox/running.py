"""Run one command in the strongest sandbox that works here, and end all of it."""

import json
import math
import os
import resource
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO, Final

from grace.domain.base import Frozen
from grace.sandbox import bubblewrap, entering, places
from grace.sandbox.model import Bounds, Ended, SandboxError, SandboxMissing, Spec, Strength, Why
from grace.sandbox.streams import Sink, Streams
from grace.sandbox.watching import Mine, Watch

_NO_SUCH_COMMAND: Final = b"bwrap: execvp "
_PROC: Final = Path("/proc")
_LOOK_EVERY_S: Final = 0.05
_START_S: Final = 20.0
_DRAIN_S: Final = 1.0
_END_S: Final = 10.0
_SIGNALS: Final = 128  # what a shell adds to the number of the signal that ended a command
_ORDER: Final = (Strength.BUBBLEWRAP, Strength.UNSHARE, Strength.BARE)
_ENDED_FOR: Final[dict[int, Why]] = {
    128 + signal.SIGXCPU: "cpu",
    128 + signal.SIGXFSZ: "disk",
}
# Beside the command's: those that hold the sandbox itself.
_OWN_PROCESSES: Final = 4
_WAY_OUT: Final = (
    "Install bubblewrap 0.8 or newer (`apt-get install bubblewrap`) and let it make user "
    "namespaces: on Ubuntu 24.04 that takes an AppArmor profile, in a container the right to mount "
    "/proc; docs/sandbox.md has both. Or say that there shall be no sandbox"
)


class _Line(Frozen):
    """What the program that goes ahead tells, a line each."""

    child_pid: int | None = None
    exit_code: int | None = None
    error: str | None = None


@lru_cache(maxsize=1)
def strength() -> Strength:
    """Return the strongest that works here, found by trying; the answer is kept."""
    for each in _ORDER[:-1]:
        try:
            if run_as(each, Spec(argv=("true",), cwd=Path("/"))).succeeded:
                return each
        except SandboxError:
            continue
    return Strength.BARE


def run(spec: Spec, *, least: Strength = Strength.UNSHARE, sink: Sink | None = None) -> Ended:
    """Run a command to its end or to its bounds, with nothing of it left afterwards.

    `sink` gets what it prints, as it comes. Raises `SandboxMissing` where this machine has
    nothing as strong as `least`, and `SandboxError` where the sandbox cannot be made as told.
    """
    best = Strength.BARE if least is Strength.BARE else strength()
    if _ORDER.index(best) > _ORDER.index(least):
        raise SandboxMissing(f"There is no {least} sandbox on this machine. {_WAY_OUT}.")
    return run_as(best, spec, sink=sink)


def run_as(chosen: Strength, spec: Spec, *, sink: Sink | None = None) -> Ended:
    """Run a command in one kind of sandbox, and no other."""
    with tempfile.TemporaryDirectory(prefix="grace-sandbox-") as folder:
        own = Path(folder)
        with _started(chosen, spec, own) as going:
            grown = tuple(spec.writable) + tuple(s.source for s in spec.shown if s.writable)
            watch = Watch(spec.bounds, grown, *going.seen_at(chosen))
            return going.follow(spec, watch, sink)


@dataclass
class _Going:
    """A run that has begun: `first` is the process with which all others of it end."""

    process: subprocess.Popen[bytes]
    status: IO[bytes]
    block: int
    first: int
    began: float
    first_fd: int | None = None

    def seen_at(self, chosen: Strength) -> tuple[Path, Mine]:
        """Tell where its processes are seen, and which of those there they are."""
        if chosen is Strength.BARE:
            session = str(self.process.pid).encode()
            return _PROC, lambda _, fields: fields[3] == session
        inside = Path(f"/proc/{self.first}/root/proc")
        if (inside / "1").exists():
            return inside, lambda _path, _fields: True
        space = _namespace(_PROC / str(self.first))
        return _PROC, lambda path, _: _namespace(path) == space

    def follow(self, spec: Spec, watch: Watch, sink: Sink | None) -> Ended:
        """Release the command, read what it prints, and end it at its bounds."""
        over: Why | None = None
        with closing(Streams(self.process, spec.stdin, sink)) as streams:
            try:
                with suppress(BrokenPipeError):  # it ended already; what it printed says why
                    os.write(self.block, b"1")
                while over is None and streams.wait(_LOOK_EVERY_S):
                    over = self._over(spec.bounds, watch, streams.printed)
            finally:
                self.kill()
            code = self.process.wait()
            streams.drain(_DRAIN_S)
        if over is None and streams.printed > spec.bounds.output_bytes:
            over = "output"
        seconds = time.monotonic() - self.began
        told = self._told_code()
        if told is None and _NO_SUCH_COMMAND in streams.err:
            told = entering.NOT_STARTED
        if over is None and told is None and self.first != self.process.pid:
            raise SandboxError(_not_made(bytes(streams.err), code))
        status = told if told is not None else (code if code >= 0 else 128 - code)
        why: Why = over or _ENDED_FOR.get(status) or ("signal" if status > _SIGNALS else "exit")
        most = spec.bounds.output_bytes
        return Ended(
            status=status if why in {"exit", "signal"} else None,
            why=why,
            seconds=seconds,
            stdout=bytes(streams.out[:most]),
            stderr=bytes(streams.err[: max(most - len(streams.out), 0)]),
        )

    def _over(self, bounds: Bounds, watch: Watch, printed: int) -> Why | None:
        if printed > bounds.output_bytes:
            return "output"
        if time.monotonic() - self.began > bounds.wall_s:
            return "time"
        return watch.excess()

    def _told_code(self) -> int | None:
        """Return the status that the sandbox told of the command, None where it told none."""
        codes = [_line(line).exit_code for line in self.status.read().splitlines()]
        return next((code for code in codes if code is not None), None)

    def kill(self) -> None:
        """End the first process and await its end, which is that of all in its namespace."""
        if self.first_fd is not None:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self.first_fd, signal.SIGKILL)
            select.select([self.first_fd], [], [], _END_S)
        if self.process.returncode is None:  # else the number may be another's by now
            _kill_group(self.process.pid)

    def close(self) -> None:
        """End it, and let go of the first process."""
        self.kill()
        if self.first_fd is not None:
            os.close(self.first_fd)
            self.first_fd = None


@contextmanager
def _started(chosen: Strength, spec: Spec, own: Path) -> Iterator[_Going]:
    """Start what goes ahead, up to where the command would begin; all of it ends here."""
    told = _told(chosen, spec, own)
    with ExitStack() as stack:
        status, status_w = os.pipe()
        block_r, block = os.pipe()
        config = os.memfd_create("told", 0)
        ours = stack.enter_context(os.fdopen(status, "rb"))
        stack.callback(os.close, block)
        with ExitStack() as theirs:
            for fd in (status_w, block_r, config):
                theirs.callback(os.close, fd)
            told |= {"status": status_w, "block": block_r}
            with os.fdopen(os.dup(config), "wb") as file:
                file.write(json.dumps(told).encode())
            os.lseek(config, 0, os.SEEK_SET)
            began = time.monotonic()
            process = subprocess.Popen(
                (sys.executable, "-I", "-S", entering.__file__, str(config)),
                pass_fds=(config, status_w, block_r),
                env={"PATH": os.defpath},
                cwd="/",
                stdin=subprocess.PIPE if spec.stdin is not None else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        stack.enter_context(process)
        going = _Going(process, ours, block, process.pid, began)
        stack.callback(going.kill)
        going.first = _first_process(going)
        if chosen is not Strength.BARE:
            try:
                going.first_fd = os.pidfd_open(going.first)
                stack.callback(going.close)
                _limit_processes(going.first, spec.bounds.processes)
            except ProcessLookupError as error:
                raise SandboxError("The sandbox ended before it was made.") from error
        yield going


def _told(chosen: Strength, spec: Spec, own: Path) -> dict[str, object]:
    """Return what the program that goes ahead reads."""
    bounds = spec.bounds
    told: dict[str, object] = {
        "strength": chosen.value,
        "argv": spec.argv,
        "cwd": str(spec.cwd),
        "network": spec.network,
        "limits": _limits(bounds),
    }
    if chosen is Strength.BARE:
        home, tmp = own / "home", own / "tmp"
        home.mkdir()
        tmp.mkdir()
        cwd = places.outside(spec, spec.cwd)
        return told | {"cwd": str(cwd), "env": places.environment(spec, str(home), str(tmp))}
    places.write_etc(own / "etc")
    mounts = places.mounts(spec, own / "etc")
    env = places.environment(spec)
    told |= {"env": env, "mounts": [(m.kind, m.at, m.source) for m in mounts]}
    if chosen is Strength.BUBBLEWRAP:
        found = shutil.which("bwrap")
        if found is None:
            raise SandboxError("There is no bwrap on the PATH.")
        options = bubblewrap.arguments(mounts, env, str(spec.cwd), network=spec.network)
        told |= {"bwrap": found, "options": options}
    return told


def _limits(bounds: Bounds) -> dict[str, int]:
    """Return the kernel's limits for each process; the first bound of processor time is soft."""
    limits = {
        "RLIMIT_CORE": 0,
        "RLIMIT_DATA": bounds.memory_bytes,
        "RLIMIT_FSIZE": bounds.file_bytes or bounds.disk_bytes,
        "RLIMIT_NOFILE": bounds.open_files,
    }
    if bounds.cpu_s is not None:
        limits["RLIMIT_CPU"] = math.ceil(bounds.cpu_s) + 1
    return limits


def _limit_processes(first: int, processes: int) -> None:
    """Bound the tasks of the new user namespace; the kernel does not bind root by it.

    It is set once the namespace is there, so that the caller's other processes do not count.
    """
    most = processes + _OWN_PROCESSES
    with suppress(ProcessLookupError):
        _, hard = resource.prlimit(first, resource.RLIMIT_NPROC)
        if hard != resource.RLIM_INFINITY:
            most = min(most, hard)
        resource.prlimit(first, resource.RLIMIT_NPROC, (most, most))


def _namespace(process: Path) -> str:
    """Name the process namespace of a process; empty where it is not to be known."""
    try:
        return os.readlink(process / "ns/pid")  # noqa: PTH115 - it leads to no path
    except OSError:
        return ""


def _kill_group(group: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


def _first_process(going: _Going) -> int:
    """Await the word that the command may begin."""
    ready, _, _ = select.select([going.status], [], [], _START_S)
    line = _line(going.status.readline()) if ready else _Line(error="it did not start")
    if line.child_pid is not None:
        return line.child_pid
    going.kill()
    said = b"" if going.process.stderr is None else going.process.stderr.read()
    raise SandboxError(_not_made((line.error or "").encode() or said, going.process.wait()))


def _line(told: bytes) -> _Line:
    """Read a line of what goes ahead; of bubblewrap's, the fields that are ours."""
    fields = json.loads(told) if told.strip() else {}
    return _Line(
        child_pid=fields.get("child-pid"),
        exit_code=fields.get("exit-code"),
        error=fields.get("error"),
    )


def _not_made(said: bytes, code: int) -> str:
    words = said[-500:].decode(errors="replace").strip()
    return f"The sandbox could not be made: {words or f'status {code}'}."

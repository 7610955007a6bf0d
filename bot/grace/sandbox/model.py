"""What a sandboxed run is asked, what it is bounded by, and how it ended."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from grace.domain.base import Frozen

MIB: Final = 1024 * 1024
GIB: Final = 1024 * MIB

Why = Literal["exit", "time", "cpu", "memory", "output", "disk", "processes", "signal"]
Bytes = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Bounds(Frozen):
    """What a run may use, all its processes together; `file_bytes` and `open_files` hold for each.

    `cpu_s`: processor time, None for no bound but `wall_s`. `disk_bytes`: what the writable places
    may grow by. `file_bytes` None: as large as `disk_bytes`.
    """

    wall_s: Seconds = 1800.0
    cpu_s: Seconds | None = None
    memory_bytes: Bytes = 2 * GIB
    processes: Annotated[int, Field(ge=1, le=100_000)] = 256
    output_bytes: Bytes = 10 * MIB
    disk_bytes: Bytes = GIB
    file_bytes: Bytes | None = None
    open_files: Annotated[int, Field(ge=16, le=1_000_000)] = 1024


class Shown(Frozen):
    """A place that stands elsewhere inside: `source` outside is seen at `at`."""

    at: Path
    source: Path
    writable: bool = False


class Spec(Frozen):
    """One command, and all that it gets; paths are absolute.

    `readable` comes on top of the system's own programs, and wins inside a writable place, as
    `checkout/.git` does in `checkout`. `env` is the whole environment, but for PATH, HOME, TMPDIR
    and LANG, which have values of the sandbox's own where it does not name them. `sockets`: unix
    sockets that it may speak to. `cwd` is as seen inside.
    """

    argv: Annotated[tuple[str, ...], Field(min_length=1)]
    cwd: Path
    writable: tuple[Path, ...] = ()
    readable: tuple[Path, ...] = ()
    shown: tuple[Shown, ...] = ()
    env: dict[str, str] = {}
    network: bool = False
    sockets: tuple[Path, ...] = ()
    bounds: Bounds = Bounds()
    stdin: bytes | None = None

    @model_validator(mode="after")
    def _absolute(self) -> Self:
        shown = (path for each in self.shown for path in (each.at, each.source))
        for path in (self.cwd, *self.writable, *self.readable, *self.sockets, *shown):
            if not path.is_absolute() or ".." in path.parts:
                raise ValueError(f"{path} is no absolute path in its plain form")
        for path in (*self.writable, *(each.at for each in self.shown)):
            if path in _THE_SYSTEM_S:
                raise ValueError(f"{path} belongs to the system: nothing may be shown there")
        return self


class Ended(Frozen):
    """How a run ended, and what it printed, within `output_bytes`.

    `status` is None where the run was ended for a bound. A command that a signal ended has
    `why="signal"` and, like in a shell, the status 128 and the signal's number.
    """

    status: int | None
    why: Why
    seconds: float
    stdout: bytes
    stderr: bytes

    @property
    def succeeded(self) -> bool:
        return self.why == "exit" and self.status == 0

    def sentence(self, bounds: Bounds) -> str:
        """Say to a person how the run ended."""
        match self.why:
            case "exit":
                return f"It ended with status {self.status}."
            case "signal":
                return f"It was ended by the signal {(self.status or 128) - 128}."
            case "time":
                return f"It did not end within {bounds.wall_s:g} s."
            case "cpu":
                return f"It used more than {bounds.cpu_s or 0:g} s of processor time."
            case "memory":
                return f"It used more than {_size(bounds.memory_bytes)} of memory."
            case "output":
                return f"It printed more than {_size(bounds.output_bytes)}."
            case "disk":
                return f"It wrote more than {_size(bounds.disk_bytes)}."
            case "processes":
                return f"It ran {bounds.processes} processes or more at a time."


class Strength(StrEnum):
    """What keeps a command in, the strongest first.

    BARE has time, output, disk and memory bounds and an empty environment, and nothing that keeps
    the command from the machine's files, processes and network.
    """

    BUBBLEWRAP = "bubblewrap"
    UNSHARE = "unshare"
    BARE = "bare"


class SandboxError(Exception):
    """The root of this package's errors; its text is a sentence for a person."""


class SandboxMissing(SandboxError):
    """Nothing on this machine is as strong as was asked for; the text says the way out."""


_THE_SYSTEM_S: Final = frozenset(
    Path(path)
    for path in ("/", "/dev", "/etc", "/proc", "/sys", "/usr", "/bin", "/lib", "/tmp")  # noqa: S108 - refused
)


def _size(count: int) -> str:
    for unit, name in ((GIB, "GiB"), (MIB, "MiB"), (1024, "KiB")):
        if count >= unit:
            return f"{count / unit:g} {name}"
    return f"{count} bytes"

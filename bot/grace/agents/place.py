"""Where an agent's run takes place, and how one command of it is run in the sandbox."""

import os
import shutil
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from grace.agents.judge import AgentError, Refused
from grace.domain.hidden import strip_characters
from grace.domain.leaks import SecretScan
from grace.domain.proposals import MAX_OUTPUT, Refusal
from grace.sandbox import Bounds, Ended, Shown, Spec, Strength, interpreter, run

SHELL: Final = ("bash", "-eo", "pipefail", "-c")
SYSTEM_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_MAX_READ: Final = 100_000


@dataclass(frozen=True, slots=True)
class Place:
    """A clean checkout of the base, and what a run in it may see and use.

    `at`: where commands see the checkout, where it is not as it lies. `test`: a shell command that
    fails at the base and is to succeed. `files`: what repair may change, none for all.
    `readable` and `path`: more places and folders of programs that commands see.
    `wheels` and `index`: where bump finds versions, a folder of wheels before a package index.
    `model_key` goes to the relay and to no command. `sink` gets what commands print, as it comes.
    """

    checkout: Path
    test: str | None = None
    files: tuple[str, ...] = ()
    at: Path | None = None
    readable: tuple[Path, ...] = ()
    path: tuple[Path, ...] = ()
    wheels: Path | None = None
    index: str = "https://pypi.org/simple"
    least: Strength = Strength.UNSHARE
    scan: SecretScan | None = None
    model_key: str = field(default="", repr=False)
    tell: Callable[[str], object] | None = None
    sink: Callable[[bytes], object] | None = field(default=None, repr=False)

    @property
    def inside(self) -> Path:
        """Return where commands see the checkout."""
        return self.checkout if self.at is None or self.least is Strength.BARE else self.at

    def say(self, sentence: str) -> None:
        """Tell a person who watches how the run goes on."""
        if self.tell is not None:
            self.tell(sentence)


@dataclass(frozen=True, slots=True)
class Command:
    """One command of a run, and what it gets beside the checkout.

    `checkout`: files to stand where the checkout does, where they are not the checkout's own.
    """

    argv: tuple[str, ...]
    env: dict[str, str] = field(default_factory=dict)
    seconds: float = 600.0
    network: bool = False
    writable: tuple[Path, ...] = ()
    readable: tuple[Path, ...] = ()
    path: tuple[Path, ...] = ()
    sockets: tuple[Path, ...] = ()
    stdin: bytes | None = None
    checkout: Path | None = None
    memory_bytes: int = 4 * 1024**3


def execute(place: Place, command: Command) -> Ended:
    """Run a command in the sandbox, in the checkout, which it may write but for `.git`.

    Raises `SandboxMissing` and `SandboxError` as the sandbox does.
    """
    spec = spec_of(place, command)
    return run(spec, least=place.least, sink=place.sink)


def spec_of(place: Place, command: Command) -> Spec:
    """Say to the sandbox what a command gets."""
    files, at = command.checkout or place.checkout, place.inside
    git = place.checkout / ".git"
    shown = (Shown(at=at, source=files, writable=True),) if files != at else ()
    guarded = (Shown(at=at / ".git", source=git),) if git.is_dir() else ()
    folders = (*command.path, *place.path)
    env = {
        "PATH": ":".join((*map(str, folders), SYSTEM_PATH)),
        "PYTHONDONTWRITEBYTECODE": "1",
        "CI": "true",
        **command.env,
    }
    return Spec(
        argv=command.argv,
        cwd=at,
        writable=(*(() if shown else (files,)), *command.writable),
        readable=_distinct((*interpreter(), *place.readable, *command.readable)),
        shown=(*shown, *guarded),
        env=env,
        network=command.network,
        sockets=command.sockets,
        bounds=bounds_for(command),
        stdin=command.stdin,
    )


def bounds_for(command: Command) -> Bounds:
    """Return the bounds of a command."""
    return Bounds(wall_s=command.seconds, memory_bytes=command.memory_bytes, processes=512)


def end_of(ended: Ended) -> str:
    """Return the end of what a command printed, for people and agents: bounded, as plain text."""
    both = ended.stdout + (b"\n" if ended.stdout and ended.stderr else b"") + ended.stderr
    return strip_characters(both.decode(errors="replace"))[-MAX_OUTPUT:].strip()


def refuse_unless_ended_well(ended: Ended, command: Command) -> None:
    """Raise `Refused` for a run that was ended, or ended itself, other than by success."""
    if ended.succeeded:
        return
    sentence = f"The agent did not do its work. {ended.sentence(bounds_for(command))}"
    match ended.why:
        case "time":
            raise Refused(Refusal.TIMED_OUT, sentence)
        case "cpu" | "memory" | "output" | "disk" | "processes":
            raise Refused(Refusal.RESOURCES, sentence)
        case "exit" | "signal":
            said = end_of(ended)[-600:]
            raise Refused(Refusal.FAILED, f"{sentence} It said last: {said}" if said else sentence)


def read_left(path: Path, most: int = _MAX_READ) -> str | None:
    """Read a file that a command left, unless it is none, or a link to somebody else's."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    with os.fdopen(fd, "rb") as file:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            return None
        return file.read(most).decode(errors="replace")


def find_program(name: str, place: Place) -> tuple[Path, tuple[Path, ...]]:
    """Find a program on the PATH, and what must be readable for it to run.

    Raises `AgentError` where it is not installed.
    """
    folders = ":".join((*map(str, place.path), os.environ.get("PATH", os.defpath)))
    found = shutil.which(name, path=folders)
    if found is None:
        raise AgentError(f"There is no program {name} on the PATH: install it there.")
    return Path(found), _distinct(tuple(_needed_by(Path(found))))


def _needed_by(program: Path) -> Iterator[Path]:
    """List the folders that a program is made of: its virtual environment, its node packages."""
    real = program.resolve()
    for each in (program.parent / program.name, real):
        root = each.parent.parent
        if (root / "pyvenv.cfg").is_file():
            yield root
            yield from (p for p in (_home(root),) if p is not None)
    packages = [parent for parent in real.parents if parent.name == "node_modules"]
    yield packages[-1] if packages else real
    yield program
    first = _first_line(real)
    if "node" in first and (node := shutil.which("node")) is not None:
        yield Path(node).resolve()


def _home(venv: Path) -> Path | None:
    """Return the installation that a virtual environment was made from."""
    for line in (venv / "pyvenv.cfg").read_text(encoding="utf-8").splitlines():
        key, _, value = line.partition("=")
        if key.strip() == "home":
            return Path(value.strip()).resolve().parent
    return None


def _first_line(program: Path) -> str:
    with program.open("rb") as file:
        return file.readline(200).decode(errors="replace")


def _distinct(paths: tuple[Path, ...]) -> tuple[Path, ...]:
    """Leave out what the system shows anyway, and what lies inside another."""
    kept: list[Path] = []
    for path in sorted(set(paths), key=lambda p: len(p.parts)):
        inside = any(path.is_relative_to(each) for each in (Path("/usr"), *kept))
        if not inside and path != Path("/"):
            kept.append(path)
    return tuple(kept)

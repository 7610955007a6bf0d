"""A checkout of a Python service: which one it is, which module it misses, what it requires."""

import re
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from grace.runner.action import ActionFailed, Situation, WrongTarget
from grace.runner.actions.service_command import Program
from grace.runner.actions.service_target import expect, setting

_MISSING = re.compile(r"No module named '?([A-Za-z_][\w.]*)'?")
_LOG_TAIL = 256_000


def folder_of(situation: Situation) -> Path:
    """Find the target's `checkout`."""
    path = Path(setting(situation, "checkout"))
    if not path.is_dir():
        raise ActionFailed("the target's `checkout` is no folder")
    return path.resolve()


def file_of(situation: Situation, name: str, default: str | None = None) -> Path:
    """Find a file of the checkout by the setting that names it; it cannot lie outside."""
    folder = folder_of(situation)
    path = (folder / setting(situation, name, default)).resolve()
    if not path.is_relative_to(folder):
        raise ActionFailed(f"the target's `{name}` lies outside the checkout")
    return path


def identify_checkout(situation: Situation) -> None:
    """Compare the repository's first commit, or where it came from, with what is expected."""
    commit = setting(situation, "expect_root_commit", "")
    origin = setting(situation, "expect_origin", "")
    if not commit and not origin:
        raise WrongTarget(
            "nothing says which repository is meant: set `expect_root_commit` or `expect_origin` "
            "in the runner's file"
        )
    git = Program(
        situation,
        ("git", "-C", str(folder_of(situation)), "-c", "safe.directory=*"),
        {"GIT_CONFIG_NOSYSTEM": "1"},
    )
    if commit:
        roots = git.run("rev-list", "--max-parents=0", "HEAD").split()
        expect("first commit", commit, commit if commit in roots else " ".join(roots))
    if origin:
        expect("origin", origin, git.run("config", "--get", "remote.origin.url").strip())


def missing_module(situation: Situation) -> str | None:
    """Name the module that the target's `check` command, else its `log_file`, misses."""
    check = setting(situation, "check", "")
    if not check:
        return _last(_tail(Path(setting(situation, "log_file"))))
    folder = folder_of(situation)
    words = ("/usr/bin/env", "-C", str(folder), *shlex.split(check))
    code, said = Program(situation, words, {}).said(seconds=300)
    module = _last(said)
    if module is None and code != 0:
        raise ActionFailed(f"the target's `check` failed with {code}, and not for want of a module")
    return module if code != 0 else None


def _tail(path: Path) -> str:
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _LOG_TAIL))
            return file.read().decode("utf-8", "replace")
    except OSError as error:
        raise ActionFailed(f"the log cannot be read: {type(error).__name__}") from error


def _last(text: str) -> str | None:
    lines = [each for each in text.splitlines() if "ModuleNotFoundError" in each]
    found = _MISSING.search(lines[-1]) if lines else None
    return found[1] if found else None


def refuse_own(situation: Situation, module: str) -> None:
    """Refuse a module of the standard library, or of the checkout itself."""
    top = module.split(".", maxsplit=1)[0]
    if top in sys.stdlib_module_names:
        raise ActionFailed(
            f"`{top}` belongs to Python itself: the interpreter is too old or incomplete"
        )
    folder = folder_of(situation)
    for place in (folder, folder / "src"):
        if (place / f"{top}.py").is_file() or (place / top / "__init__.py").is_file():
            raise ActionFailed(
                f"`{top}` is part of the repository itself: look at the import path, not at the "
                "requirements"
            )


@dataclass(frozen=True, slots=True)
class Required:
    """One requirement of a file: where it begins, and what it names."""

    line: int
    name: str
    pin: str | None


def required_in(lines: list[str]) -> list[Required]:
    """Read the requirements of a file in pip's format; options and comments are left out."""
    found: list[Required] = []
    goes_on = False
    for place, line in enumerate(lines):
        words = re.split(r"\s#|\s--hash|\\\s*$", line.strip())[0].strip()
        if words and not goes_on and not words.startswith(("#", "-")):
            try:
                read = Requirement(words)
            except InvalidRequirement:
                goes_on = line.rstrip().endswith("\\")
                continue
            exact = [s.version for s in read.specifier if s.operator in {"==", "==="}]
            found.append(Required(place, canonicalize_name(read.name), exact[0] if exact else None))
        goes_on = line.rstrip().endswith("\\")
    return found


def inserted(lines: list[str], name: str, entry: list[str]) -> list[str]:
    """Put an entry where it belongs by its name, at the end of a file in no such order."""
    found = required_in(lines)
    names = [each.name for each in found]
    later = [each.line for each in found if each.name > canonicalize_name(name)]
    if names and names == sorted(names) and later:
        return [*lines[: later[0]], *entry, *lines[later[0] :]]
    ended = [line if line.endswith("\n") else f"{line}\n" for line in lines]
    return [*ended, *entry]

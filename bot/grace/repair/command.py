"""Read a test command: which interpreter, and which arguments for pytest."""

import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from grace.repair.wanted import RepairError

PYTHON = re.compile(r"python[0-9.]*")
PYTEST = frozenset({"pytest", "py.test"})
# Options that change how much is run or told, and their values; the search decides those itself.
ALONE = frozenset({
    "-q", "-v", "-vv", "-vvv", "-x", "-s", "-l", "--lf", "--ff", "--nf", "--sw", "--pdb", "--quiet",
    "--verbose", "--exitfirst", "--last-failed", "--failed-first", "--stepwise", "--showlocals",
})  # fmt: skip
VALUED = frozenset({
    "-n", "--numprocesses", "--dist", "--maxfail", "--junitxml", "--junit-xml", "--tb", "-r",
    "--cov", "--cov-report", "--cov-config", "--cov-fail-under", "--durations", "--color",
})  # fmt: skip
# Of these pytest takes the value in the same word only, or none.
JOINED = frozenset({"--cov", "-r"})


@dataclass(frozen=True, slots=True)
class Command:
    """A test command as it is run: the words, and what of it the search uses."""

    words: tuple[str, ...]
    python: str
    arguments: tuple[str, ...]
    from_folder: bool


def read_command(words: tuple[str, ...], root: Path) -> Command:
    """Understand a test command; RepairError if it is not one of pytest or unittest."""
    first = Path(words[0]).name
    if first in PYTEST:
        return _pytest(_beside(words[0]), words[1:], from_folder=False)
    if PYTHON.fullmatch(first):
        return _python(words, root)
    if first == words[0] and not _is_test(words[0], root):
        raise RepairError(
            f"The test command begins with {words[0]!r}; repair understands pytest, "
            "`python -m pytest`, `python -m unittest`, and paths or node ids."
        )
    return _pytest(sys.executable, words, from_folder=True)


def _is_test(word: str, root: Path) -> bool:
    return word.startswith("-") or "::" in word or (root / word).exists()


def _python(words: tuple[str, ...], root: Path) -> Command:
    rest = [word for word in words[1:] if word not in {"-B", "-I", "-s", "-u"}]
    if rest[:2] == ["-m", "pytest"]:
        return _pytest(_interpreter(words[0]), tuple(rest[2:]), from_folder=True)
    if rest[:2] == ["-m", "unittest"]:
        return _pytest(_interpreter(words[0]), _unittest(rest[2:], root), from_folder=True)
    raise RepairError("The test command runs Python, but neither `-m pytest` nor `-m unittest`.")


def _interpreter(word: str) -> str:
    if Path(word).is_absolute():
        return word
    found = shutil.which(word)
    # Our own interpreter has pytest more often than the first of that name on the path.
    return sys.executable if found is None or not _has_pytest(found) else found


def _has_pytest(python: str) -> bool:
    return Path(python).parent.joinpath("pytest").exists()


def _beside(pytest: str) -> str:
    """Name the interpreter of a `pytest` command: the one that lies beside it."""
    found = shutil.which(pytest)
    beside = Path(found).parent / "python" if found else None
    return str(beside) if beside is not None and beside.exists() else sys.executable


def _pytest(python: str, words: tuple[str, ...], *, from_folder: bool) -> Command:
    kept: list[str] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        name, joined, _ = word.partition("=")
        if word in ALONE:
            continue
        if name in VALUED:
            if not joined and name not in JOINED and rest:
                rest.pop(0)
            continue
        if word[:2] in {"-n", "-r"} and not word.startswith("--"):
            continue
        kept.append(word)
    whole = (python, "-m", "pytest") if from_folder else (python, "-P", "-m", "pytest")
    return Command((*whole, *kept), python, tuple(kept), from_folder)


def _unittest(words: list[str], root: Path) -> tuple[str, ...]:
    """Say with pytest's words what unittest is asked for."""
    options = {"-s": "", "-p": "test*.py", "-t": ""}
    plain: list[str] = []
    rest = [word for word in words if word not in {"-v", "-q", "-f", "-b", "--verbose", "--quiet"}]
    if rest[:1] == ["discover"]:
        rest.pop(0)
    while rest:
        word = rest.pop(0)
        if word in options and rest:
            options[word] = rest.pop(0)
        else:
            plain.append(word)
    found = [_named(word, root) for word in plain]
    return (*(found or [options["-s"] or "."]), "-o", f"python_files={options['-p']}")


def _named(word: str, root: Path) -> str:
    """Turn `tests.test_x.TestX.test_y` into a node id."""
    if (root / word).exists():
        return word
    parts = word.split(".")
    for length in range(len(parts), 0, -1):
        path = Path(*parts[:length])
        if (root / path).is_dir() and length == len(parts):
            return str(path)
        if (root / path.with_suffix(".py")).is_file():
            return "::".join([str(path.with_suffix(".py")), *parts[length:]])
    raise RepairError(f"There is no test {word!r} to run.")

"""What is in a repository that is being set up: where its tests are, what it is called."""

import re
import subprocess
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_SUITES: Final = {
    "unit": ("tests/unit", "test/unit", "tests", "test"),
    "integration": ("tests/integration", "test/integration", "tests/e2e"),
}
_LOCUSTFILES: Final = (
    "loadtest/locustfile.py",
    "locustfile.py",
    "tests/load/locustfile.py",
    "tests/stress/locustfile.py",
)
_EXTRAS: Final = ("test", "tests", "testing", "dev")
_REQUIREMENTS: Final = ("requirements.txt", "requirements-dev.txt", "requirements-test.txt")
_REMOTE: Final = re.compile(
    r"(?:[/:])(?P<owner>[A-Za-z0-9][\w.-]*)/(?P<name>[\w.-]+?)(?:\.git)?/?$"
)
_GIT_TIMEOUT_S: Final = 20
_GIT_VARIABLES: Final = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")


class NoWorkTree(Exception):
    """The folder is not inside a git work tree; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a repository holds. None: it was not found.

    `suites`: folder of each suite. `start`: command that serves. `install`: what makes a
    Python project's dependencies available; empty for others.
    """

    name: str
    full_name: str | None
    base_branch: str
    python: bool
    install: str
    suites: dict[str, str | None]
    locustfile: str | None
    start: str | None


def work_tree(folder: Path) -> Path:
    """Return the top of the git work tree that the folder is in; raise `NoWorkTree`."""
    if not folder.is_dir():
        raise NoWorkTree(f"{folder} is not a folder; name a clone of your repository")
    top = _git(folder, "rev-parse", "--show-toplevel")
    if not top:
        raise NoWorkTree(
            f"{folder} is in no git work tree; run this in a clone of your repository, "
            "or name one with --repo"
        )
    return Path(top)


def look(root: Path) -> Found:
    """Look at a work tree. Nothing in it is run or imported."""
    full_name = _full_name(_git(root, "config", "--get", "remote.origin.url"))
    project = _pyproject(root)
    python = (
        project is not None
        or any((root / name).is_file() for name in ("setup.py", "setup.cfg", *_REQUIREMENTS))
        or any(any((root / folder).rglob("test_*.py")) for folder in ("tests", "test"))
    )
    suites = {suite: _folder(root, folders) for suite, folders in _SUITES.items()}
    if suites["unit"] in {"tests", "test"} and suites["integration"] is not None:
        suites["unit"] = None  # one folder holds the other: which of its tests are unit is unsaid
    return Found(
        name=_subsystem(full_name.partition("/")[2] if full_name else root.name),
        full_name=full_name,
        base_branch=_base_branch(root),
        python=python,
        install=_install(root, project) if python else "",
        suites=suites if python else dict.fromkeys(_SUITES),
        locustfile=next((f for f in _LOCUSTFILES if (root / f).is_file()), None),
        start=_start(root),
    )


def _git(folder: Path, *arguments: str) -> str:
    """Ask git; empty where it has no answer. A hook's environment does not mislead it."""
    without = [word for name in _GIT_VARIABLES for word in ("-u", name)]
    done = subprocess.run(
        ["env", *without, "git", "-C", str(folder), *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=_GIT_TIMEOUT_S,
    )
    return done.stdout.strip() if done.returncode == 0 else ""


def _full_name(remote: str) -> str | None:
    match = _REMOTE.search(remote)
    return f"{match['owner']}/{match['name']}" if match else None


def _base_branch(root: Path) -> str:
    """Name the remote's default branch, else main or master where there is one, else this one."""
    remote = _git(root, "symbolic-ref", "--short", "refs/remotes/origin/HEAD")
    here = _git(root, "symbolic-ref", "--short", "HEAD")
    usual = (b for b in ("main", "master") if _git(root, "rev-parse", "-q", "--verify", b))
    return remote.removeprefix("origin/") or next(usual, here) or "main"


def _subsystem(name: str) -> str:
    """Make a name that a subsystem may have."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", name).strip("-._")[:80] or "my-subsystem"


def _pyproject(root: Path) -> dict[str, object] | None:
    """Read `pyproject.toml`; one that cannot be read says nothing."""
    try:
        return tomllib.loads((root / "pyproject.toml").read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return None


def _install(root: Path, project: dict[str, object] | None) -> str:
    wanted = ["pytest"]
    wanted += [f"-r {name}" for name in _REQUIREMENTS if (root / name).is_file()]
    if (project is not None and "project" in project) or (root / "setup.py").is_file():
        wanted.append(f'-e ".{_extra(project or {})}"')
    return f"python -m pip install --quiet {' '.join(wanted)}"


def _extra(project: dict[str, object]) -> str:
    table = project.get("project")
    extras = table.get("optional-dependencies") if isinstance(table, dict) else None
    names = extras if isinstance(extras, dict) else {}
    found = next((name for name in _EXTRAS if name in names), None)
    return f"[{found}]" if found else ""


def _folder(root: Path, folders: Sequence[str]) -> str | None:
    """Return the first of the folders that holds tests."""
    return next((f for f in folders if any((root / f).rglob("test_*.py"))), None)


def _start(root: Path) -> str | None:
    """Find the one package that can be run; from a checkout's own code, head or base."""
    mains = [*root.glob("*/__main__.py"), *root.glob("src/*/__main__.py")]
    packages = [main.parent for main in mains if main.parent.name.isidentifier()]
    if len(packages) != 1:
        return None
    below_src = packages[0].parent != root
    return f"{'PYTHONPATH=src ' if below_src else ''}python -m {packages[0].name}"

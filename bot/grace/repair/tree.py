"""The checkout: which of its files may be changed, and copies of it to try changes in."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterable
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

from grace.repair.wanted import RepairError

# What is neither source nor test data, or is made anew.
LEFT_OUT = frozenset({
    ".git", ".hg", ".svn", ".venv", "venv", "node_modules", "__pycache__", ".mypy_cache", ".tox",
    ".ruff_cache", ".pytest_cache", ".hypothesis", ".nox", ".eggs",
})  # fmt: skip
# Never changed: tests, what configures them, and what is run to build or install.
NEVER = ("test_*.py", "*_test.py", "conftest.py", "setup.py", "noxfile.py", "sitecustomize.py")
TEST_FOLDERS = frozenset({"test", "tests", "testing", ".github", ".ci"})
MOST_BYTES = 400_000


def may_change(path: str) -> bool:
    """Say whether a file's name lets it be changed: Python, and neither test nor configuration."""
    pure = PurePosixPath(path)
    return (
        pure.suffix == ".py"
        and not pure.is_absolute()
        and ".." not in pure.parts
        and not any(fnmatch(pure.name, pattern) for pattern in NEVER)
        and not TEST_FOLDERS.intersection(pure.parts[:-1])
        and not LEFT_OUT.intersection(pure.parts)
    )


def suspects(root: Path, files: Iterable[str]) -> tuple[str, ...]:
    """List what may be changed; RepairError if `files` names something that may not."""
    real = root.resolve()
    named = tuple(dict.fromkeys(PurePosixPath(file).as_posix() for file in files))
    for file in named:
        if not may_change(file) or not _inside(real, real / file):
            raise RepairError(f"{file} is no Python file of the checkout that may be changed.")
    if named:
        return named
    return tuple(sorted(_sources(real)))


def _inside(root: Path, path: Path) -> bool:
    return path.is_file() and not path.is_symlink() and path.resolve().is_relative_to(root)


def _sources(root: Path) -> Iterable[str]:
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in LEFT_OUT]
        for name in names:
            file = Path(folder, name)
            path = file.relative_to(root).as_posix()
            small = may_change(path) and _inside(root, file)
            if small and file.stat().st_size <= MOST_BYTES:
                yield path


def copy_tree(root: Path, to: Path) -> None:
    """Copy a checkout without its history, environments and caches; links stay links."""

    def left_out(_folder: str, names: list[str]) -> set[str]:
        return {name for name in names if name in LEFT_OUT}

    shutil.copytree(root, to, symlinks=True, ignore=left_out)


def import_paths(python: str, root: Path) -> tuple[str, ...]:
    """List the folders of the checkout that the interpreter imports from, relative to its root.

    A package that is installed in place lies on the path; its copy must be found before it.
    """
    ask = "import sys, json; print(json.dumps(sys.path))"
    done = subprocess.run(
        [python, "-I", "-c", ask], capture_output=True, text=True, timeout=60, check=False
    )
    if done.returncode:
        raise RepairError(f"The interpreter {python} does not run: {done.stderr.strip()[-300:]}")
    real = root.resolve()
    inside = [Path(entry).resolve() for entry in json.loads(done.stdout) if entry]
    found = [path.relative_to(real).as_posix() for path in inside if path.is_relative_to(real)]
    if (root / "src").is_dir():
        found.insert(0, "src")
    return tuple(
        dict.fromkeys(path for path in found if not LEFT_OUT.intersection(Path(path).parts))
    )

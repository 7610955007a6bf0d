"""The copy of a checkout that an agent gets, and what its patch makes of the base."""

import os
import shutil
import stat
from collections.abc import Iterable
from pathlib import Path

from grace.agents.judge import clean_git
from grace.ci.errors import CheckoutInvalid
from grace.ci.piece import git, git_bytes


def refuse_touched(checkout: Path, base: str) -> None:
    """Refuse a checkout that is not the base as it was committed."""
    head = git(checkout, "rev-parse", "HEAD")
    if head != base:
        raise CheckoutInvalid(f"the checkout is at {head}, not at the base {base}: check that out")
    changed = git(checkout, "status", "--porcelain")
    if changed:
        first = changed.splitlines()[0].strip()
        raise CheckoutInvalid(
            f"the checkout differs from its commit: {first}; keep the mission package and other "
            "files outside of it, such as in $RUNNER_TEMP"
        )


def copy_of(checkout: Path, base: str, copy: Path) -> None:
    """Copy the files, built and ignored ones too, with a repository that holds the base's history.

    Settings and hooks of the checkout's own repository, where a token may stand, stay behind; and
    what the agent does to the copy is nobody's checkout afterwards.
    """
    shutil.copytree(checkout, copy, symlinks=True, ignore=_left_out)
    env = clean_git()
    git(copy, "init", "-q", "--template=", env=env)
    source = str(checkout)
    git(copy, "fetch", "-q", "--update-shallow", "--no-tags", source, base, env=env)
    git(copy, "update-ref", "--no-deref", "HEAD", base, env=env)
    git(copy, "read-tree", base, env=env)


def made_of(diff: bytes, base: str, checkout: Path, folder: Path) -> tuple[str, tuple[str, ...]]:
    """Return the tree that a diff makes of the base, and the paths that differ."""
    env = clean_git()
    git(checkout, "init", "-q", "--bare", "--template=", str(folder / "result"), env=env)
    env = clean_git(folder / "result")
    git(checkout, "fetch", "-q", "--depth=1", "--no-tags", str(checkout), base, env=env)
    git(checkout, "read-tree", base, env=env)
    patch = folder / "patch.diff"
    patch.write_bytes(diff)
    git(checkout, "apply", "--cached", "--whitespace=nowarn", str(patch), env=env)
    told = git_bytes(checkout, "diff-index", "--cached", "--name-only", "-z", base, env=env)
    return git(checkout, "write-tree", env=env), tuple(told.decode().split("\0")[:-1])


def toolchains(path: str) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """Return the folders of a PATH that lie outside of the system's, and what they need.

    A program in `bin` has its libraries beside it. Of a folder below the home folder only those
    are shown, for settings and credentials of other programs lie there too.
    """
    folders = tuple(Path(each) for each in path.split(":") if _outside(Path(each)))
    needed: list[Path] = []
    for folder in folders:
        needed.append(folder)
        if folder.name == "bin":
            needed += _beside(folder.parent)
        for name in ("python", "python3", "node"):
            real = (folder / name).resolve()
            if real.is_file() and real.parent.name == "bin" and _outside(real.parent):
                needed += _beside(real.parent.parent)
    return folders, tuple(dict.fromkeys(needed))


def _beside(prefix: Path) -> list[Path]:
    """List the folders of an installation."""
    if prefix == Path("/") or prefix.is_relative_to(Path.home()) or prefix.parent == Path("/"):
        names = ("bin", "lib", "lib64", "libexec", "include", "pyvenv.cfg")
        return [prefix / name for name in names if (prefix / name).exists()]
    return [prefix]


def _outside(folder: Path) -> bool:
    system = any(folder.is_relative_to(each) for each in ("/usr", "/bin", "/sbin"))
    return folder.is_absolute() and ".." not in folder.parts and folder.is_dir() and not system


def _left_out(folder: str, names: Iterable[str]) -> set[str]:
    """Leave out repositories, and what is neither file, folder nor link."""
    return {name for name in names if name == ".git" or not _plain(f"{folder}/{name}")}


def _plain(path: str) -> bool:
    mode = os.lstat(path).st_mode
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode)

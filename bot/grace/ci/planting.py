"""The head's tests on the base's code: what shows that a test fails without the change.

All files of the head that are tests by their path are put into a checkout of the base, and those
of the base that the head no longer has are taken out of it, so the base runs the head's suite.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from grace.ci.errors import CheckoutInvalid, ResultsInvalid
from grace.ci.piece import git, git_bytes
from grace.domain.base import Frozen
from grace.domain.patch_bounds import matches

# Folders and names by which the usual runners find tests, and what lies beside them.
USUAL = (
    *("**/tests/**", "**/test/**", "**/__tests__/**", "**/testdata/**", "spec/**"),
    *("**/test_*.py", "**/*_test.py", "**/conftest.py", "**/*_test.go", "**/*_spec.rb"),
    *("**/*.test.*", "**/*.spec.*", "**/*Test.java", "**/*Tests.java", "**/*Test.kt"),
)
_PLAIN = {"100644": 0o644, "100755": 0o755}
_APART = (
    "Check the base out elsewhere, or move it to $RUNNER_TEMP: where one checkout holds the other, "
    "runners read settings and code of both"
)
_NO_TESTS = "Name the files that are tests with the input tests, one glob a line"


class Planted(Frozen):
    """What was done to the base, of commit `base_sha`: paths from the root of the repository.

    `links` are links and submodules of the head among its tests, which are never followed.
    """

    base_sha: str
    put: tuple[str, ...]
    taken: tuple[str, ...]
    links: tuple[str, ...]


def plant(head: Path, base: Path, globs: tuple[str, ...] = USUAL) -> Planted:
    """Give the checkout of the base the head's files that match `globs`, and no other such file.

    Both are roots of checkouts. Raises `CheckoutInvalid` where one lies in the other or the base
    differs from its commit in more than tests, and `ResultsInvalid` where the head has no tests.
    """
    head, base = head.resolve(), base.resolve()
    if head.is_relative_to(base) or base.is_relative_to(head):
        raise CheckoutInvalid("the checkouts of head and base lie in one another", _APART)
    for checkout in (head, base):
        if not checkout.is_dir() or git(checkout, "rev-parse", "--show-prefix"):
            raise CheckoutInvalid(f"{checkout.name} is not the root of a checkout")
    base_sha = git(base, "rev-parse", "HEAD")
    _only_tests_differ(base, globs)
    ours, theirs = _files(head, globs), _files(base, globs)
    plain = {path: _PLAIN[mode] for path, mode in ours.items() if mode in _PLAIN}
    if not plain:
        raise ResultsInvalid("no file of the head is a test by its path", _NO_TESTS)
    gone = tuple(sorted(theirs.keys() - ours.keys()))
    for path in gone:
        _take(base, path)
    for path, mode in plain.items():
        _put(head, base, path, mode)
    return Planted(
        base_sha=base_sha,
        put=tuple(plain),
        taken=gone,
        links=tuple(path for path, mode in ours.items() if mode not in _PLAIN),
    )


def _only_tests_differ(base: Path, globs: tuple[str, ...]) -> None:
    said = git_bytes(base, "diff", "--name-only", "--no-renames", "-z", "HEAD")
    for path in _paths(said):
        if not matches(path, globs):
            raise CheckoutInvalid(f"the checkout of the base differs from its commit: {path}")


def _files(checkout: Path, globs: tuple[str, ...]) -> dict[str, str]:
    """List the files of HEAD that match, with their modes."""
    found = {}
    for entry in _paths(git_bytes(checkout, "ls-tree", "-r", "-z", "--full-tree", "HEAD")):
        about, _, path = entry.partition("\t")
        if matches(path, globs):
            found[path] = about.partition(" ")[0]
    return found


def _paths(listed: bytes) -> Iterator[str]:
    return (os.fsdecode(each) for each in listed.split(b"\0") if each)


def _put(head: Path, base: Path, path: str, mode: int) -> None:
    source, target = head / path, base / path
    if source.resolve() != source:
        raise CheckoutInvalid(f"{path} leads out of the checkout of the head")
    for folder in reversed(target.relative_to(base).parents[:-1]):
        place = base / folder
        if place.is_symlink() or not place.is_dir():
            place.unlink(missing_ok=True)
            place.mkdir()
    _remove(target)
    try:
        shutil.copyfile(source, target, follow_symlinks=False)
    except OSError as error:
        raise CheckoutInvalid(f"{path} of the head cannot be copied: {error.strerror}") from error
    target.chmod(mode)


def _take(base: Path, path: str) -> None:
    """Remove a file of the base, unless a link has taken the place of a folder on the way."""
    target = base / path
    if target.parent.resolve() == target.parent:
        _remove(target)


def _remove(target: Path) -> None:
    if target.is_dir() and not target.is_symlink():
        shutil.rmtree(target)
    else:
        target.unlink(missing_ok=True)

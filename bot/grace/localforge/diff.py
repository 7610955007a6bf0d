"""What changed between two trees, file by file."""

import re
from dataclasses import dataclass

from grace.localforge.gitrepo import GitRepository

_STATUS = {"A": "added", "D": "removed", "M": "modified", "R": "renamed", "C": "copied"}
_SECTION = re.compile(rb"^diff --git ", re.MULTILINE)
MAX_PATCH = 100_000


@dataclass(frozen=True, slots=True)
class FileChange:
    """One changed file; `patch` is None for binary files and very large changes."""

    path: str
    status: str
    blob: str
    additions: int
    deletions: int
    previous: str | None = None
    patch: str | None = None


async def diff_files(
    git: GitRepository, old: str, new: str, *, patches: bool = False
) -> list[FileChange]:
    """Return the changes from one tree-ish to another, renames found."""
    out = await git.run("diff", "-M", "--raw", "--numstat", "-z", "--no-abbrev", old, new)
    changes = _parse(out.decode(errors="replace").split("\0"))
    if not patches or not changes:
        return changes
    text = await git.run("diff", "-M", "--no-color", "--no-ext-diff", old, new)
    sections = _SECTION.split(text)[1:]
    if len(sections) != len(changes):
        return changes
    return [_with_patch(change, section) for change, section in zip(changes, sections, strict=True)]


def _parse(words: list[str]) -> list[FileChange]:
    raw: list[tuple[str, str, str, str | None]] = []
    counts: list[tuple[int, int]] = []
    at = 0
    while at < len(words) and words[at]:
        word = words[at]
        if word.startswith(":"):
            _, _, _, blob, letter = word.split(" ")
            if letter[0] in "RC":
                raw.append((words[at + 2], letter[0], blob, words[at + 1]))
                at += 3
            else:
                raw.append((words[at + 1], letter[0], blob, None))
                at += 2
        else:
            added, deleted, path = word.split("\t")
            counts.append((_number(added), _number(deleted)))
            at += 1 if path else 3
    return [
        FileChange(path, _STATUS.get(letter, "changed"), blob, added, deleted, previous)
        for (path, letter, blob, previous), (added, deleted) in zip(raw, counts, strict=True)
    ]


def _with_patch(change: FileChange, section: bytes) -> FileChange:
    start = section.find(b"\n@@ ")
    if start < 0 or len(section) > MAX_PATCH:
        return change
    patch = section[start + 1 :].decode(errors="replace").rstrip("\n")
    return FileChange(
        change.path,
        change.status,
        change.blob,
        change.additions,
        change.deletions,
        change.previous,
        patch,
    )


def _number(text: str) -> int:
    return int(text) if text.isdigit() else 0

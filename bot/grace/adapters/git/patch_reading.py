"""Read what lies between two commits: paths and lines, texts, commits, and files at the base.

Five commands, whatever the patch: one reads all contents. Nobody can hide lines by calling a file
binary in an attribute.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from grace.adapters.git.paths import commit_id
from grace.adapters.git.repository import Repository, decode_path
from grace.domain.inspection import FileChange
from grace.domain.objects import TreeEntry
from grace.domain.patch_reading import (
    MAX_BYTES,
    MAX_COMMITS,
    MAX_DOCUMENT_BYTES,
    UNREADABLE,
    PathChange,
    commit_fact,
    is_plain,
    line_count,
    pair_of,
    shown,
    to_read,
)
from grace.domain.signing import Verifier
from grace.ports import ForgeRefused, PatchRead

_ABSENT = "000000"
_HEAD = re.compile(rb"([0-9a-f]+) (?:(missing)|[a-z]+ (\d+))\n")
_MAX_OUTPUT = 2 * MAX_BYTES
_MAX_COMMIT_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Span:
    """Two commits, which paths are wanted at the first, and whose signatures are known."""

    base: str
    head: str
    documents: Sequence[str]
    signers: Verifier


async def read_patch(repository: Repository, span: Span) -> PatchRead:
    """Read it; raise UnknownCommit, and ForgeRefused where there are too many commits."""
    changes, lines = await _changes(repository, span)
    commits = await _commits(repository, span)
    documents = await _documents(repository, span)
    blobs = {blob for c in changes if c.is_plain and not c.keeps_content for blob in c.blobs}
    sizes = await _sizes(repository, blobs | set(documents.values()) | set(commits))
    chosen = to_read(changes, sizes)
    wanted = {blob for change in chosen for blob in change.blobs}
    wanted |= {b for b in documents.values() if sizes.get(b, MAX_BYTES) <= MAX_DOCUMENT_BYTES}
    if any(sizes.get(sha, MAX_BYTES) > _MAX_COMMIT_BYTES for sha in commits):
        raise ForgeRefused(
            f"a commit of the change has more than {_MAX_COMMIT_BYTES} bytes",
            HTTPStatus.UNPROCESSABLE_ENTITY,
        )
    contents = await _contents(repository, wanted | set(commits))
    pairs = [pair_of(change, contents) for change in changes]
    return PatchRead(
        files=tuple(_file(change, lines, contents) for change in changes),
        pairs=tuple(pair for pair in pairs if pair is not None),
        commits=tuple(commit_fact(sha, contents[sha], span.signers) for sha in commits),
        documents={path: contents.get(blob, UNREADABLE) for path, blob in documents.items()},
    )


def _file(
    change: PathChange, lines: Mapping[str, tuple[int, int]], contents: Mapping[str, bytes]
) -> FileChange:
    """Count a file's lines: as git does, or all where it takes it for binary and it is none."""
    if change.path in lines:
        added, removed = lines[change.path]
    else:
        removed, added = [
            0 if side is None else line_count(contents.get(side.sha, b""))
            for side in (change.old, change.new)
        ]
    return FileChange(path=shown(change.path), added=added, removed=removed)


async def _changes(
    repository: Repository, span: Span
) -> tuple[list[PathChange], dict[str, tuple[int, int]]]:
    """List the paths in which the commits differ, and lines added and removed by path.

    Git counts none in what it takes for binary, and an attribute is enough for that.
    """
    options = ("-r", "-z", "--raw", "--numstat", "--no-renames", "--no-abbrev")
    spec = (commit_id(span.base), commit_id(span.head))
    listed = await repository.about(span.head, "diff-tree", *options, *spec)
    fields = iter(listed.stdout.split(b"\0")[:-1])
    changes: list[PathChange] = []
    lines: dict[str, tuple[int, int]] = {}
    for field in fields:
        if field.startswith(b":"):
            old_mode, new_mode, old, new, _ = field.decode().lstrip(":").split(" ")
            sides = (_side(old_mode, old), _side(new_mode, new))
            changes.append(PathChange(decode_path(next(fields)), *sides))
        else:
            added, removed, path = field.split(b"\t", 2)
            if added != b"-":
                lines[decode_path(path)] = (int(added), int(removed))
    return changes, lines


def _side(mode: str, sha: str) -> TreeEntry | None:
    return None if mode == _ABSENT else TreeEntry(mode, sha)


async def _commits(repository: Repository, span: Span) -> list[str]:
    """List the commits of the head that the base does not contain, oldest first."""
    between = f"{commit_id(span.base)}..{commit_id(span.head)}"
    options = ("--topo-order", "--reverse", f"--max-count={MAX_COMMITS + 1}")
    listed = await repository.about(span.head, "rev-list", *options, between, "--")
    found = listed.text.split()
    if len(found) > MAX_COMMITS:
        raise ForgeRefused(
            f"the change has more than {MAX_COMMITS} commits; no more are read",
            HTTPStatus.UNPROCESSABLE_ENTITY,
        )
    return found


async def _documents(repository: Repository, span: Span) -> dict[str, str]:
    """Find the wanted files at the base: blob by path; what is no file has an id of no blob."""
    if not span.documents:
        return {}
    listed = await repository.about(
        span.base, "ls-tree", "-z", commit_id(span.base), "--", *span.documents
    )
    found: dict[str, str] = {}
    for line in listed.stdout.split(b"\0")[:-1]:
        about, _, path = line.partition(b"\t")
        mode, _, blob = about.decode().split(" ")
        found[decode_path(path)] = blob if is_plain(TreeEntry(mode, blob)) else ""
    return found


async def _sizes(repository: Repository, ids: set[str]) -> dict[str, int]:
    """Return how large objects are; those that nobody has are left out."""
    asked = _asked(ids)
    answer = await repository.run("cat-file", "--batch-check", "--buffer", stdin=asked)
    found = (_HEAD.fullmatch(line + b"\n") for line in answer.stdout.splitlines())
    return {match[1].decode(): int(match[3]) for match in found if match and match[3]}


async def _contents(repository: Repository, ids: set[str]) -> dict[str, bytes]:
    """Read objects by id, in one process."""
    options = ("--batch", "--buffer")
    answer = await repository.run("cat-file", *options, stdin=_asked(ids), max_output=_MAX_OUTPUT)
    data, at, found = answer.stdout, 0, dict[str, bytes]()
    while head := _HEAD.match(data, at):
        end = head.end() + int(head[3] or 0)
        if head[2] is None:
            found[head[1].decode()] = data[head.end() : end]
            end += 1
        at = end
    return found


def _asked(ids: set[str]) -> bytes:
    return "".join(f"{each}\n" for each in sorted(ids - {""})).encode()

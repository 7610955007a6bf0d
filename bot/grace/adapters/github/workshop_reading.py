"""What lies between two commits, by GitHub's API: few calls where a patch is small, and bounded."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from grace.adapters.github.comparing import (
    MAX_FILES,
    ComparedCommit,
    ComparedFile,
    Verification,
    compare,
)
from grace.adapters.github.repository_trees import Trees
from grace.adapters.github.session import PAGE, Session
from grace.domain.inspection import CommitFact, FileChange
from grace.domain.mission import MissionRef
from grace.domain.patch_reading import (
    MAX_COMMITS,
    MAX_DOCUMENT_BYTES,
    UNREADABLE,
    PathChange,
    Signature,
    account_of,
    is_plain,
    line_count,
    pair_of,
    shown,
    to_read,
)
from grace.ports import ForgeRefused, PatchRead

_SAME_PATH: Final = frozenset({"added", "removed", "modified", "changed"})
_FORGED: Final = frozenset({"invalid", "malformed_signature", "bad_cert"})


@dataclass(frozen=True, slots=True)
class Span:
    """Two commits of a repository, and which paths are wanted at the first."""

    ref: MissionRef
    base: str
    head: str
    documents: Sequence[str]


async def read_patch(session: Session, span: Span) -> PatchRead:
    """Read it: 3 calls, one for each side of a changed file and for each document that is there.

    One more for each further hundred commits. More than 300 files, or 1,000 commits, are refused:
    GitHub does not list them.
    """
    trees = Trees(session, span.ref)
    root = await trees.root(span.base)
    changes = await trees.changes(root, await trees.root(span.head))
    compared = await compare(session, span.ref, (span.base, span.head), MAX_COMMITS // PAGE)
    if len(changes) > MAX_FILES or compared.total > len(compared.commits):
        raise ForgeRefused(
            f"the change has more than {MAX_FILES} files or {MAX_COMMITS} commits, and GitHub's "
            "API lists no more; set `commits: git`",
            HTTPStatus.UNPROCESSABLE_ENTITY,
        )
    contents = await _contents(trees, changes)
    listed = compared.files if compared.merge_base == span.base else ()
    pairs = [pair_of(change, contents) for change in changes]
    return PatchRead(
        files=await _files(trees, changes, contents, listed),
        pairs=tuple(pair for pair in pairs if pair is not None),
        commits=tuple(_fact(commit) for commit in compared.commits),
        documents=await _documents(trees, root, span.documents),
    )


async def _contents(trees: Trees, changes: Sequence[PathChange]) -> dict[str, bytes]:
    sizes = {blob: trees.size(blob) for change in changes for blob in change.blobs}
    found: dict[str, bytes] = {}
    for change in to_read(changes, sizes):
        for blob in change.blobs:
            if blob not in found:
                found[blob] = await trees.blob(blob, change.path)
    return found


async def _files(
    trees: Trees,
    changes: Iterable[PathChange],
    contents: Mapping[str, bytes],
    listed: Iterable[ComparedFile],
) -> tuple[FileChange, ...]:
    """Count lines: GitHub's figures of a file where it shows any, else all that it has.

    GitHub shows none of a binary file, of one that an attribute hides, and of one it takes for
    renamed.
    """
    known = {file.filename: file for file in listed if file.status in _SAME_PATH}
    found: list[FileChange] = []
    for change in changes:
        file = known.get(change.path)
        if file is not None and file.additions + file.deletions:
            added, removed = file.additions, file.deletions
        elif not change.is_plain or change.keeps_content or _is_binary(change, file, contents):
            added = removed = 0
        else:
            removed, added = [
                0 if side is None else await _lines(trees, change, side.sha, contents)
                for side in (change.old, change.new)
            ]
        found.append(FileChange(path=shown(change.path), added=added, removed=removed))
    return tuple(found)


def _is_binary(
    change: PathChange, file: ComparedFile | None, contents: Mapping[str, bytes]
) -> bool:
    """Tell whether it is a file too large to be read of which GitHub shows no lines."""
    return file is not None and any(blob not in contents for blob in change.blobs)


async def _lines(trees: Trees, change: PathChange, blob: str, contents: Mapping[str, bytes]) -> int:
    content = contents.get(blob)
    if content is None:
        content = await trees.blob(blob, change.path)
    return line_count(content)


async def _documents(trees: Trees, root: str, paths: Sequence[str]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for path in paths:
        entry = await trees.entry(root, path)
        if entry is None:
            continue
        small = is_plain(entry) and trees.size(entry.sha) <= MAX_DOCUMENT_BYTES
        found[path] = await trees.blob(entry.sha, path) if small else UNREADABLE
    return found


def _fact(commit: ComparedCommit) -> CommitFact:
    """Tell of a commit what GitHub knows: its author's account, and whether it is verified."""
    person = commit.commit.author
    address = person.email if person is not None else None
    return CommitFact(
        sha=commit.sha,
        parents=tuple(parent.sha for parent in commit.parents),
        author=commit.author.login if commit.author else account_of(address or ""),
        signature=_signature(commit.commit.verification),
    )


def _signature(said: Verification) -> Signature:
    if said.verified:
        return "good"
    if said.reason == "unsigned":
        return "none"
    return "bad" if said.reason in _FORGED else "unknown_key"

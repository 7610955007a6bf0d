"""What a candidate changes on its base, read by GitHub's API and judged as with git."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from grace.adapters.github.commits import BlobState, FileState, read_tip
from grace.adapters.github.payloads import Lenient, fit
from grace.adapters.github.repository_trees import Trees
from grace.adapters.github.session import Session, on
from grace.adapters.github.wire import Refusal
from grace.domain.mission import MissionRef
from grace.domain.objects import TreeEntry, blob_id
from grace.domain.patch_apply import TextFile, added_lines, apply_patch, is_binary
from grace.domain.patch_bounds import (
    PatchBounds,
    PatchDoesNotApply,
    PatchOutOfBounds,
    check_bytes,
    check_changed,
    check_counts,
    check_mode,
    check_path,
    check_text,
    is_branch,
    is_object_id,
)
from grace.domain.patch_reading import PathChange
from grace.domain.patches import check_patch, read_patch
from grace.domain.results import Sha

_MISSING: Final = frozenset({int(HTTPStatus.NOT_FOUND), int(HTTPStatus.UNPROCESSABLE_ENTITY)})
_SAME_PATH: Final = frozenset({"added", "removed", "modified", "changed"})


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be committed on a tree: as paths with their blobs, and as what is sent.

    `added` shows at least every line that is new in its file, as a unified diff.
    """

    base_tree: str
    changes: tuple[PathChange, ...]
    files: Mapping[str, FileState | BlobState | None]
    added: bytes


class _Commit(Lenient):
    sha: Sha


class _Listed(Lenient):
    filename: str
    status: str
    changes: int = 0
    patch: str | None = None


class _Compared(Lenient):
    merge_base_commit: _Commit
    files: tuple[_Listed, ...] = ()


async def of_diff(trees: Trees, base: str, diff: bytes, bounds: PatchBounds) -> Change:
    """Apply a diff on a commit; raise PatchError: a call for the tree, and one for each file."""
    check_bytes(len(diff), bounds)
    files = read_patch(diff if diff.endswith(b"\n") else diff + b"\n")
    check_patch(files, bounds)
    root = await trees.root(base)
    before: dict[str, TextFile] = {}
    entries: dict[str, TreeEntry] = {}
    for path in sorted({path for file in files for path in file.paths or [file.name]}):
        entry = await trees.entry(root, path)
        if entry is not None and not entry.is_folder:
            check_mode(entry.mode, path)
            before[path] = TextFile(entry.mode, await trees.blob(entry.sha, path))
            entries[path] = entry
    made = await asyncio.to_thread(apply_patch, files, before)
    check_changed(changed=bool(made))
    changes, added = [], b""
    for path, file in sorted(made.items()):
        new = None if file is None else TreeEntry(file.mode, blob_id(file.content))
        changes.append(PathChange(path, entries.get(path), new))
        texts = [side.content if side is not None else b"" for side in (before.get(path), file)]
        added += _shown(path, *texts)
    _judge(changes, bounds)
    sent = {p: None if f is None else FileState(f.content, f.mode) for p, f in made.items()}
    return Change(root, tuple(changes), sent, added)


async def of_ref(
    session: Session, trees: Trees, at: tuple[MissionRef, str, str], bounds: PatchBounds
) -> Change:
    """Take over what a branch or commit changed since it left the base; raise PatchError.

    Its blobs are taken as they are. `at`: the repository, the base, the branch or commit.
    """
    ref, base, wanted = at
    head = await read_tip(session, ref, wanted) if is_branch(wanted) else None
    if head is None and not is_object_id(wanted):
        raise _unknown(wanted)
    compared = await _compared(session, ref, base, head or wanted)
    merge_base = compared.merge_base_commit.sha
    changes = await trees.changes(await trees.root(merge_base), await trees.root(head or wanted))
    check_changed(changed=bool(changes))
    _judge(changes, bounds)
    added = await _measured(trees, changes, {f.filename: f for f in compared.files}, bounds)
    root = await trees.root(base)
    if merge_base != base:
        changes = [c for c in changes if await _still_fits(trees, root, c)]
    sent = {c.path: None if c.new is None else BlobState(c.new.sha, c.new.mode) for c in changes}
    check_changed(changed=bool(sent))
    return Change(root, tuple(changes), sent, added)


async def _compared(session: Session, ref: MissionRef, base: str, head: str) -> _Compared:
    request = on(ref, "compare", "GET /compare/{base}...{head}", base=base, head=head)
    try:
        answer = await session.call(ref, request, _MISSING)
    except Refusal as refusal:
        raise _unknown(head) from refusal
    return fit(_Compared, answer.data, request.purpose)


async def _still_fits(trees: Trees, root: str, change: PathChange) -> bool:
    """Tell whether a change is still to be made on a base that went on; raise if it cannot be."""
    now = await trees.entry(root, change.path)
    if now not in {change.old, change.new}:
        raise PatchDoesNotApply(change.path, "", "it was changed on the base as well")
    return now != change.new


async def _measured(
    trees: Trees, changes: Iterable[PathChange], listed: Mapping[str, _Listed], bounds: PatchBounds
) -> bytes:
    """Hold a change against the bounds and show it; what GitHub shows no lines of is read."""
    size, lines, added = 0, 0, b""
    for change in changes:
        file = listed.get(change.path)
        if file is not None and file.status in _SAME_PATH and file.changes:
            if file.patch is None:
                reason = f"GitHub shows no diff of {change.path}: it is too large to be judged."
                raise PatchOutOfBounds(reason, change.path)
            lines += file.changes
            size += len(file.patch.encode())
            added += f"+++ b/{change.path}\n{file.patch}\n".encode()
        elif change.old is None or change.new is None or change.old.sha != change.new.sha:
            blobs = [side.sha if side is not None else "" for side in (change.old, change.new)]
            check_bytes(size + sum(trees.size(sha) for sha in blobs), bounds)
            texts = [await trees.blob(sha, change.path) if sha else b"" for sha in blobs]
            added += _shown(change.path, *texts)
            size += sum(len(text) for text in texts)
            lines += sum(text.count(b"\n") for text in texts)
        check_bytes(size, bounds)
        check_counts(0, lines, bounds)
    return added


def _judge(changes: Iterable[PathChange], bounds: PatchBounds) -> None:
    """Judge the paths and modes that come out, whatever the patch claimed."""
    listed = tuple(changes)
    for change in listed:
        check_path(change.path, bounds)
        for side in (change.old, change.new):
            if side is not None:
                check_mode(side.mode, change.path)
    check_counts(len(listed), 0, bounds)


def _shown(path: str, old: bytes, new: bytes) -> bytes:
    """Show what a file gains; raise PatchOutOfBounds where it is, or was, no text."""
    check_text(path, binary=is_binary(old) or is_binary(new))
    return added_lines(path, old, new)


def _unknown(wanted: str) -> PatchOutOfBounds:
    return PatchOutOfBounds(
        f"the candidate's ref {wanted!r} is no branch or commit of this repository"
    )

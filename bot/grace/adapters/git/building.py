"""Make commits in a bare repository: from a patch, as a revert, and from whole files."""

import re
from collections.abc import Mapping
from dataclasses import replace

from grace.adapters.git.errors import (
    GitError,
    GitTimeout,
    InvalidName,
    NothingToRevert,
    RevertConflict,
    RevertRefused,
)
from grace.adapters.git.landings import commit_before, differing
from grace.adapters.git.model import BuiltCommit, BuiltRevert, CommitDraft, LandedSpan
from grace.adapters.git.paths import commit_id
from grace.adapters.git.repository import Repository, commit_bytes, decode_path
from grace.domain.patch_bounds import (
    PatchBounds,
    PatchDoesNotApply,
    check_bytes,
    check_changed,
    check_counts,
    check_mode,
    check_path,
    check_text,
    well_formed,
)
from grace.domain.patches import FilePatch, check_patch, hunk_text, read_patch
from grace.domain.ranges import is_revert

_FAILED_AT = re.compile(r"^error: patch failed: (.+):(\d+)$", re.MULTILINE)
_FAILED = re.compile(
    r"^error: (.+?): ((?:does not exist|already exists) in (?:index|working directory)"
    r"|does not match index|patch does not apply|wrong type|has type [0-7]+, expected [0-7]+)",
    re.MULTILINE,
)
_ABSENT_MODE = "000000"


async def build_patch_commit(
    repository: Repository, base: str, diff: bytes, bounds: PatchBounds, draft: CommitDraft
) -> BuiltCommit:
    """Apply `diff` on `base` in an index of its own and write the signed commit.

    The bounds are checked twice: on the patch before git sees it, and on the tree that came out.
    Raises PatchOutOfBounds, PatchDoesNotApply, UnknownCommit.
    """
    check_bytes(len(diff), bounds)
    diff = diff if diff.endswith(b"\n") else diff + b"\n"
    files = read_patch(diff)
    check_patch(files, bounds)
    base_tree = await repository.tree(base)
    tree = await _applied(repository, base_tree, diff, files)
    check_changed(changed=tree != base_tree)
    await _check_result(repository, base_tree, tree, bounds)
    sha = await repository.write_commit(tree, (base,), draft)
    return await _built(repository, sha, tree, base)


async def _applied(
    repository: Repository, base_tree: str, diff: bytes, files: tuple[FilePatch, ...]
) -> str:
    """Return the tree after a three-way merge, else after the plain way on a fresh index."""
    command = ("apply", "--cached", "-p1", "--whitespace=nowarn")
    with repository.scratch() as index:
        await repository.run("read-tree", base_tree, index=index)
        try:
            await repository.run(*command, "--3way", stdin=diff, index=index)
        except GitTimeout:
            raise
        except GitError:
            # Also where a blob that only the patch names is unknown: the plain way needs none.
            pass
        else:
            return await repository.write_tree(index)
    with repository.scratch() as index:
        await repository.run("read-tree", base_tree, index=index)
        try:
            await repository.run(*command, stdin=diff, index=index)
        except GitError as error:
            if type(error) is not GitError:
                raise
            raise _does_not_apply(error.detail, files) from error
        return await repository.write_tree(index)


def _does_not_apply(detail: str, files: tuple[FilePatch, ...]) -> PatchDoesNotApply:
    if (at := _FAILED_AT.search(detail)) is not None:
        hunk = hunk_text(files, at[1], int(at[2]))
        return PatchDoesNotApply(at[1], hunk, f"the hunk at line {at[2]} does not match")
    if (failed := _FAILED.search(detail)) is not None:
        return PatchDoesNotApply(failed[1], "", f"it {failed[2]}")
    reason = detail.splitlines()[0].removeprefix("error: ") if detail else "git gave no reason"
    return PatchDoesNotApply(files[0].name, "", reason)


async def _check_result(
    repository: Repository, base_tree: str, tree: str, bounds: PatchBounds
) -> None:
    """Judge what the tree really holds, whatever the patch claimed."""
    for change in await repository.changes(base_tree, tree):
        check_path(change.path, bounds)
        for mode in {change.old_mode, change.new_mode} - {_ABSENT_MODE}:
            check_mode(mode, change.path)
    stat, binary = await repository.stat(base_tree, tree)
    check_text(binary or "", binary=binary is not None)
    check_counts(stat.files, stat.added + stat.deleted, bounds)


async def _built(repository: Repository, sha: str, tree: str, parent: str) -> BuiltCommit:
    parent_tree = await repository.tree(parent)
    paths = tuple(sorted(c.path for c in await repository.changes(parent_tree, tree)))
    stat, _ = await repository.stat(parent_tree, tree)
    return BuiltCommit(sha, tree, parent, paths, stat)


async def build_revert(
    repository: Repository, span: LandedSpan, onto: str, draft: CommitDraft
) -> BuiltRevert:
    """Undo a landing (a merge, a squash, or rebased commits) on top of `onto`.

    Writes a commit with the tree before it as a child of the landed commit and merges that into
    `onto`: the merge base is then the landed commit, so the merge applies exactly the inverse.
    Raises RevertConflict, NothingToRevert, RevertRefused, UnknownCommit.
    """
    landed = span.landed
    if is_revert(await repository.message(landed)):
        raise RevertRefused(landed, "it is a revert of Grace's, and no revert is reverted")
    parent = await commit_before(repository, landed, span.pull)
    if not await repository.contains(onto, landed):
        raise RevertRefused(landed, f"{onto} does not contain it")
    before = await repository.tree(parent)
    unsigned = replace(draft, message=f"Inverse of {landed}")
    inverse = await repository.write_raw_commit(commit_bytes(before, (landed,), unsigned))
    tree = await _merged_tree(repository, onto, inverse)
    if tree == await repository.tree(onto):
        raise NothingToRevert(landed, before, await differing(repository, before, landed, onto))
    if onto == landed and tree != before:
        raise RevertRefused(landed, "the result is not the tree that was there before")
    touched = {change.path for change in await repository.changes(before, landed)}
    later = await _touched_since(repository, landed, onto)
    sha = await repository.write_commit(tree, (onto,), draft)
    return BuiltRevert(
        commit=await _built(repository, sha, tree, onto),
        overlapping_paths=tuple(sorted(touched & later)),
        restores=not await differing(repository, before, landed, tree),
        before=parent,
        before_tree=before,
    )


async def _merged_tree(repository: Repository, onto: str, inverse: str) -> str:
    args = ("merge-tree", "--write-tree", "-z", "--name-only", "--no-messages")
    merged = await repository.about(onto, *args, onto, inverse, accept=(0, 1))
    tree, *conflicts = merged.stdout.split(b"\0")
    if merged.code == 1:
        paths = {decode_path(path) for path in conflicts if path}
        raise RevertConflict(tuple(sorted(paths)))
    return tree.decode().strip()


async def _touched_since(repository: Repository, landed: str, onto: str) -> set[str]:
    """Return every path that anything merged after `landed` touched, even if undone since."""
    args = ("log", "--first-parent", "-m", "-z", "--name-only", "--no-renames", "--format=")
    listed = await repository.about(onto, *args, f"{landed}..{onto}")
    return {decode_path(path) for path in listed.stdout.split(b"\0") if path}


async def build_files_commit(
    repository: Repository, tip: str | None, files: Mapping[str, bytes], draft: CommitDraft
) -> str | None:
    """Put whole files on top of `tip` (None: a first commit); None if that changes nothing."""
    entries = b""
    for path, content in sorted(files.items()):
        if well_formed(path) is not None:
            raise InvalidName("path", path)
        blob = (await repository.run("hash-object", "-w", "--stdin", stdin=content)).text
        entries += f"100644 {blob}\t{path}\0".encode()
    with repository.scratch() as index:
        start = ("--empty",) if tip is None else (commit_id(tip),)
        await repository.run("read-tree", *start, index=index)
        await repository.run("update-index", "-z", "--index-info", stdin=entries, index=index)
        tree = await repository.write_tree(index)
    if tip is not None and tree == await repository.tree(tip):
        return None
    return await repository.write_commit(tree, () if tip is None else (tip,), draft)

"""The port `Repositories` by GitHub's REST API alone: no git, no clone, and GitHub signs.

Each method means what it means with git, with two exceptions, both on the careful side: a patch is
applied as it stands, without a three-way merge, and a revert of a path that was changed since is
left to a person. GitHub names the app as author and signs for it; our own signature goes into the
message (see `attestation`). Counts of calls are those of a repository that GitHub lists in one
answer.
"""

import asyncio
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Final

from grace.adapters.github.commits import (
    ApiCommit,
    FileState,
    commit,
    commit_at,
    need_tip,
    read_commit,
    read_tip,
)
from grace.adapters.github.payloads import Lenient, fit
from grace.adapters.github.repository_trees import (
    MAX_FILE_BYTES,
    PathBlocked,
    Trees,
    decoded,
)
from grace.adapters.github.session import Session, on
from grace.adapters.github.wire import Refusal
from grace.adapters.github.workshop_patches import Change, of_diff, of_ref
from grace.adapters.github.workshop_reading import Span, read_patch
from grace.adapters.github.workshop_reverts import Undo, Undoing, gone, undo
from grace.domain import events as ev
from grace.domain.attestation import attest
from grace.domain.effects import PushPatch, PushRevert
from grace.domain.leaks import SecretScan, refusal
from grace.domain.mission import MissionRef
from grace.domain.objects import TreeEntry, blob_id
from grace.domain.patch_bounds import PatchBounds, PatchDoesNotApply, PatchError, check_changed
from grace.domain.patch_reading import PathChange
from grace.domain.results import Sha
from grace.ports import CommitOrder, ForgeRefused, PatchRead, Restoration

_MAX_VERSION_BYTES: Final = 200
_MAX_TOLD: Final = 100
_PLAIN: Final = "100644"
_MISSING: Final = frozenset({int(HTTPStatus.NOT_FOUND)})


class _File(Lenient):
    type: str
    sha: Sha
    size: int = 0
    content: str = ""
    encoding: str = ""


class _Compared(Lenient):
    status: str


class ApiWorkshop:
    """Read and make commits at GitHub; `secrets` looks at what a patch adds before it is sent."""

    def __init__(self, session: Session, secrets: SecretScan) -> None:
        self._session = session
        self._secrets = secrets

    async def tip(self, ref: MissionRef, branch: str) -> ev.BaseRead:
        """Read a branch's tip; the version is the file VERSION, if there is one: 2 calls."""
        sha = await need_tip(self._session, ref, branch)
        version = await self._file(ref, sha, "VERSION", _MAX_VERSION_BYTES)
        text = (version or b"").decode(errors="replace").strip()
        return ev.BaseRead(branch=branch, sha=sha, version=text or sha[:10])

    async def tree(self, ref: MissionRef, sha: str) -> str:
        """Read the tree of a commit: 1 call."""
        return (await read_commit(self._session, ref, sha)).tree.sha

    async def restored(
        self, ref: MissionRef, landed: str, now: str, before: str | None = None
    ) -> Restoration:
        """Compare the tree at `now` with the one before a landing: 3 calls, 4 without `before`."""
        parents = [] if before else (await read_commit(self._session, ref, landed)).parents
        then = before or next((parent.sha for parent in parents), None)
        if then is None:
            raise ForgeRefused(
                f"{landed} is the first commit of the repository; nothing was before it",
                HTTPStatus.UNPROCESSABLE_ENTITY,
            )
        trees = Trees(self._session, ref)
        root = await trees.root(then)
        changed = {c.path for c in await trees.changes(root, await trees.root(landed))}
        left = {c.path for c in await trees.changes(root, await trees.root(now))}
        return Restoration(root, tuple(sorted(changed & left))[:_MAX_TOLD])

    async def contains(self, ref: MissionRef, head: str, ancestor: str) -> bool:
        """Tell whether a commit of the repository contains another: 1 call."""
        call = "GET /compare/{ancestor}...{head}{?per_page}"
        request = on(ref, "compare", call, ancestor=ancestor, head=head, per_page=1)
        answer = await self._session.call(ref, request)
        return fit(_Compared, answer.data, request.purpose).status in {"ahead", "identical"}

    async def change(
        self, ref: MissionRef, base: str, head: str, documents: Sequence[str]
    ) -> PatchRead:
        """Read what lies between two commits; see there for the calls that it takes."""
        return await read_patch(self._session, Span(ref, base, head, documents))

    async def push_patch(
        self, ref: MissionRef, effect: PushPatch, order: CommitOrder
    ) -> ev.BranchPushed | ev.PatchRefused:
        """Apply a candidate on its base and commit it; out of bounds or with secrets it is refused.

        5 calls (base's tree; the branch; tree, commit and branch written), one more for each file
        that the patch changes, and one for each of these that is not UTF-8. For a candidate that
        is a ref: 8 calls where it left from the base's tip, else 9, and two for each file that is
        renamed.
        """
        trees = Trees(self._session, ref)
        bounds = PatchBounds(protected=effect.protected_paths)
        candidate = effect.candidate
        try:
            if candidate.diff is not None:
                change = await of_diff(trees, effect.base, candidate.diff.encode(), bounds)
            else:
                change = await of_ref(
                    self._session, trees, (ref, effect.base, candidate.ref or ""), bounds
                )
            tree = await _judged(trees, change)
        except PatchError as error:
            return ev.PatchRefused(attempt=effect.attempt, reason=error.sentence)
        if found := await asyncio.to_thread(self._secrets, change.added):
            return ev.PatchRefused(attempt=effect.attempt, reason=refusal(found))
        made = await commit(
            self._session,
            ref,
            ApiCommit(
                base=effect.base,
                branch=effect.branch,
                files=change.files,
                message=_attested(order, effect.base),
                expected=effect.expected,
                base_tree=change.base_tree,
                tree=tree,
            ),
        )
        return ev.BranchPushed(
            attempt=effect.attempt,
            head=made.sha,
            base=effect.base,
            tree=made.tree,
            paths=tuple(c.path for c in change.changes),
            blobs=_blobs(change.changes),
        )

    async def push_revert(
        self, ref: MissionRef, effect: PushRevert, order: CommitOrder, *, again: bool
    ) -> ev.RevertPushed | ev.RevertRefused:
        """Undo a landed commit on the base's tip; `again`: it may stand already.

        8 calls where nothing landed since; else 10, and one for each path that the commit changed.
        More where a person's commits landed with it: see `workshop_landings`.
        """
        onto = await need_tip(self._session, ref, effect.base_branch)
        wanted = Undo(ref, effect.landed, onto, effect.pull)
        undoing = await undo(self._session, Trees(self._session, ref), wanted)
        if not isinstance(undoing, Undoing):
            return ev.RevertRefused(reason=undoing)
        if not undoing.files:
            return ev.RevertRefused(
                reason=gone(effect.landed),
                undone_at=onto,
                tree=undoing.tree,
                before_tree=undoing.before_tree,
            )
        made = await commit(
            self._session,
            ref,
            ApiCommit(
                base=onto,
                branch=effect.branch,
                files=undoing.files,
                message=_attested(order, onto),
                again=again,
                base_tree=undoing.base_tree,
                tree=undoing.tree,
            ),
        )
        return ev.RevertPushed(
            head=made.sha,
            base=onto,
            tree=made.tree,
            restores=True,
            overlapping=undoing.overlapping[:_MAX_TOLD],
            before=undoing.before,
            before_tree=undoing.before_tree,
        )

    async def read(self, ref: MissionRef, branch: str, path: str) -> bytes | None:
        """Read a file at a branch's tip: 1 call, 2 for one of more than 1 MB.

        None where branch or file is missing.
        """
        return await self._file(ref, f"refs/heads/{branch}", path, MAX_FILE_BYTES)

    async def publish(
        self, ref: MissionRef, branch: str, files: Mapping[str, bytes], order: CommitOrder
    ) -> None:
        """Publish whole files on a branch of ours; a lost race is tried once more.

        5 calls, 2 where the branch holds the files already, 4 for its first commit.
        """
        try:
            await self._append(ref, branch, files, order)
        except ForgeRefused as error:
            if error.status != HTTPStatus.CONFLICT:
                raise
            await self._append(ref, branch, files, order)

    async def _append(
        self, ref: MissionRef, branch: str, files: Mapping[str, bytes], order: CommitOrder
    ) -> None:
        tip = await read_tip(self._session, ref, branch)
        trees, base_tree, tree = Trees(self._session, ref), None, None
        if tip is not None:
            base_tree = await trees.root(tip)
            wanted = {p: TreeEntry(_PLAIN, blob_id(content)) for p, content in files.items()}
            tree = await trees.replaced(base_tree, wanted)
            if tree == base_tree:
                return
        appended = ApiCommit(
            base=tip,
            branch=branch,
            files={path: FileState(content) for path, content in files.items()},
            message=_attested(order, tip),
            expected=tip,
            base_tree=base_tree,
            tree=tree,
        )
        await commit_at(self._session, ref, appended, tip)

    async def _file(self, ref: MissionRef, at: str, path: str, limit: int) -> bytes | None:
        request = on(ref, "read file", "GET /contents/{+path}{?ref}", path=path)
        request = replace(request, variables={**request.variables, "ref": at})
        try:
            answer = await self._session.call(ref, request, _MISSING)
        except Refusal:
            return None
        if isinstance(answer.data, list):
            raise _no_file(path)
        found = fit(_File, answer.data, request.purpose)
        if found.type != "file":
            raise _no_file(path)
        if found.size > limit:
            raise ForgeRefused(
                f"{path} has more than {limit} bytes", HTTPStatus.UNPROCESSABLE_ENTITY
            )
        if found.encoding == "none":
            return await Trees(self._session, ref).blob(found.sha, path)
        return decoded(found.content, found.encoding)


def _attested(order: CommitOrder, parent: str | None) -> Callable[[str], str]:
    """Put our signature of tree, parent and message into the message."""
    parents = () if parent is None else (parent,)
    return lambda tree: attest(tree, parents, order.message(tree), order.sign)


def _no_file(path: str) -> ForgeRefused:
    return ForgeRefused(f"{path} is not a regular file.", HTTPStatus.UNPROCESSABLE_ENTITY)


async def _judged(trees: Trees, change: Change) -> str:
    """Compute the tree that a patch is to come to; GitHub's must be the same."""
    wanted = {c.path: c.new for c in change.changes}
    try:
        tree = await trees.replaced(change.base_tree, wanted)
    except PathBlocked as error:
        reason = "a file and a folder cannot have the same name"
        raise PatchDoesNotApply(error.path, "", reason) from error
    check_changed(changed=tree != change.base_tree)
    return tree


def _blobs(changes: Iterable[PathChange]) -> str:
    """Digest changed paths, modes and contents; the same patch on another base has the same."""
    lines = [f"{c.path}\0{_side(c.old)}\0{_side(c.new)}\n" for c in changes]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _side(entry: TreeEntry | None) -> str:
    return "" if entry is None else f"{entry.mode} {entry.sha}"

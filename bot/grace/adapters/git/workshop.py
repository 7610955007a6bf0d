"""`Repositories` over one mirror per repository: git's answers in the words of the core."""

import asyncio
import hashlib
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from grace.adapters.git import errors
from grace.adapters.git.mirror import Mirror, MirrorConfig, Mirrors
from grace.adapters.git.model import CommitDraft, Ident, LandedSpan
from grace.adapters.git.patch_reading import Span
from grace.adapters.git.process import Credentials
from grace.domain import events as ev
from grace.domain.effects import PushPatch, PushRevert
from grace.domain.leaks import SecretScan, refusal
from grace.domain.mission import MissionRef
from grace.domain.patch_bounds import PatchBounds, PatchError, PatchOutOfBounds
from grace.domain.signing import Verifier
from grace.ports import (
    CommitOrder,
    ForgeRefused,
    ForgeUnavailable,
    GitAccess,
    PatchRead,
    Restoration,
)

T = TypeVar("T")
Access = Callable[[MissionRef], Awaitable[GitAccess]]
PushObserver = Callable[[MissionRef, str], None]


@dataclass(frozen=True, slots=True)
class Watch:
    """Who looks: `on_push` at every branch that was pushed, `secrets` at a patch before it is.

    `signers`: whose signatures of commits are known.
    """

    on_push: PushObserver
    secrets: SecretScan
    signers: Verifier


class Workshop:
    """Make commits in bare mirrors and push them. `access` gives URL and token of a repository."""

    def __init__(self, root: Path, access: Access, author: Ident, watch: Watch) -> None:
        self._mirrors = Mirrors(root)
        self._access = access
        self._author = author
        self._watch = watch

    async def tip(self, ref: MissionRef, branch: str) -> ev.BaseRead:
        """Read a branch's tip from the forge; the version is the file VERSION, if there is one."""

        async def read(mirror: Mirror) -> ev.BaseRead:
            await mirror.fetch((f"refs/heads/{branch}",))
            sha = await mirror.tip(branch)
            if sha is None:
                raise ForgeRefused(f"the repository has no branch {branch}", 404)
            version = await mirror.read_file(sha, "VERSION", 200)
            text = (version or b"").decode(errors="replace").strip()
            return ev.BaseRead(branch=branch, sha=sha, version=text or sha[:10])

        return await self._with(ref, read)

    async def tree(self, ref: MissionRef, sha: str) -> str:
        """Read the tree of a commit that may have landed a moment ago."""

        async def read(mirror: Mirror) -> str:
            try:
                return await mirror.tree(sha)
            except errors.UnknownCommit:
                await mirror.fetch()
                return await mirror.tree(sha)

        return await self._with(ref, read)

    async def restored(
        self, ref: MissionRef, landed: str, now: str, before: str | None = None
    ) -> Restoration:
        """Compare the tree at `now` with the one before a landing; see the port."""

        async def compare(mirror: Mirror) -> Restoration:
            await mirror.fetch()
            then = before or (await mirror.parents(landed))[0]
            left = await mirror.differing(then, landed, now)
            return Restoration(await mirror.tree(then), _told(left))

        return await self._with(ref, compare)

    async def contains(self, ref: MissionRef, head: str, ancestor: str) -> bool:
        """Tell whether a commit of the repository contains another."""

        async def look(mirror: Mirror) -> bool:
            await mirror.fetch()
            return await mirror.contains(head, ancestor)

        return await self._with(ref, look)

    async def change(
        self, ref: MissionRef, base: str, head: str, documents: Sequence[str]
    ) -> PatchRead:
        """Read what lies between two commits, without renames, and some files at the base."""

        async def read(mirror: Mirror) -> PatchRead:
            span = Span(base, head, documents, self._watch.signers)
            try:
                return await mirror.read_patch(span)
            except errors.UnknownCommit:
                await mirror.fetch()
                return await mirror.read_patch(span)

        return await self._with(ref, read)

    async def push_patch(
        self, ref: MissionRef, effect: PushPatch, order: CommitOrder
    ) -> ev.BranchPushed | ev.PatchRefused:
        """Apply a candidate on its base and push it; one out of bounds or with secrets is refused.

        Secrets are looked for in what the commit really adds, before anything leaves the mirror.
        """

        async def push(mirror: Mirror) -> ev.BranchPushed | ev.PatchRefused:
            bounds = PatchBounds(protected=effect.protected_paths)
            try:
                diff = await self._diff(mirror, effect)
                built = await mirror.build_patch_commit(
                    effect.base, diff, bounds, self._draft(order)
                )
            except PatchError as error:
                return ev.PatchRefused(attempt=effect.attempt, reason=error.sentence)
            made = await mirror.diff(effect.base, built.sha)
            if found := await asyncio.to_thread(self._watch.secrets, made):
                return ev.PatchRefused(attempt=effect.attempt, reason=refusal(found))
            await mirror.push(built.sha, effect.branch, effect.expected)
            return ev.BranchPushed(
                attempt=effect.attempt,
                head=built.sha,
                base=effect.base,
                tree=built.tree,
                paths=built.paths,
                blobs=_blobs(made),
            )

        return await self._with(ref, push)

    async def _diff(self, mirror: Mirror, effect: PushPatch) -> bytes:
        candidate = effect.candidate
        if candidate.diff is not None:
            return candidate.diff.encode()
        await mirror.fetch()
        wanted = candidate.ref or ""
        written_out = _SHA.fullmatch(wanted) is not None
        sha = wanted if written_out else await mirror.tip(wanted) or wanted
        try:
            return await mirror.diff(effect.base, sha)
        except (errors.UnknownCommit, errors.InvalidName) as error:
            reason = f"the candidate's ref {wanted!r} is no branch or commit of this repository"
            raise PatchOutOfBounds(reason) from error

    async def push_revert(
        self, ref: MissionRef, effect: PushRevert, order: CommitOrder, *, again: bool
    ) -> ev.RevertPushed | ev.RevertRefused:
        """Undo a landed commit on the base's tip and push that; `again`: it may stand already."""

        async def push(mirror: Mirror) -> ev.RevertPushed | ev.RevertRefused:
            await mirror.fetch()
            onto = await mirror.tip(effect.base_branch)
            if onto is None:
                raise ForgeRefused(f"the repository has no branch {effect.base_branch}", 404)
            try:
                span = LandedSpan(effect.landed, effect.pull)
                built = await mirror.build_revert(span, onto, self._draft(order))
            except errors.NothingToRevert as error:
                return await _nothing_to_revert(mirror, error, onto)
            except (errors.RevertConflict, errors.RevertRefused) as error:
                return ev.RevertRefused(reason=_clean(error.sentence))
            expected = await mirror.tip(effect.branch) if again else None
            await mirror.push(built.commit.sha, effect.branch, expected)
            return ev.RevertPushed(
                head=built.commit.sha,
                base=onto,
                tree=built.commit.tree,
                restores=built.restores,
                overlapping=_told(built.overlapping_paths),
                before=built.before,
                before_tree=built.before_tree,
            )

        return await self._with(ref, push)

    async def read(self, ref: MissionRef, branch: str, path: str) -> bytes | None:
        """Read a file at a branch's tip at the forge; None where branch or file is missing."""

        async def read(mirror: Mirror) -> bytes | None:
            await mirror.fetch()
            sha = await mirror.tip(branch)
            return None if sha is None else await mirror.read_file(sha, path)

        return await self._with(ref, read)

    async def publish(
        self, ref: MissionRef, branch: str, files: Mapping[str, bytes], order: CommitOrder
    ) -> None:
        """Publish whole files on a branch of ours."""

        async def append(mirror: Mirror) -> None:
            await mirror.append_branch(branch, files, self._draft(order))

        await self._with(ref, append)

    def _draft(self, order: CommitOrder) -> CommitDraft:
        return CommitDraft(message=order.message, author=self._author, at=order.at, sign=order.sign)

    async def _with(self, ref: MissionRef, work: Callable[[Mirror], Awaitable[T]]) -> T:
        """Do work in the repository's mirror; git's errors become the forge's."""
        access = await self._access(ref)

        async def credentials() -> Credentials:
            fresh = await self._access(ref)
            return Credentials(fresh.username, fresh.token)

        mirror = self._mirrors.get(
            f"{ref.host}/{ref.repository_id}",
            lambda path: MirrorConfig(
                path=path,
                url=access.url,
                credentials=credentials,
                on_push=lambda pushed: self._watch.on_push(ref, pushed),
            ),
        )
        try:
            return await work(mirror)
        except errors.RemoteGone as error:
            # Git's 404 may be a lost permission; that a repository is gone, the API says.
            raise ForgeRefused(error.sentence, 404) from error
        except (errors.RemoteUnavailable, errors.GitTimeout, errors.RepositoryCorrupt) as error:
            raise ForgeUnavailable(error.sentence) from error
        except errors.GitError as error:
            raise ForgeRefused(error.sentence, 422) from error


async def _nothing_to_revert(
    mirror: Mirror, error: errors.NothingToRevert, tip: str
) -> ev.RevertRefused:
    """Say at which tip a landing is undone already; one that is so in part is a person's."""
    reason = _clean(error.sentence)
    if error.differing:
        return ev.RevertRefused(reason=reason)
    tree = await mirror.tree(tip)
    return ev.RevertRefused(reason=reason, undone_at=tip, tree=tree, before_tree=error.before_tree)


def _told(paths: Sequence[str]) -> tuple[str, ...]:
    """Take the first so many paths, as text: one may be no UTF-8."""
    return tuple(_clean(path) for path in paths[:_MAX_TOLD])


def _clean(text: str) -> str:
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


_MAX_TOLD = 100
_SHA = re.compile("[0-9a-f]{40}")
_WHAT_COUNTS = (
    b"diff --git ",
    b"index ",
    b"old mode ",
    b"new mode ",
    b"new file mode ",
    b"deleted file mode ",
)


def _blobs(diff: bytes) -> str:
    """Digest changed paths, modes and contents; the same patch on another base has the same."""
    lines = [line for line in diff.split(b"\n") if line.startswith(_WHAT_COUNTS)]
    return hashlib.sha256(b"\n".join(lines)).hexdigest()

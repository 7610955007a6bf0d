"""Keep a bare partial clone of a repository and do everything that needs git in it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from grace.adapters.git import building, landings, opening, patch_reading, remote
from grace.adapters.git.errors import (
    GitError,
    GitTimeout,
    InvalidName,
    PushRejected,
    RepositoryCorrupt,
)
from grace.adapters.git.model import (
    Appended,
    BuiltCommit,
    BuiltRevert,
    CommitDraft,
    LandedSpan,
    PushOutcome,
    PushResult,
)
from grace.adapters.git.paths import branch_ref, commit_id, full_ref
from grace.adapters.git.process import Credentials, Git
from grace.adapters.git.repository import MAX_FILE_BYTES, Repository
from grace.domain.patch_bounds import PatchBounds, PatchError, well_formed
from grace.ports import ForgeRefused, PatchRead

ALL_BRANCHES = ("refs/heads/*",)

T = TypeVar("T")
CredentialSource = Callable[[], Awaitable[Credentials | None]]


async def anonymous() -> Credentials | None:
    """Answer that no credentials are needed."""
    return None


def no_observer(ref: str) -> None:
    """Ignore a push."""
    del ref


@dataclass(frozen=True, slots=True)
class MirrorConfig:
    """One repository: where its mirror lies, where it comes from, with whose rights."""

    path: Path
    url: str
    credentials: CredentialSource = anonymous
    git: Git = field(default_factory=Git)
    on_push: Callable[[str], None] = no_observer
    clone_timeout: float = 900.0


class Mirror:
    """A bare partial clone: commits and trees are here, blobs come when one is needed.

    1. One operation at a time: each holds this mirror's lock from its first to its last command.
    2. Only one process may own the folder; what a killed one left (locks, indexes, half a clone)
       is swept before the first operation.
    3. The remote is the truth. A damaged mirror is cloned again and the operation repeated, once.
    4. No operation but `fetch`, `append_branch` and a push moves a ref here.
    """

    def __init__(self, config: MirrorConfig) -> None:
        self._config = config
        self._remote = remote.Remote(config.url)
        self._lock = asyncio.Lock()
        self._ready = False

    def configure(self, config: MirrorConfig) -> None:
        """Take another configuration of the same folder; it holds from the next operation on."""
        if config.path != self._config.path:
            raise InvalidName("folder of this mirror", str(config.path))
        if config.url != self._config.url:
            self._remote = remote.Remote(config.url)
            self._ready = False
        self._config = config

    async def fetch(self, refs: tuple[str, ...] = ALL_BRANCHES) -> None:
        """Bring `refs` (full names or `refs/heads/*`) up to date; those gone there go here."""
        wanted = tuple(ref if ref in ALL_BRANCHES else full_ref(ref) for ref in refs)
        await self._locked(lambda repository: opening.fetch(repository, wanted))

    async def tip(self, branch: str) -> str | None:
        """Return where `branch` was at the last fetch or push, None if it did not exist."""
        ref = branch_ref(branch)
        return await self._locked(lambda repository: repository.ref(ref))

    async def tree(self, commit: str) -> str:
        """Return the tree of `commit`."""
        return await self._locked(lambda repository: repository.tree(commit))

    async def parents(self, commit: str) -> tuple[str, ...]:
        """Return the parents of `commit`."""
        return await self._locked(lambda repository: repository.parents(commit))

    async def message(self, commit: str) -> str:
        """Return the whole message of `commit`."""
        return await self._locked(lambda repository: repository.message(commit))

    async def contains(self, head: str, base_tip: str) -> bool:
        """Tell whether `head` contains `base_tip`: what a merge of it would lose nothing of."""
        return await self._locked(lambda repository: repository.contains(head, base_tip))

    async def changed_paths(self, old: str, new: str) -> tuple[str, ...]:
        """Return the sorted paths in which two commits differ; a rename is two."""
        changes = await self._locked(lambda repository: repository.changes(old, new))
        return tuple(sorted(change.path for change in changes))

    async def diff(self, base: str, head: str, max_bytes: int = 1_000_000) -> bytes:
        """Return what `head` changed since it left `base`, as a patch that `git apply` takes."""
        spec = ("--merge-base", commit_id(base), commit_id(head))
        args = ("diff-tree", "-p", "--binary", "--full-index", "--no-renames", *spec)
        answer = await self._locked(lambda r: r.about(head, *args, max_output=max_bytes))
        return answer.stdout

    async def read_file(
        self, commit: str, path: str, max_bytes: int = MAX_FILE_BYTES
    ) -> bytes | None:
        """Return a regular file of `commit`, None if there is none."""
        return await self._locked(lambda r: r.read_file(commit, path, max_bytes))

    async def read_patch(self, span: patch_reading.Span) -> PatchRead:
        """Return what lies between two commits, and some files at the first."""
        return await self._locked(lambda r: patch_reading.read_patch(r, span))

    async def build_patch_commit(
        self, base_sha: str, diff: bytes, bounds: PatchBounds, commit: CommitDraft
    ) -> BuiltCommit:
        """Write the commit that `diff` makes of `base_sha`; see `building`."""
        return await self._locked(
            lambda r: building.build_patch_commit(r, base_sha, diff, bounds, commit)
        )

    async def build_revert(
        self, span: LandedSpan, onto_sha: str, commit: CommitDraft
    ) -> BuiltRevert:
        """Write the commit that undoes a landing on `onto_sha`; see `building`."""
        return await self._locked(lambda r: building.build_revert(r, span, onto_sha, commit))

    async def differing(self, before: str, landed: str, now: str) -> tuple[str, ...]:
        """List the paths of a landing that are not at `now` as they were before it."""
        return await self._locked(lambda r: landings.differing(r, before, landed, now))

    async def push(
        self, sha: str, branch: str, expected: str | None, credentials: Credentials | None = None
    ) -> PushOutcome:
        """Push one commit to one branch that must be at `expected` (None: must not exist)."""
        return await self._locked(
            lambda r: self._push(r, sha, branch, expected), credentials=credentials
        )

    async def append_branch(
        self,
        branch: str,
        files: Mapping[str, bytes],
        commit: CommitDraft,
        credentials: Credentials | None = None,
    ) -> Appended:
        """Publish whole files on a branch that may not exist yet; a lost race is tried once more.

        Files that are not named stay. When the branch holds them already nothing is pushed.
        """
        ref = branch_ref(branch)

        async def once(repository: Repository) -> Appended:
            await opening.fetch(repository, (ref,))
            tip = await repository.ref(ref)
            sha = await building.build_files_commit(repository, tip, files, commit)
            if sha is None:
                return Appended(tip or "", pushed=False)
            await self._push(repository, sha, branch, tip)
            return Appended(sha, pushed=True)

        try:
            return await self._locked(once, credentials=credentials)
        except PushRejected as rejected:
            if not rejected.stale:
                raise
        return await self._locked(once, credentials=credentials)

    async def ls_remote(self, branch: str) -> str | None:
        """Return where the remote's branch is now; neither waits for nor touches the mirror."""
        credentials = await self._config.credentials()
        return await remote.ls_remote(self._config.git, self._remote, branch, credentials)

    async def maintain(self) -> None:
        """Pack what has piled up; call it when there is nothing better to do."""
        await self._locked(lambda r: opening.maintain(r, self._config.clone_timeout))

    async def _push(
        self, repository: Repository, sha: str, branch: str, expected: str | None
    ) -> PushOutcome:
        outcome = await remote.push(repository, self._remote, sha, branch, expected)
        await repository.run("update-ref", outcome.ref, outcome.sha)
        if outcome.result is not PushResult.ALREADY_THERE:
            self._config.on_push(outcome.ref)
        return outcome

    async def _locked(
        self, work: Callable[[Repository], Awaitable[T]], *, credentials: Credentials | None = None
    ) -> T:
        config = self._config
        async with self._lock:
            own = credentials if credentials is not None else await config.credentials()
            repository = Repository(config.git, config.path, own)
            if not self._ready:
                await opening.open_repository(repository, self._remote, config.clone_timeout)
            # Anything but a clean end may leave lock files: the next operation sweeps first.
            self._ready = False
            try:
                result = await work(repository)
            except RepositoryCorrupt:
                await opening.recreate(repository, self._remote, config.clone_timeout)
                result = await work(repository)
            except GitTimeout:
                raise
            except (GitError, PatchError, ForgeRefused):
                self._ready = True
                raise
            self._ready = True
            return result


class Mirrors:
    """Hand out one mirror per repository below a folder, so that each has one lock."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._mirrors: dict[str, Mirror] = {}

    def get(self, key: str, make: Callable[[Path], MirrorConfig]) -> Mirror:
        """Return the one mirror of `key` (say `github.com/123456`), with what `make(path)` says.

        A repository may have been renamed since: the newest configuration holds.
        """
        if well_formed(key) is not None:
            raise InvalidName("mirror key", key)
        config = make(self._root / f"{key}.git")
        if key in self._mirrors:
            self._mirrors[key].configure(config)
        else:
            self._mirrors[key] = Mirror(config)
        return self._mirrors[key]

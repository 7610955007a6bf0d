"""A forge and repositories at the port that answer at once: what is left is the bot's own time."""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import perf_counter
from typing import Literal

from grace.domain.catalog import MetricDefinition
from grace.domain.effects import PushPatch, PushRevert
from grace.domain.events import (
    Actor,
    BaseRead,
    BranchPushed,
    PatchRefused,
    Permission,
    PullSeen,
    RevertPushed,
    RevertRefused,
)
from grace.domain.inspection import FileChange
from grace.domain.mission import MissionRef
from grace.domain.package import MetricObservation
from grace.domain.schedule import diff_paths
from grace.domain.weakening import FilePair
from grace.ports import (
    Change,
    ChangeDraft,
    ChangeState,
    CheckDraft,
    CommitOrder,
    GitAccess,
    MergeAnswer,
    MergeDraft,
    PatchRead,
)

BASE = "b" * 40
BASE_TREE = "7" * 40


def sha(text: str) -> str:
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


def signed_commit(tree: str, parent: str, order: CommitOrder) -> str:
    """Make and sign a commit as git stores it."""
    who = f"Grace <grace@forge.test> {int(order.at.timestamp())} +0000"
    raw = f"tree {tree}\nparent {parent}\nauthor {who}\ncommitter {who}\n\n{order.message(tree)}"
    return order.sign(raw.encode()).decode()


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


@dataclass
class StubRepositories:
    """Makes and signs commits in memory; pushes nothing."""

    trees: dict[str, str] = field(default_factory=dict)
    heads: dict[str, str] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)

    async def tip(self, ref: MissionRef, branch: str) -> BaseRead:
        return BaseRead(branch=branch, sha=BASE)

    async def tree(self, ref: MissionRef, commit: str) -> str:
        return self.trees[commit]

    async def read(self, ref: MissionRef, branch: str, path: str) -> bytes | None:
        return self.files.get(path)

    async def change(
        self, ref: MissionRef, base: str, head: str, documents: Sequence[str]
    ) -> PatchRead:
        files = (FileChange(path="mesh.py", added=1, removed=1),)
        pairs = (FilePair(path="mesh.py", before="slow\n", after="fast\n"),)
        return PatchRead(files=files, pairs=pairs, commits=(), documents={})

    async def push_patch(
        self, ref: MissionRef, effect: PushPatch, order: CommitOrder
    ) -> BranchPushed | PatchRefused:
        diff = effect.candidate.diff or ""
        tree = sha(diff)
        head = sha(signed_commit(tree, effect.base, order))
        self.trees[head] = tree
        self.heads[effect.branch] = head
        return BranchPushed(
            attempt=effect.attempt,
            head=head,
            base=effect.base,
            tree=tree,
            paths=diff_paths(diff),
            blobs=tree,
        )

    async def push_revert(
        self, ref: MissionRef, effect: PushRevert, order: CommitOrder, *, again: bool
    ) -> RevertPushed | RevertRefused:
        return RevertPushed(head=sha(effect.landed), base=BASE, tree=BASE_TREE, restores=True)

    async def publish(
        self, ref: MissionRef, branch: str, files: Mapping[str, bytes], order: CommitOrder
    ) -> None:
        signed_commit(sha(repr(sorted(files))), BASE, order)
        self.files |= files


@dataclass
class StubForge:
    """Answers every call at once, and notes when it was asked to merge."""

    repositories: StubRepositories
    merged_at: dict[int, float] = field(default_factory=dict)
    pulls: dict[str, int] = field(default_factory=dict)
    calls: int = 0
    news: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def _called(self) -> str:
        self.calls += 1
        return str(self.calls)

    async def permission(self, ref: MissionRef, login: str, _id: int = 0) -> Permission:
        await self._called()
        return Permission.WRITE

    async def post_comment(self, ref: MissionRef, number: int, body: str) -> str:
        return await self._called()

    async def edit_comment(self, ref: MissionRef, comment: str, body: str) -> None:
        await self._called()

    async def find_comment(self, ref: MissionRef, number: int, marker: str) -> str | None:
        return None

    async def open_change(self, ref: MissionRef, draft: ChangeDraft) -> Change:
        await self._called()
        number = self.pulls.setdefault(draft.head_branch, 10_000 + len(self.pulls))
        head = self.repositories.heads[draft.head_branch]
        return Change(number=number, url="", head_sha=head)

    async def read_change(self, ref: MissionRef, number: int) -> ChangeState:
        branch = next(b for b, n in self.pulls.items() if n == number)
        pull = PullSeen(
            number=number,
            head_ref=branch,
            head_sha=self.repositories.heads[branch],
            base_sha=BASE,
            state="open",
            sender=Actor(login="grace[bot]"),
            at=datetime.now(UTC),
        )
        return ChangeState(pull=pull, reviews=(), checks=())

    async def queue_required(self, ref: MissionRef, branch: str) -> bool:
        return False

    async def close_change(self, ref: MissionRef, number: int) -> None:
        await self._called()

    async def publish_check(self, ref: MissionRef, draft: CheckDraft, check: str | None) -> str:
        return check or await self._called()

    async def find_check(self, ref: MissionRef, commit: str, external_id: str) -> str | None:
        return None

    async def request_review(self, ref: MissionRef, number: int, reviewers: Sequence[str]) -> None:
        await self._called()

    async def set_labels(
        self, ref: MissionRef, number: int, add: Sequence[str], remove: Sequence[str]
    ) -> None:
        await self._called()

    async def merge(self, ref: MissionRef, draft: MergeDraft) -> MergeAnswer:
        """Note the moment first: this is where "merge requested" is."""
        self.merged_at[draft.number] = perf_counter()
        landed = sha(f"merge of {draft.head}")
        self.repositories.trees[landed] = self.repositories.trees[draft.head]
        async with self.news:
            self.news.notify_all()
        return MergeAnswer(sha=landed)

    async def file_issue(
        self, ref: MissionRef, title: str, body: str, labels: Sequence[str]
    ) -> Change:
        return Change(number=int(await self._called()) + 50_000, url="", head_sha="")

    async def find_issue(self, ref: MissionRef, label: str, marker: str) -> Change | None:
        return None

    async def close_issue(
        self, ref: MissionRef, number: int, reason: Literal["completed", "not_planned"]
    ) -> None:
        await self._called()

    async def git_access(self, ref: MissionRef) -> GitAccess:
        return GitAccess(url="file:///nowhere", username="", token="")

    async def resolve(self, host: str, repository: str) -> MissionRef:
        return MissionRef(host=host, repository_id=1, repository=repository)

    async def reach(self) -> str:
        return "a stub"

    async def asked_to_merge(self, number: int) -> float:
        """Wait until the merge of a pull request is requested; return when that was."""
        async with asyncio.timeout(60), self.news:
            await self.news.wait_for(lambda: number in self.merged_at)
        return self.merged_at[number]


class NoMetrics:
    """A source that is down."""

    async def sample_all(
        self, wanted: Mapping[str, MetricDefinition]
    ) -> tuple[MetricObservation, ...]:
        return ()

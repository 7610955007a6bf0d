"""What the core needs of the world, as small protocols, and the errors the world answers with."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol
from uuid import UUID

from grace.domain.base import Frozen
from grace.domain.catalog import MetricDefinition
from grace.domain.decision import Note
from grace.domain.effects import Effect, PushPatch, PushRevert
from grace.domain.events import (
    BaseRead,
    BranchPushed,
    CheckSeen,
    DeploymentSeen,
    Event,
    PatchRefused,
    Permission,
    PullSeen,
    RevertPushed,
    RevertRefused,
    ReviewSeen,
)
from grace.domain.facts import Facts
from grace.domain.ledger import Entry, Head
from grace.domain.mission import Mission, MissionRef
from grace.domain.package import MetricObservation


class Clock(Protocol):
    """Tell the time, in UTC."""

    def now(self) -> datetime: ...


class ForgeError(Exception):
    """Something at the forge; `sentence` is for a person."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class ForgeUnavailable(ForgeError):
    """No answer, 5xx, or a rate limit: try again, not before `retry_after` seconds."""

    def __init__(self, sentence: str, retry_after: float | None = None) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after


class ForgeRefused(ForgeError):
    """The forge said no (4xx); trying the same again is of no use."""

    def __init__(self, sentence: str, status: int) -> None:
        super().__init__(sentence)
        self.status = status


class ForgeGone(ForgeError):
    """The repository (or the installation) is gone, or we lost it."""


class ChangeDraft(Frozen):
    """A pull or merge request to open."""

    head_branch: str
    base_branch: str
    title: str
    body: str


class Change(Frozen):
    """A pull or merge request as the forge has it."""

    number: int
    url: str
    head_sha: str


class CheckDraft(Frozen):
    """A check to publish on a commit; `conclusion` None: in progress."""

    name: str
    sha: str
    external_id: str
    conclusion: Literal["success", "failure", "neutral", "action_required"] | None
    title: str
    summary: str
    at: datetime


class MergeDraft(Frozen):
    """A merge of exactly `head`."""

    number: int
    head: str
    method: Literal["merge", "squash"]
    subject: str
    message: str


class MergeAnswer(Frozen):
    """What the forge said to a merge; `sha` when it merged."""

    sha: str | None = None
    status: int = 200
    message: str = ""


class ChangeState(Frozen):
    """All that one reconciling read of a change found."""

    pull: PullSeen
    reviews: tuple[ReviewSeen, ...]
    checks: tuple[CheckSeen, ...]


class GitAccess(Frozen):
    """Where a repository is cloned from and pushed to; the token is never logged."""

    url: str
    username: str
    token: str

    def __repr__(self) -> str:
        return f"GitAccess(url={self.url!r}, username={self.username!r}, token='***')"


class Target(Frozen):
    """Which missions an event is for.

    The first field that is set decides, in this order: `uid`, `branch` (with or without the
    revert suffix), `pull`, `sha`, `issue`, `alert`; with none of them, or where that one is
    unknown and `everyone` is set, every live mission of the repository. `create` makes the
    mission when it is unknown.
    """

    ref: MissionRef
    uid: UUID | None = None
    branch: str | None = None
    pull: int | None = None
    sha: str | None = None
    issue: int | None = None
    alert: str | None = None
    create: bool = False
    everyone: bool = False


class Routed(Frozen):
    """One event and whom it concerns."""

    target: Target
    event: Event


Reaction = Literal["eyes", "+1", "-1", "confused"]


class LiveQuery(Frozen):
    """Which parts of a mission's state at the forge a sweep wants.

    `environment`: also the newest deployments to it, of whatever commit.
    """

    ref: MissionRef
    uid: UUID
    issue: int | None = None
    pulls: tuple[int, ...] = ()
    landed: str | None = None
    environment: str | None = None


class LiveState(Frozen):
    """What a sweep found of one mission; `gone`: the repository cannot be read any more."""

    uid: UUID
    issue_closed: bool = False
    changes: tuple[ChangeState, ...] = ()
    deployments: tuple[DeploymentSeen, ...] = ()
    gone: bool = False


class ReportFound(Frozen):
    """A report that CI left as an artifact, with what the forge itself says of its run."""

    body: bytes
    run_id: int
    run_attempt: int
    workflow: str
    head_sha: str
    head_branch: str


class Forge(Protocol):
    """A forge, in words that fit GitHub and GitLab. Every call may raise `ForgeError`."""

    async def permission(self, ref: MissionRef, login: str) -> Permission: ...
    async def post_comment(self, ref: MissionRef, number: int, body: str) -> str: ...
    async def edit_comment(self, ref: MissionRef, comment: str, body: str) -> None: ...
    async def find_comment(self, ref: MissionRef, number: int, marker: str) -> str | None: ...
    async def open_change(self, ref: MissionRef, draft: ChangeDraft) -> Change: ...
    async def read_change(self, ref: MissionRef, number: int) -> ChangeState: ...
    async def close_change(self, ref: MissionRef, number: int) -> None: ...
    async def publish_check(self, ref: MissionRef, draft: CheckDraft, check: str | None) -> str: ...
    async def find_check(self, ref: MissionRef, sha: str, external_id: str) -> str | None: ...
    async def request_review(
        self, ref: MissionRef, number: int, reviewers: Sequence[str]
    ) -> None: ...
    async def set_labels(
        self, ref: MissionRef, number: int, add: Sequence[str], remove: Sequence[str]
    ) -> None: ...
    async def merge(self, ref: MissionRef, draft: MergeDraft) -> MergeAnswer: ...
    async def file_issue(
        self, ref: MissionRef, title: str, body: str, labels: Sequence[str]
    ) -> Change: ...
    async def find_issue(self, ref: MissionRef, label: str, marker: str) -> Change | None: ...
    async def close_issue(
        self, ref: MissionRef, number: int, reason: Literal["completed", "not_planned"]
    ) -> None: ...
    async def react(self, ref: MissionRef, comment: str, reaction: Reaction) -> None:
        """React to a comment; doing it twice is doing it once."""
        ...

    async def read_live(self, wanted: Sequence[LiveQuery]) -> Sequence[LiveState]:
        """Read up to 50 missions' issues, changes, checks, reviews and deployments in one call."""
        ...

    async def news(self, ref: MissionRef, label: str, since: datetime) -> Sequence[Routed]:
        """List what happened to labelled issues and in comments since a moment, as events."""
        ...

    async def read_report(self, ref: MissionRef, head: str) -> ReportFound | None:
        """Fetch the report artifact of the newest finished run of CI on a commit."""
        ...

    async def redeliver(self, since: datetime) -> int:
        """Ask the forge for its failed webhook deliveries again; return how many."""
        ...

    async def enqueue(self, ref: MissionRef, number: int, head: str) -> None:
        """Put a change into the forge's merge queue, where one is required."""
        ...

    async def git_access(self, ref: MissionRef) -> GitAccess: ...
    async def resolve(self, host: str, repository: str) -> MissionRef:
        """Look up numeric id and installation of `owner/name`."""
        ...

    async def reach(self) -> str:
        """Prove that forge and credentials work; return a sentence of what was found."""
        ...


@dataclass(frozen=True, slots=True)
class CommitOrder:
    """How a commit is to be made: `message` gets the tree, `sign` the raw commit."""

    message: Callable[[str], str]
    sign: Callable[[bytes], bytes]
    at: datetime


class Repositories(Protocol):
    """Code, by git and without a work tree. Every call may raise `ForgeError`."""

    async def tip(self, ref: MissionRef, branch: str) -> BaseRead: ...
    async def tree(self, ref: MissionRef, sha: str) -> str: ...
    async def restored(self, ref: MissionRef, landed: str, now: str) -> bool:
        """Tell whether every path that `landed` changed is at `now` as it was before it."""
        ...

    async def contains(self, ref: MissionRef, head: str, ancestor: str) -> bool: ...
    async def push_patch(
        self, ref: MissionRef, effect: PushPatch, order: CommitOrder
    ) -> BranchPushed | PatchRefused: ...
    async def push_revert(
        self, ref: MissionRef, effect: PushRevert, order: CommitOrder, *, again: bool
    ) -> RevertPushed | RevertRefused: ...
    async def read(self, ref: MissionRef, branch: str, path: str) -> bytes | None:
        """Read a file at a branch's tip at the forge; None where branch or file is missing."""
        ...

    async def publish(
        self, ref: MissionRef, branch: str, files: Mapping[str, bytes], order: CommitOrder
    ) -> None: ...


class MetricSource(Protocol):
    """Where samples come from. A source that is down answers a sample without a value."""

    async def sample_all(
        self, wanted: Mapping[str, MetricDefinition]
    ) -> tuple[MetricObservation, ...]: ...


@dataclass(frozen=True, slots=True)
class Delivery:
    """One thing that came in, as it came: raw bytes, unique by (`origin`, `delivery_id`)."""

    origin: str
    delivery_id: str
    event: str
    body: bytes
    received_at: datetime
    id: int = 0


@dataclass(frozen=True, slots=True)
class Turn:
    """A mission with what waits for it and what surrounds it, read in one transaction."""

    mission: Mission
    facts: Facts
    version: int
    events: tuple[tuple[int, Event], ...]


@dataclass(frozen=True, slots=True)
class Ruling:
    """What one turn decided; stored in one transaction."""

    mission: Mission
    facts: Facts
    notes: tuple[Note, ...]
    effects: tuple[Effect, ...]
    wake_at: datetime | None
    handled: tuple[int, ...]
    verdict: Mapping[str, object] | None


@dataclass(frozen=True, slots=True)
class Job:
    """One effect to carry out. `tries` counts earlier beginnings: above 0 it may have happened.

    `entry` is the newest ledger entry of the decision that asked for it.
    """

    id: int
    mission: Mission
    effect: Effect
    tries: int
    entry: Head
    created_at: datetime


class Store(Protocol):
    """What is remembered. Each method is one transaction."""

    async def accept(self, delivery: Delivery) -> bool:
        """Keep a delivery; False: it was here before."""
        ...

    async def unrouted(self, limit: int) -> Sequence[Delivery]: ...

    async def route(self, delivery: int, routed: Sequence[Routed], note: str, now: datetime) -> int:
        """Give events to missions and mark the delivery; return how many missions got one."""
        ...

    async def due(self, now: datetime, limit: int) -> Sequence[UUID]:
        """Missions with waiting events or a passed deadline, most urgent first."""
        ...

    async def next_wake(self) -> datetime | None:
        """The earliest deadline of a mission or a postponed effect."""
        ...

    async def turn(self, uid: UUID) -> Turn | None: ...

    async def commit(self, turn: Turn, ruling: Ruling, now: datetime) -> bool:
        """Store mission, ledger entries and effects at once; False: somebody was faster."""
        ...

    async def jobs(self, now: datetime, limit: int) -> Sequence[Job]:
        """The oldest open effect of each mission, due and not begun, most urgent mission first."""
        ...

    async def begin(self, job: int) -> None: ...

    async def finish(self, job: int, event: Event | None, now: datetime) -> None:
        """Mark an effect done and hand its outcome to the mission."""
        ...

    async def postpone(self, job: int, due_at: datetime, reason: str) -> None: ...

    async def missions(self, *, live: bool | None = None) -> Sequence[Mission]: ...
    async def find(
        self, name: str
    ) -> tuple[Mission, Facts, Mapping[str, object] | None, datetime] | None: ...
    async def entries(self, log: str, after: int = 0, limit: int = 10_000) -> Sequence[Entry]: ...
    async def lines(self, log: str, after: int = 0, limit: int = 10_000) -> Sequence[bytes]:
        """Return the records behind a number as they are stored, unread."""
        ...

    async def mission_entries(self, log: str, mission: str) -> Sequence[Entry]: ...
    async def head(self, log: str) -> Head | None: ...
    async def logs(self) -> Sequence[str]: ...
    async def set_kill_switch(self, *, on: bool, actor: str, now: datetime) -> None: ...
    async def kill_switch(self) -> bool: ...
    async def close(self) -> None: ...

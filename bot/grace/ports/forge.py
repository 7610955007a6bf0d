"""The forge, in words that fit GitHub and GitLab, and the errors it answers with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal, Protocol
from uuid import UUID

from pydantic import Field

from grace.domain.base import Frozen
from grace.domain.effects import Annotation, Button
from grace.domain.events import (
    Actor,
    CheckSeen,
    DeploymentSeen,
    Event,
    LabelSeen,
    Permission,
    PullSeen,
    ReviewSeen,
)
from grace.domain.mission import MissionRef
from grace.ports.runs import ProposalFound, ProposalQuery


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
    """A pull or merge request to open; `unfinished`: as a draft, where the forge has drafts."""

    head_branch: str
    base_branch: str
    title: str
    body: str
    unfinished: bool = False


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
    buttons: tuple[Button, ...] = ()
    annotations: tuple[Annotation, ...] = ()


class MergeDraft(Frozen):
    """A merge of exactly `head`."""

    number: int
    head: str
    method: Literal["merge", "squash", "rebase"]
    subject: str
    message: str


class MergeAnswer(Frozen):
    """What the forge said to a merge; `sha` when it merged."""

    sha: str | None = None
    status: int = 200
    message: str = ""


class QueuePlace(Frozen):
    """Whether a change stands in a merge queue; `head`: the commit of its group, once made."""

    inside: bool
    head: str | None = None
    base: str | None = None


class ChangeState(Frozen):
    """All that one reconciling read of a change found; `place` None: it was not asked for.

    `checks` are those of its head, and of its group in a merge queue.
    """

    pull: PullSeen
    reviews: tuple[ReviewSeen, ...]
    checks: tuple[CheckSeen, ...]
    place: QueuePlace | None = None


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
    revert suffix), `pull`, `sha`, `issue`; with none of them, or where that one is unknown and
    `everyone` is set, every live mission of the repository. `create` makes the mission when it is
    unknown. An `AlertSeen` is placed by what is known of its fingerprint, `alert`, instead.
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
    event: Annotated[Event, Field(discriminator="kind")]


@dataclass(frozen=True, slots=True)
class Courtesy:
    """A commit of other people's on which our required check has to say that it is no mission.

    Never said on a commit that is a mission's head: anybody can open a pull request of our commit
    from a branch or fork of theirs, and a check counts for the commit, not the branch. `pull`: the
    pull request; of a merge group, the one that its name carries. `again`: somebody asked for the
    check again, so what was said of this commit is due once more; `pull` is not known then.
    """

    ref: MissionRef
    sha: str
    reason: str
    pull: int
    again: bool = False


STOP_LABEL = "grace:stop"


class StopIssue(Frozen):
    """An issue labelled `grace:stop`: open, it stops all that Grace would change in a repository.

    `actor`: who put the label on, or, where it is not `open`, who closed the issue or took the
    label off; None: nobody knows. `at`: when that was.
    """

    ref: MissionRef
    number: int
    open: bool
    actor: Actor | None
    at: datetime


Reaction = Literal["eyes", "+1", "-1", "confused"]


class LiveQuery(Frozen):
    """Which parts of a mission's state at the forge a sweep wants.

    `places`: where its changes stand in a merge queue, for one that put a change there.
    """

    ref: MissionRef
    uid: UUID
    issue: int | None = None
    pulls: tuple[int, ...] = ()
    landed: str | None = None
    environment: str | None = None  # the newest deployments to it, of whatever commit
    places: bool = False


class LabelsRead(Frozen):
    """The labels of one issue or pull request, as they were at a moment.

    `seen`: each label that it has, and the last word about others that it had. What is not in it
    is not there, unless the reading is not `whole`.
    """

    number: int
    seen: tuple[LabelSeen, ...]
    at: datetime
    whole: bool = True


class LiveState(Frozen):
    """What a sweep found of one mission; `gone`: the repository cannot be read any more.

    `repository`: the name that it has now; empty where the forge does not say.
    """

    uid: UUID
    repository: str = ""
    issue_closed: bool = False
    changes: tuple[ChangeState, ...] = ()
    deployments: tuple[DeploymentSeen, ...] = ()
    labels: tuple[LabelsRead, ...] = ()
    gone: bool = False


class ReportQuery(Frozen):
    """Which report is wanted: of a commit, from one of the workflows that may report.

    A pull request's run has to be of our own `pull`, the only one that our `branch` ever had.
    """

    head: str
    branch: str
    pull: int | None
    workflows: tuple[str, ...]


class ReportFound(Frozen):
    """A report that CI left as an artifact, with what the forge itself says of its run.

    `repository` is the name that it has there now.
    """

    body: bytes
    run_id: int
    run_attempt: int
    workflow: str
    head_sha: str
    head_branch: str
    repository: str


class Forge(Protocol):
    """A forge, in words that fit GitHub and GitLab. Every call may raise `ForgeError`."""

    async def permission(self, ref: MissionRef, login: str, user_id: int = 0) -> Permission:
        """Tell what somebody may do.

        `user_id`: whose account it has to be, since a login can be given up and taken by another;
        of another's it is none. 0: whoever has the login.
        """
        ...

    async def in_team(self, ref: MissionRef, team: str, login: str) -> bool:
        """Tell whether somebody is in a team, `organisation/team`; False for one that is not."""
        ...

    async def authors(self, ref: MissionRef, base: str, head: str) -> tuple[tuple[Actor, ...], int]:
        """List who wrote or made the commits between a branch and a commit.

        With how many of these commits have an author or committer whom the forge does not know.
        """
        ...

    async def stop_issues(self, ref: MissionRef, known: Sequence[int] = ()) -> Sequence[StopIssue]:
        """List the open issues that are labelled `grace:stop`, with who labelled them.

        Of the `known` ones that are no more, it tells who lifted them, and when.
        """
        ...

    async def post_comment(self, ref: MissionRef, number: int, body: str) -> str: ...
    async def edit_comment(self, ref: MissionRef, comment: str, body: str) -> None: ...
    async def find_comment(self, ref: MissionRef, number: int, marker: str) -> str | None: ...
    async def open_change(self, ref: MissionRef, draft: ChangeDraft) -> Change: ...
    async def read_change(self, ref: MissionRef, number: int) -> ChangeState: ...
    async def read_checks(self, ref: MissionRef, sha: str) -> tuple[CheckSeen, ...]:
        """Read what CI says of a commit, our own checks left out."""
        ...

    async def close_change(self, ref: MissionRef, number: int) -> None: ...
    async def mark_ready(self, ref: MissionRef, number: int) -> None:
        """Make a draft ready for review; what is no draft stays as it is."""
        ...

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

    async def open_heads(self, ref: MissionRef) -> Sequence[Courtesy]:
        """List the heads of open changes that are not ours."""
        ...

    async def read_report(self, ref: MissionRef, wanted: ReportQuery) -> ReportFound | None:
        """Fetch the report artifact of the newest finished run of CI that may have left it."""
        ...

    async def run_workflow(
        self, ref: MissionRef, workflow: str, branch: str, inputs: Mapping[str, str]
    ) -> None:
        """Start a workflow by hand, as it stands on a branch."""
        ...

    async def read_proposal(self, ref: MissionRef, wanted: ProposalQuery) -> ProposalFound | None:
        """Find an agent's run, and fetch what it left; None: there is no such run."""
        ...

    async def redeliver(self, since: datetime) -> int:
        """Ask the forge for its failed webhook deliveries again; return how many."""
        ...

    async def queue_required(self, ref: MissionRef, branch: str) -> bool:
        """Tell whether a branch takes changes from the forge's merge queue alone."""
        ...

    async def describe_change(self, ref: MissionRef, number: int, title: str, body: str) -> None:
        """Give a change another title and body: a merge queue makes its message from them."""
        ...

    async def enqueue(self, ref: MissionRef, number: int, head: str) -> None:
        """Put a change into the forge's merge queue, where one is required."""
        ...

    async def in_queue(self, ref: MissionRef, number: int) -> bool:
        """Tell whether a change stands in the forge's merge queue."""
        ...

    async def dequeue(self, ref: MissionRef, number: int) -> bool:
        """Take a change out of the forge's merge queue; False: it stood in none."""
        ...

    async def git_access(self, ref: MissionRef) -> GitAccess: ...
    async def resolve(self, host: str, repository: str) -> MissionRef:
        """Look up numeric id and installation of `owner/name`."""
        ...

    async def reach(self) -> str:
        """Prove that forge and credentials work; return a sentence of what was found."""
        ...

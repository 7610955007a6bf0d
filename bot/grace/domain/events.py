"""Everything that can happen to a mission: one closed union.

Events from the forge say what was seen there; events that end in an effect's outcome say what an
effect did. All are facts: applying one twice changes nothing.
"""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, TypeAdapter

from grace.domain.base import Frozen
from grace.domain.commit_events import CheckRequested as CheckRequested
from grace.domain.commit_events import CheckSeen as CheckSeen
from grace.domain.commit_events import DeploymentSeen as DeploymentSeen
from grace.domain.commit_events import ResultsReported as ResultsReported
from grace.domain.governance_events import AttestationsVerified as AttestationsVerified
from grace.domain.governance_events import AttestedArtifact as AttestedArtifact
from grace.domain.governance_events import LabelSeen as LabelSeen
from grace.domain.governance_events import PatchInspected as PatchInspected
from grace.domain.governance_events import TeamRead as TeamRead
from grace.domain.governance_events import TicketClosed as TicketClosed
from grace.domain.package import MissionRequest
from grace.domain.people import Actor as Actor
from grace.domain.people import Permission as Permission
from grace.domain.queue_events import Dequeued as Dequeued
from grace.domain.queue_events import Enqueued as Enqueued
from grace.domain.queue_events import GroupSeen as GroupSeen
from grace.domain.remedy_events import AgentAsked as AgentAsked
from grace.domain.remedy_events import AgentRunEnded as AgentRunEnded
from grace.domain.remedy_events import MemoryRead as MemoryRead
from grace.domain.remedy_events import ProposalAwaited as ProposalAwaited
from grace.domain.remedy_events import ProposalMade as ProposalMade
from grace.domain.remedy_events import RunReported as RunReported
from grace.domain.results import Sha
from grace.domain.revert_events import RevertPushed as RevertPushed
from grace.domain.revert_events import RevertRefused as RevertRefused
from grace.domain.signal_events import AlertSeen as AlertSeen
from grace.domain.signal_events import BaselineRead as BaselineRead
from grace.domain.signal_events import MetricsSampled as MetricsSampled
from grace.domain.signal_events import Recurred as Recurred


class IssueSeen(Frozen):
    """The mission's issue was filed, labelled or edited; `body` is a stranger's text.

    `edited`: the sender wrote it, and did not only label or reopen it.
    """

    kind: Literal["issue_seen"] = "issue_seen"
    number: int
    title: str
    body: str
    author: Actor
    sender: Actor
    state: Literal["open", "closed"] = "open"
    updated_at: AwareDatetime
    edited: bool = False


class IssueClosed(Frozen):
    """Somebody closed the mission's issue."""

    kind: Literal["issue_closed"] = "issue_closed"
    number: int
    sender: Actor


class CommandGiven(Frozen):
    """A slash command in a new comment, or a button that was pressed; `id` is unique at the forge.

    `comment` is what to react to and `number` where to answer; a button has neither, but `sha`,
    the commit whose check it is on. `by`: the token of the API that spoke for the actor.
    """

    kind: Literal["command_given"] = "command_given"
    id: str
    at: AwareDatetime | None = None
    name: str
    argument: str = ""
    actor: Actor
    comment: str = ""
    number: int = 0
    sha: Sha | None = None
    by: str = ""


class PullSeen(Frozen):
    """The state of a pull request as the forge told it."""

    kind: Literal["pull_seen"] = "pull_seen"
    number: int
    head_ref: str
    head_sha: Sha
    base_sha: Sha
    state: Literal["open", "closed"]
    merged: bool = False
    merge_sha: Sha | None = None
    draft: bool = False
    sender: Actor
    at: AwareDatetime


class ReviewState(StrEnum):
    """What a review says."""

    APPROVED = "approved"
    CHANGES_REQUESTED = "changes_requested"
    COMMENTED = "commented"
    DISMISSED = "dismissed"


class ReviewSeen(Frozen):
    """A review of one commit."""

    kind: Literal["review_seen"] = "review_seen"
    id: str
    pull: int
    state: ReviewState
    sha: Sha
    actor: Actor
    at: AwareDatetime


class BasePushed(Frozen):
    """The base branch moved."""

    kind: Literal["base_pushed"] = "base_pushed"
    branch: str
    sha: Sha


class RepositoryGone(Frozen):
    """The repository was deleted, or the bot lost it."""

    kind: Literal["repository_gone"] = "repository_gone"
    reason: str


class RepositoryRenamed(Frozen):
    """The repository has another name; its id is the same."""

    kind: Literal["repository_renamed"] = "repository_renamed"
    repository: str


class MissionRequested(Frozen):
    """Somebody asks for a mission by the API; Grace files its issue. `by`: the token that did."""

    kind: Literal["mission_requested"] = "mission_requested"
    title: str
    request: MissionRequest
    actor: Actor
    at: AwareDatetime
    by: str = ""


class PermissionRead(Frozen):
    """The forge's answer to what `login` may do; `about` is the command, review or filing."""

    kind: Literal["permission_read"] = "permission_read"
    login: str
    about: str
    permission: Permission


class BaseRead(Frozen):
    """The base branch's tip as the repository itself says."""

    kind: Literal["base_read"] = "base_read"
    branch: str
    sha: Sha
    version: str = ""


class TreeRead(Frozen):
    """The tree of a commit, as the repository itself says."""

    kind: Literal["tree_read"] = "tree_read"
    sha: Sha
    tree: Sha


class RefRead(Frozen):
    """The commit that a candidate's branch pointed at when the mission started.

    `authors`: who wrote or made its commits, as the forge knows them; `strangers`: how many of
    these commits have an author or a committer whom the forge does not know.
    """

    kind: Literal["ref_read"] = "ref_read"
    candidate: str
    ref: str
    sha: Sha
    authors: tuple[Actor, ...] = ()
    strangers: int = 0


class BranchPushed(Frozen):
    """The work branch is at the forge. `blobs` is a digest of changed paths, modes and blobs."""

    kind: Literal["branch_pushed"] = "branch_pushed"
    attempt: int
    head: Sha
    base: Sha
    tree: Sha
    paths: tuple[str, ...]
    blobs: str


class PatchRefused(Frozen):
    """The patch does not apply, or is outside the bounds."""

    kind: Literal["patch_refused"] = "patch_refused"
    attempt: int
    reason: str


class PullOpened(Frozen):
    """The pull request exists."""

    kind: Literal["pull_opened"] = "pull_opened"
    purpose: Literal["work", "revert"]
    number: int
    url: str
    head: Sha


class Published(Frozen):
    """A comment or check is at the forge under `id`; `digest` is what it says."""

    kind: Literal["published"] = "published"
    surface: str
    id: str
    digest: str


class Merged(Frozen):
    """A pull request of ours landed. `restored`: of a revert, whether our paths are as before.

    `before_tree`: of a revert, the tree before what it undoes; `differing`: paths not as there.
    """

    kind: Literal["merged"] = "merged"
    purpose: Literal["work", "revert"]
    sha: Sha
    tree: Sha
    at: AwareDatetime
    restored: bool | None = None
    before_tree: Sha | None = None
    differing: tuple[str, ...] = ()


class MergeRefusal(StrEnum):
    """Why the forge did not merge."""

    BASE_MOVED = "base_moved"
    HEAD_MOVED = "head_moved"
    NOT_ALLOWED = "not_allowed"
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"


class MergeRefused(Frozen):
    """The forge did not merge, in its own words."""

    kind: Literal["merge_refused"] = "merge_refused"
    purpose: Literal["work", "revert"]
    refusal: MergeRefusal
    reason: str


class ChangeRead(Frozen):
    """A reconciling read of a pull request: everything that webhooks may have failed to tell."""

    kind: Literal["change_read"] = "change_read"
    pull: PullSeen
    reviews: tuple[ReviewSeen, ...] = ()
    checks: tuple[CheckSeen, ...] = ()


class ContainsRead(Frozen):
    """Whether a deployed commit contains the one that landed, or its revert."""

    kind: Literal["contains_read"] = "contains_read"
    head: Sha
    contains: bool
    of: Literal["landing", "revert"] = "landing"


class IssueFiled(Frozen):
    """Grace filed an issue herself: the mission's own, a CAPA, or the review of an emergency."""

    kind: Literal["issue_filed"] = "issue_filed"
    purpose: Literal["mission", "capa", "review"]
    number: int
    url: str


class EffectDone(Frozen):
    """An effect with nothing else to tell is done."""

    kind: Literal["effect_done"] = "effect_done"
    key: str


class EffectFailed(Frozen):
    """An effect failed for good; `reason` is a sentence for a person."""

    kind: Literal["effect_failed"] = "effect_failed"
    key: str
    effect: str
    reason: str


class Ticked(Frozen):
    """A deadline passed."""

    kind: Literal["ticked"] = "ticked"


Event = (
    IssueSeen
    | IssueClosed
    | CommandGiven
    | PullSeen
    | ReviewSeen
    | CheckSeen
    | BasePushed
    | DeploymentSeen
    | ResultsReported
    | CheckRequested
    | RepositoryGone
    | RepositoryRenamed
    | GroupSeen
    | AlertSeen
    | Recurred
    | MissionRequested
    | PermissionRead
    | BaseRead
    | TreeRead
    | RefRead
    | PatchInspected
    | LabelSeen
    | TeamRead
    | AttestationsVerified
    | TicketClosed
    | Enqueued
    | Dequeued
    | BranchPushed
    | PatchRefused
    | PullOpened
    | Published
    | Merged
    | MergeRefused
    | ChangeRead
    | ContainsRead
    | MetricsSampled
    | BaselineRead
    | MemoryRead
    | AgentAsked
    | AgentRunEnded
    | ProposalMade
    | ProposalAwaited
    | RunReported
    | RevertPushed
    | RevertRefused
    | IssueFiled
    | EffectDone
    | EffectFailed
    | Ticked
)
EVENT: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="kind")])
EVENT_TYPES: tuple[type[Event], ...] = Event.__args__

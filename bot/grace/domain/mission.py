"""The mission as it is stored: what has been decided so far."""

from datetime import datetime
from typing import Literal, Self
from uuid import UUID

from pydantic import AwareDatetime, field_serializer

from grace.domain.alerting.alarm import Alarm
from grace.domain.asked import Agreement, Ask, Offered, PlaybookTry
from grace.domain.base import Frozen
from grace.domain.detection.anomaly import Anomaly
from grace.domain.events import Actor, CommandGiven, TicketClosed
from grace.domain.learning.choice import Choice
from grace.domain.package import MissionContext, MissionRequest, PatchCandidate
from grace.domain.phase import Outcome, Phase, Severity, Status, status_of
from grace.domain.results import Sha
from grace.domain.surroundings import Basis

# Who a patch is by that came with the mission.
CANDIDATE = "candidate"


class MissionRef(Frozen):
    """Where a mission lives: forge host and numeric repository id name it, the rest is handy."""

    host: str
    repository_id: int
    repository: str
    installation_id: int | None = None

    @property
    def log(self) -> str:
        """Name the ledger of this repository."""
        return f"{self.host}/{self.repository_id}"


class FieldError(Frozen):
    """One thing that is wrong with a contract: which field, what, and the way out."""

    field: str
    problem: str


class Attempt(Frozen):
    """One patch that was tried; `failure` None while it is in play or when it won."""

    number: int
    candidate: str
    agent: str
    base: Sha | None = None
    head: Sha | None = None
    tree: Sha | None = None
    paths: tuple[str, ...] = ()
    blobs: str = ""
    pushed_at: AwareDatetime | None = None
    failure: str | None = None


class PullRef(Frozen):
    number: int
    url: str


class Landing(Frozen):
    """A merge of ours: commit, tree and when."""

    sha: Sha
    tree: Sha
    at: AwareDatetime


class Window(Frozen):
    """The observation window; `ends_at` None until it is anchored."""

    anchor: AwareDatetime | None = None
    anchored_to: Literal["deployment", "merge", "run"] | None = None
    ends_at: AwareDatetime | None = None
    extended: bool = False
    extensions: int = 0
    waited_since: AwareDatetime | None = None
    added_minutes: float = 0
    verdict: Literal["pass", "regress", "inconclusive"] | None = None
    judged_at: AwareDatetime | None = None
    reason: str = ""


class Revert(Frozen):
    """The undoing of our landing.

    `before`: the commit that stood before the landing, and its tree. `differing`: what the landed
    revert left other than there. `tips`: those of the base on which it was made anew, because they
    came after it was made. `by_hand`: somebody had undone it already. `waits_for`: a sentence.
    """

    reason: str
    head: Sha | None = None
    base: Sha | None = None
    tree: Sha | None = None
    before: Sha | None = None
    before_tree: Sha | None = None
    pushed_at: AwareDatetime | None = None
    overlapping: tuple[str, ...] = ()
    tips: tuple[Sha, ...] = ()
    restores: bool = False
    restored: bool | None = None
    differing: tuple[str, ...] = ()
    by_hand: bool = False
    waits_for: str = ""
    pull: PullRef | None = None
    landed: Landing | None = None
    queued: bool = False
    blocked: str | None = None
    asked_at: AwareDatetime | None = None


class PendingCommand(Frozen):
    """A command whose commander's permission is being read.

    `body_digest` and `head`: the contract and the head that stood when it was heard.
    """

    given: CommandGiven
    body_digest: str
    head: Sha | None = None


def about_of(given: CommandGiven) -> str:
    """Name what a commander's permission is read about: his commands in one comment share it."""
    return f"command:{given.comment or given.id}:{given.actor.login}"


class Approval(Frozen):
    """An approval that was given by a command, of one head; `actor_id` is 0 where it is unknown.

    `about`: what the permission of who gave it was read about.
    """

    login: str
    actor_id: int = 0
    sha: Sha
    at: AwareDatetime
    about: str


class Emergency(Frozen):
    """The order of a named person to merge a critical mission without what governance may waive.

    It is for one head, as an approval is. `about`: what his permission was read about.
    """

    login: str
    actor_id: int = 0
    reason: str
    sha: Sha
    at: AwareDatetime
    about: str


class Review(Frozen):
    """The review after an emergency: the issue, when it was last asked for, and who ended it."""

    issue: int | None = None
    asked_at: AwareDatetime
    reminders: int = 0
    done_at: AwareDatetime | None = None
    done_by: str | None = None


class Group(Frozen):
    """What the merge queue is about to land; `tree` None until it is read."""

    pull: int
    head: Sha
    base: Sha
    tree: Sha | None = None


class Mission(Frozen):
    """One mission. `requested` holds the keys of all effects asked for so far.

    `pins`: the commit of each candidate that was given by name, as it was at the start.
    `strangers`: when the forge last said that somebody may do nothing here; `greeted`: who of them
    got the polite line. `proposer_ids`: who proposed it by number, which stays when somebody
    takes another login. `basis`: what let it merge. `muted`: who asked for no more comments.
    `tickets`: those that somebody closed or reopened of whom it is not known yet what he may do;
    `ticket_at`: when the newest of each kind that counted happened.
    `strange_authors`: commits of its candidates whose author or committer the forge does not know.
    `kept`: hashes of the evidence that stands in the ledger. `leaving`: the round in which the
    change was asked to be taken out of the merge queue; `ending`: why the mission is cancelled as
    soon as it is out. `anomaly`: what a detector of ours saw, where that is what it came of.
    `self_started_at`: when Grace began it herself; `prepared`: she did so as far as a draft, which
    is wanted or seen at the forge, until a person lets it go on: `released_by`. `ready_wanted`: its
    pull request, asked for as a draft, is to be none as soon as it is seen. `alert`: the
    fingerprint that it was filed for, `alarm`: all alerts that it has. `effective`: False once its
    problem came back, in the mission `recurred`. `asks`: runs of agents, `offered`: patches of
    theirs and of memory's, tried after the contract's own. `recalled`: what memory found, in words,
    and `choice`: which remedies were ranked how. `tries`: playbooks that ran or are to run.
    """

    uid: UUID
    name: str
    ref: MissionRef
    created_at: AwareDatetime
    issue: int | None = None
    alert: str | None = None
    alarm: Alarm | None = None
    anomaly: Anomaly | None = None
    by_api: bool = False
    title: str = ""
    requester: Actor | None = None
    phase: Phase = Phase.FILED
    outcome: Outcome | None = None
    reason: str = ""
    held: str | None = None
    request: MissionRequest | None = None
    proposed: MissionRequest | None = None
    errors: tuple[FieldError, ...] = ()
    hidden: tuple[str, ...] = ()
    body_digest: str = ""
    contract_hash: str | None = None
    started_by: str | None = None
    started_at: AwareDatetime | None = None
    self_started_at: AwareDatetime | None = None
    prepared: Literal["wanted", "draft"] | None = None
    released_by: str | None = None
    ready_wanted: bool = False
    strangers: dict[str, AwareDatetime] = {}
    greeted: tuple[str, ...] = ()
    commands: tuple[PendingCommand, ...] = ()
    approvals: tuple[Approval, ...] = ()
    pins: dict[str, Sha] = {}
    proposer_ids: frozenset[int] = frozenset()
    vetoes: dict[str, str] = {}
    body_at: AwareDatetime | None = None
    revisions: int = 0
    authors: tuple[str, ...] = ()
    context: MissionContext | None = None
    remote_head: Sha | None = None
    base: Sha | None = None
    base_asked_at: AwareDatetime | None = None
    round: int = 0
    asked: int = 0
    candidate: int = 0
    refresh: bool = False
    forge_says: str = ""
    merge_after: AwareDatetime | None = None
    merge_refusals: int = 0
    queued: bool = False
    leaving: int | None = None
    ending: str | None = None
    group: Group | None = None
    attempts: tuple[Attempt, ...] = ()
    recalled: str | None = None
    choice: Choice | None = None
    asks: tuple[Ask, ...] = ()
    offered: tuple[Offered, ...] = ()
    tries: tuple[PlaybookTry, ...] = ()
    agreements: tuple[Agreement, ...] = ()
    pull: PullRef | None = None
    landing: Landing | None = None
    window: Window | None = None
    sampled_at: AwareDatetime | None = None
    revert: Revert | None = None
    capa: int | None = None
    capa_closed_at: AwareDatetime | None = None
    effective: bool | None = None
    recurred: str | None = None
    basis: Basis = "none"
    emergency: Emergency | None = None
    review: Review | None = None
    muted: str | None = None
    tickets: dict[str, TicketClosed] = {}
    ticket_at: dict[str, AwareDatetime] = {}
    strange_authors: int = 0
    requested: frozenset[str] = frozenset()
    verdict_digest: str = ""
    kept: tuple[str, ...] = ()
    published: dict[str, str] = {}
    unpublished: frozenset[str] = frozenset()
    surface_ids: dict[str, str] = {}
    closed_at: AwareDatetime | None = None

    @field_serializer("requested", "proposer_ids", "unpublished", when_used="json")
    def _in_order(self, found: frozenset[str | int]) -> list[str | int]:
        """Write a set in one order, so that the same mission has the same hash."""
        return sorted(found, key=str)

    @property
    def branch(self) -> str:
        return f"grace/{self.name}"

    @property
    def status(self) -> Status:
        return status_of(self.phase, self.outcome)

    @property
    def severity(self) -> Severity:
        """Read the severity; a mission that did not parse counts as low."""
        return self.request.severity if self.request else Severity.LOW

    @property
    def attempt(self) -> Attempt | None:
        """Return the attempt in play, if any."""
        return self.attempts[-1] if self.attempts and self.attempts[-1].failure is None else None

    @property
    def trusted_as(self) -> str:
        """Name whose record the newest patch is judged by.

        A patch that came with the mission is its author's, whom the record follows by number; one
        that several people wrote at is judged by theirs together, of which there is none yet.
        """
        if self.tries and not self.attempts:
            return self.tries[-1].record
        agent = self.attempts[-1].agent if self.attempts else CANDIDATE
        if agent != CANDIDATE or self.requester is None:
            return agent
        known = f"#{self.requester.id}" if self.requester.id else ""
        others = sorted({a.lower() for a in self.authors} - {self.requester.login.lower()})
        return "+".join([f"{agent}:{self.requester.login.lower()}{known}", *others])

    @property
    def candidates(self) -> tuple[PatchCandidate, ...]:
        """List the patches that may be tried: the contract's own, then those that were offered."""
        own = self.request.workspace.patch_candidates if self.request is not None else ()
        return (*own, *(o.candidate for o in self.offered))

    @property
    def trying(self) -> PlaybookTry | None:
        """Return the playbook in play, if any."""
        return self.tries[-1] if self.tries and self.tries[-1].failure is None else None

    @property
    def live(self) -> bool:
        return self.phase is not Phase.CLOSED

    def with_(self, **changes: object) -> Self:
        """Copy with changes, validated by the type checker's eyes only where it can see."""
        return self.model_copy(update=changes)

    def with_attempt(self, **changes: object) -> Self:
        """Copy with changes to the newest attempt."""
        last = self.attempts[-1].model_copy(update=changes)
        return self.with_(attempts=(*self.attempts[:-1], last))

    def urgency(self) -> tuple[int, datetime, str]:
        """Order missions: critical first, then oldest, then by name."""
        return (self.severity.rank, self.created_at, self.name)

"""What API, page and live events need: lists, the feed of signed entries, claims, rights."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol
from uuid import UUID

from pydantic import AwareDatetime

from grace.domain.access import Principal, Reach, Scope
from grace.domain.base import Frozen
from grace.domain.capa import Capa, CapaRequest, CapaState
from grace.domain.events import Permission
from grace.domain.health import Health
from grace.domain.lease import Lease
from grace.domain.mission import MissionRef
from grace.domain.phase import Outcome, Phase, Severity, Status
from grace.ports.store import Store


class BadCursor(ValueError):
    """A cursor that no answer of ours gave."""


class NothingToClaim(LookupError):
    """A claim on a mission that is not there, or that is closed (`closed`)."""

    def __init__(self, mission: str, *, closed: bool) -> None:
        super().__init__(f"mission {mission} is {'closed' if closed else 'not there'}")
        self.mission = mission
        self.closed = closed


class MissionFilter(Frozen):
    """Which missions are wanted. `logs` None: of every repository. Empty fields do not filter.

    `text`: words of which each is in the name or the title, whatever the case.
    """

    logs: frozenset[str] | None
    status: Status | None = None
    phase: Phase | None = None
    outcome: Outcome | None = None
    severity: Severity | None = None
    subsystem: str | None = None
    live: bool | None = None
    text: str = ""


class MissionRow(Frozen):
    """What lists show of a mission; read from columns, no document is parsed for it.

    `waits_for`: the sentence that answers why it is not merged; empty when nothing was judged yet.
    `claimed_by`: the agent whose lease is in force at the time that was asked about.
    """

    mission_id: str
    log: str
    repository: str
    subsystem: str
    title: str
    severity: Severity
    phase: Phase
    status: Status
    held: bool
    outcome: Outcome | None
    waits_for: str
    issue: int | None
    pull: int | None
    claimed_by: str | None
    created_at: AwareDatetime
    changed_at: AwareDatetime
    closed_at: AwareDatetime | None


@dataclass(frozen=True, slots=True)
class MissionPage:
    """Some rows, and the cursor to those behind them; None: there are none."""

    rows: Sequence[MissionRow]
    following: str | None


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """One ledger entry in the one order in which all logs' entries were written here.

    `position` counts up without a gap being ever filled later; `line` is the stored record.
    """

    position: int
    log: str
    seq: int
    time: str
    mission: str | None
    kind: str
    line: bytes


@dataclass(frozen=True, slots=True)
class FeedFilter:
    """Which entries are wanted; `logs` None: of every log, the bot's own among them."""

    logs: frozenset[str] | None = None
    patterns: tuple[str, ...] = ("*",)
    mission: str | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """What was answered to a request with an `Idempotency-Key`; `digest` is of what it asked."""

    digest: str
    status: int
    body: bytes


class HubStore(Store, Protocol):
    """The store, with what people ask of it. Each method is one transaction."""

    async def mission_page(
        self,
        wanted: MissionFilter,
        order: Literal["newest", "urgency"],
        now: datetime,
        *,
        after: str | None = None,
        limit: int = 50,
    ) -> MissionPage:
        """List missions, newest first or most urgent first; `BadCursor` for a foreign `after`."""
        ...

    async def mission_row(self, name: str, now: datetime) -> MissionRow | None: ...
    async def mission_counts(
        self, logs: frozenset[str] | None
    ) -> Mapping[tuple[Phase, Outcome | None], int]:
        """Count missions by phase and outcome."""
        ...

    async def begun_since(self, log: str, since: datetime) -> int:
        """Count the missions of a repository that began after a moment."""
        ...

    async def same_fingerprint(self, log: str, fingerprint: str, since: datetime) -> Sequence[str]:
        """Name the missions of one problem that began after a moment, oldest first."""
        ...

    async def feed(self, after: int, limit: int = 500) -> Sequence[FeedEntry]:
        """Return the entries of all logs behind a position, in their order."""
        ...

    async def feed_back(
        self, wanted: FeedFilter, *, before: int | None = None, limit: int = 50
    ) -> Sequence[FeedEntry]:
        """Return the newest entries in front of a position, newest first."""
        ...

    async def feed_end(self) -> int:
        """Return the newest position; 0 while there is no entry."""
        ...

    async def lease(self, mission: str) -> Lease | None:
        """Return the newest claim on a mission, be it over or not."""
        ...

    async def claim(self, lease: Lease, now: datetime) -> Lease:
        """Take or renew a claim, unless another one's is in force; return the one in force.

        Another one is another `agent_id` too: agents that share a token do not take each other's
        work. A new one writes `elite.claimed` to the log of the mission's repository, with the
        mission; a renewal keeps `since` and writes nothing. Errors: `NothingToClaim`.
        """
        ...

    async def release(self, mission: str, holder: str, now: datetime) -> bool:
        """Give a claim back; False: the holder had none. Writes `elite.released`."""
        ...

    async def answered(self, caller: str, key: str, now: datetime) -> Answered | None:
        """Return what a caller was answered under an `Idempotency-Key` within the last day."""
        ...

    async def remember_answer(self, caller: str, key: str, answer: Answered, now: datetime) -> None:
        """Keep an answer for a day, unless one is kept already."""
        ...

    async def backlog(self, now: datetime) -> Mapping[str, int]:
        """Count what waits: `inbox`, `events`, `outbox`, `postponed`, `overdue` (deadlines).

        `postponed`: effects of the outbox that are due later. `overdue`: missions whose deadline
        has passed.
        """
        ...


@dataclass(frozen=True, slots=True)
class Token:
    """A token as it is stored; the secret itself is known to nobody but its owner.

    `hint`: its last four characters. `ended`: revoked then. `targets`: of a runner's.
    """

    id: str
    name: str
    hint: str
    scopes: frozenset[Scope]
    login: str | None
    user_id: int
    logs: frozenset[str] | None
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None = None
    ended: datetime | None = None
    targets: frozenset[str] = frozenset()


class Rights(Protocol):
    """What the forge lets people do, remembered for a short while."""

    async def reach(self, principal: Principal) -> Reach:
        """Tell which repositories exist for somebody; `ForgeError` when nobody can tell now."""
        ...

    async def permission(self, ref: MissionRef, login: str, user_id: int = 0) -> Permission:
        """Tell what somebody may do; `user_id`: whose account it has to be, 0: anybody's."""
        ...


class HealthBoard(Protocol):
    """The newest findings of the probes."""

    def health(self) -> Sequence[Health]: ...


class CapaRegister(Protocol):
    """The register of CAPAs. `actor` is who asks, as the ledger names it."""

    async def open(
        self, request: CapaRequest, ref: MissionRef, actor: str, uid: UUID | None = None
    ) -> Capa:
        """Open a CAPA; the same `uid` again opens none, and returns what it opened."""
        ...

    async def change(self, capa_id: str, changes: Mapping[str, object], actor: str) -> Capa | None:
        """Change fields of a `CapaRequest`, or close it (`state`: closed); None: there is none."""
        ...

    async def get(self, capa_id: str) -> Capa | None: ...
    async def page(
        self,
        logs: frozenset[str] | None,
        *,
        state: CapaState | None = None,
        overdue: bool | None = None,
        after: str | None = None,
        limit: int = 50,
    ) -> tuple[Sequence[Capa], str | None]:
        """List CAPAs, newest first, and the cursor to those behind them."""
        ...


Subscriber = Callable[[Sequence[FeedEntry]], Awaitable[None]]


class Mesh(Protocol):
    """The trigger mesh: the bus of signed entries inside the process."""

    def subscribe(
        self,
        name: str,
        patterns: Sequence[str],
        subscriber: Subscriber,
        after: int | None = None,
    ) -> None:
        """Hand entries to a subscriber, in order, from behind a position; None: from now on."""
        ...

"""What is remembered: deliveries, missions, effects, the ledger, brakes."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol
from uuid import UUID

from grace.domain.alerting.rules import Alerting
from grace.domain.decision import Note
from grace.domain.effects import Effect
from grace.domain.events import Event
from grace.domain.facts import Facts
from grace.domain.ledger import Entry, Head
from grace.domain.memory.places import Visibility
from grace.domain.mission import Mission, MissionRef
from grace.domain.surroundings import OutcomeFact, Stop
from grace.ports.forge import Courtesy, Routed, StopIssue

# What stops everything: the operator's switch, and the stop file.
GlobalStop = Literal["operator", "file"]


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
class CourtesyJob:
    """A courtesy that is due; `tries` counts earlier beginnings."""

    id: int
    courtesy: Courtesy
    tries: int


@dataclass(frozen=True, slots=True)
class Translated:
    """What a delivery says: events for missions, courtesies to others, and a note for operators.

    `stops`: issues that stop Grace in a repository, or that do so no more. `new_an_hour`: how
    many missions a repository may begin within an hour; a stranger can file issues as fast as a
    program. `alerting`: how the alerts among the events become missions. `seen`: repositories of
    which it says whether they are private.
    """

    routed: Sequence[Routed]
    note: str
    courtesies: Sequence[Courtesy] = ()
    new_an_hour: int = 60
    stops: Sequence[StopIssue] = ()
    alerting: Alerting = field(default_factory=Alerting)
    seen: Sequence[Visibility] = ()


@dataclass(frozen=True, slots=True)
class Turn:
    """A mission with what waits for it and what surrounds it, read in one transaction.

    `outcome`: the number of the newest ledger entry that `facts.history` is made of; 0: of none.
    """

    mission: Mission
    facts: Facts
    version: int
    events: tuple[tuple[int, Event], ...]
    outcome: int = 0


@dataclass(frozen=True, slots=True)
class Ruling:
    """What one turn decided; stored in one transaction.

    `policy`: hash and document of the rules that it was decided by. Where the newest
    `policy.in_force` entry of the log has another hash, one with these is written in front of
    `notes`.
    """

    mission: Mission
    facts: Facts
    notes: tuple[Note, ...]
    effects: tuple[Effect, ...]
    wake_at: datetime | None
    handled: tuple[int, ...]
    verdict: Mapping[str, object] | None
    policy: tuple[str, Mapping[str, object]] | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """What an entry of our own ledger says; its signature and chain were not looked at.

    `payload` None: it was redacted.
    """

    log: str
    seq: int
    time: datetime
    mission: str | None
    kind: str
    actor: str
    payload: Mapping[str, Any] | None


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

    async def route(self, delivery: int, said: Translated, now: datetime) -> int:
        """Give events to missions and mark the delivery; return how many missions got one."""
        ...

    async def courtesies(self, now: datetime, limit: int) -> Sequence[CourtesyJob]:
        """Take courtesies that are due; those on a mission's commit are dropped.

        While a mission of the repository is pushing, its commits are not known yet: they wait.
        What was taken and not ended is due again some minutes later.
        """
        ...

    async def end_courtesy(self, job: int, due_at: datetime | None) -> None:
        """Mark a courtesy done, or put it off until `due_at`."""
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
    def entries_of_kind(
        self, log: str, kinds: Sequence[str], since: datetime | None = None
    ) -> AsyncIterator[Recorded]:
        """Stream the entries of these kinds in their order, a page in memory at a time."""
        ...

    async def outcomes(
        self,
        subsystem: str | None = None,
        agent: str | None = None,
        log: str | None = None,
        newest: int | None = None,
    ) -> Sequence[OutcomeFact]:
        """Return how missions ended, oldest first: the fold of the ledger that trust is made of.

        `log`: in this repository alone. `newest`: so many at most, those that ended last.
        """
        ...

    async def record(self, note: Note, now: datetime, *, ref: MissionRef | None = None) -> None:
        """Append an entry that is of no mission to a repository's log, which is opened for it.

        Without `ref`: to the bot's own log, `bot`, and to every log there is.
        """
        ...

    async def set_kill_switch(
        self,
        *,
        on: bool,
        actor: str,
        now: datetime,
        reason: str = "",
        kind: GlobalStop = "operator",
    ) -> bool:
        """Turn a switch that stops everything; False: it stood so already, and nothing was done.

        `kind` "file" is the switch that mirrors whether the stop file is there. A change writes
        `brake.on` or `brake.off` to every log (payload `kind`, `reason`), and every live mission
        looks again.
        """
        ...

    async def kill_switch(self) -> bool:
        """Tell whether a switch that stops everything is on; stop issues are not asked about."""
        ...

    async def stops(self, ref: MissionRef) -> tuple[Stop, ...]:
        """Return all that stops Grace in a repository: switches, and stop issues in force."""
        ...

    async def hear_stops(self, said: Sequence[StopIssue], now: datetime) -> None:
        """Take words about stop issues, as `route` does with those of a delivery.

        A word is one `StopIssue`: by `actor`, at `at`, that the issue stops (`open`: it was
        labelled, opened again, or is seen open and labelled; `at` is then when that was done) or
        stops no more (closed, label taken off, deleted, transferred). The order in which words
        come does not matter, and one that is known changes nothing. A word to stop is in force
        at once, until `verify_stop` refuses it. A word to lift is in force when `verify_stop`
        allows it, and then ends all words to stop that are older. So who may not write neither
        lifts a stop nor, by putting the label on again, takes the place of who may.

        Where this changes whether the issue stops, `brake.on` or `brake.off` is written to the
        log of the repository (payload `kind` "issue", `number`, `reason`) and its live missions
        look again.
        """
        ...

    async def stops_to_verify(self, limit: int) -> Sequence[StopIssue]:
        """Return words of known actors whose permission was not read, least recently tried first.

        Of words that are no news any more, because a newer one was allowed, none is returned.
        """
        ...

    async def verify_stop(self, stop: StopIssue, *, allowed: bool | None, now: datetime) -> None:
        """Say whether who spoke a word may: his permission was read as write or more.

        None: it could not be read now; the word stays what it is and is tried after the others.
        False writes `brake.refused` (payload `kind` "issue", `number`, `wish` "stop" or "lift",
        `reason`) to the log of the repository.
        """
        ...

    async def standing_stops(self, ref: MissionRef) -> Sequence[StopIssue]:
        """Return the newest word to stop of each issue in force, to compare with the forge."""
        ...

    async def close(self) -> None: ...

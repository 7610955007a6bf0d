"""What is remembered: deliveries, missions, effects, the ledger."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from grace.domain.decision import Note
from grace.domain.effects import Effect
from grace.domain.events import (
    Event,
)
from grace.domain.facts import Facts
from grace.domain.ledger import Entry, Head
from grace.domain.mission import Mission
from grace.ports.forge import Courtesy, Routed, StopIssue


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
    program.
    """

    routed: Sequence[Routed]
    note: str
    courtesies: Sequence[Courtesy] = ()
    new_an_hour: int = 60
    stops: Sequence[StopIssue] = ()


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
    async def set_kill_switch(self, *, on: bool, actor: str, now: datetime) -> None: ...
    async def kill_switch(self) -> bool: ...
    async def close(self) -> None: ...

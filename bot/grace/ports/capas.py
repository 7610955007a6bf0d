"""What the register of CAPAs needs to remember."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from grace.domain.capa import CapaState
from grace.domain.capa_record import CapaEffect, CapaMove, CapaRecord, CapaWord
from grace.domain.facts import Facts
from grace.domain.mission import Mission
from grace.ports.store import Delivery

# A move is decided inside of the transaction that stores it; None: nothing changes.
Moving = Callable[[CapaRecord], CapaMove | None]


@dataclass(frozen=True, slots=True)
class CapaFilter:
    """Which CAPAs are wanted; `logs` None: of every repository. Overdue is judged at `now`."""

    logs: frozenset[str] | None
    now: datetime
    state: CapaState | None = None
    overdue: bool | None = None


@dataclass(frozen=True, slots=True)
class CapaJob:
    """One thing to do at the forge; `tries` counts earlier beginnings, after which it may stand."""

    id: int
    record: CapaRecord
    effect: CapaEffect
    tries: int


class CapaStore(Protocol):
    """What is remembered of CAPAs. Each method is one transaction, ledger entries included."""

    async def open_capa(
        self, opening: Callable[[str, UUID], CapaMove], now: datetime, uid: UUID | None = None
    ) -> CapaRecord:
        """Give a new CAPA its id, and its `uid` where it has none, and store what is made of them.

        One with this `uid` that is there already is returned as it is.
        """
        ...

    async def move_capa(self, capa_id: str, moving: Moving, now: datetime) -> CapaRecord | None:
        """Store what is made of a CAPA, and return how it stands; None: there is none."""
        ...

    async def capa(self, capa_id: str) -> CapaRecord | None: ...
    async def capa_page(
        self, wanted: CapaFilter, *, after: str | None = None, limit: int = 50
    ) -> tuple[Sequence[CapaRecord], str | None]:
        """List CAPAs, newest first, with the cursor to those behind; `BadCursor`: a foreign one."""
        ...

    async def capas_due(self, now: datetime, limit: int) -> Sequence[CapaRecord]:
        """Return CAPAs whose reminder or check is due, longest due first."""
        ...

    async def capa_words(self, limit: int) -> Sequence[tuple[int, CapaWord, CapaRecord]]:
        """Return closings and openings by people whose permission was not read, oldest first."""
        ...

    async def end_capa_word(self, word: int, moving: Moving, now: datetime) -> None:
        """Take a word, whatever is made of it."""
        ...

    async def capa_jobs(self, now: datetime, limit: int) -> Sequence[CapaJob]:
        """Return the oldest open effect of each CAPA that is due."""
        ...

    async def begin_capa_job(self, job: int) -> None: ...
    async def end_capa_job(self, job: int, moving: Moving | None, now: datetime) -> None:
        """Mark an effect done, and store what it makes of the CAPA."""
        ...

    async def put_off_capa_job(self, job: int, due_at: datetime | None, reason: str) -> None:
        """Let an effect wait until `due_at`; None: it failed for good."""
        ...

    async def same_fingerprint(
        self, log: str, fingerprint: str, since: datetime
    ) -> Sequence[str]: ...
    async def find(
        self, name: str
    ) -> tuple[Mission, Facts, Mapping[str, object] | None, datetime] | None: ...
    async def accept(self, delivery: Delivery) -> bool: ...

"""The part of the store that is `grace.ports.capas.CapaStore`."""

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar
from uuid import UUID, uuid4

from grace.adapters.sqlite import capa_rows
from grace.adapters.sqlite.ledger_rows import Pen
from grace.domain.capa_record import CapaMove, CapaRecord, CapaWord
from grace.ports.capas import CapaFilter, CapaJob, Moving

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]


class CapaTables(ABC):
    """What is remembered of CAPAs; a move and its ledger entries are one transaction."""

    _pen: Pen

    @abstractmethod
    async def _read(self, work: Work[T]) -> T: ...
    @abstractmethod
    async def _write(self, work: Work[T]) -> T: ...

    async def open_capa(
        self, opening: Callable[[str, UUID], CapaMove], now: datetime, uid: UUID | None = None
    ) -> CapaRecord:
        """Give a new CAPA its id, and its `uid` where it has none, and store what is made of them.

        One with this `uid` that is there already is returned as it is.
        """
        own = uid or uuid4()
        return await self._write(lambda c: capa_rows.open_new(c, opening, own, now, self._pen))

    async def move_capa(self, capa_id: str, moving: Moving, now: datetime) -> CapaRecord | None:
        """Store what is made of a CAPA, and return how it stands; None: there is none."""
        return await self._write(lambda c: capa_rows.move(c, capa_id, moving, now, self._pen))

    async def capa(self, capa_id: str) -> CapaRecord | None:
        """Return a CAPA."""
        return await self._read(lambda c: capa_rows.read(c, capa_id))

    async def capa_page(
        self, wanted: CapaFilter, *, after: str | None = None, limit: int = 50
    ) -> tuple[Sequence[CapaRecord], str | None]:
        """List CAPAs, newest first, with the cursor to those behind; `BadCursor`: a foreign one."""
        return await self._read(lambda c: capa_rows.page(c, wanted, after, limit))

    async def capas_due(self, now: datetime, limit: int) -> Sequence[CapaRecord]:
        """Return CAPAs whose reminder or check is due, longest due first."""
        return await self._read(lambda c: capa_rows.due(c, now, limit))

    async def capa_words(self, limit: int) -> Sequence[tuple[int, CapaWord, CapaRecord]]:
        """Return closings and openings by people whose permission was not read, oldest first."""
        return await self._read(lambda c: capa_rows.words(c, limit))

    async def end_capa_word(self, word: int, moving: Moving, now: datetime) -> None:
        """Take a word, whatever is made of it."""
        await self._write(lambda c: capa_rows.end_word(c, word, moving, now, self._pen))

    async def capa_jobs(self, now: datetime, limit: int) -> Sequence[CapaJob]:
        """Return the oldest open effect of each CAPA that is due."""
        return await self._read(lambda c: capa_rows.jobs(c, now, limit))

    async def begin_capa_job(self, job: int) -> None:
        """Note that an effect begins now: from here on it may have happened."""
        await self._write(lambda c: capa_rows.begin_job(c, job))

    async def end_capa_job(self, job: int, moving: Moving | None, now: datetime) -> None:
        """Mark an effect done, and store what it makes of the CAPA."""
        await self._write(lambda c: capa_rows.end_job(c, job, moving, now, self._pen))

    async def put_off_capa_job(self, job: int, due_at: datetime | None, reason: str) -> None:
        """Let an effect wait until `due_at`; None: it failed for good."""
        await self._write(lambda c: capa_rows.put_off_job(c, job, due_at, reason))

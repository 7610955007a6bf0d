"""The part of the store that probes ask: can it be written, and does memory equal the ledger."""

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

from grace.adapters.sqlite import ledger_rows, outcome_rows, recorded
from grace.adapters.sqlite.ledger_rows import Pen
from grace.adapters.sqlite.values import micros, moment
from grace.domain.decision import Note
from grace.ports.probing import FoldSlice

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]


class ProbedTables(ABC):
    """What probes ask of the store and write there (`grace.ports.probing.ProbedStore`)."""

    _pen: Pen

    @abstractmethod
    async def _read(self, work: Work[T]) -> T: ...
    @abstractmethod
    async def _write(self, work: Work[T]) -> T: ...

    async def record_own(self, note: Note, now: datetime) -> None:
        """Append an entry to the bot's own log, and to no other."""
        await self._write(lambda c: ledger_rows.record_own(c, note, now, self._pen))

    async def beat(self, now: datetime) -> None:
        """Write the time, to find out whether anything can be written."""
        await self._write(lambda c: _beat(c, now))

    async def pulse(self) -> datetime | None:
        """Read the time that was written last."""
        return await self._read(_pulse)

    async def compare_outcomes(self, log: str, after: int, limit: int) -> FoldSlice:
        """Compare the fold of outcomes with some of the ledger's entries behind a number."""
        return await self._read(lambda c: _compare(c, log, after, limit))

    async def agents(self) -> Sequence[str]:
        """Name the agents that have a record."""
        return await self._read(_agents)

    async def healing_on_hold(self) -> Sequence[tuple[str, str]]:
        """Name the healing missions that are held for a person, each with its log."""
        return await self._read(_healing_on_hold)


def _beat(connection: sqlite3.Connection, now: datetime) -> None:
    connection.execute(
        "INSERT INTO pulse (id, at) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET at = excluded.at",
        (micros(now),),
    )


def _pulse(connection: sqlite3.Connection) -> datetime | None:
    row = connection.execute("SELECT at FROM pulse WHERE id = 1").fetchone()
    return None if row is None else moment(row["at"])


def _compare(connection: sqlite3.Connection, log: str, after: int, limit: int) -> FoldSlice:
    rows = connection.execute(
        "SELECT * FROM ledger INDEXED BY ledger_kind"
        " WHERE log = ? AND kind IN (?, ?) AND seq > ? ORDER BY seq LIMIT ?",
        (log, *outcome_rows.KINDS, after, limit),
    ).fetchall()
    last = rows[-1]["seq"] if rows else after
    upto = last if len(rows) == limit else None
    folded = outcome_rows.between(connection, log, after, upto)
    told = {row["seq"]: outcome_rows.fact_of(recorded.of_row(row)) for row in rows}
    amiss = [seq for seq in sorted({*told, *folded}) if told.get(seq) != folded.get(seq)]
    return FoldSlice(last=last, checked=len(rows), amiss=tuple(amiss))


def _agents(connection: sqlite3.Connection) -> list[str]:
    rows = connection.execute("SELECT DISTINCT agent FROM outcomes ORDER BY agent")
    return [row["agent"] for row in rows]


def _healing_on_hold(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    rows = connection.execute(
        "SELECT l.name, l.log FROM mission_list AS l JOIN missions AS m ON m.uid = l.uid"
        " WHERE l.phase <> 'closed' AND l.held"
        " AND json_extract(m.mission, '$.request.mission_type') = 'healing'"
        " ORDER BY l.severity, l.created_at, l.name LIMIT 50"
    )
    return [(row["name"], row["log"]) for row in rows]

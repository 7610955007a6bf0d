"""Reading the store: connections that cannot write, a thread each, one snapshot a question.

The process that holds the store reads with it, and so may another process beside it: WAL lets
readers see the newest commit without waiting for the writer.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Self, TypeVar

from grace.adapters.sqlite import (
    brakes,
    ledger_rows,
    mission_rows,
    outcome_rows,
    recorded,
    stop_rows,
    switch_rows,
)
from grace.adapters.sqlite.desk import Desk
from grace.adapters.sqlite.errors import StoreUnreadable
from grace.adapters.sqlite.memory_store import MemoryReads
from grace.adapters.sqlite.schema import connect, require_current
from grace.adapters.sqlite.values import facts_of, mission_of, moment, verdict_of
from grace.domain.facts import Facts
from grace.domain.ledger import Entry, Head, parse_line
from grace.domain.mission import Mission, MissionRef
from grace.domain.surroundings import OutcomeFact, Stop
from grace.ports import Recorded, StopIssue

T = TypeVar("T")


class StoreReader(MemoryReads):
    """All of the store that can be asked without changing it.

    `page`: how many entries of a log are read at once where they are streamed.
    """

    page = 2000

    def __init__(self, *connections: sqlite3.Connection) -> None:
        self._desk = Desk(*connections)

    @classmethod
    async def look(cls, path: Path) -> Self:
        """Open a store for reading beside the process that holds it; StoreError if it cannot be."""
        return await asyncio.to_thread(cls._look, path)

    @classmethod
    def _look(cls, path: Path) -> Self:
        if not path.is_file():
            raise StoreUnreadable(f"{path} is not there: name the file of an existing store")
        connection = connect(path)
        try:
            require_current(connection, path)
        except BaseException:
            connection.close()
            raise
        return cls(connection)

    async def missions(self, *, live: bool | None = None) -> Sequence[Mission]:
        """Return missions, most urgent first."""
        return await self._read(lambda c: mission_rows.select(c, live=live))

    async def find(
        self, name: str
    ) -> tuple[Mission, Facts, Mapping[str, object] | None, datetime] | None:
        """Return a mission by name, with facts, verdict, and when it was last decided on."""

        def work(
            connection: sqlite3.Connection,
        ) -> tuple[Mission, Facts, Mapping[str, object] | None, datetime] | None:
            row = connection.execute("SELECT * FROM missions WHERE name = ?", (name,)).fetchone()
            if row is None:
                return None
            verdict = verdict_of(row["verdict"])
            return mission_of(row), facts_of(row), verdict, moment(row["decided_at"])

        return await self._read(work)

    async def entries(self, log: str, after: int = 0, limit: int = 10_000) -> Sequence[Entry]:
        """Return the entries behind number `after`; LedgerError where one cannot be read."""
        return await self._read(
            lambda c: [parse_line(line) for line in ledger_rows.lines_of(c, log, after, limit)]
        )

    async def lines(self, log: str, after: int = 0, limit: int = 10_000) -> Sequence[bytes]:
        """Return the records behind number `after` as they are stored, for an audit."""
        return await self._read(lambda c: ledger_rows.lines_of(c, log, after, limit))

    async def mission_entries(self, log: str, mission: str) -> Sequence[Entry]:
        """Return the entries of one mission, by its name."""
        return await self._read(lambda c: ledger_rows.entries_of_mission(c, log, mission))

    async def head(self, log: str) -> Head | None:
        """Return where a log ends."""
        return await self._read(lambda c: ledger_rows.head_of(c, log))

    async def logs(self) -> Sequence[str]:
        """Return the names of all logs."""
        return await self._read(ledger_rows.log_names)

    async def entries_of_kind(
        self, log: str, kinds: Sequence[str], since: datetime | None = None
    ) -> AsyncIterator[Recorded]:
        """Stream the entries of these kinds in their order, a page in memory at a time."""
        after, last = await self._read(lambda c: recorded.bounds(c, log, since))
        for start in range(after + 1, last + 1, self.page):
            numbers = (start, start + self.page - 1)
            read = partial(recorded.read_page, log=log, kinds=kinds, numbers=numbers)
            for said in await self._read(read):
                yield said

    async def outcomes(
        self,
        subsystem: str | None = None,
        agent: str | None = None,
        log: str | None = None,
        newest: int | None = None,
    ) -> Sequence[OutcomeFact]:
        """Return how missions ended, oldest first; `log`: in this repository alone."""
        return await self._read(lambda c: outcome_rows.select(c, subsystem, agent, log, newest))

    async def subsystems(self) -> Sequence[str]:
        """Return the subsystems in which missions ended, by name."""
        return await self._read(outcome_rows.subsystems)

    async def kill_switch(self) -> bool:
        """Tell whether a switch that stops everything is on."""
        return await self._read(lambda c: bool(switch_rows.switches_on(c)))

    async def stops(self, ref: MissionRef) -> tuple[Stop, ...]:
        """Return all that stops Grace in a repository."""
        return await self._read(lambda c: brakes.stops(c, (ref.host, ref.repository_id)))

    async def standing_stops(self, ref: MissionRef) -> Sequence[StopIssue]:
        """Return the newest word to stop of each issue in force."""
        return await self._read(lambda c: stop_rows.standing(c, (ref.host, ref.repository_id)))

    async def stops_to_verify(self, limit: int) -> Sequence[StopIssue]:
        """Return words whose actor's permission was not read, least recently tried first."""
        return await self._read(lambda c: stop_rows.to_verify(c, limit))

    async def close(self) -> None:
        """Stop the threads and close the connections; a second time does nothing."""
        await self._desk.close()

    async def _read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return await self._desk.read(work)

"""Samples in one SQLite file of their own: one thread writes, one reads (a `SampleStore`)."""

import asyncio
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self, TypeVar

from grace.adapters.samples import folding, journal, reading
from grace.adapters.samples.schema import connect, open_file
from grace.domain.package import MetricObservation
from grace.domain.samples import Sample
from grace.ports import Clock, SampleFigures

T = TypeVar("T")
_FOLD_AT: Final = 120
Connections = tuple[sqlite3.Connection, sqlite3.Connection]


@dataclass(frozen=True, slots=True)
class Keeping:
    """How much is kept: `days`, and `most` bytes. So many rounds are folded into chunks."""

    days: float = 14
    most: int = 512 * 2**20
    fold_at: int = _FOLD_AT


class SqliteSamples:
    """Keep samples by metric and time.

    A round is one row of a journal, so that 10,000 metrics do not touch 10,000 places of the file;
    now and then the journal is folded into a chunk for each metric. What is kept survives a
    process that is killed; what a machine without power loses are its last seconds.
    Errors: sqlite3.Error from the disk.
    """

    def __init__(self, connections: Connections, clock: Clock, keeping: Keeping) -> None:
        self._writing, self._reading = connections
        self._writer = ThreadPoolExecutor(1, "samples-writer")
        self._reader = ThreadPoolExecutor(1, "samples-reader")
        self._clock = clock
        self._keeping = keeping
        self._names, self._shapes = journal.Names(), journal.Shapes()
        self._view = reading.View(journal.Names(), journal.Shapes())
        self._failure: str | None = None
        self._closed = False

    @classmethod
    async def open(cls, path: Path, clock: Clock, keeping: Keeping | None = None) -> Self:
        """Open the file; one that is broken is put aside, and a new one begun."""

        def both() -> Connections:
            return open_file(path, clock.now()), connect(path)

        return cls(await asyncio.to_thread(both), clock, keeping or Keeping())

    async def keep(self, observations: Sequence[MetricObservation]) -> None:
        """Keep one round in one transaction."""
        if observations:
            await self._write(lambda c: self._append(c, observations))

    async def backfill(self, metric_id: str, samples: Sequence[Sample]) -> None:
        """Keep a metric's history from before we watched it."""

        def work(connection: sqlite3.Connection) -> None:
            metric = self._names.number(connection, metric_id)
            folding.backfill(connection, metric, samples)
            self._trim(connection)

        if samples:
            await self._write(work)

    async def between(
        self, metric_id: str, start: float, end: float, limit: int = 50_000
    ) -> Sequence[Sample]:
        """Read a metric's samples with start <= at < end, oldest first, the newest `limit`."""
        if limit <= 0:
            return []
        span = reading.Span(start, end, limit)
        return await self._read(lambda c: reading.between(c, self._view, metric_id, span))

    async def newest(self, metric_id: str) -> Sample | None:
        """Read a metric's newest sample that has a value."""
        return await self._read(lambda c: reading.newest(c, self._view, metric_id))

    async def remember(self, states: Mapping[str, bytes], at: float) -> None:
        """Keep the frozen state of detectors, by metric, as of a moment."""
        rows = [(name, at, state) for name, state in states.items()]

        def work(connection: sqlite3.Connection) -> None:
            connection.executemany(
                "INSERT INTO states VALUES (?, ?, ?)"
                " ON CONFLICT (metric) DO UPDATE SET at = excluded.at, body = excluded.body",
                rows,
            )

        await self._write(work)

    async def remembered(self) -> Mapping[str, tuple[float, bytes]]:
        """Read the states that were kept last, by metric, with when."""
        sql = "SELECT metric, at, body FROM states"
        rows = await self._read(lambda c: c.execute(sql).fetchall())
        return {name: (at, body) for name, at, body in rows}

    async def figures(self) -> SampleFigures:
        """Say how much is kept, and why the newest write failed, if it did."""
        return await self._read(lambda c: reading.figures(c, self._failure))

    async def close(self) -> None:
        """Write what is queued and close the file."""
        if self._closed:
            return
        self._closed = True
        await asyncio.to_thread(self._reader.shutdown)
        await asyncio.to_thread(self._writer.shutdown)
        self._reading.close()
        self._writing.close()

    def _append(
        self, connection: sqlite3.Connection, observations: Sequence[MetricObservation]
    ) -> None:
        for each in journal.rounds_of(observations):
            journal.append(connection, each, self._names)
        (rounds,) = connection.execute("SELECT count(*) FROM rounds").fetchone()
        if rounds >= self._keeping.fold_at:
            folding.fold(connection, self._shapes)
        self._trim(connection)

    def _trim(self, connection: sqlite3.Connection) -> None:
        oldest = self._clock.now().timestamp() - self._keeping.days * 86_400
        folding.trim(connection, oldest, self._keeping.most)

    async def _write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._writer, self._commit, work)

    async def _read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._reader, self._look, work)

    def _commit(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Work in one transaction of the writing thread."""
        connection = self._writing
        try:
            connection.execute("BEGIN IMMEDIATE")
            result = work(connection)
            connection.execute("COMMIT")
            folding.give_back(connection, self._keeping.most)
        except BaseException as error:
            self._failure = f"{type(error).__name__}: {error}"
            # What was learnt of numbers may be taken back with the transaction.
            self._names, self._shapes = journal.Names(), journal.Shapes()
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        self._failure = None
        return result

    def _look(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Read in one transaction of the reading thread, so that all is of the same moment."""
        self._reading.execute("BEGIN")
        try:
            return work(self._reading)
        finally:
            self._reading.execute("COMMIT")

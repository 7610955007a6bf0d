"""The store of one process: inbox, missions, ledger, outbox and deadlines in one SQLite file."""

import asyncio
import secrets
import sqlite3
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Self, TypeVar
from uuid import UUID

from grace.adapters.sqlite import (
    answer_rows,
    brakes,
    courtesy_rows,
    feed_rows,
    inbox_rows,
    lease_rows,
    ledger_rows,
    mission_rows,
    outbox_rows,
    routing,
    turns,
)
from grace.adapters.sqlite.capa_store import CapaTables
from grace.adapters.sqlite.desk import Desk
from grace.adapters.sqlite.hub_reader import HubReader
from grace.adapters.sqlite.ledger_rows import Pen
from grace.adapters.sqlite.lock import ProcessLock
from grace.adapters.sqlite.memory_store import MemoryTables
from grace.adapters.sqlite.outcome_rows import Histories
from grace.adapters.sqlite.outgoing_store import OutgoingTables
from grace.adapters.sqlite.probing import ProbedTables
from grace.adapters.sqlite.run_store import SqliteRunBoard
from grace.adapters.sqlite.schema import connect, create_private, migrate, shipped
from grace.adapters.sqlite.switch_rows import Switch
from grace.adapters.sqlite.writer import GroupWriter, Hooks
from grace.domain.decision import Note
from grace.domain.events import Event
from grace.domain.lease import Lease
from grace.domain.ledger import SALT_BYTES
from grace.domain.mission import MissionRef
from grace.domain.signing import Signer
from grace.ports import (
    CourtesyJob,
    Delivery,
    GlobalStop,
    Job,
    Ruling,
    StopIssue,
    Translated,
    Turn,
)
from grace.ports.hub import Answered

T = TypeVar("T")


def _random_salt() -> bytes:
    return secrets.token_bytes(SALT_BYTES)


def _nothing() -> None:
    """Hold nothing up before a commit, and tell nobody behind it."""


class SqliteStore(HubReader, CapaTables, ProbedTables, OutgoingTables, MemoryTables):
    """`grace.ports.hub.HubStore` in one file.

    Each writing method returns after the commit that contains it is on disk. What the worker asks
    again and again has a connection of its own, and waits for no page that somebody looks at.
    Errors: StoreError, LedgerError for a note that cannot be written, sqlite3.Error from the disk.
    """

    def __init__(self, path: Path, lock: ProcessLock, pen: Pen, writer: GroupWriter) -> None:
        super().__init__(connect(path), connect(path))
        self._worker = Desk(connect(path))
        self._lock = lock
        self._pen = pen
        self._writer = writer
        self._histories = Histories()
        self._closed = False
        self.runs = SqliteRunBoard(self._write)

    @classmethod
    async def open(
        cls,
        path: Path,
        signer: Signer,
        *,
        salt: Callable[[], bytes] = _random_salt,
        before_commit: Callable[[], None] = _nothing,
        on_append: Callable[[], None] = _nothing,
    ) -> Self:
        """Lock, migrate and open the file, and let effects that were begun wait again.

        `before_commit` runs in the writing thread in front of each COMMIT; it may delay or fail it.
        `on_append` runs there behind each COMMIT with which the ledger grew, and is to be quick.
        """
        hooks = Hooks(before_commit, on_append)
        return await asyncio.to_thread(cls._open, path, Pen(signer, salt), hooks)

    @classmethod
    def _open(cls, path: Path, pen: Pen, hooks: Hooks) -> Self:
        create_private(path)
        lock = ProcessLock(path)
        try:
            connection = connect(path)
            try:
                migrate(connection, path, shipped())
                outbox_rows.take_up(connection)
            except BaseException:
                connection.close()
                raise
        except BaseException:
            lock.release()
            raise
        return cls(path, lock, pen, GroupWriter(connection, hooks, feed_rows.end))

    @property
    def commits(self) -> int:
        """Count the commits since it was opened."""
        return self._writer.commits

    async def accept(self, delivery: Delivery) -> bool:
        """Keep a delivery; False: it was here before."""
        return await self._write(lambda c: inbox_rows.accept(c, delivery))

    async def unrouted(self, limit: int) -> Sequence[Delivery]:
        """Return deliveries that nobody has looked at, in the order they came."""
        return await self._worker.read(lambda c: inbox_rows.unrouted(c, limit))

    async def route(self, delivery: int, said: Translated, now: datetime) -> int:
        """Give events to missions and mark the delivery; 0 when it was routed before."""
        arrival = routing.Arrival(delivery, now, said.new_an_hour, said.alerting)
        return await self._write(lambda c: routing.route(c, arrival, said, self._pen))

    async def courtesies(self, now: datetime, limit: int) -> Sequence[CourtesyJob]:
        """Take courtesies that are due; those on a mission's commit are dropped."""
        if not await self._worker.read(lambda c: courtesy_rows.waits(c, now)):
            return ()
        return await self._write(lambda c: courtesy_rows.due(c, now, limit))

    async def end_courtesy(self, job: int, due_at: datetime | None) -> None:
        """Mark a courtesy done, or put it off until `due_at`."""
        await self._write(lambda c: courtesy_rows.end(c, job, due_at))

    async def due(self, now: datetime, limit: int) -> Sequence[UUID]:
        """Return missions with waiting events or a passed deadline, most urgent first."""
        return await self._worker.read(lambda c: mission_rows.due(c, now, limit))

    async def next_wake(self) -> datetime | None:
        """Return the earliest deadline of a mission or of an effect; waiting events have none."""
        return await self._worker.read(outbox_rows.next_wake)

    async def turn(self, uid: UUID) -> Turn | None:
        """Read a mission, its waiting events and what surrounds it."""
        return await self._worker.read(lambda c: turns.read(c, uid, self._histories))

    async def commit(self, turn: Turn, ruling: Ruling, now: datetime) -> bool:
        """Store mission, ledger entries and effects at once; False: the turn is out of date."""
        return await self._write(lambda c: turns.commit(c, turn, ruling, now, self._pen))

    async def jobs(self, now: datetime, limit: int) -> Sequence[Job]:
        """Return each mission's next effect, once the mission has heard of the one before."""
        return await self._worker.read(lambda c: outbox_rows.jobs(c, now, limit))

    async def begin(self, job: int) -> None:
        """Note that an effect begins now; EffectGone when it does not wait any more."""
        await self._write(lambda c: outbox_rows.begin(c, job))

    async def finish(self, job: int, event: Event | None, now: datetime) -> None:
        """Mark an effect done and hand its outcome to the mission."""
        await self._write(lambda c: outbox_rows.finish(c, job, event, now))

    async def postpone(self, job: int, due_at: datetime, reason: str) -> None:
        """Let an effect wait again until `due_at`; EffectGone when it is done."""
        await self._write(lambda c: outbox_rows.postpone(c, job, due_at, reason))

    async def record(self, note: Note, now: datetime, *, ref: MissionRef | None = None) -> None:
        """Append an entry that is of no mission to a repository's log, or to every log."""
        await self._write(lambda c: ledger_rows.record(c, note, now, self._pen, ref=ref))

    async def set_kill_switch(
        self,
        *,
        on: bool,
        actor: str,
        now: datetime,
        reason: str = "",
        kind: GlobalStop = "operator",
    ) -> bool:
        """Turn a switch that stops everything; False: it stood so already."""
        switch = Switch.of(kind, actor, reason)
        return await self._write(lambda c: brakes.turn_switch(c, switch, now, self._pen, on=on))

    async def hear_stops(self, said: Sequence[StopIssue], now: datetime) -> None:
        """Take words about stop issues."""
        await self._write(lambda c: brakes.hear(c, said, now, self._pen))

    async def verify_stop(self, stop: StopIssue, *, allowed: bool | None, now: datetime) -> None:
        """Say whether who spoke a word may; a second time changes nothing."""
        await self._write(lambda c: brakes.verify(c, stop, now, self._pen, allowed=allowed))

    async def claim(self, lease: Lease, now: datetime) -> Lease:
        """Take or renew a claim, unless another one's is in force; return the one in force."""
        at = lease_rows.Claiming(now, self._pen)
        return await self._write(lambda c: lease_rows.claim(c, lease, at))

    async def release(self, mission: str, holder: str, now: datetime) -> bool:
        """Give a claim back; False: the holder had none."""
        at = lease_rows.Claiming(now, self._pen)
        return await self._write(lambda c: lease_rows.release(c, mission, holder, at))

    async def remember_answer(self, caller: str, key: str, answer: Answered, now: datetime) -> None:
        """Keep an answer for a day, unless one is kept already."""
        await self._write(lambda c: answer_rows.keep(c, caller, key, answer, now))

    async def close(self) -> None:
        """Write what is queued, close the file and let the next process in."""
        if self._closed:
            return
        self._closed = True
        await super().close()
        await self._worker.close()
        await asyncio.to_thread(self._writer.close)
        self._lock.release()

    async def _write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return await asyncio.wrap_future(self._writer.submit(work))

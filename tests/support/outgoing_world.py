"""A real store whose ledger a test writes, a clock it moves, and those who send from it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from grace.adapters.sqlite.store import SqliteStore
from grace.app.notifier import Notifier, Pen
from grace.app.outgoing import Carrier, Outgoing
from grace.domain.decision import Note
from grace.domain.mission import MissionRef
from grace.domain.notifying.config import Notifications
from grace.domain.notifying.news import Draft
from grace.ports.outgoing import Answer
from support.past import KEY

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
REF = MissionRef(host="forge.test", repository_id=1, repository="acme/mesh")


@dataclass
class Clock:
    at: datetime = NOON

    def now(self) -> datetime:
        return self.at

    def later(self, **span: float) -> None:
        self.at += timedelta(**span)


@dataclass
class Told:
    """A messenger that keeps what it is given; `answers` in turn say why it fails."""

    answers: list[str | None] = field(default_factory=lambda: [None])
    sent: list[tuple[str, Draft]] = field(default_factory=list)

    async def send(self, channel: str, draft: Draft) -> str | None:
        self.sent.append((channel, draft))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    @property
    def titles(self) -> list[str]:
        return [draft.title for _, draft in self.sent]


@dataclass
class Taken:
    """A sender that keeps what it is given; `answers` in turn, the last from then on."""

    answers: list[Answer] = field(default_factory=lambda: [Answer(204, None)])
    sent: list[tuple[str, str, bytes]] = field(default_factory=list)

    async def send(self, webhook: str, message_id: str, body: bytes, _at: datetime) -> Answer:
        self.sent.append((webhook, message_id, body))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@dataclass
class SendingWorld:
    """One store; `notifier` and `outgoing` make parts over it, as a fresh process would."""

    store: SqliteStore
    path: Path
    clock: Clock = field(default_factory=Clock)
    told: Told = field(default_factory=Told)
    taken: Taken = field(default_factory=Taken)
    faults: list[str] = field(default_factory=list)

    async def write(
        self, kind: str = "mission.merged", actor: str = "grace", **payload: Any
    ) -> None:
        note = Note(kind=kind, actor=actor, payload=payload)
        await self.store.record(note, self.clock.at, ref=REF)

    def notifier(self, config: Notifications, messenger: Any = None) -> Notifier:
        pen = Pen(
            store=self.store,
            messenger=messenger or self.told,
            clock=self.clock,
            config=config,
            web_url="https://forge.test",
            jitter=lambda: 0.0,
            fault=self.faults.append,
            look_s=0.02,
        )
        return Notifier(pen, asyncio.Event())

    def outgoing(self, config: Notifications, sender: Any = None) -> Outgoing:
        carrier = Carrier(
            store=self.store,
            sender=sender or self.taken,
            clock=self.clock,
            config=config,
            jitter=lambda: 0.0,
            fault=self.faults.append,
            look_s=0.02,
        )
        return Outgoing(carrier, asyncio.Event)

    async def reopen(self) -> None:
        """Let the process die, and another open the store."""
        await self.store.close()
        self.store = await SqliteStore.open(self.path, KEY)


@asynccontextmanager
async def sending_world(folder: Path) -> AsyncIterator[SendingWorld]:
    path = folder / "grace.db"
    world = SendingWorld(await SqliteStore.open(path, KEY), path)
    await world.write("mission.filed")  # opens the log; what is here before is nobody's news
    try:
        yield world
    finally:
        await world.store.close()


@asynccontextmanager
async def running(work: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    task = asyncio.ensure_future(work())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(holds: Callable[[], Awaitable[bool]], seconds: float = 10) -> None:
    """Wait until something in the store holds."""
    async with asyncio.timeout(seconds):
        while not await holds():  # noqa: ASYNC110 - a store sets no event
            await asyncio.sleep(0.01)

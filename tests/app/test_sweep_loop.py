"""The loop around sweep and news: which looks when, and what it does with a fault."""

import asyncio
from collections.abc import Callable, Container, Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from grace.app.boot import ask_for_missed, reconcile
from grace.app.observe import Measures
from grace.app.sweep import Round
from grace.ports import ForgeUnavailable
from support.flow_look import eventually


@dataclass
class Settings:
    poll: bool = False
    news_seconds: float = 600
    sweep_every: float = 0.001
    redelivery_seconds: float = 0.001


@dataclass
class Parts:
    """What the loop sees of a system, with the sweep, the news and the clock all in one."""

    settings: Settings
    closed: frozenset[int] = frozenset()
    broken: bool = False
    step: timedelta = timedelta(seconds=1)
    at: datetime = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
    rounds: int = 0
    looks: list[tuple[int, Container[int] | None]] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)
    unresolved: set[str] = field(default_factory=set)
    measures: Measures = field(default_factory=Measures)

    def __post_init__(self) -> None:
        self.sweep = self.news = self.clock = self.worker = self.forge = self

    def now(self) -> datetime:
        return self.at

    async def round(self) -> Round:
        self.rounds += 1
        self.at += self.step
        if self.broken:
            raise OSError("the disk is full")
        return Round(0, 0, self.closed)

    async def ask_again(self, _since: datetime) -> int:
        self.rounds += 1
        if self.broken:
            raise ForgeUnavailable("no answer")
        return 0

    async def look(self, only: Container[int] | None = None) -> int:
        self.looks.append((self.rounds, only))
        return 0


async def run(
    parts: Parts,
    until: Callable[[], bool],
    loop: Callable[[Parts], Coroutine[None, None, None]] = reconcile,
) -> None:
    """Let the loop go round until something is so."""
    task = asyncio.create_task(loop(parts))

    async def done() -> bool | None:
        return until() or None

    try:
        await eventually(done, "the loop's end", within=10)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_polling_looks_at_the_news_after_every_sweep() -> None:
    parts = Parts(Settings(poll=True))
    await run(parts, lambda: len(parts.looks) >= 3)
    assert parts.looks[:3] == [(1, None), (2, None), (3, None)]


async def test_with_webhooks_the_news_are_looked_at_now_and_then() -> None:
    parts = Parts(Settings(news_seconds=5))
    await run(parts, lambda: len(parts.looks) >= 2)
    assert parts.looks[:2] == [(5, None), (10, None)]


async def test_repository_with_a_closed_issue_is_looked_at_at_once() -> None:
    parts = Parts(Settings(), closed=frozenset({7}))
    await run(parts, lambda: bool(parts.looks))
    assert parts.looks[0] == (1, frozenset({7}))


async def test_fault_is_counted_and_shown_until_a_round_is_good_again() -> None:
    parts = Parts(Settings(poll=True), broken=True)
    await run(parts, lambda: parts.rounds >= 2)
    assert parts.failures == {"reconciliation": "OSError: the disk is full"}
    assert b'grace_faults_total{loop="sweep"} ' in parts.measures.exposition()[0]
    parts.broken = False
    await run(parts, lambda: bool(parts.looks))
    assert parts.failures == {}


async def test_failed_deliveries_that_cannot_be_asked_for_are_shown_until_they_can() -> None:
    parts = Parts(Settings(), broken=True)
    await run(parts, lambda: parts.failures == {"redelivery": "no answer"}, ask_for_missed)
    parts.broken = False
    await run(parts, lambda: not parts.failures, ask_for_missed)

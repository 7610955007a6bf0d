"""The trigger mesh: whoever wants to know is told of every signed entry, in order.

Each subscriber has a cursor and a task of its own, and reads the feed from the store behind its
cursor: a slow one lags alone, one that fails is asked again, and neither costs memory or holds
anybody up. There is no event beside the ledger: what is published is written there first.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Self

import stamina
import structlog

from grace.domain.decision import Note
from grace.domain.topics import any_matches, well_formed
from grace.ports.hub import HubStore, Subscriber

AT_ONCE: Final = 100


class Bell:
    """Wake those who listen in one loop, from any thread; rings that nobody heard yet are one."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._ears: set[asyncio.Event] = set()

    def ring(self) -> None:
        """Wake everybody; from any thread, and when the loop is closed nobody is there."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._heard)

    def ear(self) -> asyncio.Event:
        """Return an event that every ring sets."""
        made = asyncio.Event()
        self._ears.add(made)
        return made

    def _heard(self) -> None:
        for ear in self._ears:
            ear.set()


@dataclass(frozen=True, slots=True)
class Pace:
    """How long is waited, in seconds: without a ring until a look, and between two tries."""

    look_s: float = 5.0
    first_retry_s: float = 0.5
    last_retry_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Lag:
    """How far a subscriber is.

    `behind`: positions that it was not handed yet. `waits_s`: for how long it has been at, or in
    front of, what it was handed last; 0: it waits for news. `failures`: tries in a row that
    failed, the newest with `failure`.
    """

    position: int
    behind: int
    waits_s: float
    failures: int
    failure: str | None


@dataclass(slots=True)
class _Follower:
    """One subscriber and how far it is."""

    name: str
    patterns: tuple[str, ...]
    subscriber: Subscriber
    cursor: int
    ear: asyncio.Event
    since: float | None = None
    failures: int = 0
    failure: str | None = None
    task: asyncio.Task[None] | None = field(default=None, repr=False)


class TriggerMesh:
    """Hand the feed's entries to subscribers (`grace.ports.hub.Mesh`)."""

    def __init__(
        self,
        store: HubStore,
        bell: Bell,
        newest: int,
        record: Callable[[Note], Awaitable[None]],
        fault: Callable[[str], None],
    ) -> None:
        self._store = store
        self._bell = bell
        self._newest = newest
        self._record = record
        self._fault = fault
        self._pace = Pace()
        self._followers: dict[str, _Follower] = {}
        self._running = False
        self._log = structlog.get_logger("mesh")

    @classmethod
    async def open(
        cls,
        store: HubStore,
        bell: Bell,
        record: Callable[[Note], Awaitable[None]],
        fault: Callable[[str], None],
    ) -> Self:
        """Make a mesh in which now is the end of the feed.

        `bell` is rung by the store after each commit that made the ledger grow. `record` writes
        a note to the bot's own log. `fault` counts an unexpected error.
        """
        return cls(store, bell, await store.feed_end(), record, fault)

    def paced(self, pace: Pace) -> Self:
        """Wait otherwise than usual."""
        self._pace = pace
        return self

    def subscribe(
        self,
        name: str,
        patterns: Sequence[str],
        subscriber: Subscriber,
        after: int | None = None,
    ) -> None:
        """Hand entries to a subscriber, in order, from behind a position; None: from now on.

        It is handed some at once and none is handed before it returned. What it failed on is
        handed to it again, so it may see an entry twice. Errors: ValueError for a name that is
        taken and for a pattern that is none.
        """
        wrong = [pattern for pattern in patterns if not well_formed(pattern)]
        if wrong or not patterns:
            raise ValueError(f"{name} subscribes to {', '.join(wrong) or 'nothing'}")
        if name in self._followers:
            raise ValueError(f"{name} is subscribed already")
        cursor = self._newest if after is None else after
        ear = self._bell.ear()
        follower = _Follower(name, tuple(patterns), subscriber, cursor, ear)
        self._followers[name] = follower
        if self._running:
            self._start(follower)

    async def publish(self, kind: str, actor: str, payload: Mapping[str, object]) -> None:
        """Write an event that is of no mission to the bot's own log, whence everybody hears it."""
        if kind.startswith("mission."):
            raise ValueError(f"{kind} belongs into the log of its mission's repository")
        await self._record(Note(kind=kind, actor=actor, payload=dict(payload)))

    async def lags(self) -> Mapping[str, Lag]:
        """Tell how far each subscriber is, by name."""
        newest, now = await self._store.feed_end(), asyncio.get_running_loop().time()
        return {
            name: Lag(
                position=f.cursor,
                behind=max(0, newest - f.cursor),
                waits_s=0.0 if f.since is None else now - f.since,
                failures=f.failures,
                failure=f.failure,
            )
            for name, f in self._followers.items()
        }

    async def run(self) -> None:
        """Follow the feed until cancelled."""
        self._running = True
        for follower in self._followers.values():
            self._start(follower)
        try:
            await asyncio.Event().wait()
        finally:
            self._running = False
            tasks = [f.task for f in self._followers.values() if f.task is not None]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _start(self, follower: _Follower) -> None:
        follower.task = asyncio.create_task(self._follow(follower), name=f"mesh-{follower.name}")

    async def _follow(self, follower: _Follower) -> None:
        while True:
            follower.ear.clear()
            if not await self._surely(follower):
                await self._news(follower.ear)

    async def _news(self, ear: asyncio.Event) -> None:
        """Wait for the bell; look now and then without it, for a ring may be lost."""
        try:
            async with asyncio.timeout(self._pace.look_s):
                await ear.wait()
        except TimeoutError:
            return

    async def _surely(self, follower: _Follower) -> bool:
        """Hand on what comes next, however often it takes; False: nothing did."""
        pace, handed = self._pace, False
        async for attempt in stamina.retry_context(
            on=Exception,
            attempts=None,
            timeout=None,
            wait_initial=pace.first_retry_s,
            wait_max=pace.last_retry_s,
            wait_jitter=pace.first_retry_s,
        ):
            with attempt:
                handed = await self._hand_on(follower)
        follower.failures, follower.failure = 0, None
        return handed

    async def _hand_on(self, follower: _Follower) -> bool:
        """Hand on the next entries; what fails is logged, counted, and raised to be retried."""
        try:
            entries = await self._store.feed(follower.cursor, AT_ONCE)
            if not entries:
                return False
            follower.since = follower.since or asyncio.get_running_loop().time()
            wanted = [e for e in entries if any_matches(follower.patterns, e.kind)]
            if wanted:
                await follower.subscriber(wanted)
        except Exception as error:
            follower.failures += 1
            follower.failure = f"{type(error).__name__}: {error}"
            self._log.exception("subscriber failed", name=follower.name, after=follower.cursor)
            self._fault(f"mesh {follower.name}")
            raise
        follower.cursor, follower.since = entries[-1].position, None
        self._newest = max(self._newest, follower.cursor)
        return True

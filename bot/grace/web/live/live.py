"""Who follows the ledger live: one encoder, a ring of the newest frames, and the listeners.

`deliver` writes each new frame to everybody who keeps up and waits for nobody. Who comes back, or
starts further behind, is served from ring and store at its own speed by a task of its own, and
joins the others in the moment in which it has caught up.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import structlog
from aiohttp import web

from grace.domain.access import Principal
from grace.ports.hub import FeedEntry, HubStore
from grace.web.live.frames import Frame, Ring, encode
from grace.web.live.listener import RESTART, TRY_LATER, Listener
from grace.web.problems import Refused

PAGE: Final = 100
AT_ONCE: Final = 2  # how many read pages of the past at the same time
BREATHER: Final = 100  # how many are written to before others of the process have a turn

Send = Callable[[Frame], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class LiveLimits:
    """Bounds of what listeners may cost. Sizes in bytes, times in seconds.

    `waiting`: what may wait for one listener. `ring`: what the newest frames may hold. `send_s`:
    how long one frame of the past may take. `review_s`: how often is looked whether a reader may
    still see what it sees; `stale_s`: how long the last answer counts while the forge gives none.
    """

    sockets: int = 2000
    each: int = 50
    waiting: int = 512 * 1024
    ring: int = 16 * 1024 * 1024
    message: int = 4096
    messages: int = 30
    send_s: float = 30.0
    close_s: float = 5.0
    heartbeat_s: float = 15.0
    review_s: float = 60.0
    stale_s: float = 300.0


@dataclass(frozen=True, slots=True)
class Figures:
    """What live events cost so far. `encoded`: frames that were made of new entries."""

    listeners: int
    encoded: int
    sent: int
    dropped: int


class Live:
    """Everybody who follows, from position `start` of the feed on.

    `recognise` tells whom a request belongs to at this moment; None: nobody any more.
    """

    def __init__(
        self,
        store: HubStore,
        start: int,
        recognise: Callable[[web.Request], Awaitable[Principal | None]],
        limits: LiveLimits | None = None,
    ) -> None:
        self.recognise = recognise
        self.limits = limits or LiveLimits()
        self._store = store
        self._ring = Ring(start, self.limits.ring)
        self._keeping_up: dict[Listener, Callable[[Frame], bytes]] = {}
        self._all: set[Listener] = set()
        self._past = asyncio.Semaphore(AT_ONCE)
        self._seats: Counter[tuple[str, str]] = Counter()
        self._encoded = self._sent = self._dropped = 0
        self._log = structlog.get_logger("live")

    @property
    def end(self) -> int:
        """Return the position of the newest entry that was delivered."""
        return self._ring.end

    def figures(self) -> Figures:
        """Return what it costs."""
        return Figures(self._seats.total(), self._encoded, self._sent, self._dropped)

    @contextmanager
    def seat(self, principal: Principal) -> Generator[None, None, None]:
        """Take one of the places; `Refused` 429 or 503 when there is none."""
        who, limits = (principal.kind, principal.id), self.limits
        if self._seats[who] >= limits.each:
            raise Refused(429, f"you follow live {limits.each} times already: close one of them")
        if self._seats.total() >= limits.sockets:
            raise Refused(503, f"{limits.sockets} follow live already: come back in a minute")
        self._seats[who] += 1
        try:
            yield
        finally:
            self._seats[who] -= 1
            if not self._seats[who]:
                del self._seats[who]

    async def deliver(self, entries: Sequence[FeedEntry]) -> None:
        """Write new entries to everybody who keeps up (`grace.ports.hub.Subscriber`)."""
        for entry in entries:
            if entry.position <= self._ring.end:
                continue  # handed to us again
            frame = encode(entry)
            self._encoded += 1
            self._ring.add(frame)
            for number, listener in enumerate(list(self._keeping_up), 1):
                try:
                    self._write(listener, frame)
                except Exception:  # noqa: BLE001 - one that breaks is dropped; others get theirs
                    self._log.exception("failed", after=listener.cursor)
                    self.drop(listener)
                if number % BREATHER == 0:
                    await asyncio.sleep(0)

    def _write(self, listener: Listener, frame: Frame) -> None:
        form = self._keeping_up.get(listener)
        if form is None or frame.position <= listener.cursor:
            return  # it left, or came with this frame
        if listener.wants(frame):
            if not listener.write(form(frame), self.limits.waiting):
                self.drop(listener)
                return
            self._sent += 1
        listener.cursor = frame.position

    def drop(self, listener: Listener) -> None:
        """Tell a listener that does not keep up where to go on, and write no more to it."""
        self._keeping_up.pop(listener, None)
        if not listener.ended.done():
            self._dropped += 1
            self._log.warning("dropped", after=listener.cursor, waiting=listener.waiting)
        listener.end(TRY_LATER, f"too slow: come back with after={listener.cursor}")

    async def begin(self, listener: Listener) -> tuple[int, bool]:
        """Put a listener where it wants to begin; return the newest position and whether to reset.

        To reset is to begin at the newest: what was asked for lies ahead of it, as it does after a
        backup was restored.
        """
        self._keeping_up.pop(listener, None)
        self._all.add(listener)
        newest, after = self._ring.end, listener.wishes.after
        if after is not None and after > newest:
            newest = max(newest, await self._store.feed_end())
        listener.cursor = newest if after is None else min(after, newest)
        return newest, after is not None and after > newest

    async def follow(self, listener: Listener, send: Send, form: Callable[[Frame], bytes]) -> None:
        """Send what the listener missed, then let it keep up with the others.

        `send` may wait for the listener; `form` chooses the bytes that are written later on.
        """
        while listener.cursor < self._ring.end:
            missed = await self._missed(listener.cursor)
            if not missed:
                break
            for each in missed:
                if listener.wants(each):
                    try:
                        async with asyncio.timeout(self.limits.send_s):
                            await send(each if isinstance(each, Frame) else encode(each))
                    except TimeoutError:
                        self.drop(listener)
                        return
                    self._sent += 1
                listener.cursor = each.position
        # Nothing was awaited since the last look: no frame can have come in between.
        self._keeping_up[listener] = form

    async def _missed(self, after: int) -> Sequence[Frame | FeedEntry]:
        """Return some of what is behind a position, at least one where there is one.

        Only a few read the past at a time, so that many who begin at 0 leave the store to others.
        """
        if after >= self._ring.floor:
            return list(self._ring.behind(after))
        async with self._past:
            return await self._store.feed(after, PAGE)

    def leave(self, listener: Listener) -> None:
        """Write no more to a listener."""
        self._keeping_up.pop(listener, None)
        self._all.discard(listener)

    def close(self) -> None:
        """End every stream, because the process ends."""
        for listener in self._all:
            listener.end(RESTART, f"the bot restarts: come back with after={listener.cursor}")


LIVE: web.AppKey[Live] = web.AppKey("live", Live)

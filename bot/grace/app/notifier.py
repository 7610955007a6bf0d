"""Notifications: entries of the feed become notices, notices messages, messages are sent.

Each of the three is a row before the next is made of it, so a kill loses nothing. A message whose
sending was begun and not noted when the process died is sent again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog

from grace.app.rounds import Round, Rounds
from grace.domain.narration import Tone
from grace.domain.notifying.config import Notifications
from grace.domain.notifying.news import Draft, Pile
from grace.domain.notifying.retrying import MESSAGE, next_try
from grace.domain.notifying.routing import notices
from grace.domain.notifying.words import drafts
from grace.ports import Clock
from grace.ports.outgoing import (
    Message,
    Messenger,
    Outcome,
    OutgoingState,
    OutgoingStore,
    SentState,
)

FOLLOWER: Final = "notifications"
BATCH: Final = 500
AT_ONCE: Final = 20
MOST_A_MINUTE: Final = 6
LOOK_S: Final = 2.0
A_MINUTE: Final = timedelta(minutes=1)
A_DAY: Final = timedelta(days=1)
TEST: Final = Draft(
    "Grace: a test", "Somebody asked for this message to see whether it arrives.", Tone.PLAIN
)


@dataclass(frozen=True, slots=True)
class Pen:
    """What notifications are written and sent with.

    `web_url`: the forge's pages. `jitter` draws from 0 to 1. `fault` counts an unexpected error.
    """

    store: OutgoingStore
    messenger: Messenger
    clock: Clock
    config: Notifications
    web_url: str
    jitter: Callable[[], float]
    fault: Callable[[str], None]
    look_s: float = LOOK_S


class Notifier:
    """Tell people what happens (`grace.ports.outgoing.ChannelDesk`)."""

    def __init__(self, pen: Pen, ear: asyncio.Event) -> None:
        self._pen = pen
        self._ear = ear
        self._rounds = Rounds("notifications", pen.fault)
        self._routes = {route.name: route for route in pen.config.routes}
        self._used = tuple(sorted({name for route in pen.config.routes for name in route.channels}))
        self._bells = {name: asyncio.Event() for name in self._used}
        self._log = structlog.get_logger("notifications")

    @property
    def failure(self) -> str | None:
        """Say what fails in here, for operators; a channel that takes nothing is in `status`."""
        return self._rounds.failure

    async def run(self) -> None:
        """Read the feed, and serve each channel by itself, until cancelled."""
        look = self._pen.look_s
        rounds = [Round("feed", self.read, look, self._ear)] if self._used else []
        rounds += [Round(name, self._serve(name), look, self._bells[name]) for name in self._used]
        await self._rounds.run(Round("start", self._settle, look), rounds)

    async def read(self) -> bool:
        """Turn new entries into notices; tell whether there are more."""
        store = self._pen.store
        after = await store.follow(FOLLOWER)
        news = await store.news(after, BATCH)
        if not news:
            return False
        now = self._pen.clock.now()
        said = [
            notice
            for item in news
            for notice in notices(self._pen.config, self._pen.web_url, item, now)
        ]
        await store.take_notices(FOLLOWER, after, news[-1].position, said)
        for channel in {notice.channel for notice in said}:
            self._bells[channel].set()
        return len(news) == BATCH

    async def ring(self, channel: str) -> None:
        """Make messages of what is due in a channel, a few a minute, and send what is due."""
        await self._write(channel)
        pen = self._pen
        for message in await pen.store.due_messages(channel, pen.clock.now(), AT_ONCE):
            draft = Draft(message.title, message.body, message.tone)
            error = await pen.messenger.send(channel, draft)
            now = pen.clock.now()
            outcome = self._outcome(message, error, now)
            await pen.store.end_message(message.id, outcome, now)
            if error is not None:
                self._log.warning(
                    "not sent", channel=channel, state=outcome.state.value, reason=error
                )
                return

    def channels(self) -> Sequence[str]:
        """Name the channels."""
        return tuple(self._pen.config.channels)

    async def test(self, channel: str) -> str | None:
        """Send a message that says it is a test; return why it failed."""
        return await self._pen.messenger.send(channel, TEST)

    async def status(self) -> OutgoingState:
        """Say how well it goes, by channel."""
        since = self._pen.clock.now() - A_DAY
        parts = {name: await self._pen.store.message_tally(name, since) for name in self._used}
        return OutgoingState(failure=self.failure, parts=parts)

    async def _settle(self) -> bool:
        await self._pen.store.settle_channels(FOLLOWER, self._used)
        return False

    def _serve(self, channel: str) -> Callable[[], Awaitable[bool]]:
        async def serve() -> bool:
            await self.ring(channel)
            return False

        return serve

    async def _write(self, channel: str) -> None:
        store, now = self._pen.store, self._pen.clock.now()
        room = MOST_A_MINUTE - await store.messages_since(channel, now - A_MINUTE)
        for pile in await store.piles(channel, now):
            if room <= 0:
                return
            words = self._words(pile, room)
            await store.put_messages(pile, words, now)
            room -= len(words)

    def _words(self, pile: Pile, room: int) -> Sequence[Draft]:
        route = self._routes.get(pile.route)
        words = drafts(pile, apart=route is not None and route.digest_minutes is None)
        return words if len(words) <= room else drafts(pile, apart=False)

    def _outcome(self, message: Message, error: str | None, now: datetime) -> Outcome:
        if error is None:
            return Outcome(SentState.DELIVERED, None, None, None)
        due = next_try(MESSAGE, message.tries + 1, now, self._pen.jitter())
        state = SentState.FAILED if due is None else SentState.WAITING
        return Outcome(state, due, None, error)

"""The part of the store that is `grace.ports.outgoing.OutgoingStore`."""

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from grace.adapters.sqlite import notice_rows, outgoing_rows
from grace.domain.notifying.news import Draft, News, Notice, Pile
from grace.ports.outgoing import (
    Message,
    Outcome,
    Parcel,
    Tally,
    WebhookDelivery,
    webhook_follower,
)

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]


class OutgoingTables(ABC):
    """What is remembered of what is sent out of the process."""

    @abstractmethod
    async def _read(self, work: Work[T]) -> T: ...
    @abstractmethod
    async def _write(self, work: Work[T]) -> T: ...

    async def follow(self, follower: str) -> int:
        """Return the position that a follower has read up to; a new one begins at the end."""
        return await self._write(lambda c: outgoing_rows.follow(c, follower))

    async def settle_channels(self, follower: str, channels: Collection[str]) -> None:
        """Forget what was to be said in other channels than these; without any, the follower."""

        def work(connection: sqlite3.Connection) -> None:
            notice_rows.settle(connection, channels)
            if not channels:
                outgoing_rows.forget(connection, follower)

        await self._write(work)

    async def settle_webhooks(self, addresses: Mapping[str, str]) -> None:
        """Forget the followers of other webhooks, and what was off at another address."""
        await self._write(lambda c: outgoing_rows.settle(c, addresses))

    async def news(self, after: int, limit: int) -> Sequence[News]:
        """Return the entries of all logs behind a position, with what is known of missions."""
        return await self._read(lambda c: outgoing_rows.news(c, after, limit))

    async def take_notices(
        self, follower: str, after: int, upto: int, notices: Sequence[Notice]
    ) -> bool:
        """Keep notices and move the follower; False, and nothing kept: it is not at `after`."""

        def work(connection: sqlite3.Connection) -> bool:
            moved = outgoing_rows.move(connection, follower, after, upto)
            if moved:
                notice_rows.add(connection, notices)
            return moved

        return await self._write(work)

    async def piles(self, channel: str, now: datetime) -> Sequence[Pile]:
        """Return what is due to be said in a channel, by route; the newest 100 of each."""
        return await self._read(lambda c: notice_rows.piles(c, channel, now))

    async def put_messages(self, pile: Pile, drafts: Sequence[Draft], now: datetime) -> None:
        """Make messages of a pile, whose notices are then gone."""
        await self._write(lambda c: notice_rows.put_messages(c, pile, drafts, now))

    async def messages_since(self, channel: str, since: datetime) -> int:
        """Count the messages that were made for a channel since a moment."""
        return await self._read(lambda c: notice_rows.made_since(c, channel, since))

    async def due_messages(self, channel: str, now: datetime, limit: int) -> Sequence[Message]:
        """Return the messages that are due in a channel, oldest first."""
        return await self._read(lambda c: notice_rows.due(c, channel, now, limit))

    async def end_message(self, message: int, outcome: Outcome, now: datetime) -> None:
        """Note what became of a try to send a message."""
        await self._write(lambda c: notice_rows.end(c, message, outcome, now))

    async def message_tally(self, channel: str, since: datetime) -> Tally:
        """Count messages: those that wait, and those that ended since a moment."""
        return await self._read(lambda c: notice_rows.tally(c, channel, since))

    async def take_deliveries(
        self, webhook: str, after: int, upto: int, wanted: Sequence[News], now: datetime
    ) -> bool:
        """Owe entries to a webhook and move its follower; False: it is not at `after`."""

        def work(connection: sqlite3.Connection) -> bool:
            moved = outgoing_rows.move(connection, webhook_follower(webhook), after, upto)
            if moved:
                outgoing_rows.owe(connection, webhook, wanted, now)
            return moved

        return await self._write(work)

    async def due_parcels(self, webhook: str, now: datetime, limit: int) -> Sequence[Parcel]:
        """Return what is due to a webhook, longest due first."""
        return await self._read(lambda c: outgoing_rows.due_parcels(c, webhook, now, limit))

    async def end_delivery(self, delivery: str, outcome: Outcome, now: datetime) -> None:
        """Note what became of a try; one that was delivered stays so."""
        await self._write(lambda c: outgoing_rows.end_delivery(c, delivery, outcome, now))

    async def deliveries(
        self, webhook: str, *, after: str | None = None, limit: int = 50
    ) -> tuple[Sequence[WebhookDelivery], str | None]:
        """List deliveries, newest first, and the cursor to those behind; `BadCursor`."""
        return await self._read(lambda c: outgoing_rows.deliveries(c, webhook, after, limit))

    async def redeliver(self, delivery: str, now: datetime) -> WebhookDelivery | None:
        """Let a delivery be tried anew, from the first try on; None: there is none."""
        return await self._write(lambda c: outgoing_rows.redeliver(c, delivery, now))

    async def delivery_tally(self, webhook: str, since: datetime) -> Tally:
        """Count deliveries: those that wait, and those that ended since a moment."""
        return await self._read(lambda c: outgoing_rows.tally(c, webhook, since))

    async def webhook_off(self, webhook: str) -> str | None:
        """Say why nothing is sent to a webhook; None: it is on."""
        return await self._read(lambda c: outgoing_rows.why_off(c, webhook))

    async def turn_off(self, webhook: str, url: str, reason: str, now: datetime) -> None:
        """Send nothing more to a webhook; what waits for it is given up."""
        await self._write(lambda c: outgoing_rows.turn_off(c, webhook, (url, reason), now))

    async def turn_on(self, webhook: str) -> None:
        """Send to a webhook again."""
        await self._write(lambda c: outgoing_rows.turn_on(c, webhook))

    async def prune_sent(self, before: datetime) -> int:
        """Forget what ended before a moment; return how much that was."""
        return await self._write(lambda c: notice_rows.prune(c, before))

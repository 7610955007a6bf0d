"""What is told outside of the process: what is remembered of it, and who carries it there."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from pydantic import AwareDatetime

from grace.domain.base import Frozen
from grace.domain.narration import Tone
from grace.domain.notifying.news import Draft, News, Notice, Pile


def webhook_follower(webhook: str) -> str:
    """Name a webhook among the followers of the feed."""
    return f"webhook:{webhook}"


class SentState(StrEnum):
    """Where something that is sent stands. `failed`: given up."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Message:
    """A notification in its words; `tries` counts those that were made and failed."""

    id: int
    channel: str
    route: str
    title: str
    body: str
    tone: Tone
    tries: int


class WebhookDelivery(Frozen):
    """One entry for one webhook. `id` is the `webhook-id`, the same in every try.

    `status` and `error`: of the newest try. `due_at`: when the next one is, while it waits.
    """

    id: str
    webhook: str
    position: int
    kind: str
    mission: str | None
    state: SentState
    tries: int
    due_at: AwareDatetime
    created_at: AwareDatetime
    status: int | None = None
    error: str | None = None
    delivered_at: AwareDatetime | None = None


@dataclass(frozen=True, slots=True)
class Parcel:
    """A delivery that is due, with the entry as it is stored; `line` is canonical JSON."""

    delivery: WebhookDelivery
    log: str
    seq: int
    time: str
    line: bytes


class Tally(Frozen):
    """How much was, and was not, delivered; `oldest`: since when the oldest waits."""

    waiting: int = 0
    delivered: int = 0
    failed: int = 0
    oldest: AwareDatetime | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one try: `due_at` when the next one is, None where there is none."""

    state: SentState
    due_at: datetime | None
    status: int | None
    error: str | None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a webhook's receiver answered. `status` None: nothing came; `error` None: taken."""

    status: int | None
    error: str | None
    retry_after: timedelta | None = None

    @property
    def gone(self) -> bool:
        """Tell whether the receiver wants nothing more, ever."""
        return self.status == 410  # noqa: PLR2004 - HTTP's Gone


class OutgoingStore(Protocol):
    """What is remembered of what is sent. Each method is one transaction."""

    async def follow(self, follower: str) -> int:
        """Return the position that a follower has read up to; a new one begins at the end."""
        ...

    async def settle_channels(self, follower: str, channels: Collection[str]) -> None:
        """Forget what was to be said in other channels than these; without any, the follower too.

        A follower that comes back begins at the end.
        """
        ...

    async def settle_webhooks(self, addresses: Mapping[str, str]) -> None:
        """Forget the followers of other webhooks than these: one that comes back begins at the end.

        A webhook that was turned off at another address than it has now is on again.
        """
        ...

    async def news(self, after: int, limit: int) -> Sequence[News]:
        """Return the entries of all logs behind a position, with what is known of missions."""
        ...

    async def take_notices(
        self, follower: str, after: int, upto: int, notices: Sequence[Notice]
    ) -> bool:
        """Keep notices and move the follower; False, and nothing kept: it is not at `after`."""
        ...

    async def piles(self, channel: str, now: datetime) -> Sequence[Pile]:
        """Return what is due to be said in a channel, by route; the newest 100 of each."""
        ...

    async def put_messages(self, pile: Pile, drafts: Sequence[Draft], now: datetime) -> None:
        """Make messages of a pile, whose notices are then gone."""
        ...

    async def messages_since(self, channel: str, since: datetime) -> int:
        """Count the messages that were made for a channel since a moment."""
        ...

    async def due_messages(self, channel: str, now: datetime, limit: int) -> Sequence[Message]: ...
    async def end_message(self, message: int, outcome: Outcome, now: datetime) -> None:
        """Note what became of a try to send a message."""
        ...

    async def message_tally(self, channel: str, since: datetime) -> Tally:
        """Count messages: those that wait, and those that ended since a moment."""
        ...

    async def take_deliveries(
        self, webhook: str, after: int, upto: int, wanted: Sequence[News], now: datetime
    ) -> bool:
        """Owe entries to a webhook and move its follower; False: it is not at `after`.

        Nothing is owed to one that is off.
        """
        ...

    async def due_parcels(self, webhook: str, now: datetime, limit: int) -> Sequence[Parcel]: ...
    async def end_delivery(self, delivery: str, outcome: Outcome, now: datetime) -> None:
        """Note what became of a try; one that was delivered stays so."""
        ...

    async def deliveries(
        self, webhook: str, *, after: str | None = None, limit: int = 50
    ) -> tuple[Sequence[WebhookDelivery], str | None]:
        """List deliveries, newest first, and the cursor to those behind; `BadCursor`."""
        ...

    async def redeliver(self, delivery: str, now: datetime) -> WebhookDelivery | None:
        """Let a delivery be tried anew, from the first try on; None: there is none."""
        ...

    async def delivery_tally(self, webhook: str, since: datetime) -> Tally: ...
    async def webhook_off(self, webhook: str) -> str | None:
        """Say why nothing is sent to a webhook; None: it is on."""
        ...

    async def turn_off(self, webhook: str, url: str, reason: str, now: datetime) -> None:
        """Send nothing more to a webhook; what waits for it is given up."""
        ...

    async def turn_on(self, webhook: str) -> None: ...
    async def prune_sent(self, before: datetime) -> int:
        """Forget what ended before a moment; return how much that was."""
        ...


class Messenger(Protocol):
    """Whoever brings words to people."""

    async def send(self, channel: str, draft: Draft) -> str | None:
        """Send to a channel; return why it failed, without any secret; None: it was taken."""
        ...


class WebhookSender(Protocol):
    """Whoever brings signed bodies to programs."""

    async def send(self, webhook: str, message_id: str, body: bytes, at: datetime) -> Answer: ...


class WebhookState(Frozen):
    """A webhook, as an administrator sees it. `off`: why nothing is sent; None: it is on."""

    name: str
    url: str
    patterns: tuple[str, ...]
    off: str | None
    day: Tally


class OutgoingState(Frozen):
    """How well a part that sends is: `failure` None: it works."""

    failure: str | None
    parts: Mapping[str, Tally]
    off: Mapping[str, str] = {}


class WebhookDesk(Protocol):
    """What an administrator does with webhooks."""

    async def webhooks(self) -> Sequence[WebhookState]: ...
    async def deliveries(
        self, webhook: str, *, after: str | None = None, limit: int = 50
    ) -> tuple[Sequence[WebhookDelivery], str | None] | None:
        """List deliveries; None: there is no such webhook."""
        ...

    async def redeliver(self, delivery: str) -> WebhookDelivery | None: ...


class ChannelDesk(Protocol):
    """What an administrator does with channels."""

    def channels(self) -> Sequence[str]: ...
    async def test(self, channel: str) -> str | None:
        """Send a message that says it is a test; return why it failed."""
        ...

"""Outgoing webhooks: entries of the feed are owed to those who want them, and sent until taken.

What is owed is a row before it is sent. A delivery that was sent and not noted when the process
died is sent again under the same `webhook-id`, by which a receiver knows it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import structlog

from grace.app.rounds import Round, Rounds
from grace.domain.notifying.bodies import body
from grace.domain.notifying.config import Notifications
from grace.domain.notifying.retrying import WEBHOOK, next_try, rest
from grace.domain.notifying.routing import wants
from grace.ports import Clock
from grace.ports.outgoing import (
    Answer,
    Outcome,
    OutgoingState,
    OutgoingStore,
    Parcel,
    SentState,
    WebhookDelivery,
    WebhookSender,
    WebhookState,
    webhook_follower,
)

BATCH: Final = 500
AT_ONCE: Final = 4
LOOK_S: Final = 2.0
PRUNE_S: Final = 3600.0
A_DAY: Final = timedelta(days=1)
KEPT: Final = timedelta(days=30)
GONE: Final = "answered 410 Gone: it wants nothing more"


@dataclass(frozen=True, slots=True)
class Carrier:
    """What webhooks are sent with. `jitter` draws from 0 to 1, `fault` counts a surprise."""

    store: OutgoingStore
    sender: WebhookSender
    clock: Clock
    config: Notifications
    jitter: Callable[[], float]
    fault: Callable[[str], None]
    look_s: float = LOOK_S


@dataclass(slots=True)
class _Route:
    """One webhook at work: how often in a row it failed, and until when it is left alone."""

    bell: asyncio.Event
    failures: int = 0
    rests_until: datetime | None = None
    off: bool = False


class Outgoing:
    """Send entries to programs (`grace.ports.outgoing.WebhookDesk`).

    `ears`: makes an event that is set whenever the ledger grew.
    """

    def __init__(self, carrier: Carrier, ears: Callable[[], asyncio.Event]) -> None:
        self._carrier = carrier
        self._ears = ears
        self._rounds = Rounds("webhooks", carrier.fault)
        self._routes = {name: _Route(asyncio.Event()) for name in carrier.config.webhooks}
        self._log = structlog.get_logger("webhooks")

    @property
    def failure(self) -> str | None:
        """Say what fails in here, for operators; a receiver that fails is in `status`."""
        return self._rounds.failure

    async def run(self) -> None:
        """Read the feed and send, for each webhook by itself, until cancelled."""
        look = self._carrier.look_s
        rounds = [Round("prune", self._prune, PRUNE_S)]
        for name, route in self._routes.items():
            rounds.append(Round(f"{name} feed", self._reading(name), look, self._ears()))
            rounds.append(Round(name, self._sending(name), look, route.bell))
        await self._rounds.run(Round("start", self.settle, look), rounds)

    async def settle(self) -> bool:
        """Learn which webhooks are off, and forget those that are no more; no more is to do."""
        store, webhooks = self._carrier.store, self._carrier.config.webhooks
        await store.settle_webhooks({name: webhook.url for name, webhook in webhooks.items()})
        for name, route in self._routes.items():
            route.off = await store.webhook_off(name) is not None
        return False

    async def read(self, name: str) -> bool:
        """Owe new entries to a webhook; tell whether there are more."""
        store, webhook = self._carrier.store, self._carrier.config.webhooks[name]
        after = await store.follow(webhook_follower(name))
        news = await store.news(after, BATCH)
        if not news:
            return False
        wanted = [item for item in news if wants(webhook, item)]
        now = self._carrier.clock.now()
        await store.take_deliveries(name, after, news[-1].position, wanted, now)
        if wanted:
            self._routes[name].bell.set()
        return len(news) == BATCH

    async def send(self, name: str) -> bool:
        """Send what is due to a webhook; tell whether there may be more.

        One that failed is left alone for a while, and then asked with one delivery.
        """
        route, now = self._routes[name], self._carrier.clock.now()
        if route.rests_until is not None and route.rests_until > now:
            return False
        limit = 1 if route.failures else AT_ONCE
        parcels = await self._carrier.store.due_parcels(name, now, limit)
        if not parcels:
            return False
        async with asyncio.TaskGroup() as group:
            tries = [group.create_task(self._send(name, parcel)) for parcel in parcels]
        answers = [each.result() for each in tries]
        if any(answer.error is None for answer in answers):
            route.failures, route.rests_until = 0, None
            return True
        route.failures += 1
        waits = [answer.retry_after for answer in answers if answer.retry_after is not None]
        wait = rest(route.failures, max(waits, default=None))
        route.rests_until = self._carrier.clock.now() + wait
        return False

    async def webhooks(self) -> Sequence[WebhookState]:
        """List the webhooks; what stands behind `?` in an address may be a secret."""
        store, since = self._carrier.store, self._carrier.clock.now() - A_DAY
        return [
            WebhookState(
                name=name,
                url=urlunsplit(urlsplit(webhook.url)._replace(query="")),
                patterns=webhook.patterns,
                off=await store.webhook_off(name),
                day=await store.delivery_tally(name, since),
            )
            for name, webhook in self._carrier.config.webhooks.items()
        ]

    async def deliveries(
        self, webhook: str, *, after: str | None = None, limit: int = 50
    ) -> tuple[Sequence[WebhookDelivery], str | None] | None:
        """List deliveries, newest first; None: there is no such webhook."""
        if webhook not in self._routes:
            return None
        return await self._carrier.store.deliveries(webhook, after=after, limit=limit)

    async def redeliver(self, delivery: str) -> WebhookDelivery | None:
        """Send a delivery once more, and again until it is taken; None: there is none."""
        found = await self._carrier.store.redeliver(delivery, self._carrier.clock.now())
        if found is not None and (route := self._routes.get(found.webhook)) is not None:
            route.rests_until = None
            route.bell.set()
        return found

    async def status(self) -> OutgoingState:
        """Say how well it goes, by webhook."""
        found = await self.webhooks()
        return OutgoingState(
            failure=self.failure,
            parts={state.name: state.day for state in found},
            off={state.name: state.off for state in found if state.off is not None},
        )

    async def _send(self, name: str, parcel: Parcel) -> Answer:
        """Send one delivery, and note what became of it."""
        delivery, clock = parcel.delivery, self._carrier.clock
        text = body(parcel.line, delivery.position, parcel.log, parcel.seq, parcel.time)
        answer = await self._carrier.sender.send(name, delivery.id, text, clock.now())
        now = clock.now()
        store, route = self._carrier.store, self._routes[name]
        await store.end_delivery(delivery.id, self._outcome(delivery, answer, now), now)
        if answer.error is None:
            if route.off:
                await store.turn_on(name)
                route.off = False
            return answer
        self._log.warning(
            "not taken",
            webhook=name,
            delivery=delivery.id,
            tries=delivery.tries + 1,
            reason=answer.error,
        )
        if answer.gone:
            await store.turn_off(name, self._carrier.config.webhooks[name].url, GONE, now)
            route.off = True
        return answer

    def _outcome(self, delivery: WebhookDelivery, answer: Answer, now: datetime) -> Outcome:
        if answer.error is None:
            return Outcome(SentState.DELIVERED, None, answer.status, None)
        tries, jitter = delivery.tries + 1, self._carrier.jitter()
        due = next_try(WEBHOOK, tries, now, jitter, answer.retry_after)
        if due is None or answer.gone:
            return Outcome(SentState.FAILED, None, answer.status, answer.error)
        return Outcome(SentState.WAITING, due, answer.status, answer.error)

    def _reading(self, name: str) -> Callable[[], Awaitable[bool]]:
        return lambda: self.read(name)

    def _sending(self, name: str) -> Callable[[], Awaitable[bool]]:
        return lambda: self.send(name)

    async def _prune(self) -> bool:
        await self._carrier.store.prune_sent(self._carrier.clock.now() - KEPT)
        return False

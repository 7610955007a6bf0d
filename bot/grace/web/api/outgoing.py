"""Operations of the API by which an administrator looks after webhooks and notifications."""

from dataclasses import dataclass
from typing import Annotated, Any, Final

from aiohttp import web
from pydantic import Field, StringConstraints

from grace.domain.access import Scope
from grace.domain.base import Frozen
from grace.domain.package import Name
from grace.ports.outgoing import ChannelDesk, WebhookDelivery, WebhookDesk, WebhookState
from grace.web.api.operation import Answer, Call, Need, Nothing, Operation, Reply, not_there
from grace.web.api.paging import Paged
from grace.web.problems import Refused

BASE: Final = "/mission-control/webhooks"
ADMIN: Final = Need((Scope.ADMIN,))
DeliveryId = Annotated[str, StringConstraints(pattern=r"^msg_[0-9a-f]{32}$")]


@dataclass(frozen=True, slots=True)
class Desks:
    """Those who send; they are asked about webhooks and channels."""

    webhooks: WebhookDesk
    channels: ChannelDesk


# Not set where nothing is sent: then there is no webhook and no channel.
OUTGOING: web.AppKey[Desks] = web.AppKey("outgoing", Desks)


class WebhookList(Frozen):
    """The webhooks, and how it went in the last day."""

    webhooks: tuple[WebhookState, ...]


class OfWebhook(Paged):
    """Which webhook, and which page of its deliveries."""

    name: Name


class DeliveryPage(Frozen):
    """Some deliveries, newest first; `next` is the cursor to those behind."""

    deliveries: tuple[WebhookDelivery, ...]
    next: str | None


class OfDelivery(Frozen):
    """Which delivery: its `webhook-id`."""

    delivery_id: DeliveryId


class OfChannel(Frozen):
    """Which channel of `config/notifications.yaml`."""

    channel: Annotated[Name, Field(description="name of a channel", examples=["ops"])]


class Tested(Frozen):
    """Whether a test message was taken; `error`: why not."""

    channel: str
    sent: bool
    error: str | None


async def list_webhooks(call: Call[Nothing, None]) -> Answer:
    """List the webhooks."""
    desks = _desks(call)
    found = () if desks is None else tuple(await desks.webhooks.webhooks())
    return Answer(WebhookList(webhooks=found))


async def list_deliveries(call: Call[OfWebhook, None]) -> Answer:
    """List what was and will be sent to a webhook."""
    desks, given = _desks(call), call.given
    if desks is None:
        raise not_there("webhook")
    found = await desks.webhooks.deliveries(given.name, after=given.after, limit=given.limit)
    if found is None:
        raise not_there("webhook")
    deliveries, following = found
    return Answer(DeliveryPage(deliveries=tuple(deliveries), next=following), following=following)


async def redeliver(call: Call[OfDelivery, Any]) -> Answer:
    """Send a delivery once more, under its own `webhook-id`."""
    desks = _desks(call)
    found = None if desks is None else await desks.webhooks.redeliver(call.given.delivery_id)
    if found is None:
        raise not_there("delivery")
    return Answer(found, status=202)


async def send_test(call: Call[OfChannel, Any]) -> Answer:
    """Send a message that says it is a test."""
    desks, channel = _desks(call), call.given.channel
    if desks is None or channel not in desks.channels.channels():
        raise not_there("channel")
    error = await desks.channels.test(channel)
    return Answer(Tested(channel=channel, sent=error is None, error=error))


def _desks(call: Call[Any, Any]) -> Desks | None:
    """Return those who send, to whoever sees everything: they tell of all repositories."""
    if call.reach.logs is not None or not call.reach.own:
        raise Refused(403, "this tells of every repository, and yours are only some of them")
    return call.request.app.get(OUTGOING)


OPERATIONS: Final = (
    Operation(
        "GET",
        BASE,
        "list_webhooks",
        "List the outgoing webhooks, and how it went in the last day",
        "outgoing",
        list_webhooks,
        (Reply(WebhookList, "the webhooks of `config/notifications.yaml`"),),
        need=ADMIN,
    ),
    Operation(
        "GET",
        f"{BASE}/{{name}}/deliveries",
        "list_webhook_deliveries",
        "List what was and will be sent to a webhook, newest first",
        "outgoing",
        list_deliveries,
        (Reply(DeliveryPage, "the deliveries of the last thirty days"),),
        need=ADMIN,
        given=OfWebhook,
        problems=(404,),
    ),
    Operation(
        "POST",
        f"{BASE}/deliveries/{{delivery_id}}/redeliver",
        "redeliver_webhook",
        "Send a delivery once more",
        "outgoing",
        redeliver,
        (Reply(WebhookDelivery, "it is due now, under the same `webhook-id`", 202),),
        need=ADMIN,
        given=OfDelivery,
        problems=(404,),
        words="A webhook that is off, because it answered 410, is on again once it takes it.",
    ),
    Operation(
        "POST",
        "/mission-control/notifications/test",
        "test_notification",
        "Send a test message to a channel",
        "outgoing",
        send_test,
        (Reply(Tested, "whether the channel's service took it"),),
        need=ADMIN,
        given=OfChannel,
        problems=(404,),
    ),
)

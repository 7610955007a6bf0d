"""Outgoing webhooks, from the ledger to a receiver that fails in all the usual ways."""

import base64
import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from standardwebhooks.webhooks import Webhook

from grace.adapters.keys import PublicKeys
from grace.adapters.outgoing import Endpoint, HttpWebhooks, WebhookSecret
from grace.app.outgoing import Outgoing
from grace.domain.ledger import parse_line
from grace.domain.notifying.config import Notifications
from grace.ports.hub import BadCursor
from grace.ports.outgoing import Answer, Outcome, SentState, webhook_follower
from support.outgoing_world import NOON, SendingWorld, running, sending_world, until
from support.past import KEY
from support.receiver import Receiver, receiving

SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()
FAILED = Answer(500, "answered 500")
TAKEN = Answer(204, None)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[SendingWorld]:
    async with sending_world(tmp_path) as made:
        yield made


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as listening:
        yield listening


def config(url: str = "https://hooks.example.org/in?key=s3cr3t", **hook: object) -> Notifications:
    return Notifications.model_validate(
        {
            "webhooks": {
                "hook": {"url": url, "secret_env": "HOOK", "patterns": ["mission.*"], **hook}
            }
        }
    )


async def begun(world: SendingWorld, **hook: object) -> Outgoing:
    """Make a sender that has read all there was before."""
    outgoing = world.outgoing(config(**hook))
    await world.store.follow(webhook_follower("hook"))
    await outgoing.settle()
    return outgoing


async def drained(outgoing: Outgoing) -> None:
    while await outgoing.read("hook"):
        pass
    while await outgoing.send("hook"):
        pass


async def only(outgoing: Outgoing):
    (found,), _ = await outgoing.deliveries("hook")
    return found


def sender_to(receiver: Receiver) -> HttpWebhooks:
    secret = WebhookSecret.parse(SECRET)
    return HttpWebhooks({"hook": Endpoint(f"{receiver.url}/in", "public", (secret,))})


async def test_an_entry_arrives_signed_and_is_the_ledgers_own(world, receiver):
    outgoing = world.outgoing(config(f"{receiver.url}/in"), sender_to(receiver))
    world.clock.at = datetime.now(NOON.tzinfo)
    await world.store.follow(webhook_follower("hook"))
    async with running(outgoing.run):
        await world.write("mission.merged", merge_sha="a" * 40)
        await world.write("brake.on", reason="not wanted here")
        await world.write("mission.closed", outcome="fixed")
        await receiver.until(lambda: len(receiver.got) == 2)

        async def noted() -> bool:
            return (await outgoing.status()).parts["hook"].delivered == 2

        await until(noted)
    first = next(got for got in receiver.got if b"mission.merged" in got.body)
    told = Webhook(SECRET).verify(first.body, dict(first.headers))
    data = told["data"]
    (line,) = await world.store.lines("forge.test/1", data["seq"] - 1, 1)
    assert first.body.endswith(b'"entry":' + line + b"}}")
    assert told["type"] == "mission.merged"
    assert (data["log"], data["mission"], data["kind"]) == ("forge.test/1", None, "mission.merged")
    entry = parse_line(line)
    assert told["timestamp"] == entry.envelope.time
    assert PublicKeys(KEY.public)(entry.envelope.key, entry.signed, entry.signature)
    assert data["position"] == await world.store.feed_end() - 2
    assert world.faults == []


async def test_one_that_fails_is_tried_on_schedule_under_the_same_id(world):
    world.taken.answers = [FAILED]
    outgoing = await begun(world)
    await world.write()
    await drained(outgoing)
    for wait in (5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400):
        tried = len(world.taken.sent)
        world.clock.later(seconds=wait - 1)
        await drained(outgoing)
        assert len(world.taken.sent) == tried
        world.clock.later(seconds=1)
        await drained(outgoing)
        assert len(world.taken.sent) == tried + 1
    found = await only(outgoing)
    assert (found.state, found.tries, found.status) == (SentState.FAILED, 10, 500)
    assert found.error == "answered 500"
    world.clock.later(days=2)
    await drained(outgoing)
    assert len(world.taken.sent) == 10
    assert len({(identity, body) for _, identity, body in world.taken.sent}) == 1


async def test_it_is_delivered_once_and_then_no_more(world):
    world.taken.answers = [FAILED, TAKEN]
    outgoing = await begun(world)
    await world.write()
    await drained(outgoing)
    world.clock.later(seconds=5)
    await drained(outgoing)
    world.clock.later(days=9)
    await drained(outgoing)
    found = await only(outgoing)
    assert (found.state, found.tries, found.status, found.error) == (
        SentState.DELIVERED, 2, 204, None,
    )  # fmt: skip
    assert found.delivered_at == NOON + timedelta(seconds=5)
    assert len(world.taken.sent) == 2


async def test_a_dead_receiver_is_asked_with_one_delivery_at_a_time(world):
    world.taken.answers = [FAILED]
    outgoing = await begun(world)
    for _ in range(40):
        await world.write()
    await drained(outgoing)
    assert len(world.taken.sent) == 4
    await drained(outgoing)
    assert len(world.taken.sent) == 4
    world.clock.later(seconds=5)
    await drained(outgoing)
    assert len(world.taken.sent) == 5
    world.taken.answers = [TAKEN]
    world.clock.later(seconds=10)
    await drained(outgoing)
    tally = (await outgoing.status()).parts["hook"]
    assert tally.waiting <= 1  # the one that failed last is due in five minutes
    world.clock.later(minutes=5)
    await drained(outgoing)
    assert (await outgoing.status()).parts["hook"].delivered == 40


async def test_one_that_is_refused_alone_holds_up_no_other(world):
    world.taken.answers = [FAILED, TAKEN]
    outgoing = await begun(world)
    for _ in range(3):
        await world.write()
    await drained(outgoing)
    await world.write()
    await drained(outgoing)
    tally = (await outgoing.status()).parts["hook"]
    assert (tally.waiting, tally.delivered, tally.oldest) == (1, 3, NOON)


async def test_retry_after_is_kept_by_all_deliveries(world):
    world.taken.answers = [Answer(429, "answered 429", timedelta(minutes=20)), TAKEN]
    outgoing = await begun(world)
    await world.write()
    await drained(outgoing)
    await world.write()
    world.clock.later(minutes=19)
    await drained(outgoing)
    assert len(world.taken.sent) == 1
    world.clock.later(minutes=1)
    await drained(outgoing)
    assert (await outgoing.status()).parts["hook"].delivered == 2


async def test_one_that_is_gone_is_sent_nothing_until_its_address_changes(world):
    world.taken.answers = [Answer(410, "answered 410 Gone"), TAKEN]
    outgoing = await begun(world)
    await world.write()
    await drained(outgoing)
    await world.write()
    await drained(outgoing)
    assert len(world.taken.sent) == 1
    (state,) = await outgoing.webhooks()
    assert state.off == "answered 410 Gone: it wants nothing more"
    assert (await outgoing.status()).off == {"hook": state.off}
    assert (await only(outgoing)).state is SentState.FAILED
    await world.reopen()
    outgoing = await begun(world)
    await world.write()
    await drained(outgoing)
    assert len(world.taken.sent) == 1
    outgoing = await begun(world, url="https://hooks.example.org/new")
    await world.write()
    await drained(outgoing)
    assert len(world.taken.sent) == 2
    (state,) = await outgoing.webhooks()
    assert state.off is None


async def test_a_redelivery_that_is_taken_turns_it_on_again(world):
    world.taken.answers = [Answer(410, "answered 410 Gone"), TAKEN]
    outgoing = await begun(world)
    await world.write()
    await drained(outgoing)
    again = await outgoing.redeliver((await only(outgoing)).id)
    assert (again.state, again.tries) == (SentState.WAITING, 0)
    await drained(outgoing)
    assert (await only(outgoing)).state is SentState.DELIVERED
    assert (await outgoing.status()).off == {}
    assert world.taken.sent[0][1:] == world.taken.sent[1][1:]
    assert await outgoing.redeliver("msg_" + "0" * 32) is None


async def test_what_was_delivered_can_be_sent_once_more(world):
    outgoing = await begun(world)
    await world.write()
    await drained(outgoing)
    await outgoing.redeliver((await only(outgoing)).id)
    await drained(outgoing)
    assert len(world.taken.sent) == 2
    assert (await only(outgoing)).state is SentState.DELIVERED


async def test_what_was_delivered_stays_so_whatever_an_older_try_ends_as(world):
    outgoing = await begun(world)
    await world.write()
    await drained(outgoing)
    found = await only(outgoing)
    late = Outcome(SentState.WAITING, NOON, 500, "answered 500")
    await world.store.end_delivery(found.id, late, NOON)
    assert await only(outgoing) == found


class _Killed(Exception):
    """Stands for the end of the process."""


async def test_a_kill_between_sending_and_noting_sends_again_under_the_same_id(world):
    await begun(world)
    await world.write()

    class Dies:
        async def send(self, webhook: str, message_id: str, body: bytes, at: datetime) -> Answer:
            await world.taken.send(webhook, message_id, body, at)
            raise _Killed

    outgoing = world.outgoing(config(), Dies())
    await outgoing.read("hook")
    with pytest.raises(ExceptionGroup):
        await outgoing.send("hook")
    await world.reopen()
    outgoing = world.outgoing(config())
    await drained(outgoing)
    await drained(outgoing)
    first, second = world.taken.sent
    assert first == second
    assert (await only(outgoing)).tries == 1


async def test_reading_the_same_entries_twice_owes_them_once(world):
    outgoing = await begun(world)
    after = await world.store.follow(webhook_follower("hook"))
    await world.write()
    news = await world.store.news(after, 10)
    upto = news[-1].position
    assert await world.store.take_deliveries("hook", after, upto, news, NOON)
    assert not await world.store.take_deliveries("hook", after, upto, news, NOON)
    assert not await outgoing.read("hook")
    assert (await only(outgoing)).position == upto


async def test_a_webhook_that_comes_back_is_not_told_what_it_missed(world):
    await begun(world)
    without = world.outgoing(Notifications())
    await without.settle()
    await world.write()
    outgoing = await begun(world)
    await drained(outgoing)
    await world.write("mission.closed")
    await drained(outgoing)
    assert [json.loads(body)["type"] for *_, body in world.taken.sent] == ["mission.closed"]


async def test_deliveries_are_listed_newest_first_in_pages(world):
    outgoing = await begun(world)
    for _ in range(5):
        await world.write()
    await drained(outgoing)
    first, following = await outgoing.deliveries("hook", limit=3)
    rest, end = await outgoing.deliveries("hook", after=following, limit=3)
    positions = [each.position for each in (*first, *rest)]
    assert positions == sorted(positions, reverse=True)
    assert (len(first), len(rest), end) == (3, 2, None)
    with pytest.raises(BadCursor):
        await outgoing.deliveries("hook", after="1; DROP TABLE feed")
    assert await outgoing.deliveries("nobody") is None


async def test_what_stands_behind_the_question_mark_is_not_shown(world):
    outgoing = await begun(world)
    (state,) = await outgoing.webhooks()
    assert state.url == "https://hooks.example.org/in"


async def test_a_receiver_that_fails_and_one_that_is_slow_hold_up_no_other(world, receiver):
    two = Notifications.model_validate(
        {
            "webhooks": {
                name: {"url": f"http://127.0.0.1/{name}", "secret_env": "X"}
                for name in ("slow", "quick")
            }
        }
    )
    secret = WebhookSecret.parse(SECRET)
    async with receiving() as slow:
        slow.hold.clear()
        sender = HttpWebhooks(
            {
                "slow": Endpoint(slow.url, "public", (secret,)),
                "quick": Endpoint(receiver.url, "public", (secret,)),
            }
        )
        outgoing = world.outgoing(two, sender)
        for name in ("slow", "quick"):
            await world.store.follow(webhook_follower(name))
        async with running(outgoing.run):
            for _ in range(10):
                await world.write()
            await receiver.until(lambda: len(receiver.got) == 10)
            assert len(slow.got) <= 4
        await sender.close()
    assert (await outgoing.status()).failure is None


async def test_what_is_of_the_bots_own_log_is_sent_too(world):
    outgoing = await begun(world, patterns=["*"])
    switched = await world.store.set_kill_switch(on=True, actor="octo", now=NOON, reason="lunch")
    assert switched
    await drained(outgoing)
    bodies = [json.loads(body) for *_, body in world.taken.sent]
    assert {body["data"]["log"] for body in bodies} == {"bot", "forge.test/1"}

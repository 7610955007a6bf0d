"""Notifications, from the ledger to a channel: when, how many, and through kills."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from grace.adapters.notify import AppriseChannels
from grace.app.notifier import FOLLOWER, MOST_A_MINUTE, TEST, Notifier
from grace.domain.notifying.config import Notifications
from grace.domain.notifying.news import Draft
from support.outgoing_world import NOON, SendingWorld, running, sending_world, until
from support.receiver import receiving


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[SendingWorld]:
    async with sending_world(tmp_path) as made:
        yield made


def config(**route: object) -> Notifications:
    team = {"name": "team", "channels": ["ops"], "patterns": ["mission.*", "brake.*"], **route}
    return Notifications.model_validate(
        {"channels": {"ops": {"url_env": "OPS"}, "mail": {"url_env": "MAIL"}}, "routes": [team]}
    )


async def begun(world: SendingWorld, **route: object) -> Notifier:
    """Make a notifier that has read all there was before."""
    notifier = world.notifier(config(**route))
    await world.store.follow(FOLLOWER)
    return notifier


async def drained(notifier: Notifier, channel: str = "ops") -> None:
    while await notifier.read():
        pass
    await notifier.ring(channel)


async def test_what_was_before_the_first_start_is_no_news(world):
    notifier = world.notifier(config())
    await drained(notifier)
    assert world.told.sent == []
    await world.write("mission.held", reason="@here look")
    await drained(notifier)
    ((channel, draft),) = world.told.sent
    assert (channel, draft.title) == ("ops", "acme/mesh: HELD: @\u200bhere look")


async def test_what_no_route_wants_is_not_told_and_not_read_again(world):
    notifier = await begun(world)
    await world.write("crypto.key_rotated")
    await drained(notifier)
    assert world.told.sent == []
    assert await world.store.follow(FOLLOWER) == await world.store.feed_end()


async def test_a_digest_says_it_all_at_once_when_it_is_due(world):
    notifier = await begun(world, digest_minutes=60)
    for kind in ("mission.held", "mission.merged", "brake.on"):
        await world.write(kind, reason="x")
    await drained(notifier)
    assert world.told.sent == []
    world.clock.later(minutes=59, seconds=59)
    await notifier.ring("ops")
    assert world.told.sent == []
    world.clock.later(seconds=1)
    await notifier.ring("ops")
    assert world.told.titles == ["team: 3 events about 3 subjects"]


async def test_in_quiet_hours_it_waits_and_a_restart_forgets_nothing(world):
    hours = {"from": "22:00", "to": "07:00", "except_severities": ["critical"]}
    notifier = await begun(world, quiet_hours=hours)
    world.clock.at = NOON.replace(hour=23)
    await world.write("mission.held", severity="high", reason="a")
    await world.write("mission.held", severity="critical", reason="b")
    await drained(notifier)
    assert [t.rpartition(" ")[2] for t in world.told.titles] == ["b"]
    await world.reopen()
    notifier = world.notifier(config(quiet_hours=hours))
    world.clock.at = NOON.replace(day=23, hour=6, minute=59)
    await drained(notifier)
    assert len(world.told.sent) == 1
    world.clock.later(minutes=1)
    await notifier.ring("ops")
    assert [t.rpartition(" ")[2] for t in world.told.titles] == ["b", "a"]


async def test_severity_and_subsystem_are_the_payloads_where_there_is_no_mission(world):
    notifier = await begun(world, severities=["high"], subsystems=["mesh"])
    await world.write("mission.held", severity="high", subsystem_id="mesh", reason="yes")
    await world.write("mission.held", severity="low", subsystem_id="mesh", reason="no")
    await world.write("mission.held", severity="sky-high", subsystem="mesh", reason="no")
    await world.write("mission.held", severity="high", subsystem=["mesh"], reason="no")
    await drained(notifier)
    assert world.told.titles == ["acme/mesh (mesh, high): HELD: yes"]


async def burst(world: SendingWorld, number: int) -> None:
    """Write many entries, reading and sending in between, all within a minute."""
    notifier = await begun(world)
    for _ in range(10):
        writes = (world.write("mission.held", reason="x" * 300) for _ in range(number // 10))
        await asyncio.gather(*writes)
        await drained(notifier)
        world.clock.later(seconds=1)
    assert len(world.told.sent) == MOST_A_MINUTE
    world.clock.later(minutes=1)
    await notifier.ring("ops")
    assert len(world.told.sent) == MOST_A_MINUTE + 1
    events = [int(re.search(r"(\d+) event", title)[1]) for title in world.told.titles]
    assert sum(events) == number
    assert all(len(draft.body) < 10_000 for _, draft in world.told.sent)


async def test_two_thousand_entries_make_few_messages(world):
    await burst(world, 2000)


@pytest.mark.stress
async def test_ten_thousand_entries_make_as_few(world):
    await burst(world, 10_000)


async def test_a_channel_that_fails_is_tried_again_and_then_given_up(world):
    world.told.answers = ["the service answered 503"]
    notifier = await begun(world)
    await world.write("mission.held", reason="x")
    await drained(notifier)
    tried = 1
    for wait in (10, 60, 300, 900, 3600):
        await notifier.ring("ops")
        assert len(world.told.sent) == tried
        world.clock.later(seconds=wait)
        await notifier.ring("ops")
        tried += 1
        assert len(world.told.sent) == tried
    world.clock.later(days=1)
    await notifier.ring("ops")
    assert len(world.told.sent) == tried
    world.clock.later(days=-1)
    tally = (await notifier.status()).parts["ops"]
    assert (tally.waiting, tally.failed, tally.delivered) == (0, 1, 0)


async def test_a_retry_says_what_was_said_and_later_news_comes_apart(world):
    world.told.answers = ["no", None]
    notifier = await begun(world)
    await world.write("mission.held", reason="first")
    await drained(notifier)
    await world.write("mission.held", reason="second")
    world.clock.later(seconds=10)
    await drained(notifier)
    assert [t.rpartition(" ")[2] for t in world.told.titles] == ["first", "first", "second"]


class _Killed(Exception):
    """Stands for the end of the process."""


async def test_a_kill_at_any_place_loses_nothing_and_makes_nothing_twice(world):
    notifier = await begun(world)
    await world.write("mission.held", reason="x")
    await notifier.read()
    await world.reopen()  # between notice and message
    notifier = world.notifier(config())
    assert not await notifier.read()

    class Dies:
        async def send(self, _channel: str, _draft: Draft) -> str | None:
            raise _Killed

    with pytest.raises(_Killed):
        await world.notifier(config(), Dies()).ring("ops")
    await world.reopen()  # between message and sending
    notifier = world.notifier(config())
    await notifier.ring("ops")
    await notifier.ring("ops")
    assert world.told.titles == ["acme/mesh: HELD: x"]


async def test_a_second_reader_of_the_same_page_keeps_nothing(world):
    await begun(world)
    await world.write("mission.held", reason="x")
    after = await world.store.follow(FOLLOWER)
    (item,) = await world.store.news(after, 10)
    assert await world.store.take_notices(FOLLOWER, after, item.position, [])
    assert not await world.store.take_notices(FOLLOWER, after, item.position, [])


async def test_one_slow_channel_holds_up_no_other(world):
    both = Notifications.model_validate(
        {
            "channels": {"ops": {"url_env": "A"}, "mail": {"url_env": "B"}},
            "routes": [{"name": "all", "channels": ["ops", "mail"]}],
        }
    )
    async with receiving() as slow, receiving() as quick:
        slow.hold.clear()
        urls = {
            name: r.url.replace("http", "json", 1) for name, r in (("ops", slow), ("mail", quick))
        }
        channels = AppriseChannels.open(urls)
        notifier = world.notifier(both, channels)
        await world.store.follow(FOLLOWER)
        async with running(notifier.run):
            await world.write("mission.held", reason="x")
            await quick.until(lambda: len(quick.got) == 1)
            await slow.until(lambda: len(slow.got) == 1)
            assert (await notifier.status()).parts["ops"].waiting == 1
            slow.hold.set()

            async def done() -> bool:
                return (await notifier.status()).parts["ops"].delivered == 1

            await until(done)
        channels.close()
    assert world.faults == []
    assert (await notifier.status()).failure is None


async def test_a_surprise_is_counted_told_and_worked_past(world):
    class Surprises:
        calls = 0

        async def send(self, _channel: str, _draft: Draft) -> str | None:
            self.calls += 1
            if self.calls == 1:
                raise RuntimeError("surprise")
            return None

    messenger = Surprises()
    notifier = world.notifier(config(), messenger)
    await world.store.follow(FOLLOWER)
    await world.write("mission.held", reason="x")
    async with running(notifier.run):

        async def done() -> bool:
            return (await notifier.status()).parts["ops"].delivered == 1

        await until(done)
    assert world.faults == ["notifications"]
    assert messenger.calls == 2


async def test_channels_that_are_no_more_are_forgotten_and_without_any_nothing_runs(world):
    notifier = await begun(world)
    await world.write("mission.held", reason="x")
    await notifier.read()
    async with running(world.notifier(Notifications()).run):

        async def forgotten() -> bool:
            return not await world.store.piles("ops", world.clock.at)

        await until(forgotten)
    await world.write("mission.held", reason="y")
    notifier = world.notifier(config())
    await drained(notifier)
    assert world.told.sent == []


async def test_a_test_message_is_sent_at_once(world):
    notifier = world.notifier(config())
    assert await notifier.test("mail") is None
    assert world.told.sent == [("mail", TEST)]
    assert notifier.channels() == ("ops", "mail")


async def test_what_is_long_ended_is_forgotten(world):
    notifier = await begun(world)
    await world.write("mission.held", reason="x")
    await drained(notifier)
    assert await world.store.prune_sent(NOON) == 0
    assert await world.store.prune_sent(NOON + timedelta(seconds=1)) == 1

"""Brakes hold at once, are lifted by who may, and are in the ledger each time they change."""

import itertools
from datetime import timedelta

import pytest

from grace.domain.events import Actor
from grace.domain.ledger import LOG_OPENED
from grace.domain.ledger_verify import Verified, verify_entries
from grace.domain.phase import Outcome, Phase
from grace.domain.surroundings import Stop
from grace.ports import StopIssue, Translated

WRITERS = frozenset({"wanda", "will"})


@pytest.fixture
def word(world):
    """Make words about issue 12: minute, who spoke, and whether to stop."""

    def make(minute: int, actor: str | None, *, stop: bool, number: int = 12, ref=None):
        who = None if actor is None else Actor(login=actor)
        at = world.START + timedelta(minutes=minute)
        return StopIssue(ref=ref or world.ref, number=number, open=stop, actor=who, at=at)

    return make


async def told(world, log=None) -> list[tuple[str, str]]:
    entries = await world.store.entries(log or world.ref.log)
    return [
        (e.envelope.kind, e.payload["reason"])
        for e in entries
        if e.envelope.kind.startswith("brake.")
    ]


async def read_permissions(world) -> None:
    """Do as the bot does: read the permission of everybody who spoke."""
    for said in await world.store.stops_to_verify(100):
        allowed = said.actor.login in WRITERS
        await world.store.verify_stop(said, allowed=allowed, now=world.now)


async def test_stop_issue_holds_at_once_and_wakes_its_repository_alone(world, word):
    uid = await world.open_mission(1)
    await world.open_mission(2, phase=Phase.CLOSED, outcome=Outcome.FIXED)
    other = world.ref.model_copy(update={"repository_id": 8})
    await world.send(issue=1, create=True, ref=other)
    (foreign,) = await world.store.due(world.now, 10)
    await world.settle(foreign)
    turn = await world.turn(uid)
    await world.store.hear_stops([word(0, "tom", stop=True)], world.now)
    assert await world.store.due(world.now, 10) == [uid]
    assert not await world.store.commit(turn, world.ruling(turn), world.now)
    facts = (await world.turn(uid)).facts
    assert facts.kill_switch
    assert facts.stops == (Stop(kind="issue", reason="#12, labelled grace:stop by tom"),)
    assert await world.store.stops(world.ref) == facts.stops
    assert await world.store.stops(other) == ()
    assert not (await world.turn(foreign)).facts.kill_switch
    assert not await world.store.kill_switch()


async def test_who_may_not_write_stops_nobody_for_long(world, word):
    uid = await world.open_mission(1)
    await world.store.hear_stops([word(0, "tom", stop=True)], world.now)
    await world.settle(uid)
    await read_permissions(world)
    assert await world.store.stops(world.ref) == ()
    assert await world.store.due(world.now, 10) == [uid]
    entries = (await world.store.entries(world.ref.log))[1:]
    assert [(e.envelope.kind, e.envelope.actor, e.envelope.mission) for e in entries] == [
        ("brake.on", "tom", None),
        ("brake.refused", "grace", None),
        ("brake.off", "grace", None),
    ]
    assert entries[1].payload == {
        "kind": "issue",
        "number": 12,
        "wish": "stop",
        "reason": "tom may not write here",
    }
    await world.store.hear_stops([word(0, "tom", stop=True)], world.now)
    assert await world.store.stops(world.ref) == ()
    assert await world.store.stops_to_verify(10) == []


async def test_who_may_not_write_lifts_nothing_and_who_may_does(world, word):
    uid = await world.open_mission(1)
    await world.store.hear_stops([word(0, "wanda", stop=True)], world.now)
    await read_permissions(world)
    await world.settle(uid)
    await world.store.hear_stops([word(1, "tom", stop=False)], world.now)
    (stop,) = (await world.turn(uid)).facts.stops
    assert stop.reason.endswith("; tom lifts it if he may write here, which is being read")
    assert await world.store.due(world.now, 10) == [uid]
    await read_permissions(world)
    (stop,) = (await world.turn(uid)).facts.stops
    assert stop.reason.endswith("; tom took it back, which counts for who may write here alone")
    await world.store.hear_stops([word(2, "will", stop=False)], world.now)
    assert (await world.turn(uid)).facts.kill_switch
    await read_permissions(world)
    assert not (await world.turn(uid)).facts.kill_switch
    assert await told(world) == [
        ("brake.on", "#12, labelled grace:stop by wanda"),
        ("brake.refused", "tom may not write here"),
        ("brake.off", "lifted by will"),
    ]


@pytest.mark.parametrize(
    ("said", "stops"),
    [
        ([("wanda", True)], True),
        ([("tom", True)], False),
        ([("tom", True), ("wanda", True)], True),
        ([("wanda", True), ("tom", False)], True),
        ([("wanda", True), ("tom", False), ("tom", True)], True),
        ([("wanda", True), ("will", False)], False),
        ([("wanda", True), ("will", False), ("tom", True)], False),
        ([("wanda", True), ("will", False), ("wanda", True)], True),
        ([("wanda", True), (None, False)], True),
        ([(None, True)], True),
        ([(None, True), ("tom", False)], True),
        ([(None, True), ("will", False)], False),
    ],
)
async def test_order_of_words_and_answers_does_not_matter(open_store, world, word, said, stops):
    """Each order goes to an issue of its own, with permissions read between and at the end."""
    words = [(minute, actor, stop) for minute, (actor, stop) in enumerate(said)]
    numbers = []
    for number, order in enumerate(itertools.permutations(words), start=100):
        for minute, actor, stop in order:
            await world.store.hear_stops([word(minute, actor, stop=stop, number=number)], world.now)
            if number % 2:
                await read_permissions(world)
        numbers.append(number)
    await read_permissions(world)
    standing = {w.number for w in await world.store.standing_stops(world.ref)}
    assert standing == (set(numbers) if stops else set())
    assert await world.store.stops_to_verify(10) == []


async def test_stop_and_lift_at_one_instant_stops(world, word):
    await world.store.hear_stops(
        [word(0, "wanda", stop=True), word(0, "will", stop=False)], world.now
    )
    await read_permissions(world)
    assert len(await world.store.stops(world.ref)) == 1


async def test_lift_that_is_not_verified_yet_lifts_nothing(world, word):
    await world.store.hear_stops(
        [word(0, "wanda", stop=True), word(1, "will", stop=False)], world.now
    )
    (lift,) = [w for w in await world.store.stops_to_verify(10) if not w.open]
    await world.store.verify_stop(lift, allowed=None, now=world.now)
    assert len(await world.store.stops(world.ref)) == 1
    await world.store.verify_stop(lift, allowed=True, now=world.now)
    assert await world.store.stops(world.ref) == ()
    assert await world.store.stops_to_verify(10) == []


async def test_behind_a_word_that_was_allowed_older_ones_are_no_news(world, word):
    older = [word(0, "tom", stop=True), word(1, "tim", stop=False), word(2, "wanda", stop=True)]
    lift = word(3, "will", stop=False)
    await world.store.hear_stops([*older, lift], world.now)
    await world.store.verify_stop(lift, allowed=True, now=world.now)
    assert await world.store.stops_to_verify(10) == []
    await world.store.hear_stops(older, world.now)
    assert await world.store.stops_to_verify(10) == []
    assert await world.store.stops(world.ref) == ()


async def test_what_is_known_is_told_once(world, word):
    uid = await world.open_mission(1)
    for _ in range(2):
        await world.store.hear_stops([word(0, "tom", stop=True)], world.now)
    await world.settle(uid)
    await world.store.hear_stops([word(0, "tom", stop=True)], world.now)
    assert await world.store.due(world.now, 10) == []
    (said,) = await world.store.stops_to_verify(10)
    for _ in range(2):
        await world.store.verify_stop(said, allowed=False, now=world.now)
    await world.store.verify_stop(said, allowed=True, now=world.now)
    assert [kind for kind, _ in await told(world)] == ["brake.on", "brake.refused", "brake.off"]
    assert await world.store.stops(world.ref) == ()


async def test_permission_that_cannot_be_read_now_lets_others_go_first(world, word):
    said = [word(n, "tom", stop=True, number=n) for n in (1, 2, 3)]
    await world.store.hear_stops(said, world.now)
    assert await world.store.stops_to_verify(2) == said[:2]
    for tried in said[:2]:
        await world.store.verify_stop(tried, allowed=None, now=world.later(seconds=1))
    assert await world.store.stops_to_verify(3) == [said[2], said[0], said[1]]
    assert len(await world.store.stops(world.ref)) == 3


async def test_standing_stops_name_the_newest_word_of_each_issue(world, word):
    said = [
        word(0, "tom", stop=True),
        word(1, "wanda", stop=True),
        word(0, None, stop=True, number=13),
    ]
    await world.store.hear_stops(said, world.now)
    assert await world.store.standing_stops(world.ref) == said[1:]


async def test_word_about_a_repository_that_was_renamed_is_verified_under_its_new_name(world, word):
    renamed = world.ref.model_copy(update={"repository": "octo/new"})
    for ref in (world.ref, renamed):
        await world.store.hear_stops([word(0, "tom", stop=True, ref=ref)], world.now)
    (said,) = await world.store.stops_to_verify(10)
    assert said.ref == renamed


async def test_delivery_carries_stops(world, word):
    await world.store.accept(world.delivery())
    (stored,) = await world.store.unrouted(1)
    said = Translated([], "stop", stops=[word(0, "wanda", stop=True)])
    assert await world.store.route(stored.id, said, world.now) == 0
    assert len(await world.store.stops(world.ref)) == 1


async def test_stop_outlives_the_process(open_store, world, world_of, word):
    await world.store.hear_stops([word(0, "wanda", stop=True)], world.now)
    await world.store.close()
    again = world_of(await open_store())
    assert len(await again.store.stops(again.ref)) == 1


async def test_switch_is_told_to_every_log_and_they_verify(world, keys):
    other = world.ref.model_copy(update={"repository_id": 8, "repository": "octo/other"})
    for ref in (world.ref, other):
        await world.store.record(world.note("policy.seen", reason="x"), world.now, ref=ref)
    switch = {"actor": "olga", "reason": "a leak", "now": world.now}
    assert await world.store.set_kill_switch(on=True, **switch)
    assert not await world.store.set_kill_switch(on=True, **switch)
    assert await world.store.stops(world.ref) == (Stop(kind="operator", reason="a leak (olga)"),)
    assert await world.store.set_kill_switch(on=False, actor="olga", now=world.now)
    assert await world.store.logs() == ["bot", "forge.test/7", "forge.test/8"]
    for log in await world.store.logs():
        assert await told(world, log) == [("brake.on", "a leak"), ("brake.off", "")]
        verified = verify_entries(await world.store.lines(log), keys)
        assert isinstance(verified, Verified)
        assert verified.entries[0].envelope.kind == LOG_OPENED
    assert (await world.store.entries("bot"))[0].payload["repository"] == ""


async def test_log_that_opens_under_a_switch_says_so(world):
    await world.store.set_kill_switch(on=True, actor="olga", reason="a leak", now=world.now)
    await world.open_mission(1, notes=(world.note(),))
    kinds = [e.envelope.kind for e in await world.store.entries(world.ref.log)]
    assert kinds == [LOG_OPENED, "brake.on", "mission.step_taken"]


async def test_file_and_operator_stop_each_for_themselves(world):
    uid = await world.open_mission(1)
    reason = "the file STOP is there"
    await world.store.set_kill_switch(
        on=True, actor="grace", reason=reason, kind="file", now=world.now
    )
    await world.store.set_kill_switch(on=True, actor="olga", now=world.now)
    stops = (await world.turn(uid)).facts.stops
    assert [(s.kind, s.reason) for s in stops] == [
        ("operator", "put on (olga)"),
        ("file", f"{reason} (grace)"),
    ]
    await world.store.set_kill_switch(on=False, actor="olga", now=world.now)
    assert [s.kind for s in (await world.turn(uid)).facts.stops] == ["file"]
    assert await world.store.kill_switch()
    await world.store.set_kill_switch(on=False, actor="grace", kind="file", now=world.now)
    assert not await world.store.kill_switch()


@pytest.mark.parametrize(
    ("name", "known"), [("", "somebody unknown"), ("a\nb", "a b"), ("x" * 300, "x" * 200)]
)
async def test_brake_does_not_fail_for_a_name(world, name, known):
    assert await world.store.set_kill_switch(on=True, actor=name, now=world.now)
    assert (await world.store.entries("bot"))[-1].envelope.actor == known


async def test_note_for_one_repository_opens_its_log_alone(world):
    await world.store.record(world.note("policy.seen"), world.now, ref=world.ref)
    assert await world.store.logs() == [world.ref.log]
    await world.store.record(world.note("policy.seen"), world.now)
    assert await world.store.logs() == ["bot", world.ref.log]
    head = await world.store.head(world.ref.log)
    assert head is not None
    assert head.seq == 3

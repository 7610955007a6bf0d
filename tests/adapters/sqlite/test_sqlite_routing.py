"""Which missions an event reaches, and which missions it makes."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from grace.domain.facts import Facts
from grace.domain.mission import Attempt, Landing, PullRef, Revert
from grace.domain.phase import Outcome, Phase
from grace.ports import Delivery, Routed, Target, Translated


def sha(digit: str) -> str:
    return digit * 40


async def waiting(world, uid):
    return [event.id for _, event in (await world.turn(uid)).events]


async def test_delivery_comes_back_as_it_came(world):
    body = bytes(range(256))
    delivery = Delivery("forge", "d-1", "issues", body, world.START + timedelta(microseconds=7))
    assert await world.store.accept(delivery)
    (stored,) = await world.store.unrouted(10)
    assert stored == Delivery("forge", "d-1", "issues", body, delivery.received_at, stored.id)
    assert stored.id > 0


async def test_second_delivery_changes_nothing(world):
    assert await world.store.accept(world.delivery("same", b"first"))
    assert not await world.store.accept(world.delivery("same", b"second"))
    other = world.delivery("same")
    assert await world.store.accept(Delivery("alerts", *_rest(other)))
    assert [(d.origin, d.body) for d in await world.store.unrouted(10)] == [
        ("forge", b"first"),
        ("alerts", b"{}"),
    ]


def _rest(delivery):
    return delivery.delivery_id, delivery.event, delivery.body, delivery.received_at


async def test_delivery_is_routed_once(world):
    await world.store.accept(world.delivery())
    (delivery,) = await world.store.unrouted(10)
    routed = [Routed(target=Target(ref=world.ref, issue=1, create=True), event=world.event())]
    assert await world.store.route(delivery.id, Translated(routed, ""), world.now) == 1
    assert await world.store.route(delivery.id, Translated(routed, ""), world.now) == 0
    assert await world.store.unrouted(10) == []
    (mission,) = await world.store.missions()
    assert await waiting(world, mission.uid) == ["c1"]


async def test_delivery_for_nobody_is_marked_too(world):
    await world.store.accept(world.delivery())
    (delivery,) = await world.store.unrouted(10)
    assert await world.store.route(delivery.id, Translated([], "a star was given"), world.now) == 0
    assert await world.store.unrouted(10) == []


async def test_unknown_delivery_is_an_error(world):
    with pytest.raises(KeyError, match="no delivery 12"):
        await world.store.route(12, Translated([], ""), world.now)


async def test_new_issue_makes_one_mission_with_a_name_of_the_day(world):
    assert await world.send(world.event("a"), issue=5, create=True) == 1
    assert await world.send(world.event("b"), issue=5, create=True) == 1
    (mission,) = await world.store.missions()
    assert (mission.name, mission.issue, mission.phase) == ("mission_20261122_001", 5, Phase.FILED)
    assert (mission.ref, mission.created_at) == (world.ref, world.now)
    assert await waiting(world, mission.uid) == ["a", "b"]
    assert (await world.turn(mission.uid)).facts == Facts()


async def test_names_count_up_within_the_utc_day_over_all_repositories(world):
    world.now = datetime(2026, 11, 22, 23, 59, tzinfo=UTC)
    other = world.ref.model_copy(update={"repository_id": 8})
    await world.send(issue=1, create=True)
    await world.send(issue=1, create=True, ref=other)
    world.later(minutes=2)
    await world.send(issue=2, create=True)
    world.later(minutes=-2)
    await world.send(issue=3, create=True)
    names = {(m.ref.repository_id, m.issue): m.name for m in await world.store.missions()}
    assert names == {
        (7, 1): "mission_20261122_001",
        (8, 1): "mission_20261122_002",
        (7, 2): "mission_20261123_001",
        (7, 3): "mission_20261122_003",
    }


async def test_thousandth_name_has_four_digits(world):
    def many(connection):
        connection.execute("INSERT INTO mission_numbers VALUES ('20261122', 999)")

    await world.store._write(many)
    await world.send(issue=1, create=True)
    assert [m.name for m in await world.store.missions()] == ["mission_20261122_1000"]


async def test_same_issue_has_the_same_uid_in_every_store(world):
    await world.send(issue=5, create=True)
    (mission,) = await world.store.missions()
    assert str(mission.uid) == "f0ffde42-4a8e-5563-9862-9001511363d6"


async def test_unknown_issue_reaches_nobody_without_create(world):
    await world.open_mission(1)
    assert await world.send(issue=2) == 0


async def test_webhook_of_an_issue_that_grace_filed_makes_no_second_mission(world):
    await world.fire(world.alert("f1"))
    (mission,) = await world.store.missions()
    assert await world.send(world.event("early"), uid=mission.uid, issue=9, create=True) == 1
    await world.settle(mission.uid, issue=9)
    assert await world.send(world.event("late"), issue=9, create=True) == 1
    assert len(await world.store.missions()) == 1
    assert await waiting(world, mission.uid) == ["late"]


async def test_uid_of_another_repository_is_unknown_here(world):
    """A stranger may paste the marker of somebody else's mission."""
    uid = await world.open_mission(1)
    other = world.ref.model_copy(update={"repository_id": 8})
    assert await world.send(uid=uid, ref=other) == 0
    assert await world.send(uid=uid, ref=other, create=True) == 0
    assert await world.send(uid=uid, issue=1, ref=other, create=True) == 1
    assert len(await world.store.missions()) == 2
    assert await waiting(world, uid) == []


async def test_api_mission_gets_the_uid_that_was_promised(world):
    uid = uuid4()
    assert await world.send(uid=uid, create=True) == 1
    assert (await world.mission(uid)).issue is None


@pytest.mark.parametrize("suffix", ["", "-revert"])
async def test_branch_names_its_mission(world, suffix):
    uid = await world.open_mission(1)
    branch = (await world.mission(uid)).branch + suffix
    assert await world.send(branch=branch) == 1
    assert await waiting(world, uid) == ["c1"]


@pytest.mark.parametrize(
    "branch", ["main", "grace/mission_20261122_001-other", "xgrace/mission_20261122_001"]
)
async def test_other_branches_name_nobody(world, branch):
    await world.open_mission(1)
    assert await world.send(branch=branch) == 0


LANDED = Landing(sha=sha("d"), tree=sha("e"), at=datetime(2026, 11, 22, 9, tzinfo=UTC))
KNOWN = {
    "pull": PullRef(number=11, url="u"),
    "attempts": (
        Attempt(number=1, candidate="c", agent="a", head=sha("1"), failure="red"),
        Attempt(number=2, candidate="c", agent="a", head=sha("2")),
        Attempt(number=3, candidate="c", agent="a"),
    ),
    "landing": LANDED,
    "revert": Revert(
        reason="slow",
        head=sha("3"),
        pull=PullRef(number=12, url="u"),
        landed=LANDED.model_copy(update={"sha": sha("4")}),
    ),
}


@pytest.mark.parametrize(
    "target",
    [{"pull": 11}, {"pull": 12}, *({"sha": sha(digit)} for digit in "12d34")],
    ids=str,
)
async def test_pulls_and_commits_find_their_mission_even_closed(world, target):
    uid = await world.open_mission(1, **KNOWN, phase=Phase.CLOSED, outcome=Outcome.ROLLED_BACK)
    await world.open_mission(2)
    assert await world.send(**target) == 1
    assert await waiting(world, uid) == ["c1"]


async def test_old_heads_are_not_forgotten(world):
    uid = await world.open_mission(1, **KNOWN)
    await world.settle(uid, attempts=(), pull=None)
    assert await world.send(sha=sha("1")) == 1
    assert await world.send(pull=11) == 1


async def test_pulls_of_another_repository_are_others(world):
    await world.open_mission(1, **KNOWN)
    other = world.ref.model_copy(update={"repository_id": 8})
    assert await world.send(pull=11, ref=other) == 0
    assert await world.send(sha=sha("1"), ref=other) == 0


async def test_everyone_is_every_live_mission_of_the_repository(world):
    one, two = await world.open_mission(1), await world.open_mission(2)
    closed = await world.open_mission(3, phase=Phase.CLOSED, outcome=Outcome.FIXED)
    other = world.ref.model_copy(update={"repository_id": 8})
    await world.send(issue=1, create=True, ref=other)
    assert await world.send(world.event("push")) == 2
    assert await world.send(world.event("deploy"), sha=sha("9"), everyone=True) == 2
    assert await world.send(world.event("lost"), sha=sha("9")) == 0
    for uid in (one, two):
        assert await waiting(world, uid) == ["push", "deploy"]
    assert await waiting(world, closed) == []


async def test_first_field_decides(world):
    first = await world.open_mission(1, **KNOWN)
    second = await world.open_mission(2)
    assert await world.send(pull=11, issue=2) == 1
    assert await waiting(world, first) == ["c1"]
    assert await waiting(world, second) == []


async def test_one_mission_that_gets_two_events_counts_once(world):
    uid = await world.open_mission(1)
    await world.store.accept(world.delivery())
    (delivery,) = await world.store.unrouted(10)
    target = Target(ref=world.ref, issue=1)
    routed = [Routed(target=target, event=world.event(name)) for name in "xy"]
    assert await world.store.route(delivery.id, Translated(routed, ""), world.now) == 1
    assert await waiting(world, uid) == ["x", "y"]


async def test_a_repository_begins_so_many_missions_an_hour_and_no_more(world):
    """A stranger files issues as fast as a program; nothing is lost, and the note says why."""
    for number in range(1, 5):
        await begin_mission(world, number)
    assert [m.issue for m in await world.store.missions()] == [1, 2, 3]
    world.now += timedelta(hours=1, seconds=1)
    await begin_mission(world, 4)
    assert [m.issue for m in await world.store.missions()] == [1, 2, 3, 4]


async def begin_mission(world, issue):
    await world.store.accept(world.delivery())
    (delivery,) = await world.store.unrouted(10)
    routed = Routed(target=Target(ref=world.ref, issue=issue, create=True), event=world.event())
    said = Translated([routed], "", new_an_hour=3)
    await world.store.route(delivery.id, said, world.now)

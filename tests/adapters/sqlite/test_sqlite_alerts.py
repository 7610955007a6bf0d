"""Which missions alerts reach, in what order they come, and what is known of them after that."""

from contextlib import closing
from datetime import timedelta
from uuid import UUID

import pytest

from grace.adapters.sqlite import mission_rows
from grace.adapters.sqlite.schema import connect, migrate, shipped
from grace.adapters.sqlite.values import micros
from grace.domain.alerting.placing import Why
from grace.domain.alerting.rules import Alerting, Maintenance
from grace.domain.mission import Mission
from grace.domain.phase import Outcome, Phase

_SAID = '{"alert": {"status": "firing", "at": "2026-11-22T09:00:00Z"}}'
_LATER = {"self_started_at", "parent"}  # columns of later schemas


async def test_alert_has_one_mission_while_it_is_open(world):
    assert await world.fire(world.alert("f1")) == "1 alerts: 1 opened a mission"
    first = await world.open_one()
    assert (first.alert, first.issue) == ("f1", None)
    assert await world.fire(world.alert("f1", at=world.later(minutes=1))) == "1 alerts: 1 repeated"
    assert await world.fire(world.alert("f1", "resolved")) == "1 alerts: 1 resolved"
    assert await world.fire(world.alert("f1", at=world.later(minutes=1))) == "1 alerts: 1 fired"
    assert (await world.open_one()).uid == first.uid
    assert await world.alerts_for(first.uid) == [
        ("f1", "firing", 1, 1),
        ("f1", "firing", 1, 1),  # no issue is filed yet: the next word may try again
        ("f1", "resolved", 1, 0),
        ("f1", "firing", 1, 1),
    ]


async def test_once_the_issue_is_filed_a_repetition_makes_no_event(world):
    await world.fire(world.alert("f1"))
    mission = await world.open_one()
    await world.settle(mission.uid, issue=4)
    await world.fire(*[world.alert("f1")] * 100)
    assert await world.alerts_for(mission.uid) == []


async def test_what_belongs_together_is_one_mission(world):
    same_metric = world.alert("f2")
    same_subsystem = world.alert("f3", metric="errors")
    same_label = world.alert("f4", metric="cpu", subsystem="db", labels={"service": "web"})
    first = world.alert("f1", labels={"service": "web"})
    note = await world.fire(first, same_metric, same_subsystem, same_label)
    assert note == "4 alerts: 3 joined, 1 opened a mission"
    mission = await world.open_one()
    whys = [event.placed.why for _, event in (await world.turn(mission.uid)).events]
    assert whys == [None, Why.METRIC, Why.SUBSYSTEM, Why.LABELS]
    world.later(minutes=11)
    note = await world.fire(world.alert("f5", metric="cpu", subsystem="queue"))
    assert note == "1 alerts: 1 opened a mission"
    assert await world.fire(world.alert("f6")) == "1 alerts: 1 joined"


async def test_a_mission_of_a_person_takes_alerts_about_its_metric(world):
    request = world.alert("x").request
    uid = await world.open_mission(1, phase=Phase.TESTING, request=request)
    assert await world.fire(world.alert("f1")) == "1 alerts: 1 joined"
    assert await world.alerts_for(uid) == [("f1", "firing", 1, 1)]
    assert (await world.mission(uid)).alert is None


async def test_a_mission_that_merges_or_observes_takes_no_new_alerts_and_hears_of_a_few(world):
    request = world.alert("x").request
    merging = await world.open_mission(1, phase=Phase.MERGING, request=request)
    observing = await world.open_mission(2, phase=Phase.OBSERVING, request=request)
    await world.fire(*(world.alert(f"f{n}") for n in range(30)))
    assert await world.alerts_for(merging) == []
    told = [event for _, event in (await world.turn(observing)).events]
    assert len(told) == 20
    assert all(event.placed.beside for event in told)
    await world.fire(*(world.alert(f"f{n}") for n in range(30)))
    elsewhere = world.alert("g", subsystem="db")
    await world.fire(elsewhere)
    assert len((await world.turn(observing)).events) == 20


async def test_its_own_alert_reaches_a_mission_in_every_phase(world):
    await world.fire(world.alert("f1"))
    mission = await world.open_one()
    for phase in (Phase.MERGING, Phase.OBSERVING, Phase.REVERTING):
        await world.settle(mission.uid, phase=phase, issue=3)
        world.later(minutes=1)
        await world.fire(world.alert("f1", "resolved"))
        world.later(minutes=1)
        await world.fire(world.alert("f1"))
        assert len(await world.alerts_for(mission.uid)) == 2
    assert len(await world.store.missions()) == 1


async def test_resolved_that_comes_before_its_firing_opens_nothing(world):
    resolved = world.alert("f1", "resolved", at=world.now)
    late = world.alert("f1", at=world.now - timedelta(minutes=5))
    assert await world.fire(resolved) == "1 alerts: 1 resolved"
    assert await world.fire(late) == "1 alerts: 1 late"
    assert await world.store.missions() == []
    world.later(minutes=11)
    assert await world.fire(late) == "1 alerts: 1 opened a mission"


async def test_older_firing_does_not_open_again_what_recovered(world):
    await world.fire(world.alert("f1"))
    older = world.alert("f1")
    world.later(minutes=2)
    await world.fire(world.alert("f1", "resolved"))
    await world.end_one(Outcome.SELF_RECOVERED)
    assert await world.fire(older) == "1 alerts: 1 late"
    assert await world.store.missions(live=True) == []


async def test_a_clock_that_lies_changes_no_grouping(world):
    future = world.alert("f1", at=world.now + timedelta(days=9000))
    past = world.alert("f2", metric="cpu", at=world.now - timedelta(days=9000))
    assert await world.fire(future, past) == "2 alerts: 1 joined, 1 opened a mission"
    await world.fire(world.alert("f1", "resolved", at=world.now + timedelta(days=9000)))
    world.later(minutes=1)
    assert await world.fire(world.alert("f1")) == "1 alerts: 1 fired"


async def test_in_maintenance_nothing_is_filed_and_what_still_fires_after_it_is(world):
    rules = Alerting(
        maintenance=(
            Maintenance(
                start=world.now,
                end=world.now + timedelta(hours=1),
                subsystems=("mesh",),
                reason="x",
            ),
        )
    )
    note = await world.fire(world.alert("f1"), world.alert("f2"), rules=rules)
    assert note == "2 alerts: 2 in maintenance"
    assert await world.store.missions() == []
    await world.fire(world.alert("f2", "resolved"), rules=rules)
    world.later(hours=1)
    again = (world.alert("f1", at=world.START), world.alert("f2", "resolved"))
    assert await world.fire(*again, rules=rules) == "2 alerts: 1 opened a mission, 1 repeated"
    assert (await world.open_one()).alert == "f1"


async def test_maintenance_is_not_taken_for_a_firing_that_never_stopped(world):
    await world.fire(world.alert("f1"))
    await world.end_one(Outcome.CANCELLED)
    world.later(minutes=20)
    await world.fire(world.alert("f1", "resolved"))
    end = world.now + timedelta(hours=1)
    rules = Alerting(maintenance=(Maintenance(start=world.now, end=end, reason="x"),))
    world.later(minutes=20)
    said = world.now
    assert await world.fire(world.alert("f1"), rules=rules) == "1 alerts: 1 in maintenance"
    world.later(minutes=50)
    assert await world.fire(world.alert("f1", at=said)) == "1 alerts: 1 opened a mission"


async def test_past_the_limit_alerts_join_or_wait(world):
    rules = Alerting(max_new_per_hour=2)
    subsystems = [world.alert(f"f{n}", subsystem=f"s{n}", metric=f"m{n}") for n in range(4)]
    note = await world.fire(*subsystems, rules=rules)
    assert note == "4 alerts: 2 joined, 2 opened a mission"
    for mission in await world.store.missions():
        await world.settle(mission.uid, phase=Phase.CLOSED, outcome=Outcome.CANCELLED)
    note = await world.fire(world.alert("g", subsystem="s9"), rules=rules)
    assert note == "1 alerts: 1 alerts may open no more missions now"
    world.later(minutes=61)
    note = await world.fire(world.alert("g", subsystem="s9", at=world.START), rules=rules)
    assert note == "1 alerts: 1 opened a mission"


async def test_a_repository_that_began_too_many_missions_takes_the_alert_later(world):
    for number in range(60):
        await world.open_mission(number + 1, phase=Phase.CLOSED, outcome=Outcome.CANCELLED)
    assert "may open no more missions" in await world.fire(world.alert("f1"))
    assert await world.store.missions(live=True) == []


@pytest.mark.parametrize("outcome", [Outcome.CANCELLED, Outcome.FAILED, Outcome.ROLLED_BACK])
async def test_what_people_have_is_theirs_until_it_stopped_once(world, outcome):
    await world.fire(world.alert("f1"))
    old = await world.end_one(outcome)
    world.later(minutes=30)
    assert "people have its mission" in await world.fire(world.alert("f1", at=world.START))
    await world.fire(world.alert("f1", "resolved"))
    world.later(minutes=1)
    assert await world.fire(world.alert("f1")) == "1 alerts: 1 opened a mission"
    (event,) = [e for _, e in (await world.turn((await world.open_one()).uid)).events]
    assert (event.placed.recurs.mission, event.placed.recurs.outcome) == (old.name, outcome)
    assert (await world.turn(old.uid)).events == ()


async def test_a_silent_alert_that_began_anew_is_a_new_one(world):
    await world.fire(world.alert("f1"))
    await world.end_one(Outcome.CANCELLED)
    world.later(hours=5)
    assert await world.fire(world.alert("f1")) == "1 alerts: 1 opened a mission"


async def test_a_mission_does_not_recover_past_an_alert_that_just_fired_again(world):
    await world.fire(world.alert("f1"))
    mission = await world.open_one()
    await world.settle(mission.uid, issue=1)
    await world.fire(world.alert("f1", "resolved", at=world.later(minutes=1)))
    ended = {"phase": Phase.CLOSED, "outcome": Outcome.SELF_RECOVERED, "closed_at": world.now}
    turn = await world.turn(mission.uid)
    await world.fire(world.alert("f1", at=world.later(minutes=1)))
    assert not await world.store.commit(turn, world.ruling(turn, **ended), world.now)
    turn = await world.turn(mission.uid)
    assert await world.store.commit(turn, world.ruling(turn, **ended), world.now)


# what is kept


async def test_alerts_that_are_long_silent_are_forgotten_unless_their_mission_lives(world):
    await world.fire(world.alert("f1"), world.alert("gone", "resolved"))
    world.later(days=401)
    await world.fire(world.alert("f2", subsystem="db", metric="cpu"))
    query = "SELECT fingerprint FROM alerts ORDER BY fingerprint"
    rows = await world.store._read(lambda c: [r["fingerprint"] for r in c.execute(query)])
    assert rows == ["f1", "f2"]


async def test_alerts_of_two_repositories_are_apart(world):
    await world.fire(world.alert("f1"))
    first = await world.open_one()
    here, world.ref = world.ref, world.ref.model_copy(update={"repository_id": 8})
    assert await world.fire(world.alert("f1")) == "1 alerts: 1 opened a mission"
    world.ref = here
    assert await world.fire(world.alert("f1")) == "1 alerts: 1 repeated"
    assert len(await world.alerts_for(first.uid)) == 2


async def test_a_store_of_before_knows_the_alerts_of_its_missions(world_of, path, open_store):
    """Each alert's newest mission counts; one that is open takes its alert as its own."""
    path.parent.mkdir()
    plain = world_of(None)
    request = plain.alert("f1").request
    known = {"request": request, "alert": "f1"}
    over = {**known, "phase": Phase.CLOSED, "outcome": Outcome.FIXED, "closed_at": plain.now}
    with closing(connect(path)) as connection:
        migrate(connection, path, shipped()[:6])
        for number, changes in enumerate((over, {**known, "phase": Phase.TESTING}), start=1):
            mission = Mission(
                uid=UUID(int=number),
                name=f"mission_20261122_00{number}",
                ref=plain.ref,
                created_at=plain.later(minutes=1),
                issue=number,
                **changes,
            )
            columns = mission_rows._derived(mission)
            values = {name: columns[name] for name in columns if name not in _LATER}
            values |= {"uid": str(mission.uid), "created_at": micros(mission.created_at)}
            values |= {"facts": _SAID, "decided_at": micros(plain.now)}
            marks = ", ".join(f":{name}" for name in values)
            query = f"INSERT INTO missions ({', '.join(values)}) VALUES ({marks})"
            connection.execute(query, values)
    world = world_of(await open_store())
    world.now = plain.later(minutes=1)
    assert await world.fire(world.alert("f1")) == "1 alerts: 1 repeated"
    assert await world.fire(world.alert("f1", "resolved")) == "1 alerts: 1 resolved"
    assert await world.alerts_for(UUID(int=2)) == [("f1", "resolved", 1, 0)]

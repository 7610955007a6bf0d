"""Which missions alerts reach, in what order they come, and what is known of them after that."""

from datetime import timedelta

import pytest

from grace.adapters.sqlite.outcome_rows import rebuild_outcomes
from grace.domain.alerting.placing import Why
from grace.domain.alerting.rules import Alerting, Maintenance
from grace.domain.detection.anomaly import Anomaly
from grace.domain.events import AlertSeen, Recurred
from grace.domain.mission import Landing
from grace.domain.phase import Outcome, Phase


async def one(world):
    (mission,) = await world.store.missions(live=True)
    return mission


async def waits(world, uid):
    """List what waits for a mission, as (fingerprint, status, known, firing)."""
    events = [event for _, event in (await world.turn(uid)).events]
    return [(e.fingerprint, e.status, e.placed.known, e.placed.firing) for e in events]


async def close(world, outcome=Outcome.FIXED, **changes):
    """Let the one open mission be what its first alert asked for, and end."""
    mission = await one(world)
    (first, *_) = [event for _, event in (await world.turn(mission.uid)).events]
    ended = {"phase": Phase.CLOSED, "outcome": outcome, "closed_at": world.now}
    await world.settle(mission.uid, request=first.request, **{**ended, **changes})
    return mission


async def test_alert_has_one_mission_while_it_is_open(world):
    assert await world.fire(world.alert("f1")) == "1 alerts: 1 opened a mission"
    first = await one(world)
    assert (first.alert, first.issue) == ("f1", None)
    assert await world.fire(world.alert("f1", at=world.later(minutes=1))) == "1 alerts: 1 repeated"
    assert await world.fire(world.alert("f1", "resolved")) == "1 alerts: 1 resolved"
    assert await world.fire(world.alert("f1", at=world.later(minutes=1))) == "1 alerts: 1 fired"
    assert (await one(world)).uid == first.uid
    assert await waits(world, first.uid) == [
        ("f1", "firing", 1, 1),
        ("f1", "firing", 1, 1),  # no issue is filed yet: the next word may try again
        ("f1", "resolved", 1, 0),
        ("f1", "firing", 1, 1),
    ]


async def test_once_the_issue_is_filed_a_repetition_makes_no_event(world):
    await world.fire(world.alert("f1"))
    mission = await one(world)
    await world.settle(mission.uid, issue=4)
    await world.fire(*[world.alert("f1")] * 100)
    assert await waits(world, mission.uid) == []


async def test_what_belongs_together_is_one_mission(world):
    same_metric = world.alert("f2")
    same_subsystem = world.alert("f3", metric="errors")
    same_label = world.alert("f4", metric="cpu", subsystem="db", labels={"service": "web"})
    first = world.alert("f1", labels={"service": "web"})
    note = await world.fire(first, same_metric, same_subsystem, same_label)
    assert note == "4 alerts: 3 joined, 1 opened a mission"
    mission = await one(world)
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
    assert await waits(world, uid) == [("f1", "firing", 1, 1)]
    assert (await world.mission(uid)).alert is None


async def test_a_mission_that_merges_or_observes_takes_no_new_alerts_and_hears_of_a_few(world):
    request = world.alert("x").request
    merging = await world.open_mission(1, phase=Phase.MERGING, request=request)
    observing = await world.open_mission(2, phase=Phase.OBSERVING, request=request)
    await world.fire(*(world.alert(f"f{n}") for n in range(30)))
    assert await waits(world, merging) == []
    told = [event for _, event in (await world.turn(observing)).events]
    assert len(told) == 20
    assert all(event.placed.beside for event in told)
    await world.fire(*(world.alert(f"f{n}") for n in range(30)))
    elsewhere = world.alert("g", subsystem="db")
    await world.fire(elsewhere)
    assert len((await world.turn(observing)).events) == 20


async def test_its_own_alert_reaches_a_mission_in_every_phase(world):
    await world.fire(world.alert("f1"))
    mission = await one(world)
    for phase in (Phase.MERGING, Phase.OBSERVING, Phase.REVERTING):
        await world.settle(mission.uid, phase=phase, issue=3)
        world.later(minutes=1)
        await world.fire(world.alert("f1", "resolved"))
        world.later(minutes=1)
        await world.fire(world.alert("f1"))
        assert len(await waits(world, mission.uid)) == 2
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
    await close(world, Outcome.SELF_RECOVERED)
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
    assert (await one(world)).alert == "f1"


async def test_maintenance_is_not_taken_for_a_firing_that_never_stopped(world):
    await world.fire(world.alert("f1"))
    await close(world, Outcome.CANCELLED)
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
    old = await close(world, outcome)
    world.later(minutes=30)
    assert "people have its mission" in await world.fire(world.alert("f1", at=world.START))
    await world.fire(world.alert("f1", "resolved"))
    world.later(minutes=1)
    assert await world.fire(world.alert("f1")) == "1 alerts: 1 opened a mission"
    (event,) = [e for _, e in (await world.turn((await one(world)).uid)).events]
    assert (event.placed.recurs.mission, event.placed.recurs.outcome) == (old.name, outcome)
    assert (await world.turn(old.uid)).events == ()


async def test_a_silent_alert_that_began_anew_is_a_new_one(world):
    await world.fire(world.alert("f1"))
    await close(world, Outcome.CANCELLED)
    world.later(hours=5)
    assert await world.fire(world.alert("f1")) == "1 alerts: 1 opened a mission"


# coming back


async def test_a_fixed_alert_that_fires_again_tells_the_old_mission_and_links_the_new_one(world):
    await world.fire(world.alert("f1"), world.alert("f2"))
    landing = Landing(sha="a" * 40, tree="b" * 40, at=world.now)
    await world.fire(world.alert("f1", "resolved"), world.alert("f2", "resolved"))
    old = await close(world, landing=landing, capa=12)
    world.later(days=3)
    note = await world.fire(world.alert("f2"), world.alert("f1"))
    assert note == "2 alerts: 1 joined, 1 opened a mission"
    new = await one(world)
    events = [event for _, event in (await world.turn(new.uid)).events]
    assert [e.placed.recurs.mission for e in events] == [old.name] * 2
    recurs = events[0].placed.recurs
    assert (recurs.landed, recurs.capa, recurs.outcome) == ("a" * 40, 12, Outcome.FIXED)
    (told,) = [event for _, event in (await world.turn(old.uid)).events]
    assert told == Recurred(fingerprint="f2", by=new.name, at=world.now)


async def test_what_still_fires_a_while_after_it_was_fixed_came_back_too(world):
    await world.fire(world.alert("f1"))
    old = await close(world)
    world.later(minutes=5)
    assert "ended a moment ago" in await world.fire(world.alert("f1", at=world.START))
    world.later(minutes=6)
    assert await world.fire(world.alert("f1", at=world.START)) == "1 alerts: 1 opened a mission"
    (told,) = [event for _, event in (await world.turn(old.uid)).events]
    assert isinstance(told, Recurred)


async def test_after_its_days_nobody_remembers(world):
    await world.fire(world.alert("f1"))
    await world.fire(world.alert("f1", "resolved"))
    old = await close(world)
    world.later(days=14, minutes=1)
    await world.fire(world.alert("f1"))
    (event,) = [e for _, e in (await world.turn((await one(world)).uid)).events]
    assert event.placed.recurs is None
    assert (await world.turn(old.uid)).events == ()


async def test_a_finding_of_a_detector_comes_back_by_metric_and_subsystem(world):
    request = world.alert("x").request
    uid = await world.open_mission(1, request=request)
    await world.open_mission(2, phase=Phase.CLOSED, outcome=Outcome.FIXED, closed_at=world.now)
    await world.settle(uid, phase=Phase.CLOSED, outcome=Outcome.FIXED, closed_at=world.now)
    world.later(days=1)
    seen = {"at": world.now, "since": world.now, "value": 9.0, "direction": "up"}
    anomaly = Anomaly(metric_id="latency", detector="threshold", sentence="high", **seen)
    other = world.alert("am", metric="errors", subsystem="db")
    found = world.alert("detector:latency", anomaly=anomaly)
    elsewhere = world.alert(
        "detector:latency.db", subsystem="db", anomaly=anomaly, labels={"service": "x"}
    )
    await world.fire(other, elsewhere, found)
    (told,) = [event for _, event in (await world.turn(uid)).events]
    assert (told.fingerprint, told.kind) == ("detector:latency", "recurred")


async def test_an_open_capa_about_the_same_is_named(world):
    request = world.alert("x").request
    uid = await world.open_mission(1, request=request)
    filed = world.note("mission.capa_filed", number=31, url="http://forge.test/31")
    await world.settle(uid, capa=31, notes=(filed,))
    await world.settle(uid, phase=Phase.CLOSED, outcome=Outcome.ROLLED_BACK, closed_at=world.now)
    world.later(days=1)
    await world.fire(world.alert("f1"))
    (event,) = [e for _, e in (await world.turn((await one(world)).uid)).events]
    assert (event.placed.capa, event.placed.recurs) == (31, None)
    world.later(hours=1)
    await world.fire(world.alert("f2", subsystem="db", metric="cpu"))
    events = [e for m in await world.store.missions(live=True) for e in await told(world, m)]
    assert [e.placed.capa for e in events if e.fingerprint == "f2"] == [None]


async def told(world, mission) -> list[AlertSeen]:
    return [event for _, event in (await world.turn(mission.uid)).events]


async def test_what_came_back_is_an_outcome_that_the_ledger_tells(world):
    uid = await world.open_mission(1, request=world.alert("x").request)
    work = {
        "agent": "remedy:cache",
        "subsystem": "mesh",
        "severity": "medium",
        "basis": "approvals",
    }
    notes = (
        world.note("mission.closed", outcome="fixed", reason="held", **work),
        world.note("mission.ineffective", by="mission_20261123_001", fingerprint="f1", **work),
        world.note("mission.ineffective", by="mission_20261123_001", fingerprint="f1"),
    )
    await world.settle(uid, notes=notes)
    facts = await world.store.outcomes("mesh")
    assert [(f.outcome, f.came_back) for f in facts] == [
        (Outcome.FIXED, False),
        (Outcome.FAILED, True),
    ]
    compared = await world.store.compare_outcomes(world.ref.log, 0, 100)
    assert (compared.checked, compared.amiss) == (3, ())

    def anew(connection):
        connection.execute("DELETE FROM outcomes")
        rebuild_outcomes(connection)

    await world.store._write(anew)
    assert await world.store.outcomes("mesh") == facts


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
    first = await one(world)
    here, world.ref = world.ref, world.ref.model_copy(update={"repository_id": 8})
    assert await world.fire(world.alert("f1")) == "1 alerts: 1 opened a mission"
    world.ref = here
    assert await world.fire(world.alert("f1")) == "1 alerts: 1 repeated"
    assert len(await waits(world, first.uid)) == 2

"""An alert that comes back: the mission that had it hears of it, and the new one names it."""

from grace.adapters.sqlite.outcome_rows import rebuild_outcomes
from grace.domain.detection.anomaly import Anomaly
from grace.domain.events import AlertSeen, Recurred
from grace.domain.mission import Landing
from grace.domain.phase import Outcome, Phase


async def test_a_fixed_alert_that_fires_again_tells_the_old_mission_and_links_the_new_one(world):
    await world.fire(world.alert("f1"), world.alert("f2"))
    landing = Landing(sha="a" * 40, tree="b" * 40, at=world.now)
    await world.fire(world.alert("f1", "resolved"), world.alert("f2", "resolved"))
    old = await world.end_one(landing=landing, capa=12)
    world.later(days=3)
    note = await world.fire(world.alert("f2"), world.alert("f1"))
    assert note == "2 alerts: 1 joined, 1 opened a mission"
    new = await world.open_one()
    events = [event for _, event in (await world.turn(new.uid)).events]
    assert [e.placed.recurs.mission for e in events] == [old.name] * 2
    recurs = events[0].placed.recurs
    assert (recurs.landed, recurs.capa, recurs.outcome) == ("a" * 40, 12, Outcome.FIXED)
    (told,) = [event for _, event in (await world.turn(old.uid)).events]
    assert told == Recurred(fingerprint="f2", by=new.name, at=world.now)


async def test_what_still_fires_a_while_after_it_was_fixed_came_back_too(world):
    await world.fire(world.alert("f1"))
    old = await world.end_one()
    world.later(minutes=5)
    assert "ended a moment ago" in await world.fire(world.alert("f1", at=world.START))
    world.later(minutes=6)
    assert await world.fire(world.alert("f1", at=world.START)) == "1 alerts: 1 opened a mission"
    (told,) = [event for _, event in (await world.turn(old.uid)).events]
    assert isinstance(told, Recurred)


async def test_what_is_only_told_again_is_no_return_of_what_had_its_mission(world):
    await world.fire(world.alert("f1"))
    old = await world.end_one()
    world.later(hours=1)
    again = world.alert("f1", at=world.START).model_copy(update={"again": True})
    assert await world.fire(again) == "1 alerts: 1 repeated"
    assert (await world.turn(old.uid)).events == ()


async def test_after_its_days_nobody_remembers(world):
    await world.fire(world.alert("f1"))
    await world.fire(world.alert("f1", "resolved"))
    old = await world.end_one()
    world.later(days=14, minutes=1)
    await world.fire(world.alert("f1"))
    (event,) = [e for _, e in (await world.turn((await world.open_one()).uid)).events]
    assert event.placed.recurs is None
    assert (await world.turn(old.uid)).events == ()


def saw(world):
    seen = {"at": world.now, "since": world.now, "value": 9.0, "direction": "up"}
    return Anomaly(metric_id="latency", detector="threshold", sentence="high", **seen)


async def test_a_finding_that_is_dated_back_before_the_last_one_ended_is_none_the_less_new(world):
    name, began = "detector:latency", world.now
    await world.fire(world.alert(name, anomaly=saw(world)))
    mission = await world.open_one()
    await world.settle(mission.uid, issue=2)
    world.later(minutes=2)
    await world.fire(world.alert(name, "resolved", anomaly=saw(world)))
    world.later(minutes=1)
    again = world.alert(name, at=began, anomaly=saw(world))
    assert await world.fire(again) == "1 alerts: 1 fired"
    # That more metrics moved is told, once more, to the mission that it has.
    assert await world.fire(again) == "1 alerts: 1 repeated"
    assert [s for _, s, _, _ in await world.alerts_for(mission.uid)] == [
        "resolved",
        "firing",
        "firing",
    ]


async def test_a_finding_of_a_detector_comes_back_by_metric_and_subsystem(world):
    request = world.alert("x").request
    uid = await world.open_mission(1, request=request)
    await world.open_mission(2, phase=Phase.CLOSED, outcome=Outcome.FIXED, closed_at=world.now)
    await world.settle(uid, phase=Phase.CLOSED, outcome=Outcome.FIXED, closed_at=world.now)
    world.later(days=1)
    anomaly = saw(world)
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
    (event,) = [e for _, e in (await world.turn((await world.open_one()).uid)).events]
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

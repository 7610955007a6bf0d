"""Watching by a simulated clock: what is told, and when."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from grace.domain.alerting.rules import Alerting, Maintenance
from grace.domain.detection.anomaly import DetectorName
from grace.domain.detection.watch import SETTLE_S
from grace.domain.phase import Severity
from support.watched import START, definition
from support.watching_world import GOOD, IDLE, THRESHOLD, WatchedWorld, warmed, watched_world


async def test_healthy_service_makes_no_mission(world: WatchedWorld) -> None:
    watcher = world.watcher()
    await world.rounds(watcher, 20)
    assert await world.told() == []
    state = watcher.state
    assert (state.watched, state.preparing, state.sampled) == (4, 0, 5)
    assert (state.silent, state.incidents, state.blind) == ((), 0, False)
    assert state.last == world.clock.at


@pytest.mark.parametrize("metric", ["p95", "smart"])
async def test_step_is_a_mission_within_a_minute_of_its_onset(
    world: WatchedWorld, metric: str
) -> None:
    world.metrics.past["smart"] = warmed()
    watcher = world.watcher()
    await world.rounds(watcher, 5)
    onset = world.clock.at
    world.metrics.values[metric] = 190.0
    while not await world.store.missions():
        await world.rounds(watcher, 1)
        await world.route()
        assert world.clock.at - onset <= timedelta(seconds=60)
    (mission,) = await world.store.missions()
    assert mission.alert == f"detector:{metric}"
    assert world.woken
    assert world.counted == [("detector", "accepted")]


async def test_what_is_asked_for_says_since_when_how_unusual_and_how_it_is_fixed(
    world: WatchedWorld,
) -> None:
    watcher = world.watcher()
    await world.rounds(watcher, 5)
    world.metrics.values["errors"] = 40.0
    await world.rounds(watcher, 2)
    (event,) = await world.told()
    assert (event.source, event.status, event.title) == (
        "detector",
        "firing",
        "errors misses its target",
    )
    assert event.labels == {"detector": "threshold", "metric_id": "errors", "subsystem": "mesh"}
    asked = event.request
    assert (asked.subsystem_id, asked.severity) == ("mesh", Severity.HIGH)
    assert asked.summary == "errors is 40 ms and should be < 5 ms; since 16:01:30 UTC."
    assert [str(t) for t in asked.acceptance_criteria.metric_targets] == ["errors < 5"]
    (symptom,) = asked.symptoms
    assert (symptom.metric_id, symptom.observed_value, symptom.threshold) == ("errors", 40, 5)
    (evidence,) = asked.evidence
    assert evidence.excerpt is not None
    assert "2025-11-24T16:01:30+00:00 40.0 ms <- onset" in evidence.excerpt
    assert event.anomaly is not None
    assert event.anomaly.detector is DetectorName.THRESHOLD
    assert len(event.anomaly.chart) == 7


async def test_what_moves_together_is_one_mission_with_the_first_as_origin(
    world: WatchedWorld,
) -> None:
    watcher = world.watcher()
    await world.rounds(watcher, 5)
    world.metrics.values["p95"] = 190.0
    await world.rounds(watcher, 1)
    world.metrics.values |= {"errors": 40.0, "orders": 1.0}
    await world.rounds(watcher, 4)
    told = await world.told()
    assert [e.fingerprint for e in told] == ["detector:p95", "detector:p95", "detector:orders"]
    latest = told[1]
    assert latest.anomaly is not None
    assert latest.anomaly.metric_id == "p95"
    assert [m.metric_id for m in latest.anomaly.moved] == ["errors"]
    assert latest.title == "p95 misses its target, and 1 more metric moved"
    assert latest.request.severity is Severity.HIGH
    assert [s.metric_id for s in latest.request.symptoms] == ["p95", "errors"]
    targets = [t.metric_id for t in latest.request.acceptance_criteria.metric_targets]
    assert targets == ["p95", "errors"]
    assert told[2].request.subsystem_id == "shop"


async def test_recovery_is_told_once_when_all_are_well(world: WatchedWorld) -> None:
    watcher = world.watcher()
    world.metrics.values |= {"p95": 190.0, "errors": 40.0}
    await world.rounds(watcher, 3)
    world.metrics.values["p95"] = 30.0
    await world.rounds(watcher, 6)
    assert [e.status for e in await world.told()] == ["firing"]
    world.metrics.values["errors"] = 0.0
    await world.rounds(watcher, 6)
    told = await world.told()
    assert [e.status for e in told] == ["firing", "resolved"]
    assert len({e.fingerprint for e in told}) == 1
    assert watcher.state.incidents == 0


async def test_level_that_became_usual_is_not_told_as_recovered(world: WatchedWorld) -> None:
    world.metrics.past["smart"] = warmed()
    watcher = world.watcher()
    await world.rounds(watcher, 2)
    world.metrics.values["smart"] = 190.0
    await world.rounds(watcher, 2)
    watch = watcher.watch("smart")
    assert watch is not None
    watch.detectors.alarms.threshold = 1000.0
    watch.alarmed -= SETTLE_S
    await world.rounds(watcher, 2)
    assert watch.episode is None
    assert watcher.state.incidents == 0
    assert [e.status for e in await world.told()] == ["firing"]


async def test_what_comes_back_later_is_told_anew(world: WatchedWorld) -> None:
    watcher = world.watcher()
    for value in (190.0, 30.0, 190.0):
        world.metrics.values["p95"] = value
        await world.rounds(watcher, 5)
    assert [e.status for e in await world.told()] == ["firing", "resolved", "firing"]


async def test_metric_that_vanishes_is_an_anomaly(world: WatchedWorld) -> None:
    watcher = world.watcher()
    await world.rounds(watcher, 3)
    world.metrics.values["p95"] = None
    await world.rounds(watcher, 4)
    (event,) = await world.told()
    assert event.title == "p95 has vanished"
    assert watcher.state.silent == ("p95",)


async def test_source_that_is_down_is_one_anomaly(world: WatchedWorld) -> None:
    watcher = world.watcher()
    await world.rounds(watcher, 3)
    world.metrics.values |= {"p95": None, "errors": None}
    await world.rounds(watcher, 6)
    (event,) = await world.told()
    assert event.anomaly is not None
    assert event.anomaly.sentence == (
        "errors and 1 other metric have had no value: they come from one source, so it is that "
        "source which is down, rather than each of them; since 16:00:45 UTC"
    )
    assert [m.direction for m in event.anomaly.moved] == ["gone"]


async def test_when_nothing_comes_from_anywhere_it_is_our_own_network(world: WatchedWorld) -> None:
    watcher = world.watcher()
    await world.rounds(watcher, 3)
    world.metrics.values |= {"p95": None, "errors": None, "orders": None}
    await world.rounds(watcher, 20)
    assert watcher.state.blind
    assert await world.told() == []
    world.metrics.values |= GOOD
    await world.rounds(watcher, 6)
    assert not watcher.state.blind
    assert await world.told() == []


async def test_source_without_anything_to_measure_is_not_gone(world: WatchedWorld) -> None:
    watcher = world.watcher()
    await world.rounds(watcher, 3)
    world.metrics.values["p95"] = IDLE
    await world.rounds(watcher, 20)
    assert await world.told() == []
    assert watcher.state.silent == ()


async def test_anomaly_waits_until_the_forge_tells_where_it_belongs(world: WatchedWorld) -> None:
    watcher, ref = world.watcher(), world.refs.pop("mesh")
    world.metrics.values["p95"] = 190.0
    await world.rounds(watcher, 5)
    assert await world.told() == []
    world.refs["mesh"] = ref
    await world.rounds(watcher, 1)
    assert len(await world.told()) == 1


async def test_anomaly_that_was_over_before_it_could_be_told_is_not(world: WatchedWorld) -> None:
    watcher, ref = world.watcher(), world.refs.pop("mesh")
    world.metrics.values |= {"p95": 190.0, "errors": 40.0}
    await world.rounds(watcher, 3)
    world.metrics.values["p95"] = 30.0
    await world.rounds(watcher, 6)
    world.refs["mesh"] = ref
    await world.rounds(watcher, 1)
    (event,) = await world.told()
    assert event.anomaly is not None
    assert event.anomaly.metric_id == "errors"


async def test_what_lasts_beyond_maintenance_is_told_again_after_it(world: WatchedWorld) -> None:
    start, end = world.clock.at, world.clock.at + timedelta(minutes=5)
    window = Maintenance(start=start, end=end, subsystems=("mesh",), reason="a move")
    world.alerting = Alerting(maintenance=(window,))
    watcher = world.watcher()
    world.metrics.values["p95"] = 190.0
    await world.rounds(watcher, 19)
    assert len(await world.told()) == 1
    await world.rounds(watcher, 10)
    assert len(await world.told()) == 2


async def test_origin_that_is_over_is_told_as_it_was_known(world: WatchedWorld) -> None:
    watcher = world.watcher()
    world.metrics.values["p95"] = 190.0
    await world.rounds(watcher, 2)
    world.metrics.values |= {"p95": 30.0, "errors": 40.0}
    await world.rounds(watcher, 1)
    ref = world.refs.pop("mesh")
    await world.rounds(watcher, 4)
    world.refs["mesh"] = ref
    await world.rounds(watcher, 1)
    first, second = await world.told()
    assert first.anomaly is not None
    assert second.anomaly is not None
    since_then = {"moved": second.anomaly.moved, "chart": second.anomaly.chart}
    assert second.anomaly == first.anomaly.model_copy(update=since_then)
    assert [m.metric_id for m in second.anomaly.moved] == ["errors"]


async def test_metric_that_answers_badly_after_our_own_network_failed_is_told(
    world: WatchedWorld,
) -> None:
    watcher = world.watcher()
    await world.rounds(watcher, 3)
    world.metrics.values |= {"p95": None, "errors": None, "orders": None}
    await world.rounds(watcher, 5)
    world.metrics.values |= GOOD | {"p95": 190.0}
    await world.rounds(watcher, 6)
    (event,) = await world.told()
    assert event.title == "p95 misses its target"


async def test_storm_of_metrics_is_one_mission(tmp_path: Path) -> None:
    many = {f"m{i}": definition(**THRESHOLD) for i in range(1500)}
    async with watched_world(tmp_path, many) as world:
        world.metrics.values |= dict.fromkeys(many, 190.0)
        watcher = world.watcher()
        await world.rounds(watcher, 4)
        (event,) = await world.told()
        assert len(event.request.symptoms) == 21
        assert "1499 other metrics moved with it" in event.request.summary


def test_start_is_where_the_sentences_think() -> None:
    assert datetime.fromtimestamp(START, UTC).isoformat() == "2025-11-24T16:00:00+00:00"

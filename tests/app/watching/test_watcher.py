"""Watching by a simulated clock: what is told, when, and what a restart changes."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from grace.app.watching.watcher import BEHIND
from grace.domain.alerting.rules import Alerting, Maintenance
from grace.domain.catalog import MetricDefinition
from grace.domain.detection.anomaly import DetectorName
from grace.domain.detection.unusual import ALARM
from grace.domain.phase import Severity
from grace.domain.samples import Sample
from grace.ports import SampleStore
from support.flow_look import eventually
from support.past import waiting, write_past
from support.watched import EVERY_S, START, calm, definition, series
from support.watching_world import IDLE, WatchedWorld, watched_world
from support.world import make_policy

THRESHOLD = {"detectors": ("threshold", "gone")}
FAR_X, FAR_Y = "http://x.test/metrics", "http://y.test/metrics"


def definitions() -> dict[str, MetricDefinition]:
    """Return two metrics of a mesh at one far source, a shop's at another, and two unwatched."""
    mesh, shop = THRESHOLD | {"subsystem": "mesh"}, THRESHOLD | {"subsystem": "shop"}
    made = {
        "p95": definition(url=FAR_X, **mesh),
        "errors": definition("<", 5, url=FAR_X, severity=Severity.HIGH, **mesh),
        "orders": definition(">", 10, url=FAR_Y, **shop),
        "smart": definition(detectors=("unusual",), url="http://127.0.0.1:1/metrics"),
        "guarded": definition(),
        "unwanted": definition(),
    }
    for name in ("guarded", "unwanted"):
        made[name] = made[name].model_copy(update={"watch": None})
    return made


GOOD = {"p95": 30.0, "errors": 0.0, "orders": 50.0, "smart": 30.0, "guarded": 1.0}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[WatchedWorld]:
    async with watched_world(tmp_path, definitions()) as made:
        made.metrics.values |= GOOD
        yield made


def warmed() -> Sequence[Sample]:
    """Return the past of a calm metric, up to the start."""
    points = 3000
    return series(calm(points), START - points * EVERY_S + 1)


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


async def test_what_comes_back_later_is_told_anew(world: WatchedWorld) -> None:
    watcher = world.watcher()
    for value in (190.0, 30.0, 190.0):
        world.metrics.values["p95"] = value
        await world.rounds(watcher, 5)
    assert [e.status for e in await world.told()] == ["firing", "resolved", "firing"]


async def test_restart_tells_nothing_twice_and_what_ended_meanwhile(world: WatchedWorld) -> None:
    watcher = world.watcher()
    world.metrics.values["p95"] = 190.0
    await world.rounds(watcher, 3)
    await watcher.remember()
    again = world.watcher()
    await world.rounds(again, 3)
    assert len(await world.told()) == 1
    assert again.state.incidents == 1
    world.metrics.values["p95"] = 30.0
    await world.rounds(again, 5)
    assert [e.status for e in await world.told()] == ["firing", "resolved"]


async def test_crash_before_anything_was_remembered_tells_the_same_again(
    world: WatchedWorld,
) -> None:
    watcher = world.watcher()
    world.metrics.values["p95"] = 190.0
    await world.rounds(watcher, 4)
    await world.samples.remember({"p95": b"", "incidents:": b"not json"}, 0)
    again = world.watcher()
    await world.rounds(again, 4)
    assert len(await world.told()) == 1
    assert ("detector", "duplicate") in world.counted


async def test_recovery_during_a_stop_is_found_in_what_was_kept(world: WatchedWorld) -> None:
    watcher = world.watcher()
    world.metrics.values["p95"] = 190.0
    await world.rounds(watcher, 3)
    await watcher.remember()
    end = world.clock.at.timestamp()
    await world.samples.backfill("p95", series([30.0] * 8, end + 1))
    world.clock.later(minutes=5)
    world.metrics.values["p95"] = 30.0
    await world.watcher().round()
    assert [e.status for e in await world.told()] == ["firing", "resolved"]


async def test_metric_that_is_watched_no_longer_says_nothing_more(world: WatchedWorld) -> None:
    watcher = world.watcher()
    world.metrics.values |= {"p95": 190.0, "orders": 1.0}
    await world.rounds(watcher, 3)
    await watcher.remember()
    del world.definitions["p95"]
    again = world.watcher()
    await world.rounds(again, 3)
    assert again.state.incidents == 1
    assert {e.fingerprint for e in await world.told()} == {"detector:orders", "detector:p95"}
    assert {e.status for e in await world.told()} == {"firing"}


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


async def test_clock_that_was_set_back_makes_nobody_deaf(world: WatchedWorld) -> None:
    watcher = world.watcher()
    await world.rounds(watcher, 3)
    world.clock.later(hours=-1)
    await world.rounds(watcher, BEHIND + 1)
    world.metrics.values["p95"] = 190.0
    await world.rounds(watcher, 3)
    assert len(await world.told()) == 1


async def test_guards_and_what_is_watched_are_sampled_and_kept(world: WatchedWorld) -> None:
    watcher = world.watcher()
    await world.rounds(watcher, 2)
    assert set(world.metrics.asked[0]) == {"p95", "errors", "orders", "smart", "guarded"}
    kept = await world.samples.between("guarded", 0, world.clock.at.timestamp() + 1)
    assert [s.value for s in kept] == [1.0, 1.0]


async def test_targets_of_live_missions_are_sampled_too(tmp_path: Path) -> None:
    await write_past(tmp_path / "grace.db", [waiting], policy=make_policy())
    target = "trigger_mesh.latency_p95"
    unwatched = definition().model_copy(update={"watch": None})
    async with watched_world(tmp_path, {target: unwatched}) as world:
        await world.rounds(world.watcher(), 2)
        assert world.metrics.asked == [(target,)] * 2


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
    assert second.anomaly == first.anomaly.model_copy(update={"moved": second.anomaly.moved})
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


async def test_nothing_to_watch_asks_nobody(tmp_path: Path) -> None:
    async with watched_world(tmp_path, {"unwanted": definitions()["unwanted"]}) as world:
        await world.rounds(world.watcher(), 2)
        assert world.metrics.asked == []


async def test_past_that_a_source_remembers_is_kept_and_learned_from(world: WatchedWorld) -> None:
    world.metrics.past["smart"] = warmed()
    watcher = world.watcher()
    await world.rounds(watcher, 1)
    watched = watcher.watch("smart")
    assert watched is not None
    assert watched.calibrated == world.clock.at.timestamp()
    assert watched.detectors.alarms.threshold >= ALARM
    assert len(await world.samples.between("smart", 0, START)) >= 2999


async def test_trouble_at_the_store_is_shown_until_a_round_is_whole(world: WatchedWorld) -> None:
    class Full:
        """A disk that is full until it is not."""

        def __init__(self, samples: SampleStore) -> None:
            self.full = True
            self._samples = samples

        def __getattr__(self, name: str) -> object:
            if self.full and name == "keep":
                raise OSError("the disk is full")
            return getattr(self._samples, name)

    disk = Full(world.samples)
    world.samples = disk  # type: ignore[assignment]
    world.every = 0.001
    watcher = world.watcher()
    task = asyncio.create_task(watcher.run())

    async def failed() -> bool | None:
        world.clock.later(seconds=EVERY_S)
        return watcher.failure == "OSError: the disk is full" or None

    async def well() -> bool | None:
        return (watcher.failure is None and watcher.state.last is not None) or None

    try:
        await eventually(failed, "the failure", within=10)
        assert "watching" in world.faults
        disk.full = False
        await eventually(well, "a whole round", within=10)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert set(await world.samples.remembered()) >= {"p95", "smart", "incidents:"}


async def test_stop_before_the_first_round_forgets_nothing(world: WatchedWorld) -> None:
    watcher = world.watcher()
    world.metrics.values["p95"] = 190.0
    await world.rounds(watcher, 3)
    await watcher.remember()
    before = await world.samples.remembered()
    await world.watcher().remember()
    assert await world.samples.remembered() == before


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

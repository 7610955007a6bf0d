"""Watching that is killed, or begins again with another catalog: what was told has its end."""

import asyncio

import pytest

from grace.app.watching import watcher as watching
from grace.ports import Delivery, SampleStore
from support.watched import definition, series
from support.watching_world import FAR_X, GOOD, WatchedWorld

BAD = {"p95": 190.0, "errors": 50.0}


async def _statuses(world: WatchedWorld) -> list[tuple[str, str]]:
    return [(e.fingerprint, e.status) for e in await world.told()]


async def _killed_when(world: WatchedWorld, monkeypatch: pytest.MonkeyPatch, *, told: bool) -> None:
    """Watch a metric go bad, and be killed in the round that tells it: before or after the word."""
    watcher = world.watcher()
    await world.rounds(watcher, 3)
    await watcher.remember()
    world.metrics.values["p95"] = 190.0
    accept = world.store.accept

    async def cut(delivery: Delivery) -> bool:
        if told:
            await accept(delivery)
        raise asyncio.CancelledError

    monkeypatch.setattr(world.store, "accept", cut)
    with pytest.raises(asyncio.CancelledError):
        await world.rounds(watcher, 5)
    monkeypatch.undo()


@pytest.mark.parametrize("told", [True, False])
async def test_kill_in_the_round_that_tells_leaves_no_alert_without_end(
    world: WatchedWorld, monkeypatch: pytest.MonkeyPatch, *, told: bool
) -> None:
    await _killed_when(world, monkeypatch, told=told)
    again = world.watcher()
    await world.rounds(again, 1)
    assert await _statuses(world) == [("detector:p95", "firing")]
    world.metrics.values["p95"] = 30.0
    await world.rounds(again, 6)
    assert await _statuses(world) == [("detector:p95", "firing"), ("detector:p95", "resolved")]


async def test_kill_in_the_round_that_tells_and_a_recovery_meanwhile(
    world: WatchedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _killed_when(world, monkeypatch, told=True)
    world.metrics.values["p95"] = 30.0
    await world.rounds(world.watcher(), 6)
    assert await _statuses(world) == [("detector:p95", "firing"), ("detector:p95", "resolved")]


async def test_disk_that_takes_no_state_keeps_nobody_from_hearing(
    world: WatchedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    watcher = world.watcher()
    await world.rounds(watcher, 1)
    world.metrics.values["p95"] = 190.0
    samples: SampleStore = world.samples

    async def full(_states: object, _at: float) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(samples, "remember", full)
    for _ in range(3):
        with pytest.raises(OSError, match="disk full"):
            await world.rounds(watcher, 1)
    assert await _statuses(world) == [("detector:p95", "firing")]


async def test_incident_waits_until_all_its_metrics_are_watched_again(
    world: WatchedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    watcher = world.watcher()
    world.metrics.values |= BAD
    await world.rounds(watcher, 3)
    await watcher.remember()
    end = world.clock.at.timestamp()
    for name in BAD:
        await world.samples.backfill(name, series([190.0] * 8, end + 1))
    world.clock.later(minutes=5)
    monkeypatch.setattr(watching, "PREPARE_POINTS", 1)
    again = world.watcher()
    await world.rounds(again, 1)
    assert again.state.preparing
    await world.rounds(again, 4)
    assert [status for _, status in await _statuses(world)] == ["firing"]
    world.metrics.values |= {"p95": 30.0, "errors": 0.0}
    await world.rounds(again, 6)
    assert [status for _, status in await _statuses(world)] == ["firing", "resolved"]


async def test_clock_that_is_set_back_in_an_incident_stops_no_round(world: WatchedWorld) -> None:
    watcher = world.watcher()
    world.metrics.values["p95"] = 190.0
    await world.rounds(watcher, 3)
    world.clock.later(hours=-2)
    await world.rounds(watcher, 8)
    world.metrics.values["orders"] = 1.0
    await world.rounds(watcher, 3)
    assert ("detector:orders", "firing") in await _statuses(world)


async def test_source_of_two_repositories_that_is_down_is_told_to_one_until_it_is_back(
    world: WatchedWorld,
) -> None:
    late = definition(">", 10, url=FAR_X, subsystem="shop", detectors=("gone",), stale_seconds=90)
    world.definitions["a_late_one"] = late
    world.metrics.values["a_late_one"] = 50.0
    watcher = world.watcher()
    await world.rounds(watcher, 2)
    before = {**world.metrics.values}
    world.metrics.values |= dict.fromkeys(["p95", "errors", "a_late_one"])
    await world.rounds(watcher, 12)
    world.metrics.values |= before
    await world.rounds(watcher, 6)
    told = await world.told()
    assert [e.status for e in told] == ["firing", "firing", "resolved"]
    assert {e.request.subsystem_id for e in told} == {"mesh"}
    assert told[1].anomaly is not None
    assert "a_late_one" in {m.metric_id for m in told[1].anomaly.moved}


async def test_metric_that_left_the_catalog_breaks_nothing_of_its_incident(
    world: WatchedWorld,
) -> None:
    watcher = world.watcher()
    world.metrics.values |= BAD
    await world.rounds(watcher, 3)
    await watcher.remember()
    before = (await world.told())[-1]
    assert before.anomaly is not None
    del world.definitions[before.anomaly.metric_id]
    (left,) = BAD.keys() - {before.anomaly.metric_id}
    again = world.watcher()
    await world.rounds(again, 2)
    after = (await world.told())[-1]
    assert after.fingerprint == before.fingerprint
    assert after.anomaly is not None
    assert (after.anomaly.metric_id, after.anomaly.moved) == (left, ())
    world.metrics.values[left] = GOOD[left]
    await world.rounds(again, 6)
    assert {status for _, status in await _statuses(world)} == {"firing"}
    assert again.state.incidents == 0

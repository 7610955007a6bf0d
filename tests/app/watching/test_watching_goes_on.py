"""Watching over stops, crashes and trouble: nothing is told twice, and nothing forgotten."""

import asyncio
from pathlib import Path

from grace.app.inlets import from_alerts
from grace.app.router import Readers, Router
from grace.app.watching.desk import ORIGIN
from grace.app.watching.watcher import BEHIND
from grace.domain.detection.unusual import ALARM
from grace.ports import SampleStore
from support.flow_look import eventually
from support.past import waiting, write_past
from support.watched import EVERY_S, START, definition, series
from support.watching_world import (
    IDLE,
    WatchedWorld,
    definitions,
    warmed,
    watched_world,
)
from support.world import make_policy


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


async def test_gap_that_was_kept_is_no_silence_after_a_restart(world: WatchedWorld) -> None:
    watcher = world.watcher()
    await world.rounds(watcher, 3)
    await watcher.remember()
    _, early = (await world.samples.remembered())["p95"]
    world.metrics.values["p95"] = IDLE
    await world.rounds(watcher, 10)
    await world.samples.remember({"p95": early}, 0)
    world.metrics.values["p95"] = None
    await world.rounds(world.watcher(), 1)
    assert await world.told() == []


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


async def test_what_lasts_is_told_once_an_hour_and_finds_the_room_it_did_not_have(
    world: WatchedWorld,
) -> None:
    watcher = world.watcher()
    world.metrics.values["p95"] = 190.0
    await world.rounds(watcher, 3)
    full = Readers(translators={ORIGIN: from_alerts}, new_an_hour=0)
    await Router(world.store, world.clock, full).drain()
    assert await world.store.missions() == []
    await world.rounds(watcher, 241)
    (again,) = await world.told()
    assert (again.status, again.again) == ("firing", True)
    assert len(await world.route()) == 1
    await world.rounds(watcher, 240)
    assert [e.again for e in await world.told()] == [True]
    assert len(await world.route()) == 1

"""Whoever subscribes is told of every entry in order, whatever becomes of the others."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from grace.adapters.sqlite.store import SqliteStore
from grace.app.mesh import Bell, Pace, TriggerMesh
from grace.domain.decision import Note
from grace.domain.narration import read
from grace.ports.hub import FeedEntry
from support.live_world import KEY, MESH, NOW, SHOP, own_log, until

QUICK = Pace(look_s=0.05, first_retry_s=0.01, last_retry_s=0.02)


class Told:
    """A subscriber that remembers, and fails as often as it is told to."""

    def __init__(self, fails: int = 0) -> None:
        self.entries: list[FeedEntry] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.fails = fails

    async def __call__(self, entries: Sequence[FeedEntry]) -> None:
        await self.gate.wait()
        if self.fails:
            self.fails -= 1
            raise ValueError("not now")
        self.entries += entries

    @property
    def positions(self) -> list[int]:
        return [entry.position for entry in self.entries]


class Deaf(Bell):
    """A bell that nobody hears."""

    def ring(self) -> None:
        return


@pytest.fixture
async def bell() -> Bell:
    return Bell()


@pytest.fixture
async def store(tmp_path: Path, bell: Bell) -> AsyncIterator[SqliteStore]:
    opened = await SqliteStore.open(tmp_path / "grace.db", KEY, on_append=bell.ring)
    yield opened
    await opened.close()


@pytest.fixture
def faults() -> list[str]:
    return []


@pytest.fixture
async def mesh(store: SqliteStore, bell: Bell, faults: list[str]) -> AsyncIterator[TriggerMesh]:
    made = await TriggerMesh.open(store, bell, own_log(store), faults.append)
    running = asyncio.create_task(made.paced(QUICK).run())
    yield made
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def tell(store: SqliteStore, *kinds: str) -> None:
    for kind in kinds:
        await store.record(Note(kind=kind, actor="ann", payload={"n": 1}), NOW, ref=MESH)


async def test_subscribers_are_told_what_their_patterns_mean(
    store: SqliteStore, mesh: TriggerMesh
) -> None:
    patterns = {
        "all": ["*"],
        "missions": ["mission.*"],
        "two": ["crypto.log_opened", "integration.*"],
    }
    told = {name: Told() for name in patterns}
    for name, subscriber in told.items():
        mesh.subscribe(name, patterns[name], subscriber)
    await tell(
        store, "mission.held", "missionary.work", "integration.health_changed", "elite.claimed"
    )
    await until(lambda: len(told["all"].entries) == 5)
    await until(lambda: len(told["two"].entries) == 2)
    kinds = {name: [e.kind for e in subscriber.entries] for name, subscriber in told.items()}
    assert kinds["all"] == [
        *("crypto.log_opened", "mission.held", "missionary.work"),
        *("integration.health_changed", "elite.claimed"),
    ]
    assert kinds["missions"] == ["mission.held"]
    assert kinds["two"] == ["crypto.log_opened", "integration.health_changed"]
    assert told["all"].positions == [1, 2, 3, 4, 5]


async def test_a_slow_subscriber_lags_alone_and_loses_nothing(
    store: SqliteStore, mesh: TriggerMesh
) -> None:
    slow, quick = Told(), Told()
    slow.gate.clear()
    mesh.subscribe("slow", ["*"], slow)
    mesh.subscribe("quick", ["*"], quick)
    await tell(store, *["mission.held"] * 150)
    await until(lambda: len(quick.entries) == 151)
    lags = await mesh.lags()
    assert lags["quick"].behind == 0
    assert lags["quick"].waits_s == 0
    assert lags["slow"].behind == 151
    assert lags["slow"].waits_s > 0
    slow.gate.set()
    await until(lambda: len(slow.entries) == 151)
    assert slow.positions == quick.positions == list(range(1, 152))


async def test_one_that_fails_is_asked_again_and_harms_nobody(
    store: SqliteStore, mesh: TriggerMesh, faults: list[str]
) -> None:
    failing, well = Told(fails=3), Told()
    mesh.subscribe("failing", ["*"], failing)
    mesh.subscribe("well", ["*"], well)
    await tell(store, "mission.held")
    await until(lambda: len(well.entries) == 2)
    await until(lambda: len(failing.entries) == 2)
    assert failing.positions == [1, 2]
    assert faults == ["mesh failing"] * 3
    assert (await mesh.lags())["failing"].failure is None


async def test_one_that_fails_for_good_is_shown_with_its_reason(
    store: SqliteStore, mesh: TriggerMesh, faults: list[str]
) -> None:
    mesh.subscribe("failing", ["*"], Told(fails=10**6))
    await tell(store, "mission.held")
    await until(lambda: len(faults) > 2)
    lag = (await mesh.lags())["failing"]
    assert lag.failures > 2
    assert lag.failure == "ValueError: not now"
    assert (lag.position, lag.behind) == (0, 2)


async def test_who_comes_again_goes_on_where_it_was(
    store: SqliteStore, bell: Bell, mesh: TriggerMesh
) -> None:
    before = Told()
    mesh.subscribe("before", ["*"], before)
    await tell(store, "mission.held", "mission.held")
    await until(lambda: len(before.entries) == 3)
    await tell(store, "mission.held", "mission.held")
    again = await TriggerMesh.open(store, bell, own_log(store), lambda _: None)
    after, new = Told(), Told()
    again.subscribe("after", ["*"], after, after=before.positions[2])
    again.subscribe("new", ["*"], new)
    running = asyncio.create_task(again.run())
    await until(lambda: after.positions == [4, 5])
    await tell(store, "mission.held")
    await until(lambda: after.positions == [4, 5, 6])
    await until(lambda: new.positions == [6])
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_ring_that_is_lost_costs_a_moment_only(store: SqliteStore) -> None:
    mesh = await TriggerMesh.open(store, Deaf(), own_log(store), lambda _: None)
    told = Told()
    mesh.paced(QUICK).subscribe("told", ["*"], told)
    running = asyncio.create_task(mesh.run())
    await tell(store, "mission.held")
    await until(lambda: told.positions == [1, 2])
    for count in (3, 4):
        await asyncio.sleep(0.02)  # it has looked, and found nothing
        await tell(store, "mission.held")
        await until(lambda count=count: told.positions[-1] == count)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_ring_wakes_at_once(store: SqliteStore, bell: Bell) -> None:
    mesh = await TriggerMesh.open(store, bell, own_log(store), lambda _: None)
    told = Told()
    mesh.paced(Pace(look_s=3600)).subscribe("told", ["*"], told)
    running = asyncio.create_task(mesh.run())
    for count in range(1, 20):
        await store.record(Note(kind="mission.held", actor="a", payload={}), NOW, ref=SHOP)
        await until(lambda count=count: len(told.entries) == count + 1, 2)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_what_is_published_is_a_signed_entry(store: SqliteStore, mesh: TriggerMesh) -> None:
    told = Told()
    mesh.subscribe("told", ["integration.*"], told)
    payload = {"subsystem": "store", "after": "degraded"}
    await mesh.publish("integration.health_changed", "grace", payload)
    await until(lambda: len(told.entries) == 1)
    assert read(told.entries[0].line).payload == payload
    assert [e.envelope.kind for e in await store.entries("bot")][-1] == "integration.health_changed"
    with pytest.raises(ValueError, match="belongs into the log of its mission"):
        await mesh.publish("mission.held", "grace", {})


@pytest.mark.parametrize("patterns", [[], ["mission.*x"], ["*", ""]])
async def test_a_wrong_pattern_is_refused(mesh: TriggerMesh, patterns: list[str]) -> None:
    with pytest.raises(ValueError, match="subscribes to"):
        mesh.subscribe("wrong", patterns, Told())


async def test_a_name_is_taken_once(mesh: TriggerMesh) -> None:
    mesh.subscribe("one", ["*"], Told())
    with pytest.raises(ValueError, match="one is subscribed already"):
        mesh.subscribe("one", ["*"], Told())

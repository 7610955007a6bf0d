"""Group commit: one wait for the disk for many, and each on its own when something fails."""

import asyncio
import sqlite3
import threading
import time

import pytest

from grace.adapters.sqlite.errors import StoreClosed


class Gate:
    """Hold the writer in front of a commit until the test lets it go."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.open.set()
        self.reached = threading.Event()

    def __call__(self) -> None:
        self.reached.set()
        assert self.open.wait(20)


async def test_what_queues_during_a_commit_shares_the_next_one(open_store, world_of):
    gate = Gate()
    store = await open_store(before_commit=gate)
    world = world_of(store)
    gate.open.clear()
    first = asyncio.create_task(store.accept(world.delivery()))
    assert await asyncio.to_thread(gate.reached.wait, 20)
    before = store.commits
    rest = [asyncio.create_task(store.accept(world.delivery())) for _ in range(50)]
    await asyncio.sleep(0)  # each task has queued its closure after this
    assert not first.done()
    gate.open.set()
    assert all(await asyncio.gather(first, *rest))
    assert store.commits - before == 2
    assert len(await store.unrouted(100)) == 51


async def test_nobody_is_answered_before_the_commit(open_store, world_of):
    gate = Gate()
    store = await open_store(before_commit=gate)
    gate.open.clear()
    accepting = asyncio.create_task(store.accept(world_of(store).delivery()))
    assert await asyncio.to_thread(gate.reached.wait, 20)
    assert await store.unrouted(10) == []
    assert not accepting.done()
    gate.open.set()
    assert await accepting
    assert len(await store.unrouted(10)) == 1


async def test_failing_closure_takes_back_its_own_work_alone(open_store, world_of):
    gate = Gate()
    store = await open_store(before_commit=gate)
    world = world_of(store)
    gate.open.clear()
    blocker = asyncio.create_task(store.accept(world.delivery()))
    assert await asyncio.to_thread(gate.reached.wait, 20)
    before = store.commits

    def half(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO mission_numbers VALUES ('half', 1)")
        raise LookupError("in the middle")

    def count(connection: sqlite3.Connection) -> int:
        number: int = connection.execute("SELECT count(*) FROM mission_numbers").fetchone()[0]
        return number

    group = [store._write(half), store.accept(world.delivery()), store._write(count)]
    tasks = [asyncio.create_task(work) for work in group]
    await asyncio.sleep(0)
    gate.open.set()
    assert await blocker
    failed, kept, counted = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(failed, LookupError)
    assert (kept, counted) == (True, 0)
    assert store.commits - before == 2
    assert len(await store.unrouted(10)) == 2


async def test_failing_disk_is_told_to_everybody_and_forgotten(open_store, world_of):
    disk = {"full": False}

    def before_commit() -> None:
        if disk["full"]:
            raise sqlite3.OperationalError("database or disk is full")

    store = await open_store(before_commit=before_commit)
    world = world_of(store)
    delivery = world.delivery()
    disk["full"] = True
    for _ in range(2):
        with pytest.raises(sqlite3.OperationalError, match="full"):
            await store.accept(delivery)
    disk["full"] = False
    assert await store.unrouted(10) == []
    assert await store.accept(delivery)


async def test_slow_disk_loses_nothing_that_was_promised(open_store, world_of):
    store = await open_store(before_commit=lambda: time.sleep(0.01))
    world = world_of(store)
    names = [f"slow-{n}" for n in range(60)]

    async def accept(name: str) -> str | None:
        try:
            return name if await store.accept(world.delivery(name)) else None
        except StoreClosed:
            return None

    tasks = [asyncio.create_task(accept(name)) for name in names]
    assert await tasks[0]
    late = asyncio.create_task(accept("late"))
    await store.close()
    promised = {name for name in await asyncio.gather(*tasks, late) if name}
    again = await open_store()
    assert {d.delivery_id for d in await again.unrouted(100)} == promised
    assert promised >= set(names)


async def test_loop_goes_on_while_the_disk_waits(open_store, world_of):
    gate = Gate()
    store = await open_store(before_commit=gate)
    gate.open.clear()
    accepting = asyncio.create_task(store.accept(world_of(store).delivery()))
    assert await asyncio.to_thread(gate.reached.wait, 20)
    assert await store.missions() == []  # readers do not wait for the writer either
    gate.open.set()
    assert await accepting

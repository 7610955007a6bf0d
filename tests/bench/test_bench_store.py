"""Durable transactions: many that wait for the disk together against one after another."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

import pytest

from bench.figures import Rate, tell, tell_ratio
from grace.adapters.keys import Ed25519Key
from grace.adapters.sqlite.store import SqliteStore
from grace.ports import Delivery

pytestmark = pytest.mark.bench

GROUPED, SINGLE = 4000, 400
BODY = b"x" * 8_000


async def test_group_commit_against_a_commit_for_each_delivery(tmp_path: Path) -> None:
    def delivery(number: int) -> Delivery:
        return Delivery("bench", str(number), "push", BODY, datetime.now(UTC))

    store = await SqliteStore.open(tmp_path / "grace.db", Ed25519Key(bytes(range(32))))
    try:
        started = perf_counter()
        for number in range(SINGLE):
            assert await store.accept(delivery(number))
        single = Rate("one at a time, a commit each", SINGLE, perf_counter() - started)
        before = store.commits

        started = perf_counter()
        stored = await asyncio.gather(
            *(store.accept(delivery(SINGLE + number)) for number in range(GROUPED))
        )
        grouped = Rate("all at once, in group commits", GROUPED, perf_counter() - started)
        commits = store.commits - before
    finally:
        await store.close()

    tell("deliveries of 8 kB made durable (WAL, synchronous=FULL)")
    tell_ratio(grouped, single)
    tell(f"{GROUPED} deliveries in {commits} commits")
    assert all(stored)
    assert before == SINGLE
    assert commits < GROUPED

"""The feed: one order of all logs' entries, followed forwards, searched backwards, announced."""

import asyncio
import sqlite3
import threading
from contextlib import closing

import pytest
import structlog

from grace.adapters.sqlite import feed_rows
from grace.adapters.sqlite.schema import connect, migrate, shipped
from grace.domain.ledger import parse_line
from grace.domain.topics import any_matches
from grace.ports.hub import FeedFilter


def note_of(world, number, kind="mission.step_taken"):
    return world.note(kind, number=number)


async def busy_logs(world):
    """Write entries of three logs by turns; return the logs in the order of their entries."""
    other = world.ref.model_copy(update={"repository_id": 8})
    uid = await world.open_mission(1, notes=(note_of(world, 1),))
    await world.store.record(note_of(world, 2, "brake.on"), world.now, ref=other)
    await world.settle(uid, notes=(note_of(world, 3, "mission.closed"), note_of(world, 4)))
    await world.store.record(note_of(world, 5, "integration.health_changed"), world.now)
    second = await world.open_mission(2, notes=(note_of(world, 6),))
    await world.settle(second, notes=(note_of(world, 7, "mission.closed"),))
    await world.settle(uid, notes=(note_of(world, 8, "elite.claimed"),))


async def test_feed_is_the_order_in_which_entries_of_all_logs_were_written(world):
    seen = []
    other = world.ref.model_copy(update={"repository_id": 8})
    for number in range(6):
        ref = (world.ref, other, None)[number % 3]
        await world.store.record(note_of(world, number), world.now, ref=ref)
        known = {(e.log, e.seq) for e in seen}
        fresh = [
            entry
            for log in ("forge.test/7", "forge.test/8", "bot")
            for entry in await world.store.entries(log)
            if (log, entry.envelope.seq) not in known
        ]
        behind = await world.store.feed(seen[-1].position if seen else 0)
        assert {(e.log, e.seq) for e in behind} == {(f.envelope.log, f.envelope.seq) for f in fresh}
        seen += behind
    assert [e.position for e in seen] == sorted({e.position for e in seen})
    assert list(await world.store.feed(0)) == seen
    assert await world.store.feed_end() == seen[-1].position
    for log in ("forge.test/7", "forge.test/8", "bot"):
        own = [e for e in seen if e.log == log]
        assert [e.line for e in own] == list(await world.store.lines(log))
        assert [e.seq for e in own] == list(range(1, len(own) + 1))


async def test_entry_of_the_feed_repeats_what_its_line_says(world):
    await busy_logs(world)
    for entry in await world.store.feed(0):
        envelope = parse_line(entry.line).envelope
        assert (entry.log, entry.seq, entry.time) == (envelope.log, envelope.seq, envelope.time)
        assert (entry.mission, entry.kind) == (envelope.mission, envelope.kind)


async def test_feed_goes_on_behind_a_position(world):
    await busy_logs(world)
    whole = list(await world.store.feed(0))
    assert list(await world.store.feed(0, limit=3)) == whole[:3]
    assert list(await world.store.feed(whole[2].position, limit=4)) == whole[3:7]
    assert await world.store.feed(whole[-1].position) == []


async def test_empty_store_has_an_empty_feed(store):
    assert (await store.feed_end(), await store.feed(0)) == (0, [])
    assert await store.feed_back(FeedFilter()) == []


async def test_note_that_is_taken_back_leaves_no_gap(world):
    uid = await world.open_mission(1, notes=(world.note(),))
    end = await world.store.feed_end()
    turn = await world.turn(uid)
    bad = (world.note(), world.note(big=2**60))
    with pytest.raises(ValueError, match="canonical"):
        await world.store.commit(turn, world.ruling(turn, notes=bad), world.now)
    assert await world.store.feed_end() == end
    await world.settle(uid, notes=(world.note(),))
    assert await world.store.feed_end() == end + 1


MINE, THEIRS = "forge.test/7", "forge.test/8"
FILTERS = [
    FeedFilter(),
    FeedFilter(logs=frozenset()),
    FeedFilter(logs=frozenset({MINE})),
    FeedFilter(logs=frozenset({THEIRS, "bot"})),
    FeedFilter(logs=frozenset({"forge.test/70"})),
    FeedFilter(patterns=("mission.*",)),
    FeedFilter(patterns=("mission.closed", "brake.on")),
    FeedFilter(patterns=("crypto.*", "*")),
    FeedFilter(patterns=()),
    FeedFilter(patterns=("nothing.*",)),
    FeedFilter(logs=frozenset({MINE, THEIRS}), patterns=("integration.*", "crypto.log_opened")),
    FeedFilter(mission="mission_20261122_001"),
    FeedFilter(mission="mission_20261122_001", patterns=("mission.closed",)),
    FeedFilter(mission="mission_20261122_001", logs=frozenset({THEIRS})),
    FeedFilter(mission="mission_20261122_009"),
]


@pytest.mark.parametrize("near", [0, 3, 1000])
@pytest.mark.parametrize("wanted", FILTERS)
async def test_search_backwards_finds_the_newest_that_are_wanted(world, path, wanted, near):
    await busy_logs(world)
    whole = list(reversed(await world.store.feed(0)))
    expected = [
        e
        for e in whole
        if (wanted.logs is None or e.log in wanted.logs)
        and any_matches(wanted.patterns, e.kind)
        and wanted.mission in {None, e.mission}
    ]
    assert list(await world.store.feed_back(wanted)) == expected
    with closing(connect(path)) as connection:
        for limit in (1, 2):
            assert feed_rows.back(connection, wanted, None, limit, near) == expected[:limit]
        for entry in whole:
            before = [e for e in expected if e.position < entry.position]
            assert feed_rows.back(connection, wanted, entry.position, 3, near) == before[:3]


async def test_search_for_what_never_happened_reads_no_record_and_few_rows(world, path):
    """The work is counted in steps of SQLite's machine, which know no load of the computer."""
    await world.store.record(world.note("crypto.key_rotated"), world.now, ref=world.ref)
    with closing(connect(path)) as connection:
        connection.execute("BEGIN")
        for seq in range(3, 20_000):
            connection.execute(
                "INSERT INTO ledger VALUES ('forge.test/7', ?, x'00', '', '', NULL, ?)",
                (seq, f"mission.a_{'ab'[seq % 2]}"),
            )
        steps = 0

        def step() -> None:
            nonlocal steps
            steps += 1

        for wanted in (
            FeedFilter(patterns=("crypto.*",)),
            FeedFilter(patterns=("nothing.*",)),
            FeedFilter(logs=frozenset({"forge.test/9"})),
            FeedFilter(mission="mission_20261122_001"),
        ):
            connection.set_progress_handler(step, 1000)
            feed_rows.back(connection, wanted, None, 50)
            connection.set_progress_handler(None, 0)
        connection.execute("ROLLBACK")
    assert steps < 100  # a look at each of 20,000 entries takes more than 5 steps


async def test_older_store_is_fed_from_its_ledger(world_of, path, open_store):
    """A store of schema 3 whose logs were written by turns."""
    path.parent.mkdir()
    written = [("b/1", 1), ("a/1", 1), ("b/1", 2), ("bot", 1), ("a/1", 2)]
    with closing(connect(path)) as connection:
        migrate(connection, path, shipped()[:3])
        for log, seq in written:
            connection.execute(
                "INSERT INTO ledger (log, seq, line, hash, time, mission, kind)"
                " VALUES (?, ?, x'7b7d', 'h', 't', 'm1', 'crypto.log_opened')",
                (log, seq),
            )
    store = await open_store()
    feed = await store.feed(0)
    assert [(e.log, e.seq) for e in feed] == written
    assert [e.position for e in feed] == [1, 2, 3, 4, 5]
    assert (feed[0].line, feed[0].mission) == (b"{}", "m1")
    assert await store.logs() == ["a/1", "b/1", "bot"]
    found = await store.feed_back(FeedFilter(logs=frozenset({"b/1"}), patterns=("crypto.*",)))
    assert [(e.log, e.seq) for e in found] == [("b/1", 2), ("b/1", 1)]
    world = world_of(store)
    await store.record(world.note(), world.now, ref=world.ref)
    assert (await store.feed(5))[0].position == 6


class Bell:
    """Count how often the hook rang, and what was on disk then."""

    def __init__(self, path) -> None:
        self.ends: list[int] = []
        self.threads: set[str] = set()
        self._path = path

    def __call__(self) -> None:
        self.threads.add(threading.current_thread().name)
        with closing(sqlite3.connect(self._path)) as connection:
            self.ends.append(connection.execute("SELECT max(position) FROM feed").fetchone()[0])


async def test_hook_rings_behind_each_commit_with_which_the_ledger_grew(open_store, world_of, path):
    bell = Bell(path)
    store = await open_store(on_append=bell)
    world = world_of(store)
    await world.send(issue=1, create=True)
    assert bell.ends == []
    [uid] = await store.due(world.now, 10)
    await world.settle(uid, notes=(world.note(), world.note()))
    assert bell.ends == [3]  # the opening of the log, and the notes
    await world.settle(uid, title="new")
    turn = await world.turn(uid)
    with pytest.raises(ValueError, match="canonical"):
        await store.commit(turn, world.ruling(turn, notes=(world.note(big=2**60),)), world.now)
    assert len(bell.ends) == 1
    await store.record(world.note(), world.now)
    assert bell.ends[1:] == [await store.feed_end()]
    assert bell.threads == {"store-writer"}


async def test_hook_does_not_ring_for_what_stood_before(open_store, world_of):
    first = await open_store()
    await first.record(world_of(first).note(), world_of(first).now)
    await first.close()
    rings: list[int] = []
    store = await open_store(on_append=lambda: rings.append(1))
    await store.accept(world_of(store).delivery())
    assert rings == []
    await store.record(world_of(store).note(), world_of(store).now)
    assert rings == [1]


async def test_hook_does_not_ring_for_a_commit_that_failed(open_store, world_of):
    rings: list[int] = []
    fail = threading.Event()

    def before() -> None:
        if fail.is_set():
            raise OSError("no disk")

    store = await open_store(on_append=lambda: rings.append(1), before_commit=before)
    world = world_of(store)
    fail.set()
    with pytest.raises(OSError, match="no disk"):
        await store.record(world.note(), world.now)
    fail.clear()
    await store.accept(world.delivery())
    assert rings == []
    await store.record(world.note(), world.now)
    assert rings == [1]


async def test_hook_that_fails_harms_nobody_and_is_logged(open_store, world_of):
    def broken() -> None:
        raise RuntimeError("the loop is closed")

    with structlog.testing.capture_logs() as logged:
        store = await open_store(on_append=broken)
        world = world_of(store)
        async with asyncio.timeout(20):
            await store.record(world.note(), world.now)
            await store.record(world.note(), world.now)
    assert len(await store.lines("bot")) == 3
    assert [line["log_level"] for line in logged] == ["error", "error"]

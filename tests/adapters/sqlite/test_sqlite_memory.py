"""Memory in the store: written in the transaction that ends a mission, and folded anew."""

from contextlib import closing
from datetime import timedelta

import pytest

from grace.adapters.sqlite.memory_rows import named, proposals, read, rebuild_memory, see
from grace.adapters.sqlite.schema import connect
from grace.domain.decision import Note
from grace.domain.memory.folding import payload_of
from grace.domain.memory.places import Visibility
from grace.domain.memory.recollection import Result, Trial
from grace.domain.memory.remembered import Landed, Lesson, Remembered
from grace.domain.memory.remembering import digest_of
from grace.domain.package import MemoryScope
from grace.domain.phase import Outcome, Phase, Severity
from grace.ports import Translated

DIFF = "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n"


def leaves(world, name, **changes):
    """Note what a mission leaves, as the lifecycle writes it."""
    patch = Landed(
        name="c1", remedy="candidate:c1", diff=DIFF, digest=digest_of(DIFF), sha="a" * 40
    )
    known = {
        "mission": name,
        "host": world.ref.host,
        "repository_id": world.ref.repository_id,
        "repository": world.ref.repository,
        "severity": Severity.LOW,
        "summary": "orders time out",
        "outcome": Outcome.FIXED,
        "patch": patch,
        "scope": MemoryScope.PROPOSE,
        "lesson": Lesson.PROPOSED,
        "closed_at": world.now,
    }
    return Note(
        kind="mission.remembered",
        actor="grace",
        payload=payload_of(Remembered(**{**known, **changes})),
    )


async def ended(world, issue=1, **changes):
    """End a mission and return its uid and name."""
    uid = await world.open_mission(issue, request=world.request(Severity.LOW))
    name = (await world.mission(uid)).name
    notes = (leaves(world, name, **changes), world.note("mission.closed", outcome="fixed"))
    closed = {"phase": Phase.CLOSED, "outcome": Outcome.FIXED, "closed_at": world.now}
    await world.settle(uid, notes=notes, **closed)
    return uid, name


def rows(path):
    """All that the tables say, but for what only counts changes."""
    with closing(connect(path)) as connection:
        kept = connection.execute(
            "SELECT log, mission, host, repository_id, installation_id, closed_at, lesson, digest,"
            " spoiled, forgotten, document, diff, head, details, trace FROM memory"
            " LEFT JOIN memory_text ON memory_text.rowid = memory.id ORDER BY log, mission"
        )
        return [tuple(row) for row in kept]


async def test_an_ended_mission_is_remembered_with_its_entry_and_its_patch(world, path):
    _, name = await ended(world)
    with closing(connect(path)) as connection:
        found = read(connection, world.ref.log, name)
        assert found == named(connection, name)
        assert named(connection, "mission_20261122_999") is None
        assert read(connection, "forge.test/8", name) is None
    assert found.patch.diff == DIFF
    entries = await world.store.mission_entries(world.ref.log, name)
    assert [e.envelope.seq for e in entries if e.envelope.kind == "mission.remembered"] == [
        found.entry
    ]


async def test_a_turn_that_is_not_stored_leaves_no_memory(world, path):
    uid = await world.open_mission(1, request=world.request(Severity.LOW))
    turn = await world.turn(uid)
    await world.settle(uid)
    late = world.ruling(turn, notes=(leaves(world, turn.mission.name),), phase=Phase.CLOSED)
    assert not await world.store.commit(turn, late, world.now)
    assert rows(path) == []


async def test_a_commit_that_fails_leaves_no_memory(open_store, world_of, path):
    failing = []

    def disk_full():
        if failing:
            raise OSError("the disk is full")

    world = world_of(await open_store(before_commit=disk_full))
    uid = await world.open_mission(1, request=world.request(Severity.LOW))
    turn = await world.turn(uid)
    failing.append(True)
    closing_it = world.ruling(turn, notes=(leaves(world, turn.mission.name),), phase=Phase.CLOSED)
    with pytest.raises(OSError, match="disk is full"):
        await world.store.commit(turn, closing_it, world.now)
    failing.clear()
    assert rows(path) == []
    assert (await world.mission(uid)).phase is not Phase.CLOSED


async def test_what_nobody_began_is_kept_and_not_found(world, path):
    wish = {"outcome": Outcome.CANCELLED, "patch": None, "lesson": Lesson.NONE}
    failed = Trial(remedy="agent:repair", result=Result.FAILED)
    await ended(world, **wish)
    await ended(world, 2, **wish, tried=(failed,))
    assert [row[9] for row in rows(path)] == [1, 0]  # forgotten
    assert [row[12] is None for row in rows(path)] == [True, False]  # terms


async def test_a_rebuilt_memory_is_the_one_that_was_kept(world, path):
    lost, lost_name = await ended(world, 1)
    kept, _ = await ended(world, 2, summary="the page is blank", details="see Cart.add")
    gone, _ = await ended(world, 3, trace=("cart.add",))
    world.later(hours=1)
    back = world.note("mission.ineffective", by="mission_20261201_001")
    await world.settle(lost, notes=(back, world.note("mission.capa_filed", number=9)))
    await world.settle(kept, notes=(world.note("mission.lesson_kept"),))
    await world.settle(gone, notes=(world.note("mission.forgotten", reason="wrong"),))
    before = rows(path)
    assert len(before) == 3
    assert before[2][-3:] == (None, None, None)  # what is forgotten is in no index
    with closing(connect(path)) as connection:
        connection.execute("UPDATE memory SET document = '{}', lesson = 'none'")
        connection.execute("DELETE FROM memory_text")
        assert rows(path) != before
        assert rebuild_memory(connection) == 3
        found = named(connection, lost_name)
    assert rows(path) == before
    assert (found.effective, found.lesson, found.capa, found.capa_open) == (
        *(False, Lesson.FORGOTTEN, 9, True),
    )


async def test_later_words_about_a_mission_of_before_memory_change_nothing(world, path):
    uid = await world.open_mission(1, request=world.request(Severity.LOW))
    await world.settle(uid, notes=(world.note("mission.ineffective", by="mission_20261201_001"),))
    assert rows(path) == []


async def test_lessons_that_wait_are_listed_oldest_first(world, path):
    _, second = await ended(world, 1, closed_at=world.now + timedelta(hours=1))
    first_uid, first = await ended(world, 2)
    await ended(world, 3, lesson=Lesson.KEPT)
    with closing(connect(path)) as connection:
        assert [each.mission for each in proposals(connection)] == [first, second]
    await world.settle(first_uid, notes=(world.note("mission.lesson_kept"),))
    with closing(connect(path)) as connection:
        assert [each.mission for each in proposals(connection)] == [second]
        assert named(connection, first).lesson_by == "octo"


async def test_the_newest_word_about_privacy_counts(world, path):
    def seen(*, private, minutes):
        return Visibility(ref=world.ref, private=private, at=world.now + timedelta(minutes=minutes))

    def private(connection):
        return bool(connection.execute("SELECT private FROM visibility").fetchone()["private"])

    delivery = world.delivery()
    await world.store.accept(delivery)
    [stored] = await world.store.unrouted(1)
    said = Translated([], "", seen=[seen(private=False, minutes=5)])
    await world.store.route(stored.id, said, world.now)
    with closing(connect(path)) as connection:
        assert not private(connection)
        see(connection, [seen(private=True, minutes=4)])
        assert not private(connection)
        see(connection, [seen(private=True, minutes=5)])
        assert private(connection)
        see(connection, [seen(private=False, minutes=5)])
        assert private(connection)
        see(connection, [seen(private=False, minutes=6)])
        assert not private(connection)

"""Lists of missions: whom they show, in which order, and what they are made from."""

import asyncio
import json
import sqlite3
import threading
from contextlib import closing
from datetime import timedelta
from uuid import UUID

from grace.adapters.sqlite import list_rows, mission_rows
from grace.adapters.sqlite.hub_reader import HubReader
from grace.adapters.sqlite.schema import connect, migrate, shipped
from grace.adapters.sqlite.values import micros
from grace.domain.fingerprint import fingerprint_of
from grace.domain.mission import Mission, PullRef
from grace.domain.package import Symptom
from grace.domain.phase import Outcome, Phase, Severity, Status
from grace.domain.verdict import Result, all_of, leaf
from grace.ports.hub import MissionFilter

TREE = all_of(
    "merge",
    (
        leaf("tests", Result.PASS, "all pass"),
        leaf("review", Result.PENDING, "nobody has approved it", "a maintainer"),
    ),
)
VERDICT = {"root": TREE.model_dump(mode="json")}
SENTENCE = "wait: review: nobody has approved it. It is changed by a maintainer."
EVERYONES = MissionFilter(logs=None)


def wanted(**fields) -> MissionFilter:
    return MissionFilter(**{"logs": None, **fields})


def other_of(world, number=8):
    return world.ref.model_copy(update={"repository_id": number, "repository": f"octo/r{number}"})


async def open_at(world, ref, issue, **changes):
    """Open a mission of a repository a minute later than the one before."""
    world.later(minutes=1)
    assert await world.send(issue=issue, create=True, ref=ref) == 1
    missions = await world.store.missions()
    uid = next(m.uid for m in missions if m.ref == ref and m.issue == issue)
    await world.settle(uid, **changes)
    return uid


async def issues(world, filtered, order="newest", **page):
    found = await world.store.mission_page(filtered, order, world.now, **page)
    return [row.issue for row in found.rows]


async def test_row_says_what_the_mission_and_its_verdict_say(world):
    request = world.request(Severity.CRITICAL)
    created = world.now
    uid = await world.open_mission(
        7,
        title="Slow \u202e mesh",
        request=request,
        phase=Phase.GATING,
        held="max said so",
        pull=PullRef(number=12, url=""),
        verdict=VERDICT,
    )
    row = await world.store.mission_row("mission_20261122_001", world.now)
    assert row is not None
    assert row.model_dump() == {
        "mission_id": "mission_20261122_001",
        "log": "forge.test/7",
        "repository": "octo/mesh",
        "subsystem": "mesh",
        "title": "Slow \u202e mesh",
        "severity": Severity.CRITICAL,
        "phase": Phase.GATING,
        "status": Status.IN_PROGRESS,
        "held": True,
        "outcome": None,
        "waits_for": SENTENCE,
        "issue": 7,
        "pull": 12,
        "claimed_by": None,
        "created_at": created,
        "changed_at": created,
        "closed_at": None,
    }
    at = world.later(hours=1)
    await world.settle(
        uid,
        phase=Phase.CLOSED,
        outcome=Outcome.FAILED,
        reason="it\nbroke",
        closed_at=at,
        held=None,
        verdict=VERDICT,
    )
    closed = await world.store.mission_row("mission_20261122_001", world.now)
    assert closed is not None
    assert (closed.status, closed.outcome, closed.held) == (
        Status.ESCALATED,
        Outcome.FAILED,
        False,
    )
    assert (closed.waits_for, closed.closed_at, closed.changed_at) == ("it broke", at, at)
    assert await world.store.mission_row("mission_20261122_002", world.now) is None


async def test_mission_that_nobody_judged_waits_for_nothing_known(world):
    await world.send(issue=1, create=True)
    [row] = (await world.store.mission_page(EVERYONES, "newest", world.now)).rows
    assert (row.waits_for, row.subsystem, row.severity) == ("", "", Severity.LOW)


async def test_look_that_finds_nothing_new_changes_no_time(world):
    uid = await world.open_mission(1, phase=Phase.GATING, verdict=VERDICT)
    since = world.now

    async def changed_at():
        row = await world.store.mission_row("mission_20261122_001", world.now)
        return row.changed_at

    world.later(minutes=5)
    await world.settle(uid, verdict={**VERDICT, "at": "later"})
    assert await changed_at() == since
    judged = world.later(minutes=5)
    await world.settle(uid, verdict={"root": leaf("tests", Result.FAIL, "red").model_dump()})
    assert await changed_at() == judged
    written = world.later(minutes=5)
    await world.settle(
        uid, verdict={"root": leaf("tests", Result.FAIL, "red").model_dump()}, asked=1
    )
    assert await changed_at() == written


async def test_newest_first_and_most_urgent_first(world):
    for issue, severity in enumerate(("low", "critical", "high", "critical", "low"), start=1):
        await open_at(world, world.ref, issue, request=world.request(Severity(severity)))
    assert await issues(world, EVERYONES) == [5, 4, 3, 2, 1]
    assert await issues(world, EVERYONES, "urgency") == [2, 4, 3, 1, 5]


async def test_each_filter_keeps_what_it_asks_for(world):
    request = world.request(Severity.HIGH)
    mail = request.model_copy(update={"subsystem_id": "mail"})
    closed = {"phase": Phase.CLOSED, "closed_at": world.now}
    await open_at(world, world.ref, 1, request=request, title="Delivery IS slow")
    await open_at(world, world.ref, 2, request=mail, phase=Phase.OBSERVING, title="Straße zu")
    await open_at(world, world.ref, 3, outcome=Outcome.ROLLED_BACK, **closed)
    await open_at(world, world.ref, 4, outcome=Outcome.SELF_RECOVERED, **closed)
    await open_at(world, world.ref, 5, outcome=Outcome.FIXED, title="slow 100% _mail_", **closed)
    await open_at(world, world.ref, 6, phase=Phase.GATING)
    for filtered, expected in (
        (wanted(status=Status.OPEN), [1]),
        (wanted(status=Status.IN_PROGRESS), [6]),
        (wanted(status=Status.OBSERVING), [2]),
        (wanted(status=Status.ESCALATED), [3]),
        (wanted(status=Status.RESOLVED), [5, 4]),
        (wanted(phase=Phase.CLOSED), [5, 4, 3]),
        (wanted(outcome=Outcome.FIXED), [5]),
        (wanted(severity=Severity.HIGH), [2, 1]),
        (wanted(subsystem="mail"), [2]),
        (wanted(live=True), [6, 2, 1]),
        (wanted(live=False), [5, 4, 3]),
        (wanted(live=True, status=Status.RESOLVED), []),
        (wanted(text="slow"), [5, 1]),
        (wanted(text="SLOW delivery"), [1]),
        (wanted(text="STRASSE"), [2]),
        (wanted(text="mission_20261122_003"), [3]),
        (wanted(text="_00 %"), [5]),
        (wanted(text="slowdelivery"), []),
        (wanted(text="001 delivery"), [1]),
        (wanted(text="'; DROP TABLE missions; --"), []),
        (wanted(text="x " * 40_000), []),
    ):
        assert await issues(world, filtered) == expected, filtered


async def test_missions_of_other_repositories_are_not_there(world):
    mine, theirs = world.ref, other_of(world)
    await open_at(world, mine, 1, phase=Phase.GATING)
    await open_at(world, theirs, 2)
    await open_at(world, mine, 3)
    for order in ("newest", "urgency"):
        for logs, expected in (
            (None, {1, 2, 3}),
            (frozenset({mine.log}), {1, 3}),
            (frozenset({theirs.log}), {2}),
            (frozenset({mine.log, theirs.log}), {1, 2, 3}),
            (frozenset(), set()),
            (frozenset({"forge.test/70", "forge.test/"}), set()),
        ):
            assert set(await issues(world, wanted(logs=logs), order)) == expected
    counts = world.store.mission_counts
    assert await counts(None) == {(Phase.GATING, None): 1, (Phase.FILED, None): 2}
    assert await counts(frozenset({mine.log})) == {
        (Phase.GATING, None): 1,
        (Phase.FILED, None): 1,
    }
    assert await counts(frozenset()) == {}


async def test_counts_tell_outcomes_apart(world):
    for issue, outcome in enumerate((Outcome.FIXED, Outcome.FIXED, Outcome.FAILED), start=1):
        await open_at(world, world.ref, issue, phase=Phase.CLOSED, outcome=outcome)
    assert await world.store.mission_counts(None) == {
        (Phase.CLOSED, Outcome.FIXED): 2,
        (Phase.CLOSED, Outcome.FAILED): 1,
    }


async def test_missions_of_one_problem_are_named_oldest_first(world):
    request = world.request(Severity.LOW)
    else_wrong = request.model_copy(update={"symptoms": (Symptom(description="down"),)})
    start = world.now
    for issue, asked in ((1, request), (2, else_wrong), (3, request), (4, request)):
        await open_at(world, world.ref, issue, request=asked)
    await open_at(world, world.ref, 5)
    await open_at(world, other_of(world), 6, request=request)
    [first] = [m for m in await world.store.missions() if m.issue == 1]
    fingerprint, log = fingerprint_of(first), world.ref.log
    names = [f"mission_20261122_00{n}" for n in (1, 3, 4)]
    same = world.store.same_fingerprint
    assert await same(log, fingerprint, start) == names
    assert await same(log, fingerprint, first.created_at) == names[1:]
    assert await same(log, fingerprint, world.now) == []
    assert await same(log, "", start) == []
    assert await same("forge.test/9", fingerprint, start) == []


async def test_pages_do_not_keep_the_worker_waiting(world):
    """Two pages are answered at a time; more wait, and the worker's questions do not."""
    await world.open_mission(1)
    both, gate = threading.Barrier(2), threading.Event()

    def slow(_connection: sqlite3.Connection) -> bool:
        both.wait(20)
        return gate.wait(20)

    pages = [asyncio.create_task(world.store._read(slow)) for _ in range(4)]
    try:
        async with asyncio.timeout(20):
            assert await world.store.due(world.now, 10) == []
            assert await world.store.turn(UUID(int=1)) is None
        assert not any(page.done() for page in pages)
    finally:
        gate.set()
    assert await asyncio.gather(*pages) == [True] * 4


async def test_another_process_may_ask_beside_the_one_that_holds_the_store(world, path):
    await world.open_mission(1, notes=(world.note(),))
    beside = await HubReader.look(path)
    assert await beside.feed(0) == await world.store.feed(0)
    assert await beside.mission_row("mission_20261122_001", world.now) is not None
    await beside.close()


def as_before(connection: sqlite3.Connection, mission: Mission, verdict) -> None:
    """Store a mission as schema 3 did."""
    values = {
        **mission_rows._derived(mission),
        "uid": str(mission.uid),
        "created_at": micros(mission.created_at),
        "facts": "{}",
        "verdict": None if verdict is None else json.dumps(verdict),
        "decided_at": micros(mission.created_at + timedelta(minutes=2)),
    }
    for later in ("self_started_at", "parent"):  # which schemas 8 and 11 brought
        del values[later]
    marks = ", ".join(f":{name}" for name in values)
    connection.execute(
        f"INSERT INTO missions ({', '.join(values)}) VALUES ({marks})",
        values,
    )


async def test_older_store_gets_its_lists(world_of, path, open_store):
    """A store of schema 3 with missions says the same as if they had been stored today."""
    path.parent.mkdir()
    plain = world_of(None)
    metric = Symptom(description="slow", metric_id="mesh.p95")
    request = plain.request(Severity.HIGH)
    measured = request.model_copy(update={"symptoms": (metric, metric)})
    missions = [
        Mission(
            uid=UUID(int=number),
            name=f"mission_20261122_00{number}",
            ref=plain.ref,
            created_at=plain.later(minutes=1),
            issue=number,
            title=f"Fall {number}",
            **changes,
        )
        for number, changes in enumerate(
            (
                {"request": request, "phase": Phase.GATING, "held": "wait"},
                {"request": measured, "pull": PullRef(number=40, url="")},
                {"phase": Phase.INVALID},
                {"alert": "ab12", "request": measured, "phase": Phase.PLANNING},
                {
                    "phase": Phase.CLOSED,
                    "outcome": Outcome.FIXED,
                    "reason": "held\nits targets",
                    "closed_at": plain.now,
                },
            ),
            start=1,
        )
    ]
    with closing(connect(path)) as connection:
        migrate(connection, path, shipped()[:3])
        for mission in missions:
            as_before(connection, mission, VERDICT if mission.request else None)
    store = await open_store()
    with closing(connect(path)) as connection:
        rows = {row["uid"]: row for row in connection.execute("SELECT * FROM mission_list")}
    for mission in missions:
        verdict = VERDICT if mission.request else None
        at = mission.created_at + timedelta(minutes=2)
        expected = list_rows.listed(mission, verdict, at)
        assert tuple(rows[str(mission.uid)]) == expected
    page = await store.mission_page(EVERYONES, "newest", plain.now)
    assert [row.issue for row in page.rows] == [5, 4, 3, 2, 1]
    assert [row.waits_for for row in page.rows] == [
        "held its targets",
        SENTENCE,
        "",
        *2 * [SENTENCE],
    ]

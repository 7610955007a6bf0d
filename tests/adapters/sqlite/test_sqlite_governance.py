"""What governance asks of the store: outcomes, merges, CAPA tickets, policies, and old entries."""

import json
import sqlite3
from contextlib import closing
from datetime import timedelta

import pytest

from grace.adapters.sqlite.outcome_rows import KEPT, rebuild_outcomes
from grace.adapters.sqlite.schema import connect, migrate, shipped
from grace.adapters.sqlite.store import SqliteStore
from grace.domain.ledger_verify import Verified, verify_entries
from grace.domain.mission import Landing, Mission
from grace.domain.phase import Outcome, Phase, Severity

SHA = "a" * 40


def ended(world, outcome="fixed", **payload):
    """Note that a mission closed, as the lifecycle writes it."""
    whole = {
        "outcome": outcome,
        "reason": "r",
        "agent": "candidate",
        "subsystem": "mesh",
        "severity": "low",
        "basis": "approvals",
    }
    return world.note("mission.closed", **(whole | payload))


async def close(world, issue, note, **changes):
    uid = await asking(world, issue)
    await world.settle(uid, phase=Phase.CLOSED, notes=(note,), **changes)


def table(path) -> list[tuple]:
    with closing(connect(path)) as connection:
        return [tuple(row) for row in connection.execute("SELECT * FROM outcomes")]


async def asking(world, issue=1, **changes):
    """Open a mission on the subsystem `mesh`."""
    return await world.open_mission(issue, request=world.request(Severity.LOW), **changes)


async def test_history_is_the_subsystems_of_this_repository_oldest_first(world):
    uid = await asking(world)
    await close(world, 2, ended(world, "rolled_back", severity="critical", basis="trust"))
    world.later(hours=1)
    await close(world, 3, ended(world, agent="other"))
    await close(world, 4, ended(world, subsystem="elsewhere"))
    other = world.ref.model_copy(update={"repository_id": 8})
    await world.send(issue=1, create=True, ref=other)
    foreign = next(m.uid for m in await world.store.missions() if m.ref == other)
    await world.settle(foreign, notes=(ended(world),))
    history = (await world.turn(uid)).facts.history
    assert [(f.agent, f.outcome, f.severity, f.basis, f.at) for f in history] == [
        ("candidate", Outcome.ROLLED_BACK, Severity.CRITICAL, "trust", world.START),
        ("other", Outcome.FIXED, Severity.LOW, "approvals", world.now),
    ]
    assert [f.mission for f in history] == ["mission_20261122_002", "mission_20261122_003"]
    assert len(await world.store.outcomes()) == 4
    assert len(await world.store.outcomes("mesh")) == 3
    assert [f.agent for f in await world.store.outcomes(agent="other")] == ["other"]
    assert await world.store.outcomes("mesh", "nobody") == []
    here = await world.store.outcomes("mesh", log=world.ref.log)
    assert [f.mission for f in here] == [f.mission for f in history]
    assert len(await world.store.outcomes("mesh", log=other.log)) == 1
    assert await world.store.outcomes("mesh", log=world.ref.log, newest=1) == here[-1:]


@pytest.mark.parametrize("regressed", [True, False])
async def test_what_regressed_counts_as_undone_whoever_lands_the_revert(world, regressed):
    uid = await asking(world)
    await close(world, 2, ended(world, "failed", regressed=regressed))
    [fact] = (await world.turn(uid)).facts.history
    assert fact.outcome is (Outcome.ROLLED_BACK if regressed else Outcome.FAILED)


@pytest.mark.parametrize(
    "payload",
    [
        {"outcome": "cancelled"},
        {"outcome": "self_recovered"},
        {"agent": None},
        {"agent": ""},
        {"subsystem": ""},
    ],
)
async def test_what_says_nothing_of_an_agent_is_no_outcome(world, path, payload):
    await close(world, 1, ended(world, **payload))
    await close(world, 2, world.note("mission.closed", outcome="fixed", reason="of an old version"))
    await world.store.record(ended(world), world.now, ref=world.ref)
    assert table(path) == []


async def test_outcomes_are_a_fold_of_the_ledger(world, path):
    for issue, outcome in enumerate(("fixed", "failed", "cancelled", "rolled_back"), start=1):
        await close(world, issue, ended(world, outcome, subsystem=f"s{issue % 2}"))
        world.later(seconds=1)
    written = table(path)
    assert len(written) == 3
    with closing(connect(path)) as connection:
        connection.execute("DELETE FROM outcomes WHERE seq > 2")
        rebuild_outcomes(connection)
    assert table(path) == written


async def test_note_that_is_taken_back_leaves_no_outcome(world, path):
    uid = await world.open_mission(1)
    turn = await world.turn(uid)
    bad = (ended(world), world.note(big=2**60))
    with pytest.raises(ValueError, match="canonical"):
        await world.store.commit(turn, world.ruling(turn, notes=bad), world.now)
    assert table(path) == []


async def test_history_keeps_the_newest(world, path):
    uid = await asking(world)
    await close(world, 2, ended(world))
    with closing(connect(path)) as connection:
        connection.execute("BEGIN")
        for seq in range(100, 100 + KEPT):
            connection.execute(
                "INSERT INTO outcomes SELECT log, subsystem, ?, ?, agent, severity, outcome,"
                " basis, at FROM outcomes WHERE seq < 100",
                (seq, f"m{seq}"),
            )
        connection.execute("COMMIT")
    history = (await world.turn(uid)).facts.history
    assert [history[0].mission, history[-1].mission, len(history)] == ["m100", "m599", 500]


async def test_outcome_makes_turns_under_way_old_and_wakes_those_at_the_gates(world):
    uid = await asking(world, phase=Phase.GATING)
    testing = await asking(world, 2, phase=Phase.TESTING)
    before = (await world.turn(uid)).facts.history
    turn = await world.turn(uid)
    await close(world, 3, ended(world))
    assert not await world.store.commit(turn, world.ruling(turn), world.now)
    assert await world.store.due(world.now, 10) == [uid]
    assert (before, len((await world.turn(testing)).facts.history)) == ((), 1)
    await world.settle(uid)
    await close(world, 4, world.note())
    assert await world.store.due(world.now, 10) == []


async def test_merges_are_those_of_the_last_days_and_those_asked_for(world):
    uid = await asking(world)
    for issue, hours in ((2, 60), (3, 20), (4, 2)):
        at = world.START - timedelta(hours=hours)
        await asking(
            world,
            issue,
            phase=Phase.OBSERVING,
            landing=Landing(sha=SHA, tree=SHA, at=at),
            basis="trust",
        )
    merging = await asking(world, 5, phase=Phase.GATING)
    since = world.later(minutes=1)
    await world.settle(merging, phase=Phase.MERGING)
    world.later(minutes=1)
    await world.settle(merging, title="asked again")
    merges = (await world.turn(uid)).facts.merges
    assert [(m.mission[-3:], m.subsystem, m.basis, m.at) for m in merges] == [
        ("003", "mesh", "trust", world.START - timedelta(hours=20)),
        ("004", "mesh", "trust", world.START - timedelta(hours=2)),
        ("005", "mesh", "none", since),
    ]
    assert len((await world.turn(merging)).facts.merges) == 2
    other = world.ref.model_copy(update={"repository_id": 8})
    await world.send(issue=1, create=True, ref=other)
    foreign = next(m.uid for m in await world.store.missions() if m.ref == other)
    assert (await world.turn(foreign)).facts.merges == ()


async def test_merge_that_is_given_back_wakes_those_at_the_gates(world):
    waiting = await asking(world, phase=Phase.GATING)
    merging = await asking(world, 2, phase=Phase.GATING)
    await world.settle(merging, phase=Phase.MERGING)
    assert await world.store.due(world.now, 10) == []
    assert len((await world.turn(waiting)).facts.merges) == 1
    await world.settle(merging, phase=Phase.GATING)
    assert await world.store.due(world.now, 10) == [waiting]
    assert (await world.turn(waiting)).facts.merges == ()


async def test_merge_that_lands_wakes_nobody(world):
    await asking(world, phase=Phase.GATING)
    merging = await asking(world, 2, phase=Phase.MERGING)
    landing = Landing(sha=SHA, tree=SHA, at=world.now)
    await world.settle(merging, phase=Phase.OBSERVING, landing=landing)
    assert await world.store.due(world.now, 10) == []


async def test_two_that_ask_for_the_last_merge_of_a_day_do_not_both_get_it(world):
    first, second = [await asking(world, n, phase=Phase.GATING) for n in (1, 2)]
    turns = [await world.turn(first), await world.turn(second)]
    rulings = [world.ruling(turn, phase=Phase.MERGING) for turn in turns]
    assert await world.store.commit(turns[0], rulings[0], world.now)
    assert not await world.store.commit(turns[1], rulings[1], world.now)


async def test_capas_are_told_until_they_are_closed(world):
    uid = await asking(world, phase=Phase.GATING)
    failed = await asking(world, 2, phase=Phase.CLOSED, capa=40)
    (capa,) = (await world.turn(uid)).facts.capas
    assert (capa.mission, capa.subsystem, capa.issue) == ("mission_20261122_002", "mesh", 40)
    await world.settle(failed, capa_closed_at=world.now)
    assert await world.store.due(world.now, 10) == [uid]
    assert (await world.turn(uid)).facts.capas == ()
    await world.settle(failed, capa_closed_at=None)
    assert len((await world.turn(uid)).facts.capas) == 1


async def test_surroundings_are_not_stored_with_the_facts(world):
    uid = await asking(world)
    await close(world, 2, ended(world), capa=7, landing=Landing(sha=SHA, tree=SHA, at=world.now))
    await world.store.set_kill_switch(on=True, actor="olga", now=world.now)
    await world.settle(uid)
    found = await world.store.find("mission_20261122_001")
    assert found is not None
    facts = found[1]
    assert (facts.history, facts.merges, facts.capas, facts.stops) == ((), (), (), ())


async def test_policy_is_written_once_in_front_of_what_it_decided(world, keys):
    old, new = ("sha256:old", {"rules": [1.5]}), ("sha256:new", {"rules": []})
    uid = await world.open_mission(1, policy=old, notes=(world.note(),))
    for policy in (old, new, new, None, old):
        await world.settle(uid, policy=policy, notes=(world.note(),))
    entries = (await world.store.entries(world.ref.log))[1:]
    step = "mission.step_taken"
    told = [e.payload.get("policy_hash", step) for e in entries]
    assert told == [old[0], step, step, new[0], step, step, step, old[0], step]
    first = entries[0]
    assert (first.envelope.kind, first.envelope.mission) == ("policy.in_force", None)
    assert first.payload == {"policy_hash": old[0], "policy": old[1]}
    verified = verify_entries(await world.store.lines(world.ref.log), keys)
    assert isinstance(verified, Verified)


async def test_entries_of_some_kinds_stream_over_pages(world):
    world.store.page = 4
    uid = await world.open_mission(1)
    for step in range(10):
        notes = (world.note("mission.a", step=step), world.note("mission.b", step=step))
        await world.settle(uid, notes=notes)
        world.later(minutes=1)
    log = world.ref.log

    async def steps(kinds, since=None):
        return [
            (r.kind[-1], r.payload["step"])
            async for r in world.store.entries_of_kind(log, kinds, since)
        ]

    assert await steps(("mission.b",)) == [("b", n) for n in range(10)]
    both = [(kind, n) for n in range(10) for kind in "ab"]
    assert await steps(("mission.b", "mission.a")) == both
    for minute in range(11):
        since = world.START + timedelta(minutes=minute)
        assert await steps(("mission.a",), since) == [("a", n) for n in range(minute, 10)]
    assert await steps(("mission.c",)) == []
    first = await anext(world.store.entries_of_kind(log, ("mission.a",)))
    entry = (await world.store.entries(log))[first.seq - 1]
    assert (first.log, first.mission, first.actor) == (log, "mission_20261122_001", "octo")
    assert (first.payload, first.time) == (entry.payload, world.START)
    assert [r async for r in world.store.entries_of_kind("forge.test/9", ("mission.a",))] == []


async def test_older_store_is_brought_up_to_date(world_of, path, key, tmp_path):
    """A store of schema 2 with a mission that landed, one that merges, and one with a CAPA."""
    path.parent.mkdir()
    connection = connect(path)
    migrate(connection, path, shipped()[:2])
    plain = world_of(None)
    landing = Landing(sha=SHA, tree=SHA, at=plain.START + timedelta(microseconds=7))
    request = plain.request(Severity.LOW)
    for issue, changes in (
        (1, {"request": request, "landing": landing, "phase": Phase.CLOSED, "capa": 9}),
        (2, {"phase": Phase.MERGING}),
        (3, {"phase": Phase.GATING, "request": request}),
    ):
        _insert_as_before(connection, plain, issue, changes)
    connection.close()
    store = await SqliteStore.open(path, key)
    world = world_of(store)
    (uid,) = [m.uid for m in await store.missions() if m.issue == 3]
    facts = (await world.turn(uid)).facts
    assert [(m.mission, m.subsystem, m.at) for m in facts.merges] == [
        ("mission_20261122_001", "mesh", landing.at),
        ("mission_20261122_002", "", world.START + timedelta(hours=1)),
    ]
    assert [(c.mission, c.issue) for c in facts.capas] == [("mission_20261122_001", 9)]
    await store.close()


def _insert_as_before(connection: sqlite3.Connection, world, issue: int, changes) -> None:
    mission = Mission(
        uid=f"00000000-0000-0000-0000-00000000000{issue}",
        name=f"mission_20261122_00{issue}",
        ref=world.ref,
        created_at=world.now,
        issue=issue,
        **changes,
    )
    document = json.loads(mission.model_dump_json())
    for newer in ("basis", "capa_closed_at"):
        del document[newer]
    at = int((world.START + timedelta(hours=1)).timestamp() * 1_000_000)
    connection.execute(
        "INSERT INTO missions (uid, name, host, repository_id, issue, phase, severity, paths,"
        " created_at, mission, facts, decided_at) VALUES (?, ?, ?, ?, ?, ?, 0, '[]', 0, ?, '{}', ?)",
        (
            str(mission.uid),
            mission.name,
            world.ref.host,
            world.ref.repository_id,
            issue,
            mission.phase.value,
            json.dumps(document),
            at,
        ),
    )

"""A turn is read whole and stored whole, or not at all."""

import json
from datetime import timedelta
from uuid import uuid4

import pytest

from grace.adapters.sqlite.errors import IssueTaken
from grace.adapters.sqlite.schema import connect
from grace.domain.events import BaseRead, CheckSeen
from grace.domain.facts import Facts, fold
from grace.domain.ledger import LOG_OPENED, LedgerError
from grace.domain.ledger_verify import Verified, verify_entries
from grace.domain.mission import Attempt, Landing, Revert
from grace.domain.phase import Outcome, Phase, Severity

SHA = "a" * 40


async def test_what_is_stored_comes_back(world):
    await world.send(world.event("a"), issue=1, create=True)
    await world.send(world.event("b"), issue=1)
    (uid,) = await world.store.due(world.now, 10)
    turn = await world.turn(uid)
    assert [event.id for _, event in turn.events] == ["a", "b"]
    facts = fold(turn.facts, BaseRead(branch="main", sha=SHA), world.now)
    verdict = {"root": {"name": "gates", "result": "pass", "reason": "all hold"}, "at": "now"}
    await world.settle(
        uid,
        title="Slow mesh",
        requested=frozenset({"k1", "k2"}),
        facts=facts.model_copy(update={"kill_switch": True}),
        verdict=verdict,
        wake_at=world.now + timedelta(minutes=5),
    )
    again = await world.turn(uid)
    assert (again.mission.title, again.mission.requested) == ("Slow mesh", {"k1", "k2"})
    assert (again.facts, again.events, again.version) == (facts, (), turn.version + 1)
    found = await world.store.find("mission_20261122_001")
    assert found == (again.mission, facts, verdict, world.now)
    assert await world.store.find("mission_20261122_002") is None
    assert await world.store.next_wake() == world.now + timedelta(minutes=5)


async def test_unknown_mission_has_no_turn(world):
    assert await world.store.turn(uuid4()) is None


async def test_events_that_were_not_handled_wait_on(world):
    await world.send(world.event("a"), issue=1, create=True)
    (uid,) = await world.store.due(world.now, 10)
    turn = await world.turn(uid)
    await world.send(world.event("b"), issue=1)
    assert await world.store.commit(turn, world.ruling(turn), world.now)
    assert [event.id for _, event in (await world.turn(uid)).events] == ["b"]
    assert await world.store.due(world.now, 10) == [uid]


async def test_stale_turn_stores_nothing(world):
    uid = await world.open_mission(1)
    turn = await world.turn(uid)
    await world.settle(uid, title="faster")
    await world.send(world.event("late"), issue=1)
    head = await world.store.head(world.ref.log)
    late = world.ruling(
        turn,
        title="slower",
        notes=(world.note(),),
        effects=(world.effect("k"),),
        handled=tuple(n for n, _ in (await world.turn(uid)).events),
    )
    assert not await world.store.commit(turn, late, world.now)
    after = await world.turn(uid)
    assert (after.mission.title, len(after.events)) == ("faster", 1)
    assert await world.store.head(world.ref.log) == head
    assert await world.store.jobs(world.now, 10) == []


async def test_note_that_cannot_be_written_takes_everything_back(world):
    uid = await world.open_mission(1)
    turn = await world.turn(uid)
    bad = (world.note(), world.note(big=2**60))
    ruling = world.ruling(turn, title="new", notes=bad, effects=(world.effect("k"),))
    head = await world.store.head(world.ref.log)
    with pytest.raises(LedgerError, match="canonical"):
        await world.store.commit(turn, ruling, world.now)
    assert (await world.turn(uid)) == turn
    assert await world.store.head(world.ref.log) == head


async def test_second_claim_on_an_issue_is_a_sentence(world):
    await world.open_mission(1)
    await world.fire(world.alert("f"))
    (mission,) = [m for m in await world.store.missions() if m.alert]
    with pytest.raises(IssueTaken, match="another mission has it"):
        await world.settle(mission.uid, issue=1)


async def test_log_opens_with_its_key_and_verifies(world, key, keys):
    uid = await world.open_mission(1, notes=(world.note(step=1), world.note(step=2)))
    await world.settle(uid, notes=(world.note(step=3),))
    entries = await world.store.entries(world.ref.log)
    assert [e.envelope.kind for e in entries] == [LOG_OPENED, *["mission.step_taken"] * 3]
    assert [e.envelope.mission for e in entries] == [None, *["mission_20261122_001"] * 3]
    opening = entries[0].payload
    assert (opening["repository"], opening["repository_id"]) == ("octo/mesh", 7)
    lines = await world.store.lines(world.ref.log)
    verified = verify_entries(lines, keys)
    assert isinstance(verified, Verified)
    assert verified.head == await world.store.head(world.ref.log)
    assert lines == [entry.line for entry in entries]
    assert len({entry.salt for entry in entries}) == 4


async def test_entries_are_paged_and_asked_by_mission(world):
    await world.open_mission(1, notes=(world.note(step=1),))
    await world.open_mission(2, notes=(world.note(step=2),))
    log = world.ref.log
    assert [e.envelope.seq for e in await world.store.entries(log, 1, 1)] == [2]
    assert [e.envelope.seq for e in await world.store.entries(log, 1)] == [2, 3]
    own = await world.store.mission_entries(log, "mission_20261122_002")
    assert [e.payload for e in own] == [{"step": 2}]
    assert await world.store.logs() == [log]


async def test_log_without_entries_has_no_head(world):
    assert await world.store.head("forge.test/1") is None
    assert await world.store.entries("forge.test/1") == []


async def test_each_repository_has_its_own_log(world):
    other = world.ref.model_copy(update={"repository_id": 8})
    await world.open_mission(1, notes=(world.note(),))
    await world.send(issue=1, create=True, ref=other)
    uid = next(m.uid for m in await world.store.missions() if m.ref == other)
    await world.settle(uid, notes=(world.note(),))
    assert await world.store.logs() == ["forge.test/7", "forge.test/8"]
    assert [e.envelope.seq for e in await world.store.entries("forge.test/8")] == [1, 2]


async def test_clock_that_jumps_back_keeps_the_ledger_in_order(world, keys):
    uid = await world.open_mission(1, notes=(world.note(),))
    newest = (await world.store.head(world.ref.log)).time
    world.later(hours=-3)
    await world.settle(uid, notes=(world.note(),))
    assert (await world.store.head(world.ref.log)).time == newest
    lines = await world.store.lines(world.ref.log)
    assert isinstance(verify_entries(lines, keys), Verified)


@pytest.mark.parametrize("change", ["UPDATE ledger SET line = x'00'", "DELETE FROM ledger"])
async def test_ledger_refuses_changes(world, path, change):
    await world.open_mission(1, notes=(world.note(),))
    connection = connect(path)
    with pytest.raises(Exception, match="the ledger is append-only"):
        connection.execute(change)
    connection.close()
    assert len(await world.store.lines(world.ref.log)) == 2


async def test_rivals_are_the_active_missions_of_the_repository(world):
    uid = await world.open_mission(1)
    diff = "--- a/x.py\n+++ b/x.py\n@@ -1 +1 @@\n-a\n+b\n"
    planned = await world.open_mission(
        2, phase=Phase.PLANNING, request=world.request(Severity.HIGH, diff)
    )
    tested = Attempt(number=1, candidate="c0", agent="a", paths=("y.py", "z.py"))
    world.later(seconds=1)
    testing = await world.open_mission(3, phase=Phase.TESTING, attempts=(tested,))
    await world.open_mission(4, phase=Phase.AWAITING_START)
    await world.open_mission(5, phase=Phase.CLOSED, outcome=Outcome.FIXED)
    other = world.ref.model_copy(update={"repository_id": 8})
    await world.send(issue=1, create=True, ref=other)
    foreign = next(m.uid for m in await world.store.missions() if m.ref == other)
    await world.settle(foreign, phase=Phase.PLANNING)
    rivals = (await world.turn(uid)).facts.rivals
    assert [(r.uid, r.phase, r.paths) for r in rivals] == [
        (planned, Phase.PLANNING, ("x.py",)),
        (testing, Phase.TESTING, ("y.py", "z.py")),
    ]
    assert [r.urgency for r in rivals] == [
        (await world.mission(rival)).urgency() for rival in (planned, testing)
    ]
    assert [r.uid for r in (await world.turn(planned)).facts.rivals] == [testing]


async def test_ci_of_rivals_is_told_to_a_mission_that_reverts_and_to_no_other(world):
    def check(name, conclusion, on):
        return CheckSeen(
            id=f"{name}-{on}", name=name, sha=on, app_id=9, conclusion=conclusion, at=world.START
        )

    def attempt(number, head):
        return Attempt(number=number, candidate="c", agent="a", base="b" * 40, head=head)

    uid = await world.open_mission(1, phase=Phase.REVERTING)
    old, new = "1" * 40, "2" * 40
    facts = Facts()
    for seen in (
        check("unit", "success", old),
        check("unit", None, new),
        check("x", "failure", new),
    ):
        facts = fold(facts, seen, world.START)
    attempts = (attempt(1, old), attempt(2, new))
    rival = await world.open_mission(2, phase=Phase.TESTING, attempts=attempts, facts=facts)
    begun = (Attempt(number=1, candidate="c", agent="a"),)
    await world.open_mission(3, phase=Phase.PATCHING, attempts=begun)
    await world.open_mission(4, phase=Phase.PLANNING, attempts=attempts, facts=facts)
    found = {r.uid: r for r in (await world.turn(uid)).facts.rivals}
    assert found[rival].base == "b" * 40
    assert [(j.name, j.conclusion, j.at) for j in found[rival].ci] == [
        ("unit", None, world.START),
        ("x", "failure", world.START),
    ]
    assert [r.ci for r in found.values() if r.uid != rival] == [(), ()]
    turn = await world.turn(uid)
    assert await world.store.commit(turn, world.ruling(turn), world.now)
    assert all(r.ci == () for r in (await world.turn(rival)).facts.rivals)


async def test_reverts_of_the_last_day_are_told(world):
    def revert(hours: float) -> Revert:
        at = world.START - timedelta(hours=hours)
        return Revert(reason="slow", landed=Landing(sha=SHA, tree=SHA, at=at))

    uid = await world.open_mission(1)
    for issue, hours in ((2, 30), (3, 23), (4, 1)):
        await world.open_mission(issue, phase=Phase.CLOSED, revert=revert(hours))
    landed = (await world.turn(uid)).facts.landed_reverts
    assert landed == (world.START - timedelta(hours=23), world.START - timedelta(hours=1))


async def test_two_that_start_on_one_picture_do_not_both_start(world):
    first, second = await world.open_mission(1), await world.open_mission(2)
    turns = [await world.turn(first), await world.turn(second)]
    rulings = [world.ruling(turn, phase=Phase.PLANNING) for turn in turns]
    assert await world.store.commit(turns[0], rulings[0], world.now)
    assert not await world.store.commit(turns[1], rulings[1], world.now)
    assert [r.uid for r in (await world.turn(second)).facts.rivals] == [first]


async def test_kill_switch_is_seen_by_turns_that_are_under_way(world):
    uid = await world.open_mission(1)
    turn = await world.turn(uid)
    await world.store.set_kill_switch(on=True, actor="octo", now=world.now)
    assert await world.store.kill_switch()
    assert not await world.store.commit(turn, world.ruling(turn), world.now)
    assert (await world.turn(uid)).facts.kill_switch
    assert await world.store.due(world.now, 10) == [uid]


async def test_kill_switch_wakes_the_living_once_for_each_change(world):
    uid = await world.open_mission(1)
    await world.open_mission(2, phase=Phase.CLOSED, outcome=Outcome.FIXED)
    assert not await world.store.kill_switch()
    for on in (True, False):
        await world.store.set_kill_switch(on=on, actor="octo", now=world.now)
        assert await world.store.due(world.now, 10) == [uid]
        await world.settle(uid)
        await world.store.set_kill_switch(on=on, actor="octo", now=world.now)
        assert await world.store.due(world.now, 10) == []


@pytest.mark.parametrize("after", [Phase.CLOSED, Phase.PLANNING])
async def test_mission_that_gives_way_wakes_those_that_wait_for_it(world, after):
    busy = await world.open_mission(1, phase=Phase.PATCHING)
    waiting = await world.open_mission(2, phase=Phase.PLANNING)
    await world.open_mission(3, phase=Phase.AWAITING_START)
    assert await world.store.due(world.now, 10) == []
    await world.settle(busy, phase=after)
    assert await world.store.due(world.now, 10) == [waiting]


async def test_wake_is_not_lost_to_a_turn_under_way(world):
    busy = await world.open_mission(1, phase=Phase.PATCHING)
    waiting = await world.open_mission(2, phase=Phase.PLANNING)
    turn = await world.turn(waiting)
    await world.settle(busy, phase=Phase.CLOSED, outcome=Outcome.FIXED)
    assert not await world.store.commit(turn, world.ruling(turn), world.now)
    assert await world.store.due(world.now, 10) == [waiting]


async def test_due_is_critical_first_then_oldest(world):
    low = await world.open_mission(1, request=world.request(Severity.LOW))
    world.later(seconds=1)
    older = await world.open_mission(2, request=world.request(Severity.CRITICAL))
    world.later(seconds=1)
    newer = await world.open_mission(3, request=world.request(Severity.CRITICAL))
    world.later(seconds=1)
    quiet = await world.open_mission(4, request=world.request(Severity.CRITICAL))
    await world.settle(low, wake_at=world.now)
    await world.settle(newer, wake_at=world.now + timedelta(hours=1))
    await world.send(issue=3)
    await world.send(issue=2)
    assert await world.store.due(world.now, 10) == [older, newer, low]
    assert await world.store.due(world.now, 2) == [older, newer]
    assert [m.uid for m in await world.store.missions()] == [older, newer, quiet, low]


async def test_due_at_the_very_microsecond(world):
    uid = await world.open_mission(1)
    wake = world.now + timedelta(microseconds=1)
    await world.settle(uid, wake_at=wake)
    assert await world.store.due(world.now, 10) == []
    assert await world.store.due(wake, 10) == [uid]
    assert await world.store.next_wake() == wake


async def test_missions_by_life(world):
    live = await world.open_mission(1)
    closed = await world.open_mission(2, phase=Phase.CLOSED, outcome=Outcome.FIXED)
    assert [m.uid for m in await world.store.missions(live=True)] == [live]
    assert [m.uid for m in await world.store.missions(live=False)] == [closed]
    assert len(await world.store.missions()) == 2


async def test_rows_carry_their_installation(world, path):
    await world.open_mission(1)
    connection = connect(path)
    row = connection.execute("SELECT installation_id, mission FROM missions").fetchone()
    connection.close()
    assert row[0] == json.loads(row[1])["ref"]["installation_id"] == 3

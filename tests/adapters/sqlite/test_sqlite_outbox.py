"""Effects: one after another for each mission, begun durably, done once."""

from datetime import timedelta

import pytest

from grace.adapters.sqlite.errors import EffectGone
from grace.adapters.sqlite.schema import connect
from grace.domain.events import EffectDone, EffectFailed
from grace.domain.phase import Severity


async def keys_ready(world):
    return [job.effect.key for job in await world.store.jobs(world.now, 10)]


async def carry_out(world, event=None):
    """Begin and finish the next effect; return its key."""
    (job,) = await world.store.jobs(world.now, 1)
    await world.store.begin(job.id)
    await world.store.finish(job.id, event, world.now)
    return job.effect.key


async def test_job_says_all_about_its_effect(world):
    uid = await world.open_mission(1, notes=(world.note(),), effects=(world.effect("k"),))
    (job,) = await world.store.jobs(world.now, 10)
    assert (job.effect, job.tries, job.created_at) == (world.effect("k"), 0, world.now)
    assert job.mission == await world.mission(uid)
    assert job.entry == await world.store.head(world.ref.log)


async def test_effect_of_a_quiet_decision_remembers_the_present_head(world):
    uid = await world.open_mission(1)
    assert await world.store.head(world.ref.log) is not None
    await world.settle(uid, effects=(world.effect("k"),))
    await world.settle(uid, notes=(world.note(),))
    (job,) = await world.store.jobs(world.now, 10)
    assert job.entry.seq == 1
    assert (await world.store.head(world.ref.log)).seq == 2


async def test_effects_of_a_mission_run_in_order(world):
    await world.open_mission(1, effects=tuple(world.effect(key) for key in "abc"))
    assert [await carry_out(world) for _ in range(3)] == ["a", "b", "c"]
    assert await keys_ready(world) == []


async def test_begun_effect_holds_its_mission_and_nobody_else(world):
    await world.open_mission(1, effects=(world.effect("a1"), world.effect("a2")))
    await world.open_mission(2, effects=(world.effect("b1"),))
    assert await keys_ready(world) == ["a1", "b1"]
    (first, _) = await world.store.jobs(world.now, 10)
    await world.store.begin(first.id)
    assert await keys_ready(world) == ["b1"]


async def test_samples_wait_for_each_other_alone(world):
    """A window must have its data while the forge fails."""
    keys = ("ledger/merged", "sample/7", "close-issue", "sample/9")
    await world.open_mission(1, effects=tuple(world.effect(key) for key in keys))
    assert await keys_ready(world) == ["ledger/merged", "sample/7"]
    (ledger, sample) = await world.store.jobs(world.now, 10)
    await world.store.begin(ledger.id)
    assert await keys_ready(world) == ["sample/7"]
    await world.store.begin(sample.id)
    assert await keys_ready(world) == []
    await world.store.finish(sample.id, None, world.now)
    assert await keys_ready(world) == ["sample/9"]
    await world.store.finish(ledger.id, None, world.now)
    assert await keys_ready(world) == ["close-issue", "sample/9"]


async def test_next_effect_waits_until_the_mission_heard_of_the_one_before(world):
    uid = await world.open_mission(1, effects=(world.effect("a"), world.effect("b")))
    await carry_out(world, EffectDone(key="a"))
    assert await keys_ready(world) == []
    assert await world.store.next_wake() is None
    assert await world.store.due(world.now, 10) == [uid]
    await world.settle(uid)
    assert await keys_ready(world) == ["b"]


async def test_events_from_outside_hold_nothing_up(world):
    await world.open_mission(1, effects=(world.effect("a"),))
    await world.send(issue=1)
    assert await keys_ready(world) == ["a"]


async def test_jobs_are_critical_first_then_oldest(world):
    for issue, severity in ((1, Severity.LOW), (2, Severity.CRITICAL), (3, Severity.CRITICAL)):
        request = world.request(severity)
        await world.open_mission(issue, request=request, effects=(world.effect(f"k{issue}"),))
        world.later(seconds=1)
    assert await keys_ready(world) == ["k2", "k3", "k1"]
    assert [j.effect.key for j in await world.store.jobs(world.now, 1)] == ["k2"]


async def test_known_key_is_asked_once_for_ever(world):
    uid = await world.open_mission(1, effects=(world.effect("a"), world.effect("a")))
    assert await carry_out(world) == "a"
    await world.settle(uid, effects=(world.effect("a"),))
    assert await keys_ready(world) == []
    await world.open_mission(2, effects=(world.effect("a"),))
    assert await keys_ready(world) == ["a"]


async def test_newer_effect_takes_the_slot_of_one_not_begun(world):
    uid = await world.open_mission(
        1, effects=(world.effect("c1", "comment"), world.effect("x", "check"))
    )
    (old,) = await world.store.jobs(world.now, 10)
    await world.settle(uid, effects=(world.effect("c2", "comment"),))
    with pytest.raises(EffectGone, match="replaced"):
        await world.store.begin(old.id)
    assert [await carry_out(world) for _ in range(2)] == ["x", "c2"]
    assert await keys_ready(world) == []


async def test_effect_that_may_have_happened_keeps_its_slot(world):
    uid = await world.open_mission(1, effects=(world.effect("c1", "comment"),))
    (job,) = await world.store.jobs(world.now, 10)
    await world.store.begin(job.id)
    await world.settle(uid, effects=(world.effect("c2", "comment"),))
    await world.store.postpone(job.id, world.now, "the forge answered 500")
    await world.settle(uid, effects=(world.effect("c3", "comment"),))
    (again,) = await world.store.jobs(world.now, 10)
    assert (again.effect.key, again.tries) == ("c1", 1)
    assert [await carry_out(world) for _ in range(2)] == ["c1", "c3"]


async def test_slots_are_each_missions_own(world):
    await world.open_mission(1, effects=(world.effect("a", "comment"),))
    await world.open_mission(2, effects=(world.effect("b", "comment"),))
    assert await keys_ready(world) == ["a", "b"]


async def test_outcome_is_handed_over_with_the_end_of_the_effect(world):
    uid = await world.open_mission(1, effects=(world.effect("a"),))
    (job,) = await world.store.jobs(world.now, 10)
    await world.store.begin(job.id)
    for _ in range(2):
        await world.store.finish(job.id, EffectDone(key="a"), world.now)
    assert [event for _, event in (await world.turn(uid)).events] == [EffectDone(key="a")]


async def test_failure_is_kept_apart_from_success(world, path):
    uid = await world.open_mission(1, effects=(world.effect("a"),))
    failed = EffectFailed(key="a", effect="publish_ledger", reason="no")
    await carry_out(world, failed)
    assert [event for _, event in (await world.turn(uid)).events] == [failed]
    connection = connect(path)
    assert [row[0] for row in connection.execute("SELECT state FROM outbox")] == ["failed"]
    connection.close()


async def test_postponed_effect_comes_back_in_time_and_in_order(world, path):
    await world.open_mission(1, effects=(world.effect("a"), world.effect("b")))
    (job,) = await world.store.jobs(world.now, 10)
    await world.store.begin(job.id)
    due = world.now + timedelta(seconds=30)
    await world.store.postpone(job.id, due, "the forge answered 500")
    assert await keys_ready(world) == []
    assert await world.store.next_wake() == due
    connection = connect(path)
    reasons = [row[0] for row in connection.execute("SELECT last_error FROM outbox ORDER BY id")]
    connection.close()
    assert reasons == ["the forge answered 500", None]
    world.now = due
    (again,) = await world.store.jobs(world.now, 10)
    assert (again.effect.key, again.tries) == ("a", 1)


async def test_effect_begins_once_at_a_time(world):
    await world.open_mission(1, effects=(world.effect("a"),))
    (job,) = await world.store.jobs(world.now, 10)
    await world.store.begin(job.id)
    with pytest.raises(EffectGone):
        await world.store.begin(job.id)
    await world.store.finish(job.id, None, world.now)
    with pytest.raises(EffectGone):
        await world.store.begin(job.id)
    with pytest.raises(EffectGone):
        await world.store.postpone(job.id, world.now, "late")
    with pytest.raises(EffectGone):
        await world.store.finish(job.id + 1, None, world.now)


async def test_begun_effect_waits_again_in_the_next_process(open_store, world_of):
    first = world_of(await open_store())
    await first.open_mission(1, effects=(first.effect("a"),))
    (job,) = await first.store.jobs(first.now, 10)
    await first.store.begin(job.id)
    await first.store.close()
    second = world_of(await open_store())
    (again,) = await second.store.jobs(second.now, 10)
    assert (again.id, again.tries) == (job.id, 1)


async def test_next_wake_is_the_earliest_of_all(world):
    assert await world.store.next_wake() is None
    uid = await world.open_mission(1, wake_at=world.now + timedelta(hours=2))
    await world.open_mission(2, wake_at=world.now + timedelta(hours=1))
    assert await world.store.next_wake() == world.now + timedelta(hours=1)
    await world.settle(uid, effects=(world.effect("a"),))
    wake = await world.store.next_wake()
    assert wake is not None
    assert wake <= world.now


async def test_new_effect_is_due_even_when_the_clock_was_put_back(world):
    uid = await world.open_mission(1)
    await world.settle(uid, effects=(world.effect("a"),))
    jobs = await world.store.jobs(world.now - timedelta(hours=3), 10)
    assert [job.effect.key for job in jobs] == ["a"]

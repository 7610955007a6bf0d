"""Commits of other people's on which our check owes an answer."""

from datetime import timedelta
from uuid import UUID

import pytest

from grace.domain.effects import PushPatch
from grace.domain.mission import Attempt, Landing, PullRef, Revert
from grace.domain.package import PatchCandidate
from grace.ports import Courtesy, CourtesyJob, Job, StopIssue, Translated

THEIRS, OURS = "a" * 40, "b" * 40


async def ask(world, sha, pull=7, *, again=False):
    await world.store.accept(world.delivery())
    (delivery,) = await world.store.unrouted(10)
    courtesy = Courtesy(world.ref, sha, f"#{pull} is not a mission", pull, again)
    await world.store.route(delivery.id, Translated((), "", (courtesy,)), world.now)


async def push(world, uid) -> Job:
    """Begin to push the work branch."""
    effect = PushPatch(
        key="push/1",
        attempt=1,
        candidate=PatchCandidate(name="c", diff="x"),
        base=THEIRS,
        branch="grace/mission_20260301_001",
        subject="s",
        body="b",
        agent="a",
    )
    await world.settle(uid, effects=(effect,))
    (job,) = await world.store.jobs(world.now, 10)
    await world.store.begin(job.id)
    return job


async def take(world) -> list[CourtesyJob]:
    return list(await world.store.courtesies(world.now, 10))


async def test_a_courtesy_is_asked_for_once_and_said_once(world):
    await ask(world, THEIRS)
    await ask(world, THEIRS)
    (job,) = await take(world)
    assert (job.courtesy.sha, job.courtesy.ref, job.tries) == (THEIRS, world.ref, 0)
    assert await take(world) == []
    await world.store.end_courtesy(job.id, None)
    world.now += timedelta(hours=1)
    assert await take(world) == []
    await ask(world, THEIRS)
    assert await take(world) == []


async def test_what_was_taken_by_a_process_that_died_is_taken_again(world):
    await ask(world, THEIRS)
    await take(world)
    world.now += timedelta(minutes=3)
    (job,) = await take(world)
    assert job.tries == 1


async def test_what_was_put_off_waits_and_wakes(world):
    await ask(world, THEIRS)
    (job,) = await take(world)
    later = world.now + timedelta(minutes=9)
    await world.store.end_courtesy(job.id, later)
    assert await world.store.next_wake() == later
    assert await take(world) == []
    world.now = later
    assert len(await take(world)) == 1


async def test_it_is_never_said_of_a_missions_commit_or_pull_request(world):
    uid = await world.open_mission(1)
    attempt = Attempt(number=1, candidate="c", agent="a", head=OURS)
    await world.settle(uid, attempts=(attempt,), pull=PullRef(number=4, url=""))
    await ask(world, OURS, pull=8)
    await ask(world, THEIRS, pull=4)
    assert await take(world) == []
    world.now += timedelta(hours=1)
    assert await take(world) == []


async def test_it_waits_while_a_commit_of_ours_is_pushed_and_not_known_yet(world):
    uid = await world.open_mission(1)
    job = await push(world, uid)
    await ask(world, OURS)
    assert await take(world) == []
    await world.store.finish(job.id, None, world.now)
    world.now += timedelta(seconds=5)
    assert len(await take(world)) == 1
    assert isinstance(uid, UUID)


async def test_it_waits_while_a_push_may_have_happened_although_no_answer_came(world):
    job = await push(world, await world.open_mission(1))
    await world.store.postpone(job.id, world.now + timedelta(minutes=5), "no answer")
    await ask(world, OURS)
    for _ in range(3):
        world.later(seconds=30)
        assert await take(world) == []
    await world.store.begin(job.id)
    await world.store.finish(job.id, None, world.now)
    world.later(seconds=5)
    assert len(await take(world)) == 1


async def test_it_waits_for_a_push_that_was_under_way_when_the_process_died(
    world, open_store, world_of
):
    await push(world, await world.open_mission(1))
    await ask(world, OURS)
    await world.store.close()
    again = world_of(await open_store())
    again.now = world.later(seconds=30)
    assert await take(again) == []


async def test_nobody_waits_for_a_push_that_the_kill_switch_stops(world):
    job = await push(world, await world.open_mission(1))
    await world.store.postpone(job.id, world.now + timedelta(minutes=5), "the kill switch is on")
    await world.store.set_kill_switch(on=True, actor="operator", now=world.now)
    await ask(world, THEIRS)
    assert len(await take(world)) == 1


@pytest.mark.parametrize("number", [7, 8])
async def test_nobody_waits_for_a_push_that_a_stop_issue_stops(world, number):
    job = await push(world, await world.open_mission(1))
    await world.store.postpone(job.id, world.now + timedelta(minutes=5), "#12 stops it")
    place = world.ref.model_copy(update={"repository_id": number})
    stop = StopIssue(ref=place, number=12, open=True, actor=None, at=world.now)
    await world.store.hear_stops([stop], world.now)
    await ask(world, THEIRS)
    stopped_here = number == world.ref.repository_id
    assert len(await take(world)) == (1 if stopped_here else 0)


async def test_a_pull_request_whose_head_is_what_a_mission_landed_is_other_peoples(world):
    """A release branch is brought up to the base, whose tip is our merge."""
    uid = await world.open_mission(1)
    head, undone = "c" * 40, "d" * 40
    await world.settle(
        uid,
        attempts=(Attempt(number=1, candidate="c", agent="a", head=head),),
        landing=Landing(sha=OURS, tree=THEIRS, at=world.now),
        revert=Revert(
            reason="r", head="e" * 40, landed=Landing(sha=undone, tree=THEIRS, at=world.now)
        ),
    )
    for number, sha in enumerate((OURS, undone, head, "e" * 40), start=50):
        await ask(world, sha, pull=number)
    assert [job.courtesy.sha for job in await take(world)] == [OURS, undone]


async def test_what_is_asked_for_again_is_said_again_on_the_check_that_stands(world):
    await ask(world, THEIRS)
    (job,) = await take(world)
    await world.store.end_courtesy(job.id, None)
    await ask(world, THEIRS, pull=0, again=True)
    (job,) = await take(world)
    assert (job.courtesy.pull, job.courtesy.reason, job.tries) == (7, "#7 is not a mission", 1)
    await world.store.end_courtesy(job.id, None)
    world.later(hours=1)
    assert await take(world) == []


async def test_nothing_new_is_said_where_somebody_asks_again(world):
    await ask(world, THEIRS, again=True)
    assert await take(world) == []
    uid = await world.open_mission(1)
    attempt = Attempt(number=1, candidate="c", agent="a", head=OURS)
    await world.settle(uid, attempts=(attempt,))
    await ask(world, OURS)
    assert await take(world) == []
    await ask(world, OURS, again=True)
    assert await take(world) == []

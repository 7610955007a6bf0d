"""Commits of other people's on which our check owes an answer."""

from datetime import timedelta
from uuid import UUID

from grace.domain.effects import PushPatch
from grace.domain.mission import Attempt, PullRef
from grace.domain.package import PatchCandidate
from grace.ports import Courtesy, CourtesyJob, Translated

THEIRS, OURS = "a" * 40, "b" * 40


async def ask(world, sha, pull=7):
    await world.store.accept(world.delivery())
    (delivery,) = await world.store.unrouted(10)
    courtesy = Courtesy(world.ref, sha, f"#{pull} is not a mission", pull)
    await world.store.route(delivery.id, Translated((), "", (courtesy,)), world.now)


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
    await ask(world, OURS)
    assert await take(world) == []
    await world.store.finish(job.id, None, world.now)
    world.now += timedelta(seconds=5)
    assert len(await take(world)) == 1
    assert isinstance(uid, UUID)

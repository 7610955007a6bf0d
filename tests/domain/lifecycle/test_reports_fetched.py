"""Where CI cannot send its report, it is looked for among the artifacts of the run."""

from datetime import timedelta

import pytest

from grace.domain import effects as fx
from grace.domain import events as ev
from grace.domain.phase import Phase
from support.world import World, make_report, sha

PATIENCE = 60


def fetched(world):
    return [e.head for e in world.asked(fx.ReadReport)]


def report(world):
    attempt = world.mission.attempt
    return make_report(attempt.head, attempt.tree, base=attempt.base)


def ready(world):
    """Let the run have left its report as an artifact."""
    world.artifacts[world.head] = report(world)
    return world


def test_the_report_is_fetched_a_while_after_the_jobs_ended():
    world = ready(World().file().jobs())
    assert (world.wake_at - world.now).total_seconds() == PATIENCE
    world.tick(PATIENCE - 1)
    assert fetched(world) == []
    assert world.mission.phase is Phase.TESTING
    head = world.head
    world.tick(1)
    assert fetched(world) == [head]
    assert world.mission.phase is Phase.GATING


def test_patience_doubles_until_the_report_is_there():
    world = World().file().jobs()
    ended, asked = world.now, []
    while (world.now - ended).total_seconds() < 30 * 60:
        before = len(fetched(world))
        world.tick(10)
        if len(fetched(world)) > before:
            asked.append((world.now - ended).total_seconds() / PATIENCE)
    assert asked == [1, 2, 4, 8, 16]
    ready(world)
    world.tick(2 * PATIENCE)
    assert world.mission.phase is Phase.GATING


def test_the_clock_is_set_for_the_next_look():
    world = World().file().jobs()
    for minutes in (1, 2, 4):
        assert world.wake_at <= world.now + timedelta(minutes=minutes)
        world.tick((world.wake_at - world.now).total_seconds())
    assert len(fetched(world)) == 3


def test_a_job_that_still_runs_is_waited_for():
    world = World().file().jobs("success", "unit integration").jobs(None, "stress")
    world.tick(4 * PATIENCE)
    assert fetched(world) == []
    world.jobs("success", "stress")
    world.tick(PATIENCE)
    assert len(fetched(world)) == 1


def test_nothing_is_fetched_before_a_job_is_heard_of():
    world = World().file()
    world.deliver(
        ev.CheckSeen(
            id="1", name="unit", sha=world.head, app_id=999, conclusion="success", at=world.now
        )
    )
    world.settle().tick(4 * PATIENCE)
    assert fetched(world) == []


def test_nothing_is_fetched_where_a_report_is_known():
    world = World().file()
    world.deliver(ev.ResultsReported(report=report(world)))
    world.settle().jobs("success", "unit")
    world.tick(4 * PATIENCE)
    assert world.mission.phase is Phase.TESTING
    assert fetched(world) == []


def test_a_read_that_says_the_same_again_starts_nothing_over():
    world = World().file().jobs()
    checks = tuple(
        ev.CheckSeen(
            id=f"{n}-{world.head}",
            name=n,
            sha=world.head,
            app_id=15,
            conclusion="success",
            at=world.now,
        )
        for n in ("unit", "integration", "stress")
    )
    for _ in range(16):
        world.tick(PATIENCE)
        world.deliver(ev.ChangeRead(pull=world.pull(), checks=checks))
        world.settle()
    assert len(fetched(world)) == 5


def test_jobs_that_the_forges_clock_ended_in_our_future_are_waited_for():
    world = World().file()
    world.now += timedelta(minutes=5)
    world.jobs()
    world.now -= timedelta(minutes=5)
    world.tick()
    assert fetched(world) == []


def test_a_report_that_cannot_be_fetched_holds_nothing():
    world = World().file().jobs()
    world.waits = (fx.ReadReport,)
    world.tick(PATIENCE).fail(fx.ReadReport, "there is no artifact")
    assert world.mission.held is None
    assert world.mission.phase is Phase.TESTING


@pytest.mark.parametrize("queued", [True, False])
def test_the_report_about_a_merge_group_is_fetched_too(queued):
    world = World(queue=queued).file().ci()
    if not queued:
        world.waits = (fx.MergePull,)
    world.review().group()
    group = sha("group")
    world.jobs(head=group)
    told = make_report(group, sha(f"tree of {group}"), base=world.base)
    world.artifacts[group] = told
    world.tick(PATIENCE)
    assert fetched(world) == ([group] if queued else [])
    if queued:
        assert world.checks("governance", group)[-1].conclusion == "success"

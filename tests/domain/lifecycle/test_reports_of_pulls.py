"""A report counts for the pull request that its run is proven to be of.

Whoever can push may open one of our branch into a branch of theirs, where CI is as they wrote it.
"""

import pytest

from grace.domain import events as ev
from grace.domain.effects import MergePull, OpenPull, PublishCheck
from grace.domain.phase import Phase
from support.phases import world_in
from support.world import CI_APP, World, make_report, sha

OURS, THEIRS = 2, 99
JOBS = ("unit", "integration", "stress")


def report(world: World, pull: int | None, run: int = 1, *, passed: bool = True) -> World:
    attempt = world.mission.attempts[-1]
    made = make_report(attempt.head, attempt.tree, base=attempt.base, passed=passed, run_id=run)
    world.deliver(ev.ResultsReported(report=made, pull=pull))
    return world.settle()


def jobs(world: World, run: int, conclusion: str = "success") -> World:
    for name in JOBS:
        seen = ev.CheckSeen(
            id=f"{run}{name}",
            name=name,
            sha=world.head,
            app_id=CI_APP,
            run_id=run,
            conclusion=conclusion,
            at=world.now,
        )
        world.deliver(seen)
    return world.settle()


def reported(world: World) -> list[object]:
    return [n.payload["run_id"] for n in world.notes if n.kind == "mission.tests_reported"]


def test_what_ci_says_of_another_pull_request_of_our_branch_merges_nothing():
    world = jobs(jobs(World().file().review(), 1, "failure"), 666)
    report(world, THEIRS, 666)
    assert world.asked(MergePull) == []
    assert reported(world) == []
    assert world.mission.phase is Phase.TESTING


def test_the_report_of_our_own_pull_request_counts():
    world = report(jobs(World().file().review(), 1), OURS)
    assert len(world.asked(MergePull)) == 1


@pytest.mark.parametrize("order", [(OURS, THEIRS), (THEIRS, OURS)])
def test_ci_that_is_faster_than_our_own_memory_is_not_lost(order):
    world = World(waits=(OpenPull,)).file()
    assert world.mission.pull is None
    for pull in order:
        report(world, pull, 666 if pull == THEIRS else 1)
    assert world.facts.report(world.head) is None
    world.waits = ()
    world.settle()
    assert world.facts.report(world.head).run_id == 1
    jobs(world, 1)
    assert world.mission.phase is Phase.GATING


def test_the_order_in_which_a_report_and_its_pull_are_heard_does_not_matter():
    early, late = World(waits=(OpenPull,)).file(), World().file()
    report(early, OURS)
    early.waits = ()
    early.settle()
    report(late, OURS)
    assert early.facts.reports == late.facts.reports
    assert early.facts.own_pulls == late.facts.own_pulls == (OURS,)


def test_reports_of_other_pulls_are_bounded():
    world = World().file()
    for number in range(100):
        report(world, THEIRS + number)
    assert len(world.facts.foreign_reports) < 50


def test_report_of_a_revert_is_remembered_before_its_pull_is_known_and_after():
    world = world_in(Phase.REVERTING)
    assert world.mission.revert.pull is None
    told = make_report(sha("revert"), sha("t"), run_id=8)
    world.deliver(ev.ResultsReported(report=told, pull=3))
    assert reported(world)[-1] == 8
    world.waits = ()
    world.settle()
    assert world.facts.own_pulls == (OURS, 3)
    assert world.facts.report(sha("revert")) == told


@pytest.mark.parametrize("name", ["mission/governance", None])
def test_check_that_somebody_asks_for_again_is_said_again_once(name):
    world = World().file().ci()
    said = len(world.checks("governance", world.head))
    metrics = len(world.checks("metrics", world.head))
    asked = ev.CheckRequested(id="d-1", sha=world.head, name=name)
    for _ in range(2):
        world.deliver(asked)
        world.settle()
    assert len(world.checks("governance", world.head)) == said + 1
    assert len(world.checks("metrics", world.head)) == metrics + (name is None)
    world.deliver(ev.CheckRequested(id="d-2", sha=world.head, name=name))
    world.settle()
    assert len(world.checks("governance", world.head)) == said + 2


def test_check_of_another_commit_is_not_said_again():
    world = World().file().ci()
    before = len(world.asked(PublishCheck))
    world.deliver(ev.CheckRequested(id="d-1", sha=sha("other"), name=None))
    world.settle()
    assert len(world.asked(PublishCheck)) == before


def test_check_on_a_landed_commit_is_said_again_after_the_end():
    world = World().file().ci().review().deploy().observe()
    assert world.mission.phase is Phase.CLOSED
    landed = world.mission.landing.sha
    before = world.checks("observation", landed)
    world.deliver(ev.CheckRequested(id="d-1", sha=landed, name="mission/observation"))
    world.settle()
    after = world.checks("observation", landed)
    assert after[len(before) :] != []
    assert after[-1].summary == before[-1].summary

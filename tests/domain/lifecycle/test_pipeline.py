"""Whole missions through the pure core."""

from grace.domain import effects as fx
from grace.domain import events as ev
from grace.domain.phase import Outcome, Phase, Status
from support.world import METRIC, World, issue_body, make_policy, sha

FULL = [
    Phase.AWAITING_START,
    Phase.PLANNING,
    Phase.PATCHING,
    Phase.TESTING,
    Phase.GATING,
    Phase.MERGING,
    Phase.OBSERVING,
    Phase.CLOSED,
]


def test_a_good_first_patch_goes_from_issue_to_fixed():
    world = World().file()
    assert world.mission.phase is Phase.TESTING
    world.ci()
    assert world.mission.phase is Phase.GATING
    world.review()
    assert world.mission.phase is Phase.OBSERVING
    world.deploy().observe()
    assert world.mission.outcome is Outcome.FIXED
    assert world.mission.status is Status.RESOLVED


def test_a_good_first_patch_costs_few_writes():
    world = World().file().ci().review().deploy().observe()
    assert world.mission.outcome is Outcome.FIXED
    kinds = [type(e).__name__ for e in world.done]
    writes = {
        "ReadPermission": 2,
        "PublishComment": 2,
        "PublishCheck": 5,
        "OpenPull": 1,
        "MergePull": 1,
        "CloseIssue": 1,
    }
    counted = {kind: kinds.count(kind) for kind in writes}
    assert counted == writes
    assert sum(counted.values()) == 12
    others = {"ReadBase", "PushPatch", "InspectPatch", "SampleMetrics", "PublishLedger"}
    others |= {"ReadBaseline", "ReadMemory"}
    assert set(kinds) == {*writes, *others}
    assert kinds.count("PushPatch") == 1


def test_a_wrong_first_candidate_is_followed_by_the_second():
    world = World().file(issue_body(candidates=2)).ci(passed=False)
    assert world.mission.phase is Phase.TESTING
    assert world.mission.attempts[0].failure
    world.ci().review().deploy().observe()
    assert world.mission.outcome is Outcome.FIXED
    assert len(world.asked(fx.PushPatch)) == 2


def test_a_regression_is_reverted_with_a_capa():
    world = World().file().ci().review().deploy()
    world.values[METRIC] = 900.0
    world.observe()
    assert world.mission.outcome is Outcome.ROLLED_BACK
    assert world.mission.status is Status.ESCALATED
    assert world.mission.capa == 9
    assert len(world.asked(fx.PushRevert)) == 1


def test_no_samples_extend_the_window_once_and_then_escalate():
    world = World().file().ci().review().deploy()
    world.values[METRIC] = None
    world.observe(7)
    assert world.mission.window is not None
    assert world.mission.window.extended
    world.observe(7)
    assert world.mission.outcome is Outcome.FAILED


def test_a_landed_tree_that_was_not_tested_is_reverted():
    world = World(landed_tree=sha("other")).file().ci().review()
    assert world.mission.outcome is Outcome.ROLLED_BACK


def test_without_an_environment_the_merge_anchors_the_window():
    world = World(policy=make_policy(environment=None)).file().ci().review()
    assert world.mission.window is not None
    assert world.mission.window.anchored_to == "merge"


def test_a_strangers_mission_waits_for_a_start():
    world = World().file(author="mallory")
    assert world.mission.phase is Phase.AWAITING_START
    world.command("start", "mallory")
    assert world.mission.phase is Phase.AWAITING_START
    world.command("start", "alice", "2")
    assert world.mission.phase is Phase.TESTING


def test_a_base_that_moves_makes_the_same_patch_again_and_keeps_the_approval():
    world = World().file().ci()
    world.base = sha("new base")
    world.deliver(ev.BasePushed(branch="main", sha=world.base))
    world.settle()
    assert world.mission.phase is Phase.TESTING
    world.review(at=world.mission.attempts[0].head)
    world.ci()
    assert world.mission.phase is Phase.OBSERVING

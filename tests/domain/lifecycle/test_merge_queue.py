"""The merge queue: the forge lands what it tested on its own commit, and our check is true there."""

import pytest

from grace.domain import effects as fx
from grace.domain import events as ev
from grace.domain import messages
from grace.domain.lifecycle.forward import MAX_REFUSALS
from grace.domain.phase import Outcome, Phase
from support.phases import alert, say, world_in
from support.world import METRIC, World, issue_body, sha

GROUP = sha("group")
TREE = sha(f"tree of {GROUP}")


def queued(**world):
    """Bring a mission into the queue."""
    made = World(queue=True, **world).file().ci().review()
    assert made.mission.queued
    return made


def grouped():
    """Bring a mission into a group whose commit CI has passed."""
    return queued().group().group_ci()


def merges(world, purpose="work"):
    return [e for e in world.asked(fx.MergePull) if e.purpose == purpose]


def conclusion(world, on=GROUP):
    said = world.checks("governance", on)
    return said[-1].conclusion if said else "nothing"


def test_an_enqueued_merge_waits_for_the_queue():
    world = queued()
    assert world.mission.phase is Phase.MERGING
    assert "stands in the merge queue" in world.verdict.root.holding().reason
    assert [n.payload for n in world.notes if n.kind == "mission.enqueued"] == [
        {"number": 2, "head": world.head}
    ]
    for _ in range(40):
        world.tick(60)
    assert world.mission.phase is Phase.MERGING
    assert len(merges(world)) == 1
    assert world.asked(fx.ReadPull)


def test_the_gates_are_judged_again_on_the_groups_commit():
    world = queued()
    world.waits = (fx.ReadTree,)
    world.group()
    assert world.only(fx.ReadTree).sha == GROUP
    assert world.checks("governance", GROUP)[-1].summary.count("tree: is being read") == 1
    world.waits = ()
    world.settle()
    assert conclusion(world) is None
    assert "no report for" in world.verdict.root.holding().reason
    world.group_ci()
    assert conclusion(world) == "success"
    assert world.mission.phase is Phase.MERGING


@pytest.mark.parametrize("words", ["base", "tree", "head"])
def test_a_report_of_another_base_tree_or_commit_is_none_of_the_group(words):
    world = queued().group()
    wrong = {"base": "base_sha", "tree": "tree", "head": "head_sha"}[words]
    good = grouped().facts.reports[GROUP]
    world.jobs(head=GROUP)
    told = good.model_copy(update={wrong: sha("another")})
    world.deliver(ev.ResultsReported(report=told))
    assert conclusion(world.settle()) == ("failure" if words == "tree" else None)


def test_a_group_that_ci_fails_is_refused_and_then_dropped():
    world = queued().group().group_ci(passed=False)
    assert conclusion(world) == "failure"
    world.group(ended="dequeued")
    assert (world.mission.phase, world.mission.group) == (Phase.GATING, None)
    assert world.verdict.root.holding().reason == messages.queue_dropped("dequeued")
    assert len(merges(world)) == 1
    world.tick(29)
    assert len(merges(world)) == 1
    world.tick(1)
    assert len(merges(world)) == 2
    assert world.mission.phase is Phase.MERGING


def test_a_change_that_is_dropped_again_and_again_waits_for_a_person():
    world = queued()
    for n in range(MAX_REFUSALS + 1):
        world.group(f"group {n}").group(f"group {n}", ended="dequeued")
        if world.mission.held is None:
            assert world.mission.phase is Phase.GATING
            world.tick((world.mission.merge_after - world.now).total_seconds()).tick()
            assert world.mission.phase is Phase.MERGING
    assert world.mission.held == f"the forge did not merge: {messages.queue_dropped('dequeued')}"
    assert len(merges(world)) == MAX_REFUSALS + 1


def test_the_end_of_an_older_group_ends_nothing():
    world = queued().group("older").group().group("older", ended="invalidated")
    assert world.mission.group.head == GROUP
    assert world.mission.phase is Phase.MERGING
    world.group(ended="merged")
    assert world.mission.group.head == GROUP
    assert queued().group(ended="dequeued").mission.phase is Phase.MERGING


def test_a_group_that_is_told_again_is_the_same_group():
    world = grouped()
    before = world.mission
    world.group()
    assert world.mission == before
    assert len(world.asked(fx.ReadTree)) == 1


def test_a_group_that_comes_back_is_read_again():
    world = queued().group().group("other").group()
    assert world.mission.group.tree == TREE
    assert conclusion(world.group_ci()) == "success"


def test_a_group_of_somebody_elses_pull_request_is_none_of_ours():
    world = queued().group(pull=77)
    assert world.mission.group is None
    assert world.asked(fx.ReadTree) == []
    assert world_in(Phase.PATCHING).group().mission.group is None


def test_a_tree_of_another_commit_is_not_the_groups():
    world = queued().group()
    world.deliver(ev.TreeRead(sha=sha("other"), tree=sha("x")))
    assert world.mission.group.tree == TREE


# landing


def test_landing_the_groups_tree_is_landing_what_was_tested():
    world = grouped().merge_by_hand(2, TREE)
    assert world.mission.phase is Phase.OBSERVING
    noted = next(n for n in world.notes if n.kind == "mission.merged")
    assert noted.payload["queued"] is True
    assert not any(n.kind == "mission.incident" for n in world.notes)
    assert world.deploy().observe().mission.outcome is Outcome.FIXED


def test_landing_the_attempts_own_tree_is_exact_too():
    world = grouped()
    assert world.merge_by_hand(2, world.mission.attempt.tree).mission.phase is Phase.OBSERVING


def test_landing_another_tree_is_an_incident_and_reverted():
    world = grouped()
    world.queue = False
    world.merge_by_hand(2, sha("something else"))
    assert world.mission.outcome is Outcome.ROLLED_BACK
    assert "is not the tested tree" in world.mission.reason
    assert any(n.kind == "mission.incident" for n in world.notes)


def test_a_group_that_lands_after_its_predecessor_was_taken_apart_is_exact():
    world = queued().group("older").group("older", ended="invalidated").group().group_ci()
    assert world.mission.phase is Phase.MERGING
    assert world.mission.queued
    assert world.merge_by_hand(2, TREE).mission.phase is Phase.OBSERVING


def test_a_landing_that_no_webhook_told_is_found_by_asking():
    world = grouped()
    world.landed_by_hand[2] = TREE
    for _ in range(31):
        world.tick(60)
    assert world.mission.phase is Phase.OBSERVING


# what turns the group's check


def test_a_veto_turns_the_groups_check_and_its_end_turns_it_back():
    world = say(grouped(), "veto", "max")
    assert conclusion(world) == "failure"
    say(world, "approve", "max")
    assert conclusion(world) == "success"


def test_a_hold_turns_the_groups_check_and_a_resume_turns_it_back():
    world = grouped().command("hold")
    assert conclusion(world) == "failure"
    assert world.checks("governance", GROUP)[-1].title == "failed: held"
    assert conclusion(world.command("resume")) == "success"


def test_the_kill_switch_turns_the_groups_check():
    world = grouped().switch(on=True)
    assert world.checks("governance", GROUP)[-1].title == "failed: kill switch"
    assert conclusion(world.switch(on=False)) == "success"


def test_a_held_change_that_is_dropped_is_not_enqueued_again():
    world = grouped().command("hold").group(ended="dequeued")
    for _ in range(20):
        world.tick(60)
    assert world.mission.phase is Phase.GATING
    assert len(merges(world)) == 1


@pytest.mark.parametrize("name", ["cancel", "retry"])
def test_a_patch_that_does_not_stand_any_more_lets_no_group_pass(name):
    world = World(queue=True).file(issue_body(candidates=2)).ci().group().group_ci().review("max")
    refused = ev.MergeRefused(purpose="work", refusal=ev.MergeRefusal.CLOSED, reason="closed")
    world.deliver(refused)
    assert (world.mission.phase, world.mission.group.head) == (Phase.GATING, GROUP)
    assert conclusion(world) == "failure"  # held, and
    world.waits = (fx.PushPatch,)
    world.command(name)
    said = world.checks("governance", GROUP)[-1]
    assert said.conclusion == "failure"
    words = {"cancel": "the mission ended: cancelled by alice", "retry": "no patch stands"}[name]
    assert words in said.summary
    world.waits = ()
    world.settle()
    if name == "retry":
        assert world.mission.group is None
        assert not world.mission.queued


def test_a_group_before_there_is_a_patch_passes_for_nothing():
    world = world_in(Phase.GATING).command("retry")
    attempts = world.mission.attempts
    assert len(attempts) == 2
    world.waits = (fx.PushPatch,)
    world.command("retry", number="2").group()
    assert conclusion(world) == "failure"


# reverts


def reverting():
    """Bring a queued landing to its queued revert."""
    world = grouped().merge_by_hand(2, TREE).deploy()
    world.values[METRIC] = 900.0
    world.observe(4)
    assert world.mission.revert.queued
    assert world.mission.phase is Phase.REVERTING
    return world


def test_a_revert_in_the_queue_may_pass_and_lands():
    world = reverting().group("revert group", pull=3)
    assert conclusion(world, sha("revert group")) == "success"
    world.merge_by_hand(3, sha("tree before"))
    assert world.mission.outcome is Outcome.ROLLED_BACK
    assert len(merges(world, "revert")) == 1
    noted = next(n for n in world.notes if n.kind == "mission.reverted")
    assert noted.payload["queued"] is True


def test_the_group_of_the_change_itself_is_not_judged_in_the_revert():
    world = reverting()
    before = world.checks("governance", GROUP)
    world.group("late", pull=2)
    assert world.checks("governance", sha("late")) == []
    assert world.checks("governance", GROUP) == before


def test_a_revert_that_the_queue_drops_is_enqueued_again():
    world = reverting().group("revert group", pull=3).group("revert group", "dequeued", 3)
    assert not world.mission.revert.queued
    assert len(merges(world, "revert")) == 1
    world.tick(15)
    assert len(merges(world, "revert")) == 2
    assert world.mission.revert.queued


def test_a_revert_that_is_dropped_for_long_is_left_to_a_person():
    world = reverting()
    for n in range(40):
        world.group(f"r{n}", pull=3).group(f"r{n}", "dequeued", 3).tick(60)
    assert world.mission.outcome is Outcome.FAILED
    assert messages.queue_dropped("dequeued") in world.mission.reason


def test_a_group_of_the_change_that_ends_late_drops_no_revert():
    world = reverting()
    world.group("late", pull=2).group("late", ended="dequeued", pull=2)
    assert world.mission.revert.queued
    assert world.mission.forge_says == ""


def test_no_brake_gives_up_a_revert_that_is_in_the_queue():
    world = reverting()
    world.jobs("timed_out", "unit", head=sha("revert"))
    assert world.mission.phase is Phase.REVERTING
    world.switch(on=True).merge_by_hand(3, sha("tree before"))
    assert world.mission.outcome is Outcome.ROLLED_BACK


def test_a_group_that_a_person_asked_for_is_judged_and_may_be_dropped():
    world = world_in(Phase.GATING).group().group_ci()
    assert conclusion(world) is None
    assert world.review().mission.phase is Phase.OBSERVING
    early = world_in(Phase.GATING).group().group(ended="dequeued")
    assert (early.mission.phase, early.mission.group) == (Phase.GATING, None)
    assert early.mission.forge_says == ""


def test_an_alert_that_is_resolved_changes_no_group():
    world = grouped()
    before = world.mission.group
    world.deliver(alert(world, "resolved"))
    assert world.mission.group == before

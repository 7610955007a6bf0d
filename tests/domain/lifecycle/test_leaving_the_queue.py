"""A change that leaves the merge queue: dropped by it, taken out by a person, or by Grace."""

from datetime import timedelta

import pytest

from grace.domain import effects as fx
from grace.domain import events as ev
from grace.domain import messages
from grace.domain.phase import Outcome, Phase
from support.phases import say
from support.world import METRIC, World, sha

MAX, MALLORY = ev.Actor(login="max"), ev.Actor(login="mallory")
GROUP = sha("group")
TREE = sha(f"tree of {GROUP}")


def queued(**world):
    """Bring a mission into the queue."""
    made = World(queue=True, **world).file().ci().review()
    assert made.mission.queued
    return made


def merges(world, purpose="work"):
    return [e for e in world.asked(fx.MergePull) if e.purpose == purpose]


def dequeues(world):
    return world.asked(fx.Dequeue)


def left(world, number=2, **told):
    """Let the forge tell that a change left the queue."""
    world.deliver(ev.Dequeued(number=number, reason="MERGE_CONFLICT", **told))
    return world.settle()


def head_check(world):
    return world.checks("governance", world.mission.attempts[-1].head)[-1]


# dropped before a group was heard


def test_a_change_that_is_dropped_before_a_group_was_heard_is_evaluated_again():
    world = left(queued())
    assert (world.mission.phase, world.mission.queued) == (Phase.GATING, False)
    assert world.verdict.root.holding().reason == messages.queue_dropped("MERGE_CONFLICT")
    assert len(merges(world)) == 1
    world.tick(30)
    assert world.mission.queued
    assert len(merges(world)) == 2
    assert dequeues(world) == []


def test_the_forges_two_words_about_one_drop_are_one_drop():
    world = left(queued().group()).group(ended="dequeued")
    assert world.mission.group is None
    assert len([n for n in world.notes if n.payload.get("after") == "gating"]) == 2
    world.tick(30)
    assert world.mission.queued


def test_an_old_word_about_an_earlier_place_is_none_about_this_one():
    world = left(queued())
    long_ago = world.now
    world.tick(30)
    world.deliver(world.pull())
    assert left(world, at=long_ago).mission.queued
    assert not left(world, at=world.now).mission.queued


def test_a_drop_of_another_pull_request_is_none_of_ours():
    assert left(queued(), number=77).mission.queued


def test_a_landing_that_is_told_after_the_place_was_lost_is_exact():
    world = left(queued().group().group_ci())
    assert world.mission.phase is Phase.GATING
    assert world.merge_by_hand(2, TREE).mission.phase is Phase.OBSERVING


def reverting():
    """Bring a queued landing to its queued revert."""
    world = queued().group().group_ci().merge_by_hand(2, TREE).deploy()
    world.values[METRIC] = 900.0
    world.observe(4)
    assert world.mission.revert.queued
    return world


def test_a_revert_that_is_dropped_before_a_group_was_heard_is_enqueued_again():
    world = left(reverting(), number=3)
    assert not world.mission.revert.queued
    world.tick(15)
    assert world.mission.revert.queued
    assert len(merges(world, "revert")) == 2
    assert left(world).mission.revert.queued  # a late word about the change itself


# taken out by Grace


def vetoed(world):
    return say(world, "veto", "max")


def held(world):
    return world.command("hold", login="max")


def killed(world):
    return world.switch(on=True)


def objected(world):
    return world.review("max", ev.ReviewState.CHANGES_REQUESTED)


def failed(world):
    return world.jobs("failure", "unit")


STOPS = {vetoed: "approvals", held: "held", killed: "kill switch", objected: "approvals"}


@pytest.mark.parametrize("stop", STOPS)
def test_what_stops_a_merge_takes_the_change_out_of_the_queue(stop):
    world = stop(queued())
    (effect,) = dequeues(world)
    assert effect.number == 2
    assert effect.reason.startswith(STOPS[stop])
    assert (world.mission.phase, world.mission.queued) == (Phase.GATING, False)
    assert world.mission.merge_refusals == 0
    for _ in range(40):
        world.tick(60)
    assert len(merges(world)) == 1
    assert world.mission.phase is Phase.GATING


@pytest.mark.parametrize("stop", STOPS)
def test_the_check_of_the_head_is_green_no_more_before_the_change_is_out(stop):
    world = queued()
    assert head_check(world).conclusion == "success"
    world.waits = (fx.Dequeue,)
    stop(world)
    assert world.mission.phase is Phase.MERGING
    said = head_check(world)
    assert said.conclusion is None
    assert STOPS[stop] in said.summary
    assert STOPS[stop] in world.verdict.root.holding().name
    assert len(dequeues(world)) == 1


def test_ci_that_fails_on_the_head_after_all_takes_it_out_and_ends_the_attempt():
    world = failed(queued())
    assert len(dequeues(world)) == 1
    assert world.mission.attempts[0].failure.startswith("job unit")


def test_a_change_that_is_wanted_again_is_enqueued_again():
    world = held(queued()).command("resume", login="max")
    assert world.mission.queued
    assert len(merges(world)) == 2
    assert head_check(world).conclusion == "success"
    assert killed(world).switch(on=False).mission.queued
    assert len(dequeues(world)) == 2


def test_a_stop_that_is_over_before_the_change_is_out_stays_true_to_the_forge():
    world = queued()
    world.waits = (fx.Dequeue,)
    killed(world).switch(on=False)
    assert head_check(world).conclusion == "success"
    assert "is being left" in world.verdict.root.holding().reason
    world.waits = ()
    world.settle()
    assert world.mission.queued
    assert (len(dequeues(world)), len(merges(world))) == (1, 2)


def test_a_landing_that_comes_first_is_a_landing():
    world = queued()
    world.landed_by_hand[2] = world.mission.attempt.tree
    held(world)
    assert world.mission.phase is Phase.OBSERVING
    assert world.mission.held is None


def test_a_dequeue_that_is_refused_waits_for_a_person_and_is_asked_again():
    world = queued()
    world.waits = (fx.Dequeue,)
    killed(world).fail(fx.Dequeue, "GitHub refused dequeue")
    assert world.mission.phase is Phase.MERGING
    assert "GitHub refused dequeue" in world.mission.held
    world.tick(60)
    assert dequeues(world) == []
    world.waits = ()
    world.command("resume")
    assert len(dequeues(world)) == 1
    assert world.mission.phase is Phase.GATING


def test_a_stranger_takes_nothing_out_of_the_queue():
    world = say(queued(), "veto", "mallory")
    world.review("mallory", ev.ReviewState.CHANGES_REQUESTED)
    assert dequeues(world) == []
    assert world.mission.queued


def test_a_merge_that_is_on_its_way_is_green_no_more_either():
    world = World(waits=(fx.MergePull,)).file().ci().review()
    assert head_check(world).conclusion == "success"
    assert head_check(vetoed(world)).conclusion is None
    say(world, "approve", "max")
    assert head_check(world).conclusion == "success"
    assert dequeues(world) == []


# closed, reopened, cancelled


def test_a_closed_pull_request_is_out_and_a_reopened_one_is_enqueued_again():
    world = queued()
    world.deliver(world.pull(state="closed", sender=MAX))
    world.settle()
    assert (world.mission.phase, world.mission.queued) == (Phase.GATING, False)
    world.now += timedelta(minutes=1)
    world.deliver(world.pull(state="open", sender=MAX))
    world.settle().tick(60)
    assert world.mission.queued
    assert len(merges(world)) == 2


def cancelled(world):
    return world.command("cancel", login="rita")


def closed(world):
    world.deliver(ev.IssueClosed(number=1, sender=ev.Actor(login="rita")))
    return world.settle()


@pytest.mark.parametrize("end", [cancelled, closed])
def test_a_mission_that_is_cancelled_in_the_queue_ends_when_it_is_out(end):
    world = queued().group().group_ci()
    world.waits = (fx.Dequeue,)
    end(world)
    assert world.mission.phase is Phase.MERGING
    assert world.checks("governance", GROUP)[-1].title == "failed: cancel"
    world.waits = ()
    world.settle()
    assert world.mission.outcome is Outcome.CANCELLED
    assert world.mission.reason == messages.cancelled_by("rita")
    assert world.asked(fx.ClosePull)


def test_a_cancelled_mission_that_the_queue_drops_by_itself_ends_too():
    world = queued()
    world.waits = (fx.Dequeue,)
    assert left(cancelled(world)).mission.outcome is Outcome.CANCELLED


def test_a_cancelled_mission_that_lands_first_is_observed():
    world = queued()
    world.landed_by_hand[2] = world.mission.attempt.tree
    assert cancelled(world).mission.phase is Phase.OBSERVING
    assert world.mission.ending is None


def test_a_stranger_who_closes_the_issue_cancels_nothing_in_the_queue():
    world = queued()
    world.deliver(ev.IssueClosed(number=1, sender=MALLORY))
    assert world.settle().mission.queued


def test_a_merge_that_is_on_its_way_outside_a_queue_is_not_cancelled():
    world = World(waits=(fx.MergePull,)).file().ci().review()
    world.command("cancel", comment="9", on=2)
    assert world.mission.phase is Phase.MERGING
    assert "there is nothing to cancel" in world.replies()[-1]


# what landed was tested, or not


def landed(world, tree=TREE):
    """Let the queue land a tree; a revert would not go through a queue."""
    world.queue = False
    return world.merge_by_hand(2, tree)


def test_a_group_that_nobody_tested_is_not_what_was_tested():
    world = landed(queued().group())
    assert any(n.kind == "mission.incident" for n in world.notes)
    assert world.mission.outcome is Outcome.ROLLED_BACK


def test_a_group_that_ci_failed_is_not_what_was_tested():
    world = landed(queued().group().group_ci(passed=False))
    assert any(n.kind == "mission.incident" for n in world.notes)
    assert world.mission.outcome is Outcome.ROLLED_BACK


def test_a_group_whose_tree_is_not_read_is_not_what_was_tested():
    world = queued()
    world.waits = (fx.ReadTree,)
    landed(world.group().group_ci())
    assert any(n.kind == "mission.incident" for n in world.notes)


def test_the_attempts_own_tree_was_tested_whatever_its_group_says():
    world = queued().group().group_ci(passed=False)
    tree = world.mission.attempt.tree
    assert landed(world, tree).mission.phase is Phase.OBSERVING

"""The pull request in the hands of people, the merge, and the kill switch."""

import pytest

from grace.domain import effects as fx
from grace.domain import events as ev
from grace.domain.phase import Outcome, Phase
from grace.domain.verdict import Result
from support.phases import ALICE, MALLORY, world_in
from support.world import World, sha

RITA = ev.Actor(login="rita")


def merges(world):
    return [e for e in world.asked(fx.MergePull) if e.purpose == "work"]


def test_a_foreign_commit_holds_the_mission():
    world = World().file().ci()
    world.deliver(world.pull(head_sha=sha("foreign"), sender=MALLORY))
    assert "mallory pushed" in world.mission.held
    world.review()
    assert merges(world) == []


def test_a_closed_pull_request_holds_until_anybody_reopens_it():
    world = World().file().ci()
    world.deliver(world.pull(state="closed", sender=RITA))
    assert "pull request #2 was closed by rita" in world.mission.held
    closed = world.pull(state="closed", sender=RITA)
    world.now = world.now.replace(second=30)
    world.deliver(world.pull(sender=ALICE))
    assert world.mission.held is None
    world.deliver(closed)
    assert world.mission.held is None
    assert world.review().mission.phase is Phase.OBSERVING


def test_reopening_does_not_lift_what_a_person_held():
    world = World().file().ci().command("hold")
    world.deliver(world.pull(state="closed", sender=RITA))
    world.deliver(world.pull(sender=RITA))
    assert world.mission.held == "held by alice"


def test_a_closed_pull_request_is_not_merged_even_after_a_resume():
    world = World().file().ci()
    world.deliver(world.pull(state="closed", sender=RITA))
    world.command("resume").review()
    assert merges(world) == []
    assert world.verdict.root.holding().reason == "is closed"


def test_another_pull_request_is_none_of_ours():
    world = World().file().ci()
    world.deliver(world.pull(number=77, state="closed", sender=RITA))
    assert world.mission.held is None


def test_a_draft_waits_for_the_person_who_marks_it_ready():
    world = World().file().ci()
    world.deliver(world.pull(draft=True))
    world.review()
    assert merges(world) == []
    world.now = world.now.replace(second=30)
    world.deliver(world.pull())
    assert world.mission.phase is Phase.MERGING


@pytest.mark.parametrize("phase", [Phase.TESTING, Phase.GATING])
def test_a_merge_by_hand_of_the_tested_tree_is_observed(phase):
    world = world_in(phase).command("hold")
    world.merge_by_hand(2, world.mission.attempt.tree)
    assert world.mission.phase is Phase.OBSERVING
    assert world.mission.held is None


@pytest.mark.parametrize("phase", [Phase.TESTING, Phase.GATING])
def test_a_merge_by_hand_of_another_tree_is_reverted(phase):
    world = world_in(phase).merge_by_hand(2, sha("something else"))
    assert world.mission.outcome is Outcome.ROLLED_BACK
    assert "is not the tested tree" in world.mission.reason


def test_a_landing_that_could_not_be_read_is_read_again_after_a_resume():
    world = World(waits=(fx.ReadPull,)).file()
    tree = world.mission.attempt.tree
    world.merge_by_hand(2, tree).fail(fx.ReadPull)
    assert world.mission.held
    world.waits = ()
    assert world.command("resume").mission.phase is Phase.OBSERVING


def test_a_merge_is_of_exactly_the_tested_head_and_tree_after_its_check():
    world = World(waits=(fx.MergePull, fx.PublishCheck)).file().ci().review()
    attempt = world.mission.attempt
    merge = world.only(fx.MergePull)
    assert (merge.head, merge.tree, merge.approved_by) == (attempt.head, attempt.tree, ("rita",))
    check = next(e for e in world.pending if isinstance(e, fx.PublishCheck) and e.conclusion)
    assert check.conclusion == "success"
    assert world.pending.index(check) < world.pending.index(merge)
    assert world.verdict.root.children[0].reason == "every gate passes; the merge is requested"


def refused(refusal):
    world = World(merge_answer=refusal, waits=(fx.ReadBase,)).file()
    world.waits = ()
    return world.settle().ci()


def test_a_merge_refused_for_a_moved_base_reads_it_again():
    world = World().file().ci()
    world.waits = (fx.ReadBase,)
    world.merge_answer = ev.MergeRefusal.BASE_MOVED
    world.review()
    assert world.mission.phase is Phase.GATING
    world.base = sha("moved")
    world.waits, world.merge_answer = (), None
    assert world.settle().mission.phase is Phase.TESTING
    assert world.ci().mission.phase is Phase.OBSERVING


@pytest.mark.parametrize("refusal", [ev.MergeRefusal.HEAD_MOVED, ev.MergeRefusal.CLOSED])
def test_a_merge_refused_for_head_or_state_waits_for_a_person(refusal):
    world = refused(refusal).review()
    assert world.mission.held == "the forge did not merge: said the forge"
    assert world.mission.phase is Phase.GATING
    assert len(merges(world)) == 1


def test_a_merge_that_is_not_allowed_is_asked_again_after_a_while():
    world = refused(ev.MergeRefusal.NOT_ALLOWED).review()
    assert world.mission.phase is Phase.GATING
    assert world.verdict.root.holding().reason == "said the forge"
    world.tick(10)
    assert len(merges(world)) == 1
    world.merge_answer = None
    assert world.tick(20).mission.phase is Phase.OBSERVING


def test_a_late_refusal_of_a_merge_that_is_history_decides_nothing():
    world = world_in(Phase.REVERTING)
    late = ev.MergeRefused(purpose="work", refusal=ev.MergeRefusal.HEAD_MOVED, reason="late")
    before = world.mission
    assert world.deliver(late).mission == before


def test_a_refusal_of_a_revert_is_no_word_about_a_merge():
    world = world_in(Phase.MERGING)
    other = ev.MergeRefused(purpose="revert", refusal=ev.MergeRefusal.CLOSED, reason="other")
    assert world.deliver(other).mission.phase is Phase.MERGING


def test_a_landing_told_twice_lands_once():
    world = World(waits=(fx.MergePull,)).file().ci().review()
    told = world.carry_out(world.only(fx.MergePull))
    world.deliver(told)
    before = world.mission
    assert world.deliver(told).mission == before


@pytest.mark.parametrize("phase", [Phase.AWAITING_START, Phase.TESTING, Phase.GATING])
def test_the_kill_switch_stops_forward_effects(phase):
    world = world_in(phase).switch(on=True)
    world.command("start")
    if phase is Phase.TESTING:
        world.ci()
    if phase is not Phase.AWAITING_START:
        world.review()
        assert world.verdict.root.children[-1].result is Result.FAIL
    assert merges(world) == []
    assert bool(world.asked(fx.PushPatch)) is (phase is not Phase.AWAITING_START)
    world.switch(on=False)
    expected = Phase.TESTING if phase is Phase.AWAITING_START else Phase.OBSERVING
    assert world.mission.phase is expected


def test_the_kill_switch_lets_no_new_patch_and_no_new_pull_request_out():
    for kinds, held_back in (((fx.ReadBase,), fx.PushPatch), ((fx.PushPatch,), fx.OpenPull)):
        world = World(waits=kinds).file()
        world.facts = world.facts.model_copy(update={"kill_switch": True})
        world.waits = ()
        assert world.settle().asked(held_back) == []
        assert world.switch(on=False).mission.phase is Phase.TESTING


@pytest.mark.parametrize("refusal", [ev.MergeRefusal.BASE_MOVED, ev.MergeRefusal.WITHDRAWN])
def test_a_merge_that_is_refused_again_and_again_is_given_time_and_then_held(refusal):
    world = World(merge_answer=refusal).file().ci().review()
    assert world.mission.phase is Phase.GATING
    assert len(world.asked(fx.MergePull)) == 2
    for _ in range(40):
        world.tick(60)
    assert world.mission.held is not None
    assert len(world.asked(fx.MergePull)) < 10

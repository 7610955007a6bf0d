"""A revert is made, lands, is deployed and is compared; or a sentence says why a person must act."""

from datetime import timedelta

import pytest

from grace.domain import effects as fx
from grace.domain import events as ev
from grace.domain import reverts as words
from grace.domain.phase import Outcome, Phase
from grace.domain.policy import Rollback
from grace.domain.ranges import PullCommits
from support.phases import world_in
from support.reverted import OTHER_TREE, UNDONE, assert_left, capa, merges, regressed, told
from support.world import METRIC, World, make_policy, sha

# the deployment of the revert


def test_a_landed_revert_waits_for_its_deployment_and_says_so():
    world = regressed()
    assert world.mission.phase is Phase.REVERTING
    assert world.mission.revert.landed.sha == UNDONE
    waits = f"the revert is merged as {UNDONE[:10]} and waits for its deployment to production"
    assert world.mission.revert.waits_for == waits
    assert waits in [e for e in world.asked(fx.PublishComment) if e.surface == "pull"][-1].body
    assert world.wake_at == world.mission.revert.landed.at + timedelta(minutes=30)
    assert [n.kind for n in world.notes].count("mission.revert_awaits") == 1
    world.deploy(sha=UNDONE)
    assert world.mission.outcome is Outcome.ROLLED_BACK
    assert world.mission.revert.waits_for == ""
    tree = f"the tree is the one before the merge ({sha('tree before')[:10]})"
    assert told(world).endswith(f"; it was rolled back: {tree}, and it is deployed to production")
    assert f"- after the revert: {tree}" in capa(world)


def test_a_revert_that_is_never_deployed_is_a_persons_and_never_rolled_back():
    world = regressed()
    world.tick((world.wake_at - world.now).total_seconds() - 1)
    assert world.mission.phase is Phase.REVERTING
    world.tick(1)
    assert world.mission.outcome is Outcome.FAILED
    sentence = words.not_deployed("production", 30)
    assert told(world) == sentence
    assert "A person must act: the revert is merged but was not deployed" in capa(world)


@pytest.mark.parametrize("state", ["failure", "error"])
def test_a_revert_whose_deployment_fails_is_a_persons(state):
    world = regressed().deploy(state, sha=UNDONE)
    assert world.mission.outcome is Outcome.FAILED
    assert told(world) == words.deployment_failed("production", state)


def test_a_later_deployment_counts_where_it_contains_the_revert():
    world = regressed()
    world.now += timedelta(seconds=1)
    world.deploy(sha=sha("without")).deploy(sha=sha("again"), environment="staging")
    world.deploy("in_progress", sha=sha("begun"))
    assert world.mission.phase is Phase.REVERTING
    (asked,) = [e for e in world.asked(fx.ReadContains) if e.of == "revert"]
    assert (asked.head, asked.landed) == (sha("without"), UNDONE)
    world.containing = frozenset({sha("with")})
    world.deploy(sha=sha("with"))
    assert world.mission.outcome is Outcome.ROLLED_BACK


def test_what_contains_the_landing_is_not_taken_for_what_contains_its_revert():
    fact = ev.ContainsRead(head=sha("x"), contains=True)
    world = regressed()
    world.deliver(fact)
    world.now += timedelta(seconds=1)
    world.deploy(sha=sha("x"))
    assert world.mission.phase is Phase.REVERTING
    assert world.facts.contains_revert == {sha("x"): False}


def test_a_deployment_that_was_there_before_the_revert_landed_does_not_bring_it():
    world = regressed(waits=(fx.MergePull,))
    world.deploy(sha=sha("early"))
    world.now += timedelta(minutes=1)
    world.waits = ()
    world.settle()
    assert world.mission.phase is Phase.REVERTING
    assert [e for e in world.asked(fx.ReadContains) if e.of == "revert"] == []


def test_where_there_is_no_environment_the_merge_is_the_release():
    world = World(policy=make_policy(environment=None), follows=False).file().ci().review()
    world.values[METRIC] = 900.0
    world.observe(4)
    assert world.mission.outcome is Outcome.ROLLED_BACK
    assert told(world).endswith(f"before the merge ({sha('tree before')[:10]})")


# the tree


def test_later_merges_elsewhere_are_no_difference_of_ours():
    world = regressed(policy=make_policy(rollback=Rollback(wait_for_ci="never")), revert=OTHER_TREE)
    world.deploy(sha=UNDONE)
    assert world.mission.outcome is Outcome.ROLLED_BACK
    assert "every path that was merged is as before" in told(world)


def test_a_landed_revert_that_left_something_says_what():
    world = regressed(waits=(fx.MergePull,))
    (merge,) = [e for e in world.pending if isinstance(e, fx.MergePull)]
    done = ev.Merged(
        purpose="revert",
        sha=UNDONE,
        tree=merge.tree,
        at=world.now,
        restored=False,
        before_tree=sha("tree before"),
        differing=("a.py", "b.py"),
    )
    world.deliver(done)
    world.deliver(done.model_copy(update={"sha": sha("twice")}))
    world.pending.remove(merge)
    world.settle()
    assert world.mission.outcome is Outcome.FAILED
    assert told(world) == words.not_restored(("a.py", "b.py"))
    assert "- after the revert" not in capa(world)


# somebody was faster


def undone(**more):
    given = {"undone_at": sha("by hand"), "tree": sha("tree before"), **more}
    return ev.RevertRefused(reason="gone", before_tree=sha("tree before"), **given)


def test_what_somebody_undid_already_is_rolled_back_by_hand():
    world = regressed(waits=(fx.PushRevert,))
    world.pending = []
    world.deliver(undone())
    assert world.mission.phase is Phase.REVERTING
    world.waits = ()
    world.deploy(sha=sha("by hand"))
    assert world.mission.outcome is Outcome.ROLLED_BACK
    assert "somebody had undone it by hand already: the tree is the one before" in told(world)
    assert merges(world) == []
    assert world.asked(fx.OpenPull)[-1].purpose == "work"
    assert world.asked(fx.ClosePull) == []


def test_a_prepared_revert_is_closed_where_somebody_undid_it_meanwhile():
    world = regressed(waits=(fx.MergePull,), policy=make_policy(shadow=False))
    world.pending = []
    world.mission = world.mission.with_(
        revert=world.mission.revert.model_copy(update={"asked_at": None})
    )
    world.deliver(ev.BasePushed(branch="main", sha=sha("by hand")))
    world.now += timedelta(seconds=1)
    world.waits = (fx.PushRevert, fx.MergePull)
    world.deliver(ev.BasePushed(branch="main", sha=sha("by hand too")))
    world.pending = [e for e in world.pending if not isinstance(e, fx.PushRevert)]
    world.deliver(undone(tree=sha("with others")))
    world.settle()
    assert [e.number for e in world.asked(fx.ClosePull)] == [3]
    world.deploy(sha=sha("by hand"))
    assert "somebody had undone it by hand already: every path" in told(world)


def test_what_was_undone_by_half_is_a_persons():
    world = regressed(waits=(fx.PushRevert,))
    world.pending = []
    world.deliver(ev.RevertRefused(reason="gone, but a.py differs"))
    world.waits = ()
    assert_left(world.settle(), "gone, but a.py differs")


# the base moves under it


def pushes(world):
    return world.asked(fx.PushRevert)


def prepared():
    """Bring a mission to a revert that waits for its approval."""
    rules = Rollback(approval="one")
    world = regressed(policy=make_policy(rollback=rules))
    world.now += timedelta(seconds=1)
    return world


def test_a_base_that_moved_has_the_revert_made_again_on_it():
    world = prepared()
    world.base = sha("moved")
    world.deliver(ev.BasePushed(branch="main", sha=sha("moved")))
    world.settle()
    first, second = pushes(world)
    assert (first.again, second.again) == (False, True)
    assert world.mission.revert.base == sha("moved")
    assert [e.purpose for e in world.asked(fx.OpenPull)] == ["work", "revert"]
    world.deliver(ev.BasePushed(branch="main", sha=sha("moved")))
    assert len(pushes(world)) == 2


@pytest.mark.parametrize(("branch", "tip"), [("main", "merge work"), ("release", "moved")])
def test_a_word_about_our_landing_or_another_branch_moves_nothing(branch, tip):
    world = prepared()
    world.deliver(ev.BasePushed(branch=branch, sha=sha(tip)))
    assert len(pushes(world.settle())) == 1


def test_words_about_tips_in_any_order_have_it_made_anew_a_few_times_at_most():
    world = prepared()
    for n in range(20):
        world.deliver(ev.BasePushed(branch="main", sha=sha(f"tip {n % 10}")))
        world.settle()
        world.now += timedelta(seconds=1)
    assert len(pushes(world)) == 1 + 5


def test_later_merges_that_overlap_with_a_prepared_revert_leave_it_to_a_person():
    world = prepared()
    world.revert = {"overlapping": ("mesh.py",)}
    world.deliver(ev.BasePushed(branch="main", sha=sha("moved")))
    assert_left(world.settle(), words.overlap(("mesh.py",)))
    assert world.checks("governance", sha("revert"))[-1].conclusion == "action_required"


def test_after_a_refusal_the_base_is_read_and_the_revert_made_on_it():
    world = regressed(revert_answer=ev.MergeRefusal.NOT_ALLOWED)
    assert len(pushes(world)) == 1
    world.base, world.revert_answer = sha("moved"), None
    world.now += timedelta(seconds=70)
    world.tick(15).tick(15)
    assert world.mission.revert.base == sha("moved") or len(pushes(world)) == 1
    assert len(merges(world)) == 2


def test_a_refusal_for_a_base_that_moved_without_a_word_makes_it_anew():
    world = regressed(waits=(fx.MergePull,))
    (merge,) = world.pending
    world.pending = []
    world.base = sha("moved")
    world.now += timedelta(seconds=70)
    refusal = ev.MergeRefusal.NOT_ALLOWED
    world.deliver(ev.MergeRefused(purpose="revert", refusal=refusal, reason="behind"))
    world.waits = ()
    world.settle()
    assert merge.head == sha("revert")
    assert len(pushes(world)) == 2
    assert world.mission.revert.base == sha("moved")
    assert world.mission.revert.landed is not None


# what landed


def test_commits_of_a_person_on_top_of_ours_are_undone_with_it():
    world = World(follows=False).file().ci()
    attempt = world.mission.attempts[-1]
    world.landed_by_hand[2] = attempt.tree
    sender, head = ev.Actor(login="alice"), sha("of alice")
    world.deliver(world.pull(2, state="closed", merged=True, sender=sender, head_sha=head))
    world.settle().command("rollback", "rita")
    assert pushes(world)[0].pull == PullCommits(fork=attempt.base, head=head)


def test_our_one_commit_needs_no_search():
    world = world_in(Phase.REVERTING)
    world.deliver(world.pull(2, state="closed", merged=True))
    assert pushes(world)[0].pull is None


def test_an_incident_ends_with_its_sentence_in_its_check():
    world = World(landed_tree=sha("tampered")).file().ci().review()
    assert world.mission.outcome is Outcome.ROLLED_BACK
    assert "is not the tested tree" in told(world)

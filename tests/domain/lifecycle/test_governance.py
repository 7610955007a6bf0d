"""Reviews, approvals and the base."""

import pytest

from grace.domain import effects as fx
from grace.domain import events as ev
from grace.domain.phase import Phase
from support.phases import review
from support.world import BOT, World, issue_body, make_policy, sha

RITA = ev.Actor(login="rita")


def move_base(world, name="new base"):
    world.base = sha(name)
    world.deliver(ev.BasePushed(branch="main", sha=world.base))
    return world.settle()


def merges(world):
    return [e for e in world.asked(fx.MergePull) if e.purpose == "work"]


def test_reviewers_are_asked_once_and_never_the_author():
    world = World(policy=with_reviewers("alice", "rita")).file().ci()
    assert world.only_done(fx.RequestReview).reviewers == ("rita",)


def test_nobody_is_asked_where_the_author_is_the_only_reviewer():
    assert World(policy=with_reviewers("alice")).file().ci().asked(fx.RequestReview) == []


def with_reviewers(*logins):
    policy = make_policy()
    known = policy.subsystems.subsystems["trigger_mesh"].model_copy(update={"reviewers": logins})
    table = policy.subsystems.model_copy(update={"subsystems": {"trigger_mesh": known}})
    return policy.model_copy(update={"subsystems": table})


@pytest.mark.parametrize("login", ["alice", "ALICE", "mallory", BOT, "nobody"])
def test_an_approval_of_requester_reader_or_bot_counts_nothing(login):
    world = World().file().ci()
    world.permission |= {BOT: ev.Permission.ADMIN, "ALICE": ev.Permission.ADMIN}
    world.review(login)
    assert world.mission.phase is Phase.GATING


def test_a_plain_comment_neither_approves_nor_takes_back():
    world = World().file().review().review(state=ev.ReviewState.COMMENTED)
    assert world.ci().mission.phase is Phase.OBSERVING
    assert World().file().ci().review(state=ev.ReviewState.COMMENTED).mission.phase is Phase.GATING


def test_a_dismissed_approval_counts_no_more_in_either_order():
    dismissed = ev.ReviewState.DISMISSED
    world = World().file()
    one = review(world, id="r", sha=world.head, actor=RITA)
    two = review(world, id="r", sha=world.head, actor=RITA, state=dismissed)
    for order in ((one, two), (two, one)):
        copy = world.copy()
        for event in order:
            copy.deliver(event)
        assert copy.settle().ci().mission.phase is Phase.GATING


def test_changes_asked_for_by_a_writer_hold_the_merge_until_taken_back():
    world = World().file().ci().review("alice", ev.ReviewState.CHANGES_REQUESTED).review()
    assert world.mission.phase is Phase.GATING
    assert world.verdict.root.holding().reason == "alice asked for changes"
    world.review("alice", ev.ReviewState.DISMISSED)
    assert world.mission.phase is Phase.OBSERVING


def test_changes_asked_for_by_a_reader_hold_nothing():
    world = World().file().ci().review("mallory", ev.ReviewState.CHANGES_REQUESTED).review()
    assert world.mission.phase is Phase.OBSERVING


def test_required_trust_asks_for_one_more_approval():
    world = World().file(issue_body(extra="### Required trust score\n\n0.5")).ci().review()
    assert world.mission.phase is Phase.GATING
    world.permission["sam"] = ev.Permission.MAINTAIN
    assert world.review("sam").mission.phase is Phase.OBSERVING
    assert merges(world)[0].approved_by == ("rita", "sam")


def test_an_approval_of_another_patch_does_not_carry_over():
    world = World().file(issue_body(candidates=2)).review()
    world.ci(passed=False).ci()
    assert world.mission.phase is Phase.GATING


def test_an_approval_carries_over_the_same_blobs_on_a_new_base():
    world = World().file().review()
    move_base(world)
    world.ci()
    assert world.mission.phase is Phase.TESTING
    assert world.ci().mission.phase is Phase.OBSERVING


def test_an_approval_does_not_carry_over_other_blobs():
    world = World().file().review()
    world.waits = (fx.PushPatch,)
    move_base(world)
    world.ci()
    pushed = world.carry_out(world.only(fx.PushPatch)).model_copy(update={"blobs": "other"})
    world.pending.clear()
    world.deliver(pushed)
    assert world.settle().ci().mission.phase is Phase.GATING
    assert world.review().mission.phase is Phase.OBSERVING


def test_a_base_that_moves_under_the_gates_makes_the_patch_again():
    world = move_base(World().file().ci())
    assert world.mission.phase is Phase.TESTING
    assert [a.number for a in world.mission.attempts] == [1, 2]
    assert world.mission.attempt.base == world.base
    assert any(n.kind == "mission.base_moved" for n in world.notes)
    assert world.asked(fx.PushPatch)[-1].base == world.base


def test_a_push_to_another_branch_moves_nothing():
    world = World().file().ci()
    world.deliver(ev.BasePushed(branch="other", sha=sha("x")))
    assert world.facts.base is not None


def test_a_base_read_long_ago_is_read_again_before_the_merge():
    world = World().file().ci()
    world.now = world.now.replace(minute=30)
    world.base = sha("moved silently")
    world.review()
    assert merges(world) == []
    assert world.mission.phase is Phase.TESTING


def test_the_base_is_read_once_while_the_answer_is_awaited():
    world = World(waits=(fx.ReadBase,)).file()
    world.tick().tick()
    assert len(world.asked(fx.ReadBase)) == 1
    world.fail(fx.ReadBase)
    assert world.mission.held == "read base failed: no"
    world.waits = ()
    assert world.command("resume").mission.phase is Phase.TESTING

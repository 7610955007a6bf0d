"""Approving and objecting by command: whose voice counts, for which head, and for how long."""

from datetime import timedelta

import pytest

from grace.domain import effects as fx
from grace.domain import events as ev
from grace.domain import replies
from grace.domain.lifecycle.merging import withdrawn
from grace.domain.phase import Phase
from support.phases import say, world_in
from support.world import World, issue_body, sha


def merges(world):
    return [e for e in world.asked(fx.MergePull) if e.purpose == "work"]


@pytest.mark.parametrize("argument", ["", "approvals", " Approvals "])
def test_an_approval_by_command_lets_the_merge_go(argument):
    world = say(world_in(Phase.GATING), "approve", argument=argument)
    assert world.mission.phase is Phase.OBSERVING
    assert merges(world)[0].approved_by == ("rita",)


def test_a_gate_that_nobody_approves_is_named():
    world = say(world_in(Phase.GATING), "approve", argument="tests")
    assert world.replies() == [replies.unknown_gate("tests", ("approvals",))]
    assert world.mission.phase is Phase.GATING


@pytest.mark.parametrize("login", ["alice", "Alice"])
def test_who_proposes_does_not_approve(login):
    world = world_in(Phase.GATING)
    world.permission["Alice"] = ev.Permission.ADMIN
    say(world, "approve", login)
    assert world.replies() == [replies.own_proposal(login)]
    assert merges(world) == []


def test_two_voices_of_one_person_are_one():
    world = World().file(issue_body(extra="### Required trust score\n\n0.5")).ci()
    say(world.review(), "approve")
    assert world.mission.phase is Phase.GATING
    say(world, "approve", "max", number="2")
    assert world.mission.phase is Phase.OBSERVING


def test_an_approval_that_was_heard_of_another_head_is_void():
    world = World(waits=(fx.ReadPermission,)).file(issue_body(candidates=2))
    world.waits = ()
    world.settle()
    world.waits = (fx.ReadPermission,)
    say(world, "approve")
    world.ci(passed=False)
    world.waits = ()
    world.settle()
    assert world.replies() == [replies.approval_void("rita", world.head)]
    assert world.ci().mission.phase is Phase.GATING


def test_an_approval_written_before_the_head_stood_is_void():
    world = world_in(Phase.GATING)
    pushed = world.mission.attempt.pushed_at
    say(world, "approve", at=pushed - timedelta(seconds=2))
    assert world.replies() == [replies.approval_void("rita", world.head)]
    say(world, "approve", id="again", at=pushed - timedelta(seconds=1))
    assert world.mission.phase is Phase.OBSERVING


def test_a_button_approves_the_commit_that_it_is_on():
    world = world_in(Phase.GATING)
    world.command("approve", "rita", sha=sha("an older head"))
    assert world.replies() == [replies.approval_void("rita", world.head)]
    world.command("approve", "rita", "2", sha=world.head)
    assert world.mission.phase is Phase.OBSERVING


def test_an_approval_carries_over_the_same_blobs_and_not_over_others():
    world = say(World().file(), "approve")
    world.base = sha("moved")
    world.deliver(ev.BasePushed(branch="main", sha=world.base))
    world.settle().ci()
    assert len(world.mission.attempts) == 2
    assert world.ci().mission.phase is Phase.OBSERVING
    other = say(World().file(issue_body(candidates=2)), "approve").ci(passed=False).ci()
    assert other.mission.phase is Phase.GATING


def test_a_permission_is_read_again_before_the_merge_and_may_be_lost():
    world = say(World().file(), "approve")
    world.now += timedelta(minutes=10)
    world.permission["rita"] = ev.Permission.READ
    world.ci()
    assert merges(world) == []
    assert [e.about for e in world.asked(fx.ReadPermission)].count("command:9:rita") == 2
    assert say(world, "approve", "max", number="2").mission.phase is Phase.OBSERVING


def test_a_permission_that_could_not_be_read_again_is_asked_for_after_a_resume():
    world = say(World().file(), "approve")
    world.now += timedelta(minutes=10)
    world.waits = (fx.ReadPermission,)
    world.ci().fail(fx.ReadPermission)
    assert world.mission.held == "read permission failed: no"
    world.waits = ()
    assert world.command("resume").mission.phase is Phase.OBSERVING


def test_a_new_start_forgets_what_was_approved_before():
    world = say(World().file(), "approve")
    world.now += timedelta(seconds=30)
    world.file(issue_body(window="2")).command("start", at=world.now + timedelta(seconds=1))
    assert len(world.mission.attempts) == 2
    assert world.ci().mission.phase is Phase.GATING


def test_a_veto_needs_a_reason_and_takes_the_approval_back():
    world = say(World().file(), "approve")
    say(world, "veto", number="1", argument="  ", id="v0")
    assert world.replies() == [replies.VETO_WITHOUT_REASON]
    say(world, "veto", argument="too \n risky")
    assert world.mission.vetoes == {"rita": "too risky"}
    assert world.mission.approvals == ()
    world.ci()
    held = world.verdict.root.holding()
    assert held.reason == "vetoed by rita: too risky"
    assert held.who == "rita by /grace approve, or another maintainer by /grace resume"


def test_a_veto_outweighs_every_approval_until_it_is_taken_back():
    world = say(world_in(Phase.GATING), "veto").review("max").review("rita")
    assert merges(world) == []
    say(world, "approve", id="lift")
    assert world.mission.vetoes == {}
    assert world.mission.phase is Phase.OBSERVING


def test_a_veto_stops_a_merge_that_was_asked_for():
    world = say(world_in(Phase.MERGING), "veto", "max")
    told = ev.MergeRefused(
        purpose="work", refusal=ev.MergeRefusal.WITHDRAWN, reason="vetoed by max: too risky"
    )
    assert withdrawn(world.case()) == ("approvals: vetoed by max: too risky")
    world.pending.clear()
    world.deliver(told)
    world.waits = ()
    world.settle().tick(3600)
    assert world.mission.phase is Phase.GATING
    assert merges(world) == []


def test_a_veto_is_taken_back_where_there_is_nothing_to_approve():
    world = say(world_in(Phase.AWAITING_START), "veto")
    before = world.mission.with_(vetoes={})
    say(world, "approve")
    assert world.mission.vetoes == {}
    assert world.replies() == [replies.veto_lifted(replies.nothing_to("approve", before))]


def test_a_proposer_may_veto_and_take_it_back_but_not_approve():
    world = say(world_in(Phase.GATING), "veto", "alice")
    say(world, "approve", "alice")
    assert world.mission.vetoes == {}
    assert world.replies() == [replies.veto_lifted(replies.own_proposal("alice"))]
    assert world.mission.approvals == ()


def test_a_maintainer_lifts_vetoes_by_resume_and_a_writer_does_not():
    world = say(world_in(Phase.GATING), "veto", "alice").review()
    before = world.mission
    say(world, "resume")
    assert world.replies() == [replies.nothing_to("resume", before)]
    assert world.mission.vetoes == {"alice": "too risky"}
    say(world, "resume", "max", number="2")
    assert world.mission.phase is Phase.OBSERVING
    assert [n.payload for n in world.notes if n.kind == "mission.veto_lifted"] == [
        {"of": ["alice"]}
    ]


def test_a_maintainer_lifts_hold_and_veto_together():
    world = say(world_in(Phase.GATING).command("hold"), "veto", "alice").review()
    assert (world.mission.held, list(world.mission.vetoes)) == ("held by alice", ["alice"])
    say(world, "resume", "max")
    assert world.mission.phase is Phase.OBSERVING


def test_nothing_is_lifted_of_a_closed_mission():
    world = say(world_in(Phase.GATING), "veto").command("cancel")
    before = world.mission
    say(world, "resume", "max")
    say(world, "approve", "rita", id="late")
    assert world.mission.vetoes == before.vetoes == {"rita": "too risky"}
    assert world.replies() == [
        replies.nothing_to("resume", before),
        replies.nothing_to("approve", before),
    ]

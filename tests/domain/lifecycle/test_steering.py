"""Commands that steer a mission: another try, the branch back, the window, the way back."""

from datetime import timedelta

import pytest

from grace.domain import effects as fx
from grace.domain import events as ev
from grace.domain import messages, replies
from grace.domain.lifecycle.orders import MAX_TRIES, MAX_WINDOW, minutes_of
from grace.domain.phase import Outcome, Phase
from support.phases import say, world_in
from support.world import World, issue_body, make_policy, sha


def test_retry_takes_the_candidate_that_is_named():
    world = World().file(issue_body(candidates=2)).ci(passed=False)
    say(world, "retry", argument="patch-1")
    assert [a.candidate for a in world.mission.attempts] == ["patch-1", "patch-2", "patch-1"]
    assert world.mission.attempts[1].failure == "rita asked for another try"
    assert world.ci().review("max").mission.phase is Phase.OBSERVING


@pytest.mark.parametrize("argument", ["", "candidate"])
def test_retry_without_a_name_takes_the_one_tried_last(argument):
    world = World().file(issue_body(candidates=2)).ci(passed=False)
    say(world, "retry", argument=argument)
    assert [a.candidate for a in world.mission.attempts] == ["patch-1", "patch-2", "patch-2"]


def test_retry_lifts_a_hold():
    world = say(World().file().command("hold"), "retry")
    assert world.mission.held is None
    assert len(world.mission.attempts) == 2


def test_retry_of_what_is_not_there_says_what_is():
    world = say(World().file(issue_body(candidates=2)), "retry", argument="patch-9")
    assert world.replies() == [replies.unknown_candidate("patch-9", ("patch-1", "patch-2"))]
    few = World(policy=make_policy(max_attempts=1)).file(issue_body(candidates=2))
    say(few, "retry", argument="patch-2")
    assert few.replies() == [replies.unknown_candidate("patch-2", ("patch-1",))]
    none = say(World().file(issue_body(candidates=0)), "retry")
    assert none.replies() == [messages.NO_CANDIDATE]


def test_retries_are_bounded():
    world = World().file()
    for n in range(MAX_TRIES - 1):
        say(world, "retry", id=str(n))
    assert len(world.mission.attempts) == MAX_TRIES
    say(world, "retry", id="one too many")
    assert world.replies() == [replies.tried_enough(MAX_TRIES)]
    assert len(world.mission.attempts) == MAX_TRIES


def pushed_over(world):
    """Let a stranger push to the work branch."""
    world.deliver(world.pull(head_sha=sha("foreign"), sender=ev.Actor(login="mallory")))
    return world.settle()


@pytest.mark.parametrize("phase", [Phase.TESTING, Phase.GATING])
def test_retry_takes_the_branch_back_from_foreign_commits(phase):
    world = pushed_over(world_in(phase))
    assert world.mission.held
    world.waits = (fx.PushPatch,)
    say(world, "retry")
    assert world.mission.held is None
    assert world.mission.remote_head == sha("foreign")


def test_a_new_start_takes_the_branch_back_too():
    world = pushed_over(World().file()).file(issue_body(extra="### Required trust score\n\n0.5"))
    world.waits = (fx.PushPatch,)
    world.command("start")
    assert world.mission.remote_head == sha("foreign")


@pytest.mark.parametrize("name", ["retry", "resume"])
def test_a_branch_that_was_lost_before_the_push_is_taken_back(name):
    world = World().file(issue_body(candidates=2))
    world.waits = (fx.PushPatch,)
    world.ci(passed=False)
    assert world.mission.phase is Phase.PATCHING
    pushed_over(world).fail(fx.PushPatch, "the branch moved")
    assert "the branch moved" in world.mission.held
    say(world, name)
    assert world.mission.remote_head == sha("foreign")
    world.waits = ()
    assert world.settle().mission.phase is Phase.TESTING


# after the merge


def test_rollback_undoes_what_landed():
    world = say(world_in(Phase.OBSERVING), "rollback")
    assert world.mission.outcome is Outcome.ROLLED_BACK
    assert world.mission.reason.startswith("rollback: rita asked for it; it was rolled back: ")
    assert world.mission.capa == 9


def test_rollback_before_the_release_works_too():
    world = say(World().file().ci().review(), "rollback")
    assert world.mission.outcome is Outcome.ROLLED_BACK


def test_extend_lengthens_an_open_window():
    world = world_in(Phase.OBSERVING)
    ends = world.mission.window.ends_at
    say(world, "extend", argument="5 min")
    assert world.mission.window.ends_at == ends + timedelta(minutes=5)
    newest = world.checks("observation", world.mission.landing.sha)[-1]
    assert "The window is open for 6 minutes" in newest.summary
    world.observe(8)
    assert world.mission.phase is Phase.OBSERVING
    assert world.observe(30).mission.outcome is Outcome.FIXED


def test_extend_before_the_release_counts_from_it():
    world = say(World().file().ci().review(), "extend").deploy()
    window = world.mission.window
    assert window.ends_at - window.anchor == timedelta(minutes=6)


@pytest.mark.parametrize("argument", ["", "soon", "0", "-5", "nan", "inf", "20000"])
def test_extend_by_no_number_of_minutes_is_answered(argument):
    world = say(world_in(Phase.OBSERVING), "extend", argument=argument)
    assert world.replies() == [replies.EXTEND_BY_WHAT]
    assert world.mission.window.added_minutes == 0


@pytest.mark.parametrize("released", [True, False])
def test_a_window_never_outlives_its_check(released):
    world = world_in(Phase.OBSERVING) if released else World().file().ci().review()
    most = MAX_WINDOW / timedelta(minutes=1) - 100
    say(world, "extend", argument=f"{most:g}")
    say(world, "extend", argument="120", id="too long")
    assert world.replies() == [replies.window_too_long(MAX_WINDOW)]
    assert world.mission.window.added_minutes == most


@pytest.mark.parametrize(
    ("words", "minutes"),
    [("30", 30), ("1.5", 1.5), ("30m", 30), ("30 min", 30), ("30 minutes", 30), ("an hour", None)],
)
def test_minutes_are_read_with_or_without_their_unit(words, minutes):
    assert minutes_of(words) == minutes

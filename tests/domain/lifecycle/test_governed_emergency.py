"""The emergency lane: who may, for what, and the review afterwards that Grace chases."""

from datetime import timedelta

import pytest

from grace.domain import effects as fx
from grace.domain import events as ev
from grace.domain.lifecycle.tickets import MAX_TICKETS
from grace.domain.phase import Outcome, Phase
from grace.domain.policy import Emergency
from support.governed import grave, label, merges, noted, order, ruled, ticket
from support.phases import say
from support.world import World, make_policy, sha

REVIEW = 11


def critical(**governance):
    return World(policy=make_policy(**governance)).file(grave()).ci()


def landed():
    world = order(critical())
    assert world.mission.phase is Phase.OBSERVING
    return world


def reviews_asked(world):
    """List what was written on the review's issue."""
    return [e.body for e in world.asked(fx.Reply) if e.number == REVIEW]


def test_a_named_person_with_a_reason_merges_a_critical_mission():
    world = landed()
    assert world.mission.basis == "emergency"
    (told,) = noted(world, "emergency")
    assert (told["reason"], told["sha"]) == ("all is down", world.mission.attempts[0].head)
    assert noted(world, "merge_requested")[0]["basis"] == "emergency"
    assert "merges on your word" in world.replies()[0]


@pytest.mark.parametrize(
    ("world", "given", "words"),
    [
        (critical, {"login": "rita"}, "ordered by somebody with maintain permission; `rita` has"),
        (critical, {"reason": " "}, "An emergency needs its reason"),
        (critical, {"sha": sha("older")}, "approve again"),
        (lambda: World().file().ci(), {}, "The emergency lane is for critical missions"),
        (lambda: critical(emergency=Emergency(enabled=False)), {}, "no emergency lane here"),
    ],
)
def test_an_order_that_may_not_be_given_merges_nothing(world, given, words):
    made = order(world(), **given)
    assert words in made.replies()[0]
    assert made.mission.emergency is None
    assert made.mission.phase is Phase.GATING


def test_an_order_for_another_patch_merges_nothing():
    world = order(World().file(grave(candidates=2)))
    assert world.mission.emergency is not None
    say(world, "retry", argument="patch-2", id="r")
    world.ci()
    assert world.mission.phase is Phase.GATING
    assert merges(world) == []


def test_an_order_holds_for_the_same_patch_on_a_new_base():
    world = order(World().file(grave()))
    say(world, "retry", id="r")
    assert world.head != world.mission.emergency.sha
    assert world.ci().mission.phase is Phase.OBSERVING


def test_who_may_order_no_more_orders_nothing():
    world = order(World().file(grave()))
    world.now += timedelta(minutes=10)
    world.permission["max"] = ev.Permission.READ
    world.ci()
    assert merges(world) == []
    assert world.mission.phase is Phase.GATING
    world.permission["max"] = ev.Permission.MAINTAIN
    order(world, id="again", comment="10")
    assert world.mission.phase is Phase.OBSERVING


def test_an_order_does_not_stand_in_for_ci():
    world = order(World().file(grave()))
    world.ci(passed=False)
    assert merges(world) == []
    assert world.mission.outcome is Outcome.FAILED


def test_the_review_is_filed_and_chased_until_somebody_else_closes_it():
    world = landed()
    filed = [e for e in world.asked(fx.FileIssue) if e.purpose == "review"]
    assert [e.labels for e in filed] == [("grace:review",)]
    assert "`max` ordered the merge of pull request #2 as an emergency" in filed[0].body
    assert "all is down" in filed[0].body
    assert world.mission.review.issue == REVIEW
    assert reviews_asked(world) == []
    world.tick(24 * 3600)
    assert len(reviews_asked(world)) == 1
    assert "Reminder 1" in reviews_asked(world)[0]
    ticket(world, "review", "rita", REVIEW)
    assert world.mission.review.done_by == "rita"
    assert noted(world, "reviewed_after") == [{"number": REVIEW}]
    world.tick(24 * 3600)
    assert len(reviews_asked(world)) == 1


def test_the_review_is_chased_though_the_mission_has_ended():
    world = landed().deploy().observe()
    assert world.mission.phase is Phase.CLOSED
    for n in range(1, 9):
        world.now = world.wake_at or world.now + timedelta(days=9)
        world.deliver(ev.Ticked())
        world.settle()
        assert len(reviews_asked(world)) == min(n, 7)
    assert world.wake_at is None
    ticket(world, "review", "rita", REVIEW)
    assert world.mission.review.done_by == "rita"


@pytest.mark.parametrize("login", ["max", "MAX"])
def test_who_ordered_it_does_not_review_it(login):
    world = landed()
    world.permission["MAX"] = ev.Permission.MAINTAIN
    ticket(world, "review", login, REVIEW)
    assert world.mission.review.done_at is None
    assert noted(world, "review_refused") == [{"number": REVIEW}]
    assert "somebody else with write permission ends its review" in reviews_asked(world)[0]


def test_a_new_login_of_who_ordered_it_does_not_review_it():
    world = critical()
    order(world, actor=ev.Actor(login="max", id=5))
    world.permission["maximilian"] = ev.Permission.MAINTAIN
    event = ev.TicketClosed(
        purpose="review", number=REVIEW, actor=ev.Actor(login="maximilian", id=5), at=world.now
    )
    world.deliver(event)
    assert world.settle().mission.review.done_at is None


@pytest.mark.parametrize("login", ["tara", "mallory", "nobody"])
def test_below_write_permission_nobody_ends_a_review(login):
    world = ticket(landed(), "review", login, REVIEW)
    assert world.mission.review.done_at is None
    assert noted(world, "ticket_closed_refused") == [{"number": REVIEW}]


def test_a_review_that_is_opened_again_is_chased_again():
    world = ticket(landed(), "review", "rita", REVIEW)
    world.now += timedelta(minutes=1)
    ticket(world, "review", "rita", REVIEW, open_again=True)
    assert world.mission.review.done_at is None
    assert noted(world, "review_reopened") == [{"number": REVIEW}]
    world.tick(48 * 3600)
    assert len(reviews_asked(world)) == 1


def test_an_issue_that_is_no_ticket_of_ours_ends_no_review():
    world = ticket(landed(), "review", "rita", 77)
    assert world.mission.review.done_at is None
    assert world.mission.tickets == {}


def test_many_words_about_tickets_are_bounded():
    world = landed()
    world.waits = (fx.ReadPermission,)
    for n in range(MAX_TICKETS + 5):
        world.now += timedelta(seconds=1)
        ticket(world, "review", "mallory", REVIEW, open_again=bool(n % 2))
    assert len(world.mission.tickets) == MAX_TICKETS


def test_a_ticket_that_is_told_late_changes_nothing():
    world = landed()
    earlier = ev.TicketClosed(
        purpose="review", number=REVIEW, actor=ev.Actor(login="rita"), at=world.now
    )
    world.now += timedelta(minutes=1)
    ticket(world, "review", "sam", REVIEW, open_again=True)
    world.permission["sam"] = ev.Permission.WRITE
    world.now += timedelta(minutes=1)
    ticket(world, "review", "sam", REVIEW, open_again=True)
    world.deliver(earlier)
    assert world.settle().mission.review.done_at is None
    assert noted(world, "reviewed_after") == []


def test_a_review_that_could_not_be_filed_is_filed_with_the_next_reminder():
    world = critical()
    world.waits = (fx.FileIssue,)
    order(world)
    world.fail(fx.FileIssue, "the forge is down")
    assert world.mission.review.issue is None
    world.waits = ()
    world.tick(24 * 3600)
    assert world.mission.review.issue == REVIEW


FROZEN = {"freeze": {"weekly": [{"start": "00:00", "until": "00:00"}]}}


def test_an_order_that_only_a_freeze_gave_way_to_is_reviewed_too():
    world = ruled(FROZEN).file(grave()).ci().review().review("sam2")
    world.permission["sam2"] = ev.Permission.WRITE
    world.now += timedelta(seconds=1)
    world.deliver(
        ev.ReviewSeen(
            id="sam3",
            pull=2,
            state="approved",
            sha=world.head,
            actor=ev.Actor(login="sam3"),
            at=world.now,
        )
    )
    world.permission["sam3"] = ev.Permission.WRITE
    world.settle()
    assert world.mission.phase is Phase.GATING
    order(world)
    assert world.mission.basis == "approvals"
    assert world.mission.review.issue == REVIEW


def test_a_mission_without_an_order_owes_no_review():
    world = World().file(grave()).ci().review().review("max")
    assert world.mission.phase is Phase.OBSERVING
    assert world.mission.review is None
    assert label(world, "x").mission.review is None

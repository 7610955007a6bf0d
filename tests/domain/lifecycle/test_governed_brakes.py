"""Mute, shadow mode, approvals of reverts, and CAPA tickets that people close."""

from datetime import timedelta

import pytest

from grace.domain import effects as fx
from grace.domain import events as ev
from grace.domain import reverts as words
from grace.domain.inspection import RepositoryRules
from grace.domain.phase import Outcome, Phase
from grace.domain.policy import Rollback
from grace.domain.results import TestCase
from grace.domain.rules.language import RepositoryPolicy
from support.cases import make_suite
from support.governed import merges, noted, ticket
from support.phases import say, world_in
from support.world import BOT, METRIC, World, make_policy, make_report, sha

CAPA = 9


def with_reviewers(**governance):
    policy = make_policy(**governance)
    known = policy.subsystems.subsystems["trigger_mesh"].model_copy(update={"reviewers": ("rita",)})
    table = policy.subsystems.model_copy(update={"subsystems": {"trigger_mesh": known}})
    return policy.model_copy(update={"subsystems": table})


def regressed(policy=None):
    world = World(policy=policy or make_policy()).file().ci().review().deploy()
    world.values[METRIC] = 900.0
    return world.observe(4)


def reverts(world):
    return [e for e in world.asked(fx.MergePull) if e.purpose == "revert"]


def comments(world):
    return len(world.asked(fx.PublishComment))


def test_a_muted_mission_writes_no_comment_and_its_checks_go_on():
    world = world_in(Phase.TESTING)
    before = comments(world)
    say(world, "mute")
    say(world, "hold", id="h")
    say(world, "resume", id="r")
    world.ci()
    assert comments(world) == before
    assert world.mission.muted == "rita"
    tree = world.checks("mission/governance".removeprefix("mission/"), world.head)[-1].summary
    assert "rita asked for no comments; the checks tell" in tree
    assert noted(world, "muted") == [{}]
    world.review("max")
    assert world.mission.phase is Phase.OBSERVING
    world.deploy().observe()
    assert world.mission.outcome is Outcome.FIXED
    assert comments(world) > before


def test_a_mission_is_unmuted_and_speaks_of_what_happened():
    world = world_in(Phase.TESTING)
    say(world, "mute")
    say(world, "hold", id="h")
    before = comments(world)
    say(world, "unmute", id="u")
    assert world.mission.muted is None
    assert comments(world) > before
    assert noted(world, "unmuted") == [{}]


def test_a_muted_mission_requests_no_review():
    spoken, silent = World(policy=with_reviewers()).file(), World(policy=with_reviewers()).file()
    say(silent, "mute")
    assert len(spoken.ci().asked(fx.RequestReview)) == 1
    assert silent.ci().asked(fx.RequestReview) == []


OWN_SHADOW = RepositoryRules(policy=RepositoryPolicy(version=1, shadow=True))


@pytest.mark.parametrize("where", ["governance", "repository"])
def test_in_shadow_mode_everything_is_shown_and_nothing_merged(where):
    world = World(policy=make_policy(shadow=where == "governance"))
    if where == "repository":
        world.inspection = {"rules": OWN_SHADOW}
    world.file().ci().review()
    assert world.mission.phase is Phase.GATING
    assert merges(world) == []
    said = world.checks("governance", world.head)[-1]
    assert said.conclusion is None
    assert "shadow mode" in said.summary
    assert world.verdict.root.holding().name == "shadow mode"


def test_in_shadow_mode_a_revert_is_prepared_and_a_person_lands_it():
    world = World().file().ci().review().deploy()
    world.policy = with_reviewers(shadow=True)
    world.values[METRIC] = 900.0
    world.observe(4)
    assert world.mission.phase is Phase.REVERTING
    assert world.mission.revert.pull is not None
    assert reverts(world) == []
    assert [e.number for e in world.asked(fx.RequestReview)] == [3]
    wanted = [e for e in world.asked(fx.Reply) if e.surface == "revert-wanted"]
    assert len(wanted) == 1
    assert words.SHADOW in wanted[0].body
    world.restored = True
    world.merge_by_hand(3, sha("tree before"))
    assert world.mission.outcome is Outcome.ROLLED_BACK


ASKED = with_reviewers(rollback=Rollback(approval="one"))


def look(world, login="sam", at=None, pull=3, state="approved"):
    """Let somebody review the revert."""
    world.permission |= {"sam": ev.Permission.WRITE, BOT: ev.Permission.ADMIN}
    world.deliver(
        ev.ReviewSeen(
            id=f"{login}-{state}-{at}-{pull}",
            pull=pull,
            state=state,
            sha=at or world.mission.revert.head,
            actor=ev.Actor(login=login),
            at=world.now,
        )
    )
    return world.settle()


def test_a_revert_that_wants_an_approval_asks_for_it_and_waits():
    world = regressed(ASKED)
    assert world.mission.phase is Phase.REVERTING
    assert reverts(world) == []
    assert [e.number for e in world.asked(fx.RequestReview)][-1] == 3
    (wanted,) = [e for e in world.asked(fx.Reply) if e.surface == "revert-wanted"]
    assert (
        "3 reverts it and waits for one approval by somebody who may write. Please" in wanted.body
    )
    said = world.checks("governance", world.mission.revert.head)[-1]
    assert said.conclusion == "success"
    assert len(reverts(look(world))) == 1
    assert world.mission.outcome is Outcome.ROLLED_BACK


@pytest.mark.parametrize(
    "given",
    [
        {"at": sha("older")},
        {"pull": 2},
        {"login": "tara"},
        {"login": BOT},
        {"state": "changes_requested"},
        {"state": "dismissed"},
    ],
)
def test_no_other_word_lands_a_revert(given):
    world = look(regressed(ASKED), **given)
    assert reverts(world) == []
    assert world.mission.phase is Phase.REVERTING


def test_a_person_may_land_a_revert_that_waits_for_an_approval():
    world = regressed(ASKED)
    world.restored = True
    world.merge_by_hand(3, sha("tree before"))
    assert world.mission.outcome is Outcome.ROLLED_BACK


def rolled_back():
    world = regressed()
    assert world.mission.outcome is Outcome.ROLLED_BACK
    assert world.mission.capa == CAPA
    return world


def test_a_capa_is_closed_and_opened_again_by_who_may_write():
    world = rolled_back()
    closed = world.now
    ticket(world, "capa", "rita", CAPA)
    assert world.mission.capa_closed_at == closed
    assert noted(world, "capa_closed") == [{"number": CAPA}]
    world.now += timedelta(minutes=1)
    ticket(world, "capa", "max", CAPA, open_again=True)
    assert world.mission.capa_closed_at is None
    assert noted(world, "capa_reopened") == [{"number": CAPA}]


@pytest.mark.parametrize("login", ["tara", "mallory", "nobody"])
def test_below_write_permission_nobody_closes_a_capa(login):
    world = ticket(rolled_back(), "capa", login, CAPA)
    assert world.mission.capa_closed_at is None
    assert noted(world, "ticket_closed_refused") == [{"number": CAPA}]


def test_the_same_word_about_a_ticket_is_heard_once():
    world = rolled_back()
    event = ev.TicketClosed(purpose="capa", number=CAPA, actor=ev.Actor(login="x"), at=world.now)
    world.deliver(event)
    world.settle()
    asked = len(world.asked(fx.ReadPermission))
    world.deliver(event)
    assert len(world.settle().asked(fx.ReadPermission)) == asked


def test_the_kill_switch_says_why_and_lets_a_revert_only_be_prepared():
    world = World().file().ci().review().deploy()
    world.switch(on=True)
    world.values[METRIC] = 900.0
    world.observe(4)
    assert world.mission.phase is Phase.REVERTING
    assert reverts(world) == []
    assert world.mission.revert.pull is not None
    world.switch(on=False)
    assert len(reverts(world)) == 1


def test_a_revert_without_an_issue_to_write_on_is_prepared_all_the_same():
    world = World().file().ci().review().deploy()
    world.policy = make_policy(shadow=True)
    world.mission = world.mission.with_(issue=None)
    world.values[METRIC] = 900.0
    world.observe(4)
    assert world.mission.revert.pull is not None
    assert [e for e in world.asked(fx.Reply) if e.surface == "revert-wanted"] == []


def test_of_two_who_close_a_ticket_the_one_who_is_known_counts():
    world = rolled_back()
    world.waits = (fx.ReadPermission,)
    ticket(world, "capa", "mallory", CAPA)
    ticket(world, "capa", "rita", CAPA)
    about = next(a for a in world.mission.tickets if ":rita:" in a)
    told = ev.PermissionRead(login="rita", about=about, permission=ev.Permission.WRITE)
    world.deliver(told)
    assert world.mission.capa_closed_at == world.now
    assert [t.actor.login for t in world.mission.tickets.values()] == ["mallory"]


def test_a_review_that_nobody_owes_is_only_noted():
    world = world_in(Phase.OBSERVING)
    world.deliver(ev.IssueFiled(purpose="review", number=11, url=""))
    assert world.mission.review is None
    assert noted(world, "review_filed") == [{"number": 11, "url": ""}]


def test_what_fails_on_the_base_is_remarked_nowhere():
    world = World().file()
    report = make_report(world.head, world.mission.attempt.tree)
    lost = TestCase(name="a.b", outcome="failed", file="a.py", line=3)
    suites = tuple(make_suite("unit", (lost,), subject) for subject in ("head", "base"))
    world.jobs("failure", "unit integration stress")
    told = report.model_copy(update={"suites": (*suites, *report.suites[1:])})
    head = world.head
    world.deliver(ev.ResultsReported(report=told))
    world.settle()
    assert [a.path for a in world.checks("governance", head)[-1].annotations] == ["a.py"]


def test_the_record_says_that_a_release_regressed():
    world = regressed()
    assert noted(world, "closed")[0]["regressed"] is True
    good = World().file().ci().review().deploy().observe()
    assert noted(good, "closed")[0]["regressed"] is False

"""Who starts a mission, the frozen contract, and commands."""

import pytest

from grace.domain import effects as fx
from grace.domain import events as ev
from grace.domain import messages, replies
from grace.domain.contract import contract_hash
from grace.domain.phase import Outcome, Phase, Severity, Status
from support.phases import ALICE, MALLORY, alert, world_in
from support.world import BOT, World, issue_body, make_policy

TRUSTED = "### Required trust score\n\n0.5"


def seen(world, body, author, sender):
    world.deliver(
        ev.IssueSeen(
            number=1,
            title="Delivery is slow",
            body=body,
            author=author,
            sender=sender,
            updated_at=world.now,
        )
    )
    return world.settle()


def commented(world):
    return [e.body for e in world.asked(fx.PublishComment)][-1]


def test_a_writer_who_files_starts_at_once_and_freezes_the_contract():
    world = World().file()
    assert world.mission.started_by == "alice"
    assert world.mission.contract_hash == contract_hash(world.mission.request)


def test_a_label_set_by_a_writer_starts_nothing_that_a_stranger_filed():
    world = seen(World(), issue_body(), MALLORY, ALICE)
    assert world.mission.phase is Phase.AWAITING_START
    assert "waits for `/grace start`" in commented(world)


def test_a_writers_edit_starts_nothing_that_a_stranger_filed():
    world = seen(World(), issue_body(), MALLORY, MALLORY)
    seen(world, issue_body(window="2"), MALLORY, ALICE)
    assert world.mission.phase is Phase.AWAITING_START
    assert world.mission.started_by is None


def test_a_strangers_edit_starts_nothing_that_a_writer_filed():
    world = seen(World(), "nothing", ALICE, ALICE)
    seen(world, issue_body(), ALICE, MALLORY)
    assert world.mission.phase is Phase.AWAITING_START
    seen(world, issue_body(window="2"), ALICE, ev.Actor(login="rita"))
    assert world.mission.phase is Phase.TESTING


def test_nothing_is_said_before_it_is_known_who_filed():
    world = World(waits=(fx.ReadPermission,)).file()
    assert world.mission.phase is Phase.AWAITING_START
    assert world.asked(fx.PublishComment) == []


def test_an_invalid_contract_gets_a_label_and_every_error_and_may_be_mended():
    world = World().file("### Subsystem\n\nmoon\n\n### Severity\n\nawful")
    assert world.mission.phase is Phase.INVALID
    assert world.mission.status is Status.OPEN
    label = world.only_done(fx.SetLabels)
    assert label.add == ("mission/invalid",)
    for field in ("subsystem_id", "severity", "symptoms"):
        assert f"`{field}`" in commented(world)
    assert world.verdict.root.children[0].result == "fail"
    world.file()
    assert world.mission.phase is Phase.TESTING
    assert world.asked(fx.SetLabels)[-1].remove == ("mission/invalid",)
    assert "What is wrong" not in commented(world)


def test_a_waiting_contract_that_is_broken_becomes_invalid_again():
    world = world_in(Phase.AWAITING_START).file("broken", author="mallory")
    assert world.mission.phase is Phase.INVALID
    world.command("start")
    assert world.mission.phase is Phase.INVALID


def test_an_invalid_contract_may_stay_invalid():
    world = world_in(Phase.INVALID).file("still no contract")
    assert world.mission.phase is Phase.INVALID


def test_the_same_body_again_changes_nothing():
    world = World().file()
    before = world.mission
    world.file()
    assert world.mission == before


@pytest.mark.parametrize("phase", [Phase.PLANNING, Phase.PATCHING, Phase.TESTING, Phase.GATING])
def test_an_edit_after_the_start_waits_for_a_new_start(phase):
    world = world_in(phase)
    frozen = world.mission.contract_hash
    world.file(issue_body(extra=TRUSTED), author="alice")
    assert world.mission.phase is phase
    assert world.mission.contract_hash == frozen
    assert "`/grace start` takes the new contract" in messages.issue_comment(
        world.mission, world.policy
    )
    world.command("start", "mallory", "1")
    assert world.mission.contract_hash == frozen
    world.waits = ()
    world.command("start", "alice", "2")
    assert world.mission.proposed is None
    assert world.mission.contract_hash == contract_hash(world.mission.request) != frozen
    assert world.mission.phase is Phase.TESTING


def test_an_edit_taken_back_needs_no_new_start():
    world = World().file()
    world.file(issue_body(extra=TRUSTED)).file(issue_body(extra="\n"))
    assert world.mission.proposed is None
    world.command("start")
    assert world.mission.round == 0


def test_a_broken_edit_after_the_start_is_told_and_stops_nothing():
    world = World().file()
    world.file("no contract any more")
    assert world.mission.phase is Phase.TESTING
    assert world.mission.errors
    assert "What is wrong with the contract" in messages.issue_comment(world.mission, world.policy)


def test_a_new_start_after_the_merge_changes_nothing():
    world = world_in(Phase.OBSERVING).file(issue_body(extra=TRUSTED)).command("start")
    assert world.mission.phase is Phase.OBSERVING
    assert world.mission.proposed is None


@pytest.mark.parametrize("name", ["start", "cancel", "hold", "resume"])
@pytest.mark.parametrize("phase", [Phase.AWAITING_START, Phase.TESTING, Phase.GATING])
def test_a_stranger_commands_nothing_and_is_told_so(name, phase):
    world = world_in(phase)
    comments = world.asked(fx.PublishComment)
    world.command(name, "mallory")
    assert (world.mission.phase, world.mission.held) == (phase, None)
    assert world.replies() == [replies.stranger_refused("mallory", ev.Permission.READ)]
    assert world.asked(fx.PublishComment) == comments


def test_a_command_delivered_twice_is_obeyed_once():
    world = world_in(Phase.TESTING).command("hold").command("resume").command("hold")
    assert world.mission.held is None


def test_a_command_waits_for_the_permission_of_its_own_commander():
    world = world_in(Phase.TESTING)
    world.waits = (fx.ReadPermission,)
    world.command("hold", "alice", "1").command("cancel", "mallory", "2")
    world.waits = ()
    world.settle()
    assert world.mission.held == "held by alice"
    assert world.mission.live


def test_hold_stops_forward_work_and_resume_goes_on():
    world = world_in(Phase.TESTING).command("hold")
    world.ci()
    assert world.mission.phase is Phase.TESTING
    assert world.verdict.root.holding().who == "/grace resume"
    world.command("resume")
    assert world.mission.phase is Phase.GATING
    world.command("hold", number="2").review()
    assert world.mission.phase is Phase.GATING
    assert "Held: held by alice" in world.asked(fx.PublishComment)[-1].body
    world.command("resume", number="2")
    assert world.mission.phase is Phase.OBSERVING


@pytest.mark.parametrize("phase", [Phase.PLANNING, Phase.PATCHING, Phase.MERGING])
def test_a_held_mission_asks_for_no_forward_effect(phase):
    world = world_in(phase)
    waiting = list(world.pending)
    world.command("hold")
    assert [type(e) for e in world.pending] == [type(e) for e in waiting]
    assert "held by alice" in world.verdict.root.holding().reason or phase is Phase.MERGING


def test_resume_without_a_hold_changes_nothing():
    world = world_in(Phase.TESTING).command("resume")
    assert world.mission.round == 0


def test_hold_does_not_touch_a_window():
    world = world_in(Phase.OBSERVING).command("hold")
    assert world.mission.held is None
    assert world.observe().mission.outcome is Outcome.FIXED


@pytest.mark.parametrize(
    "phase",
    [
        Phase.INVALID,
        Phase.AWAITING_START,
        Phase.PLANNING,
        Phase.PATCHING,
        Phase.TESTING,
        Phase.GATING,
    ],
)
def test_cancel_ends_what_has_not_landed(phase):
    world = world_in(phase).command("cancel")
    assert world.mission.outcome is Outcome.CANCELLED
    assert world.mission.status is Status.RESOLVED
    assert world.mission.reason == "cancelled by alice"
    assert bool(world.asked(fx.ClosePull)) is (world.mission.pull is not None)
    assert world.only_done(fx.CloseIssue).reason == "not_planned"


@pytest.mark.parametrize("phase", [Phase.MERGING, Phase.OBSERVING, Phase.REVERTING])
def test_cancel_comes_too_late_for_a_merge(phase):
    assert world_in(phase).command("cancel").mission.phase is phase


def closed_by(world, login):
    world.deliver(ev.IssueClosed(number=1, sender=ev.Actor(login=login)))
    return world.settle()


def test_closing_the_issue_before_the_start_cancels():
    world = closed_by(world_in(Phase.AWAITING_START), "mallory")
    assert world.mission.outcome is Outcome.CANCELLED
    assert "closed by mallory" in world.mission.reason


def test_closing_the_issue_of_a_running_mission_needs_write_permission():
    world = closed_by(world_in(Phase.TESTING), "mallory")
    assert world.mission.phase is Phase.TESTING
    assert closed_by(world, "alice").mission.outcome is Outcome.CANCELLED


def test_the_bots_own_closing_cancels_nothing():
    assert closed_by(world_in(Phase.TESTING), BOT).mission.phase is Phase.TESTING


def test_without_a_candidate_the_mission_holds_until_there_is_one():
    world = World().file(issue_body(candidates=0))
    assert world.mission.phase is Phase.PLANNING
    assert world.mission.held == messages.NO_CANDIDATE
    world.command("resume")
    assert world.mission.held == messages.NO_CANDIDATE
    world.file().command("start")
    assert world.mission.phase is Phase.TESTING


def test_an_alert_files_its_issue_and_waits_for_a_start():
    world = World()
    world.deliver(alert(world))
    world.settle()
    assert world.mission.phase is Phase.AWAITING_START
    assert world.mission.issue == 1
    assert world.mission.severity is Severity.CRITICAL
    issue = world.only_done(fx.FileIssue)
    assert (issue.purpose, issue.labels) == ("mission", ("mission",))
    assert "Filed by Grace for the alert" in issue.body


def test_the_webhook_of_an_alerts_own_issue_changes_nothing():
    world = World()
    world.deliver(alert(world))
    before = world.settle().mission
    assert world.file("anything at all", author=BOT).mission == before


def test_a_person_starts_an_alerts_mission():
    world = World()
    world.deliver(alert(world))
    assert world.settle().command("start").mission.started_by == "alice"


def test_policy_may_start_alerts_by_itself():
    world = World(policy=make_policy(start_alerts=True))
    world.deliver(alert(world))
    assert world.settle().mission.started_by == "policy: start_alerts"


def test_a_resolved_alert_is_remembered_and_decides_nothing_at_once():
    world = World()
    world.deliver(alert(world))
    world.settle().deliver(alert(world, "resolved"))
    assert world.facts.alert.status == "resolved"
    assert [n.kind for n in world.notes[-2:]] == ["mission.alert_resolved", "mission.alerts_quiet"]
    assert world.mission.phase is Phase.AWAITING_START


def test_an_issue_that_cannot_be_filed_is_filed_again_after_a_resume():
    world = World(waits=(fx.FileIssue,))
    world.deliver(alert(world))
    world.fail(fx.FileIssue, "the forge said 403")
    assert world.mission.held == "file issue failed: the forge said 403"
    world.waits = ()
    world.command("resume")
    assert world.mission.issue == 1

"""What a hostile or unlucky order of events may not do."""

from dataclasses import replace
from datetime import timedelta

import pytest

from grace.domain import effects as fx
from grace.domain import events as ev
from grace.domain import messages, replies
from grace.domain.lifecycle.merging import MAX_REFUSALS, withdrawn
from grace.domain.lifecycle.reactions import MAX_COMMANDS, MAX_REVISIONS
from grace.domain.phase import Outcome, Phase
from grace.domain.results import CIReport
from grace.domain.schedule import paths_of
from support.phases import ALICE, MALLORY, alert, world_in
from support.world import BOT, START, World, issue_body, make_report, sha


def edit(world, body, at):
    event = ev.IssueSeen(
        number=1, title="t", body=body, author=MALLORY, sender=MALLORY, updated_at=at
    )
    world.deliver(event)
    return world.settle()


def test_a_start_is_for_the_contract_that_its_commander_saw():
    world = world_in(Phase.AWAITING_START)
    edit(world, issue_body(window="2"), START + timedelta(seconds=9))
    given = ev.CommandGiven(id="1", name="start", actor=ALICE, at=START + timedelta(seconds=5))
    world.deliver(given)
    world.settle()
    assert world.mission.phase is Phase.AWAITING_START
    assert world.replies() == [replies.start_void()]
    assert world.command("start", number="2").mission.phase is Phase.TESTING


def test_an_edit_between_a_start_and_its_permission_voids_it():
    world = world_in(Phase.AWAITING_START)
    world.waits = (fx.ReadPermission,)
    world.command("start")
    edit(world, issue_body(window="2"), START + timedelta(seconds=1))
    world.waits = ()
    assert world.settle().mission.phase is Phase.AWAITING_START


def test_an_edit_that_arrives_late_replaces_no_newer_one():
    world = world_in(Phase.AWAITING_START)
    before = world.mission
    edit(world, issue_body(window="9"), START - timedelta(seconds=1))
    assert world.mission == before


def test_edits_and_waiting_commands_are_bounded():
    world = world_in(Phase.AWAITING_START)
    for n in range(MAX_REVISIONS):
        edit(world, f"nonsense {n}", START)
    assert world.mission.held == messages.TOO_MANY_EDITS
    world = world_in(Phase.TESTING)
    world.waits = (fx.ReadPermission,)
    for n in range(MAX_COMMANDS + 5):
        world.command("hold", "mallory", str(n))
    assert len(world.mission.commands) == MAX_COMMANDS


def test_a_report_that_names_another_base_is_looked_into_once():
    world = World().file().jobs()
    world.now += timedelta(seconds=1)
    attempt = world.mission.attempt
    other = make_report(attempt.head, attempt.tree, base=sha("moved"))
    world.deliver(ev.ResultsReported(report=other))
    world.settle()
    assert len(world.asked(fx.ReadBase)) == 2
    assert world.mission.phase is Phase.TESTING


def test_a_report_that_names_the_new_base_makes_the_patch_again():
    for late in (True, False):
        world = World().file().jobs()
        world.now += timedelta(seconds=1)
        world.base = sha("moved")
        attempt = world.mission.attempt
        if late:
            world.facts = world.facts.model_copy(update={"base": None})
        other = make_report(attempt.head, attempt.tree, base=world.base)
        world.deliver(ev.ResultsReported(report=other))
        world.settle()
        assert world.mission.attempt.base == world.base


def test_a_report_of_a_workflow_that_nobody_named_proves_nothing():
    world = World().file().jobs()
    attempt = world.mission.attempt
    report = make_report(attempt.head, attempt.tree, base=attempt.base).model_dump(mode="json")
    forged = CIReport.model_validate(report | {"workflow": ".github/workflows/mine.yml"})
    world.deliver(ev.ResultsReported(report=forged))
    assert world.mission.outcome is Outcome.FAILED
    assert "not a workflow that governance listens to" in world.mission.reason


def test_a_base_that_moves_while_it_is_read_is_read_again():
    world = World(waits=(fx.ReadBase,)).file()
    world.now += timedelta(seconds=1)
    world.deliver(ev.BasePushed(branch="main", sha=sha("newer")))
    old = world.carry_out(world.only(fx.ReadBase))
    world.pending.clear()
    world.now += timedelta(seconds=1)
    world.deliver(old)
    assert world.asked(fx.PushPatch) == []
    assert len(world.asked(fx.ReadBase)) == 1


def test_a_merge_that_is_refused_again_and_again_waits_for_a_person():
    world = World(merge_answer=ev.MergeRefusal.NOT_ALLOWED).file().ci().review()
    pauses = []
    while world.mission.held is None:
        assert len(pauses) <= MAX_REFUSALS
        pauses.append((world.mission.merge_after - world.now).total_seconds())
        world.tick(pauses[-1])
        if world.mission.phase is Phase.TESTING:
            world.ci()
    assert pauses == sorted(pauses)
    assert len(set(pauses)) > 1
    assert world.mission.held == "the forge did not merge: said the forge"


def test_an_approver_who_lost_the_right_since_is_not_counted():
    world = World().file().review()
    world.now += timedelta(minutes=10)
    world.permission["rita"] = ev.Permission.READ
    world.ci()
    assert world.mission.phase is Phase.GATING
    assert world.asked(fx.MergePull) == []


def test_a_queued_merge_is_withdrawn_when_a_gate_no_longer_passes():
    case = world_in(Phase.MERGING).case()
    assert withdrawn(case) is None
    held = replace(case, mission=case.mission.with_(held="held by alice"))
    assert withdrawn(held) == "held by alice"
    assert "the mission is testing" in withdrawn(world_in(Phase.TESTING).case())
    silent = replace(case, facts=case.facts.model_copy(update={"reviews": {}}))
    assert "approvals" in withdrawn(silent)


def test_a_withdrawn_merge_goes_back_to_its_gates():
    world = world_in(Phase.MERGING).command("hold")
    told = ev.MergeRefused(purpose="work", refusal=ev.MergeRefusal.WITHDRAWN, reason="held")
    world.deliver(told)
    assert world.mission.phase is Phase.GATING


def test_resume_makes_the_patch_again_where_others_committed():
    world = World().file()
    world.deliver(world.pull(head_sha=sha("foreign"), sender=MALLORY))
    world.command("resume")
    assert world.mission.remote_head == sha("foreign") or len(world.mission.attempts) == 2
    assert world.mission.attempts[0].failure == "commits of somebody else stood on the branch"


@pytest.mark.parametrize("contains", [True, False])
def test_a_later_deployment_anchors_the_window_only_if_it_contains_the_landing(contains):
    world = World(containing=frozenset({sha("later")} if contains else ())).file().ci().review()
    world.deliver(
        ev.DeploymentSeen(sha=sha("later"), environment="production", state="success", at=world.now)
    )
    world.settle().tick()
    assert (world.mission.window.anchor is not None) is contains
    assert len(world.asked(fx.ReadContains)) == 1


def test_pull_requests_and_reverts_of_nothing_change_nothing():
    world = world_in(Phase.TESTING)
    before = world.mission
    world.deliver(ev.PullOpened(purpose="revert", number=3, url="", head=sha("r")))
    assert (world.mission.pull, world.mission.revert) == (before.pull, None)


def test_a_comment_lists_a_hundred_errors_and_counts_the_rest():
    body = "```yaml\n" + "\n".join(f"x{n}: 1" for n in range(150)) + "\n```"
    world = World().file(body)
    comment = messages.issue_comment(world.mission, world.policy)
    assert comment.count("\n- `x") <= 100
    assert "more" in comment
    assert len(comment) < 65_536


def test_a_revert_is_judged_only_when_its_branch_is_known():
    world = world_in(Phase.REVERTING)
    world.deliver(ev.PullOpened(purpose="revert", number=3, url="", head=sha("r")))
    assert [e for e in world.asked(fx.PublishCheck) if e.sha == sha("revert")] == []
    world.waits = ()
    assert world.settle().mission.outcome is Outcome.ROLLED_BACK


def test_an_alerts_issue_completed_by_a_writer_is_a_contract():
    world = World()
    world.deliver(alert(world))
    world.settle()
    bot = ev.Actor(login=BOT)
    filled = ev.IssueSeen(
        number=1, title="t", body=issue_body(), author=bot, sender=ALICE, updated_at=world.now
    )
    world.deliver(filled)
    world.settle()
    assert world.mission.request.workspace.patch_candidates
    assert not [e for e in world.asked(fx.ReadPermission) if e.login == BOT]


def test_an_alert_that_fires_again_tries_again_to_file_its_issue():
    world = World(waits=(fx.FileIssue,))
    world.deliver(alert(world))
    world.fail(fx.FileIssue)
    world.waits = ()
    world.deliver(alert(world))
    assert world.settle().mission.issue == 1


def test_a_mission_held_before_its_patch_keeps_nobody_waiting():
    planned = world_in(Phase.PLANNING).mission
    assert paths_of(planned) == ("mesh.py",)
    assert paths_of(planned.with_(held="held by alice")) == ()
    assert planned.ref.log == "forge.test/1"

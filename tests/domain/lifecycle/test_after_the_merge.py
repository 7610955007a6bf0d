"""The observation window, the rollback and its brakes, and failures in every phase."""

from datetime import timedelta

import pytest

from grace.domain import effects as fx
from grace.domain import events as ev
from grace.domain import reverts as words
from grace.domain.phase import Outcome, Phase, Status
from grace.domain.policy import Rollback
from support.phases import world_in
from support.world import CI_APP, METRIC, World, issue_body, make_policy, sha

LIVE = [p for p in Phase if p is not Phase.CLOSED]
DAY = 86_400


def landed(**world):
    return World(**world).file().ci().review()


def regressed(**world):
    made = landed(**world).deploy()
    made.values[METRIC] = 900.0
    return made.observe(4)


def reverts(world):
    return [e for e in world.asked(fx.MergePull) if e.purpose == "revert"]


# the window


def test_the_window_opens_with_the_deployment_not_with_the_merge():
    world = landed()
    world.tick(60)
    assert world.mission.window.anchor is None
    assert world.verdict.root.holding().reason == "no deployment is reported yet"
    world.deploy()
    assert world.mission.window.anchor == world.now
    assert world.mission.window.anchored_to == "deployment"
    assert any(n.kind == "mission.window_opened" for n in world.notes)


def test_a_deployment_that_was_reported_before_the_merge_was_known_still_counts():
    world = World(waits=(fx.MergePull,)).file().ci().review()
    merged = world.carry_out(world.only(fx.MergePull))
    for environment in ("production", "staging"):
        world.deliver(
            ev.DeploymentSeen(
                sha=merged.sha, environment=environment, state="success", at=world.now
            )
        )
    world.deliver(merged)
    assert world.mission.window.anchored_to == "deployment"


@pytest.mark.parametrize(
    ("state", "environment"), [("success", "staging"), ("in_progress", "production")]
)
def test_another_environment_or_an_unfinished_deployment_opens_nothing(state, environment):
    assert landed().deploy(state, environment).mission.window.anchor is None


@pytest.mark.parametrize("state", ["failure", "error"])
def test_a_failed_deployment_is_rolled_back(state):
    world = landed().deploy(state)
    assert world.mission.outcome is Outcome.ROLLED_BACK
    assert f"ended with {state}" in world.mission.reason
    capa = next(e for e in world.asked(fx.FileIssue) if e.purpose == "capa")
    assert "the window was never anchored" in capa.body


def test_an_older_word_about_a_deployment_does_not_replace_the_newer():
    world = landed()
    early = ev.DeploymentSeen(
        sha=world.mission.landing.sha, environment="production", state="queued", at=world.now
    )
    world.now = world.now.replace(minute=1)
    world.deploy("pending")
    world.deliver(early)
    fact = world.facts.deployments[world.mission.landing.sha]["production"]
    assert fact.state == "pending"


def test_a_deployment_that_never_comes_extends_once_and_then_escalates():
    world = landed().tick(30 * 60)
    assert world.mission.window.extended
    assert world.mission.phase is Phase.OBSERVING
    world.tick(60)
    assert world.mission.phase is Phase.OBSERVING
    world.tick(30 * 60)
    assert world.mission.outcome is Outcome.FAILED
    assert "no deployment to production was reported" in world.mission.reason


def test_a_deployment_within_the_extension_still_opens_the_window():
    world = landed().tick(30 * 60).deploy().observe()
    assert world.mission.outcome is Outcome.FIXED


def test_rounds_of_samples_come_at_their_interval():
    world = landed().deploy()
    assert len(world.asked(fx.SampleMetrics)) == 1
    world.tick(3).tick(3)
    assert len(world.asked(fx.SampleMetrics)) == 1
    assert (world.wake_at - world.now).total_seconds() == 4
    world.tick(4)
    assert len(world.asked(fx.SampleMetrics)) == 2
    assert set(world.asked(fx.SampleMetrics)[0].metric_ids) == {METRIC, "error_rate"}


def test_a_guard_that_regresses_rolls_back_too():
    world = landed().deploy()
    world.values["error_rate"] = 60.0
    world.observe(4)
    assert world.mission.outcome is Outcome.ROLLED_BACK
    assert "error_rate" in world.mission.reason


def test_a_window_without_anything_to_measure_ends_by_time():
    policy = make_policy()
    bare = policy.subsystems.subsystems["trigger_mesh"].model_copy(update={"guards": ()})
    table = policy.subsystems.model_copy(update={"subsystems": {"trigger_mesh": bare}})
    body = issue_body().replace(f"### Metric targets\n\n{METRIC} < 100 over 10m\n\n", "")
    world = World(policy=policy.model_copy(update={"subsystems": table})).file(body)
    world.ci().review().deploy()
    assert world.asked(fx.SampleMetrics) == []
    world.tick(59)
    assert world.mission.phase is Phase.OBSERVING
    assert world.tick(1).mission.outcome is Outcome.FIXED


@pytest.mark.parametrize("gone", ["catalog", "subsystems"])
def test_what_left_the_configuration_holds_and_never_passes(gone):
    world = landed().deploy()
    whole = world.policy
    empty = getattr(whole, gone).model_copy(
        update={"metrics": {}} if gone == "catalog" else {"subsystems": {}}
    )
    world.policy = whole.model_copy(update={gone: empty})
    world.observe(20)
    assert world.mission.phase is Phase.OBSERVING
    assert "is not in the bot's configuration any more" in world.mission.held
    assert world.verdict.root.holding().who == "an operator"
    world.policy = whole
    assert world.command("resume").mission.held is None


def test_what_a_window_said_stays_as_it_was_judged():
    world = regressed()
    before = world.verdict.root
    world.now = world.now.replace(hour=23)
    decision = world.deliver(ev.Ticked())
    assert decision.verdict.root == before
    assert decision.effects == ()


def test_a_resolved_mission_closes_its_issue_and_publishes_its_ledger():
    world = landed().deploy().observe()
    assert world.only_done(fx.CloseIssue).reason == "completed"
    assert world.asked(fx.ClosePull) == []
    assert world.asked(fx.PublishLedger)
    last = world.asked(fx.PublishCheck)[-1]
    assert (last.name, last.conclusion) == ("mission/observation", "success")
    assert last.sha == world.mission.landing.sha


# rollback


def test_a_rollback_verifies_the_tree_files_a_capa_and_leaves_the_issue_open():
    world = regressed()
    assert world.mission.outcome is Outcome.ROLLED_BACK
    assert world.mission.status is Status.ESCALATED
    assert len(reverts(world)) == 1
    assert reverts(world)[0].tree == sha("tree before")
    assert world.only_done(fx.PushRevert).landed == world.mission.landing.sha
    assert world.asked(fx.CloseIssue) == []
    capa = next(e for e in world.asked(fx.FileIssue) if e.purpose == "capa")
    assert "latency" in capa.body
    assert "FAIL" in capa.body


def assert_left_to_a_person(world, words):
    assert world.mission.outcome is Outcome.FAILED
    assert words in world.mission.reason
    assert reverts(world) == []
    assert world.mission.capa == 9


def test_later_merges_over_the_same_paths_leave_the_revert_to_a_person():
    world = regressed(revert={"overlapping": ("mesh.py",)})
    assert_left_to_a_person(world, "later merges changed mesh.py too")
    assert world.mission.revert.pull is not None


def test_a_revert_that_does_not_restore_is_not_landed():
    assert_left_to_a_person(regressed(revert={"restores": False}), words.NOT_RESTORED)


def test_a_revert_that_git_cannot_make_is_a_persons():
    world = world_in(Phase.REVERTING)
    world.deliver(ev.RevertRefused(reason="mesh.py conflicts"))
    assert_left_to_a_person(world.settle(), "mesh.py conflicts")


def test_the_daily_cap_brakes_and_older_reverts_do_not_count():
    policy = make_policy(rollback=Rollback(max_per_day=1))
    for ago, brakes in ((3600, True), (DAY + 1, False)):
        world = landed(policy=policy).deploy()
        stamp = world.now - timedelta(seconds=ago)
        world.facts = world.facts.model_copy(update={"landed_reverts": (stamp,)})
        world.values[METRIC] = 900.0
        world.observe(4)
        if brakes:
            assert_left_to_a_person(world, "1 reverts have landed within a day")
        else:
            assert world.mission.outcome is Outcome.ROLLED_BACK


@pytest.mark.parametrize("conclusion", ["timed_out", "startup_failure", "stale"])
def test_no_revert_lands_while_ci_itself_is_broken(conclusion):
    world = world_in(Phase.REVERTING)
    world.deliver(
        ev.CheckSeen(
            id="1",
            name="unit",
            sha=sha("revert"),
            app_id=CI_APP,
            conclusion=conclusion,
            at=world.now,
        )
    )
    world.waits = ()
    assert_left_to_a_person(world.settle(), "CI itself is broken (job unit)")


@pytest.mark.parametrize(
    ("wait", "lands"), [("untested", True), ("always", False), ("never", True)]
)
def test_red_tests_of_the_tree_before_the_merge_stop_it_only_where_governance_waits(wait, lands):
    world = world_in(Phase.REVERTING)
    world.policy = make_policy(rollback=Rollback(wait_for_ci=wait))
    world.jobs("failure", head=sha("revert"))
    world.waits = ()
    world.settle()
    if lands:
        assert world.mission.outcome is Outcome.ROLLED_BACK
    else:
        assert_left_to_a_person(world, "CI job unit of the revert ended with failure")


def test_the_kill_switch_prepares_the_revert_and_a_person_lands_it():
    world = landed().deploy().switch(on=True)
    world.values[METRIC] = 900.0
    world.observe(4)
    assert world.mission.phase is Phase.REVERTING
    assert world.mission.revert.pull.number == 3
    assert reverts(world) == []
    world.merge_by_hand(3, sha("tree before"))
    assert world.mission.outcome is Outcome.ROLLED_BACK
    assert reverts(world) == []


def test_the_kill_switch_does_not_ask_again_for_a_merge_that_is_under_way():
    world = World().file().ci().review().deploy()
    world.values[METRIC] = 900.0
    world.waits = (fx.MergePull,)
    world.observe(4)
    assert len(reverts(world)) == 1
    world.switch(on=True)
    assert len(reverts(world)) == 1


def test_when_the_kill_switch_goes_off_the_revert_lands():
    world = landed().deploy().switch(on=True)
    world.values[METRIC] = 900.0
    world.observe(4).switch(on=False)
    assert world.mission.outcome is Outcome.ROLLED_BACK


def test_the_window_goes_on_under_the_kill_switch():
    assert landed().deploy().switch(on=True).observe().mission.outcome is Outcome.FIXED


def test_a_revert_that_a_person_lands_differently_is_told():
    world = landed().deploy().switch(on=True)
    world.values[METRIC] = 900.0
    world.restored = False
    world.observe(4).merge_by_hand(3, sha("not what was before"))
    assert world.mission.outcome is Outcome.FAILED
    assert world.mission.reason == words.NOT_RESTORED


def test_a_refused_revert_is_asked_again_until_patience_ends():
    world = regressed(revert_answer=ev.MergeRefusal.NOT_ALLOWED)
    asked = len(reverts(world))
    pause = (world.wake_at - world.now).total_seconds()
    world.tick(pause - 1)
    assert len(reverts(world)) == asked
    world.tick(1)
    assert len(reverts(world)) == asked + 1
    world.tick(30 * 60)
    assert world.mission.outcome is Outcome.FAILED
    assert "said the forge" in world.mission.reason


def test_a_refused_revert_lands_when_the_forge_lets_it():
    world = regressed(revert_answer=ev.MergeRefusal.NOT_ALLOWED)
    world.revert_answer = None
    assert world.tick(30).mission.outcome is Outcome.ROLLED_BACK


def test_a_person_who_lands_the_refused_revert_is_noticed():
    world = regressed(revert_answer=ev.MergeRefusal.NOT_ALLOWED)
    world.merge_by_hand(3, sha("tree before"))
    world.tick(30)
    assert world.mission.outcome is Outcome.ROLLED_BACK
    assert len(reverts(world)) == 1


def test_one_landing_is_reverted_once_however_often_its_events_come():
    world = world_in(Phase.REVERTING)
    world.waits = ()
    told = []
    while world.pending:
        effect = world.pending.pop(0)
        world.done.append(effect)
        event = world.carry_out(effect)
        told.append(event)
        for again in told:
            world.deliver(again)
    world.deploy(sha=sha("merge revert"))
    world.settle()
    assert world.mission.outcome is Outcome.ROLLED_BACK
    assert len(world.asked(fx.PushRevert)) == len(reverts(world)) == 1


def test_a_comment_that_cannot_be_written_does_not_stop_a_revert():
    world = world_in(Phase.REVERTING)
    failed = ev.EffectFailed(key="pull/9", effect="publish_comment", reason="too long")
    world.deliver(failed)
    world.waits = ()
    assert world.settle().mission.outcome is Outcome.ROLLED_BACK


@pytest.mark.parametrize("kind", [fx.PushRevert, fx.OpenPull, fx.MergePull])
def test_a_revert_whose_step_fails_is_left_to_a_person(kind):
    world = landed().deploy()
    world.values[METRIC] = 900.0
    world.waits = (kind,)
    world.observe(4).fail(kind, "no permission")
    assert world.mission.outcome is Outcome.FAILED
    assert "no permission" in world.mission.reason
    assert world.mission.capa == 9


def test_a_capa_that_cannot_be_filed_is_filed_after_a_resume():
    world = landed().deploy()
    world.values[METRIC] = 900.0
    world.waits = (fx.FileIssue,)
    world.observe(4).fail(fx.FileIssue, "issues are off")
    assert world.mission.phase is Phase.REVERTING
    world.waits = ()
    world.command("resume")
    assert world.mission.outcome is Outcome.ROLLED_BACK
    assert len(world.asked(fx.PushRevert)) == 1

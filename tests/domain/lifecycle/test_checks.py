"""The checks: what each says on which commit, its buttons and remarks, and how rarely it is said."""

import pytest

from grace.domain import effects as fx
from grace.domain import events as ev
from grace.domain.lifecycle.checks import MAX_ANNOTATIONS
from grace.domain.phase import Outcome, Phase
from grace.domain.policy import Stress
from grace.domain.results import TestCase, TestOutcome
from support.phases import say, world_in
from support.reports import make_finding, make_scan
from support.world import METRIC, World, issue_body, make_policy, make_report, sha


def newest(world, name, on=None):
    """Return what a check says now on a commit, the head if none is given."""
    return world.checks(name, on or world.mission.attempts[-1].head)[-1]


def report(world, **changes):
    attempt = world.mission.attempt
    made = make_report(attempt.head, attempt.tree, base=attempt.base)
    world.deliver(ev.ResultsReported(report=made.model_copy(update=changes)))
    return world.settle()


# metrics


def test_a_target_that_the_stress_run_meets_is_a_success():
    world = world_in(Phase.GATING)
    said = newest(world, "metrics")
    assert (said.conclusion, said.buttons, said.annotations) == ("success", (), ())
    assert said.title == "all conditions hold"
    assert f"- **pass** {METRIC.replace('_', chr(92) + '_')} \\< 100: 20 in the stress run" in (
        said.summary
    )
    assert len(world.checks("metrics", world.head)) == 1


@pytest.mark.parametrize("candidates", [1, 2])
def test_a_target_that_is_missed_is_a_failure_that_may_be_tried_again(candidates):
    world = World().file(issue_body(candidates=candidates))
    head = world.head
    world.ci(p95=150.0)
    assert world.mission.attempts[0].failure.startswith(f"{METRIC} < 100: 150")
    said = newest(world, "metrics", head)
    assert (said.conclusion, said.buttons) == ("failure", ("retry",))
    assert "150 in the stress run" in said.summary


def test_a_mission_without_targets_is_neutral():
    body = issue_body().replace(f"### Metric targets\n\n{METRIC} < 100 over 10m\n\n", "")
    said = newest(World().file(body).ci(), "metrics")
    assert said.conclusion == "neutral"
    assert said.title == "the mission names no metric target"


def test_a_stress_run_without_figures_is_no_success():
    world = World(policy=make_policy(stress=Stress(required=False))).file()
    head = world.head
    report(world.jobs(), stress=())
    said = newest(world, "metrics", head)
    assert (said.conclusion, said.title.split(":")[0]) == ("failure", "without data")


def test_nothing_is_said_of_metrics_before_there_is_a_report():
    world = World().file().jobs()
    assert world.checks("metrics", world.head) == []


def test_the_metrics_of_a_merged_head_are_not_said_again():
    world = world_in(Phase.GATING)
    said = world.checks("metrics", world.head)
    head = world.head
    world.review().deploy().observe()
    assert world.checks("metrics", head) == said


# governance


def test_the_gates_are_shown_in_progress_with_their_buttons():
    world = world_in(Phase.GATING)
    said = newest(world, "governance")
    assert (said.conclusion, said.buttons) == (None, ("approve", "retry"))
    assert said.title == "waiting: approvals"
    assert "0 of 1 approvals" in said.summary
    head = world.head
    world.review()
    done = newest(world, "governance", head)
    assert (done.conclusion, done.title, done.buttons) == ("success", "every gate passes", ())


def test_a_failed_attempt_is_told_once_though_ci_adds_more():
    world = World().file(issue_body(candidates=2))
    head = world.head
    world.waits = (fx.PushPatch,)
    world.ci(passed=False)
    first = newest(world, "governance", head)
    assert (first.conclusion, first.title) == ("failure", "attempt 1 failed")
    assert first.buttons == ("retry",)
    assert "- **FAIL** tests" in first.summary
    world.jobs("failure", "stress", head=head).jobs("timed_out", "lint", head=head)
    other = make_report(head, sha("elsewhere"), run_id=9)
    world.deliver(ev.ResultsReported(report=other))
    world.settle()
    assert world.checks("governance", head) == [first]


def test_a_failure_without_a_report_says_why_and_points_nowhere():
    world = World().file()
    head = world.head
    world.jobs("failure", "unit").tick(300)
    said = newest(world, "governance", head)
    assert said.summary.startswith("tests: CI job unit ended with failure")
    assert said.annotations == ()


def test_a_cancelled_mission_turns_its_check_red():
    world = world_in(Phase.GATING).command("cancel")
    said = newest(world, "governance")
    assert (said.conclusion, said.title, said.summary) == (
        "failure",
        "mission cancelled",
        "cancelled by alice",
    )


def failing(count, **where):
    return tuple(
        TestCase(name=f"t.{n}", outcome=TestOutcome.FAILED, **{"message": "no", **where})
        for n in range(count)
    )


def suites(cases):
    whole = make_report(sha("h"), sha("t")).suites
    unit = whole[0].model_copy(update={"cases": cases, "failed": len(cases), "passed": 0})
    return {"suites": (unit, whole[1])}


def told_on_lines(**changes):
    world = World().file()
    head = world.head
    report(world.jobs("failure", "unit"), **changes)
    return newest(world, "governance", head).annotations


def test_remarks_stand_where_a_file_and_line_are_known():
    here = failing(1, file="tests/test_a.py", line=3, message="\n `@all` is\n wrong")
    cases = (*here, *failing(1), *failing(1, file="tests/test_b.py"))
    passed = TestCase(name="p", outcome=TestOutcome.PASSED, file="tests/test_c.py", line=1)
    remarks = told_on_lines(**suites((*cases, passed)))
    assert [(r.path, r.line, r.title, r.message, r.level) for r in remarks] == [
        ("tests/test_a.py", 3, "t.0", "`@all` is wrong", "failure")
    ]
    silent = told_on_lines(**suites(failing(1, file="tests/test_a.py", line=3, message="")))
    assert silent[0].message == "failed"


def test_what_a_scan_found_newly_is_remarked_and_nothing_else():
    found = (
        make_finding(),
        make_finding(line=None),
        make_finding(file=None, line=None),
        make_finding(message="", line=9),
        make_finding(new=False, line=8),
    )
    remarks = told_on_lines(scans=(make_scan(*found),))
    assert [(r.line, r.title, r.level) for r in remarks] == [
        (7, "bandit: B602", "warning"),
        (9, "bandit: B602", "warning"),
    ]
    assert remarks[1].message == "found"


def test_remarks_are_bounded():
    cases = failing(MAX_ANNOTATIONS + 20, file="tests/test_a.py", line=3)
    assert len(told_on_lines(**suites(cases))) == MAX_ANNOTATIONS == 50


def test_a_title_fits_the_forge():
    world = World().file()
    names = tuple(f"suite-{n:0>30}" for n in range(10))
    crowd = make_policy().governance.tests.model_copy(update={"suites": names})
    rules = world.policy.governance.model_copy(update={"tests": crowd})
    world.policy = world.policy.model_copy(update={"governance": rules})
    say(world.ci(), "why")
    assert all(len(e.title) <= 200 for e in world.asked(fx.PublishCheck))


# observation


def test_the_window_is_shown_running_and_may_be_rolled_back():
    world = World().file().ci().review()
    landed = world.mission.landing.sha
    said = newest(world, "observation", landed)
    assert (said.conclusion, said.title, said.buttons) == (None, "observing", ("rollback",))
    assert said.summary.startswith("The window is open for 1 minutes after this commit is released")
    assert "- **wait** trigger\\_mesh.latency\\_p95 \\< 100" in said.summary
    world.deploy().observe(4)
    assert world.checks("observation", landed) == [said]


def test_the_window_is_shown_extended_and_then_inconclusive():
    world = World().file().ci().review().deploy()
    world.values[METRIC] = None
    landed = world.mission.landing.sha
    world.observe(7)
    assert newest(world, "observation", landed).title == "observing, extended once"
    world.observe(7)
    said = newest(world, "observation", landed)
    assert (said.conclusion, said.title, said.buttons) == (
        "neutral",
        "window ended: inconclusive",
        (),
    )


def test_a_regression_is_shown_with_its_figures():
    world = world_in(Phase.REVERTING)
    said = newest(world, "observation", world.mission.landing.sha)
    assert (said.conclusion, said.title) == ("failure", "window ended: regress")
    assert "- **FAIL** trigger\\_mesh.latency\\_p95 \\< 100: 724" in said.summary


def test_the_check_of_a_revert_lets_it_land_unless_a_person_must():
    world = world_in(Phase.REVERTING)
    world.waits = (fx.MergePull,)
    world.settle()
    said = newest(world, "governance", sha("revert"))
    assert (said.conclusion, said.title) == ("success", "revert of a regression")
    held = World(revert={"overlapping": ("mesh.py",)}).file().ci().review().deploy()
    held.values[METRIC] = 900.0
    held.waits = (fx.FileIssue,)
    held.observe(4)
    assert newest(held, "governance", sha("revert")).conclusion == "action_required"


# how rarely


def test_the_comment_of_a_second_attempt_is_not_edited_for_every_job():
    world = World().file(issue_body(candidates=2)).ci(passed=False)
    before = world.asked(fx.PublishComment)
    report(world)
    verdicts = [world.verdict.digest()]
    for name in ("lint", "unit", "integration"):
        world.jobs(None, name).jobs("success", name)
        verdicts.append(world.verdict.digest())
    assert world.mission.phase is Phase.TESTING
    assert len(set(verdicts)) == 3
    assert world.asked(fx.PublishComment) == before
    assert "attempt 1, `patch-1`" in before[-1].body


@pytest.mark.parametrize("phase", list(Phase))
def test_looking_again_says_nothing_again(phase):
    world = world_in(phase)
    kinds = (fx.PublishCheck, fx.PublishComment, fx.SetLabels)
    world.waits = (*world.waits, *kinds)
    world.tick()
    before = [e for kind in kinds for e in world.asked(kind)]
    for _ in range(5):
        world.tick(1)
    assert [e for kind in kinds for e in world.asked(kind)] == before


def test_a_closed_mission_whose_subsystem_is_gone_still_answers():
    world = world_in(Phase.CLOSED)
    assert world.mission.outcome is Outcome.FIXED
    empty = world.policy.subsystems.model_copy(update={"subsystems": {}})
    world.policy = world.policy.model_copy(update={"subsystems": empty})
    say(world, "status")
    assert "It ended as fixed" in world.replies()[0]

"""A result counts for its commit, base, tree, workflow, run and job, and for nothing else.

The mission below has all that it needs but one thing, and each test brings something that looks
like it. Only the thing itself lets the mission pass on.
"""

import pytest

from grace.domain import events as ev
from grace.domain.facts import check_key
from grace.domain.phase import Phase
from grace.domain.verdict import Condition
from support.world import CI_APP, World, make_report, sha

RUN, LATER = 41, 42
JOBS = ("unit", "integration", "stress")


def report(world: World, **changes: object) -> World:
    """Let CI report about the head, with some of it changed."""
    attempt = world.mission.attempt
    made = make_report(attempt.head, attempt.tree, base=attempt.base, run_id=RUN)
    world.deliver(ev.ResultsReported(report=made.model_copy(update=changes)))
    return world.settle()


def reason(condition: Condition, name: str) -> str:
    """Find what the verdict says of one thing."""
    if condition.name == name:
        return condition.reason
    return "".join(reason(child, name) for child in condition.children)


def job(
    world: World, job_name: str, conclusion: str | None = "success", **changes: object
) -> World:
    """Let the forge tell of one job of CI on the head, with some of it changed."""
    told: dict[str, object] = {
        "id": f"{job_name} {changes.get('run_id', RUN)} {changes.get('app_id', CI_APP)}",
        "name": job_name,
        "sha": world.head,
        "app_id": CI_APP,
        "run_id": RUN,
        "conclusion": conclusion,
        "at": world.now,
    }
    world.deliver(ev.CheckSeen.model_validate(told | changes))
    return world.settle()


def all_but_unit() -> World:
    """Bring a mission as far as everything but the job `unit` brings it."""
    world = World().file()
    for name in JOBS[1:]:
        job(world, name)
    return report(world)


def test_the_job_itself_is_what_was_missing():
    world = all_but_unit()
    assert world.mission.phase is Phase.TESTING
    assert job(world, "unit").mission.phase is Phase.GATING


@pytest.mark.parametrize(
    "like",
    [
        pytest.param({"run_id": LATER}, id="a job of another workflow's run"),
        pytest.param({"run_id": RUN - 1}, id="a job of an earlier run"),
        pytest.param({"run_id": 0}, id="a check that a token made by hand"),
        pytest.param({"app_id": 999}, id="a check of another App"),
        pytest.param({"app_id": None, "run_id": None, "id": "status:unit"}, id="a commit status"),
        pytest.param({"sha": sha("another head")}, id="a job on another commit"),
        pytest.param({"name": "ci / unit"}, id="a job that is called otherwise"),
        pytest.param({"name": "Unit"}, id="a job in capitals"),
    ],
)
def test_what_looks_like_the_job_counts_for_nothing(like):
    world = job(all_but_unit(), "unit", **like)
    assert world.mission.phase is Phase.TESTING
    said = reason(world.verdict.root, "job unit")
    assert said == "the forge says that it has not reported"
    assert job(world, "unit").mission.phase is Phase.GATING


@pytest.mark.parametrize("like", [{"run_id": LATER}, {"app_id": 999}, {"app_id": None}])
def test_nor_does_it_take_away_what_the_job_itself_said(like):
    world = job(all_but_unit(), "unit")
    world.now += (world.wake_at - world.now) / 2
    job(world, "unit", "failure", **like)
    assert world.mission.phase is Phase.GATING
    assert len(world.mission.attempts) == 1


@pytest.mark.parametrize("word", ["skipped", "neutral", "cancelled", "stale"])
def test_a_job_that_was_not_run_to_its_end_is_not_passed(word):
    world = job(all_but_unit(), "unit", word)
    assert world.mission.phase is not Phase.GATING
    assert f"job unit: the forge says {word}" in world.mission.attempts[0].failure


def test_a_second_attempt_of_the_run_is_believed_over_the_first():
    world = job(all_but_unit(), "unit", None, id="second", at=World().now)
    job(world, "unit", "failure", id="second")
    assert "job unit: the forge says failure" in world.mission.attempts[0].failure


def all_but_report() -> World:
    """Bring a mission as far as CI's jobs bring it without a report."""
    world = World().file()
    for name in JOBS:
        job(world, name)
    return world


def test_the_report_itself_is_what_was_missing():
    world = all_but_report()
    assert world.mission.phase is Phase.TESTING
    assert report(world).mission.phase is Phase.GATING


@pytest.mark.parametrize(
    "like",
    [
        pytest.param({"head_sha": sha("another head")}, id="about another head"),
        pytest.param({"base_sha": sha("another base")}, id="about another base"),
        pytest.param({"run_id": LATER}, id="of a run whose jobs nobody saw"),
        pytest.param({"run_id": RUN - 1}, id="of an earlier run"),
    ],
)
def test_what_looks_like_the_report_counts_for_nothing(like):
    assert report(all_but_report(), **like).mission.phase is Phase.TESTING


@pytest.mark.parametrize(
    ("like", "says"),
    [
        ({"tree": sha("another tree")}, "CI tested tree"),
        (
            {"workflow": ".github/workflows/mine.yml"},
            "is not a workflow that governance listens to",
        ),
    ],
)
def test_a_report_of_another_tree_or_workflow_fails_the_attempt(like, says):
    world = report(all_but_report(), **like)
    assert world.mission.phase is not Phase.GATING
    assert says in world.mission.attempts[0].failure


def test_the_report_of_an_old_attempt_does_not_replace_that_of_the_newer():
    world = World().file()
    report(world, run_attempt=2)
    bad = make_report(world.head, world.mission.attempt.tree, passed=False, run_id=RUN)
    world.deliver(ev.ResultsReported(report=bad))
    for name in JOBS:
        job(world, name)
    assert world.facts.report(world.head).run_attempt == 2
    assert world.mission.phase is Phase.GATING


def test_the_stress_run_is_believed_on_the_word_of_its_own_run():
    world = World().file()
    for name in JOBS[:2]:
        job(world, name)
    report(world)
    job(world, "stress", run_id=LATER)
    assert world.mission.phase is Phase.TESTING
    assert job(world, "stress").mission.phase is Phase.GATING


def test_a_forge_that_tells_no_runs_is_believed_by_app_and_name():
    world = all_but_unit()
    assert job(world, "unit", run_id=None).mission.phase is Phase.GATING


def test_checks_of_the_same_name_are_kept_apart_by_app_and_run():
    keys = {check_key("unit", app, run) for app in (None, 15, 16) for run in (None, 0, 1)}
    assert len(keys) == 9

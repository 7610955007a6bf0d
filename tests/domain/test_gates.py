"""Every outcome of every gate."""

from datetime import timedelta
from uuid import UUID

import pytest

from grace.domain import events as ev
from grace.domain import gates
from grace.domain.facts import Facts, check_key
from grace.domain.gates import (
    find_test,
    job_condition,
    metrics_gate,
    must_pass,
    readiness_gate,
    stress_gate,
)
from grace.domain.mission import Attempt, Mission, MissionRef, PullRef
from grace.domain.observed import BaseFact, CheckFact, PullFact
from grace.domain.package import AcceptanceCriteria, MetricTarget
from grace.domain.policy import Stress
from grace.domain.results import StressReport, SuiteReport, TestCase, TestOutcome
from grace.domain.verdict import Result
from support.phases import alert_request
from support.world import BASE, CI_APP, METRIC, MUST_PASS, START, make_policy, make_report, sha

HEAD, TREE = sha("head"), sha("tree")
ATTEMPT = Attempt(
    number=1, candidate="patch-1", agent="candidate", base=BASE, head=HEAD, tree=TREE, blobs="b"
)
CRITERIA = AcceptanceCriteria(must_pass_tests=(MUST_PASS,))
GREEN = {"unit": "success", "integration": "success", "stress": "success"}


def facts(jobs=GREEN, report=None, **changes):
    made = make_report(HEAD, TREE) if report is None else report
    checks = {
        check_key(name, CI_APP): CheckFact(
            id=name, name=name, app_id=CI_APP, conclusion=word, url="", at=START
        )
        for name, word in jobs.items()
    }
    return Facts(checks={HEAD: checks}, reports={HEAD: made} if made else {}, **changes)


def mission(**changes):
    return Mission(
        uid=UUID(int=1),
        name="mission_20261122_001",
        ref=MissionRef(host="forge.test", repository_id=1, repository="acme/mesh"),
        created_at=START,
        request=alert_request(),
        attempts=(ATTEMPT,),
        pull=PullRef(number=2, url=""),
    ).with_(**changes)


def judged(known, criteria=CRITERIA):
    return gates.tests_gate(ATTEMPT, known, criteria, make_policy())


def suite(name, *outcomes):
    cases = tuple(TestCase(name=f"t.{i}", outcome=o) for i, o in enumerate(outcomes))
    counts = {o: sum(x is o for x in outcomes) for o in TestOutcome}
    return SuiteReport(
        suite=name,
        job=name,
        passed=counts[TestOutcome.PASSED],
        failed=counts[TestOutcome.FAILED],
        skipped=counts[TestOutcome.SKIPPED],
        duration_s=1,
        cases=cases,
    )


def with_suites(*suites):
    return make_report(HEAD, TREE).model_copy(update={"suites": suites})


def test_green_tests_pass():
    assert judged(facts()).result is Result.PASS


@pytest.mark.parametrize(
    "word",
    [
        *("failure", "cancelled", "timed_out", "action_required", "stale", "startup_failure"),
        *("skipped", "neutral", "anything else"),
    ],
)
def test_only_success_of_a_job_passes(word):
    known = facts(GREEN | {"unit": word})
    report = make_report(HEAD, TREE)
    assert job_condition(known, report, "unit", make_policy()).result is Result.FAIL
    assert judged(known).holding().name == "job unit"


@pytest.mark.parametrize(("jobs", "words"), [({}, "has not reported"), ({"unit": None}, "running")])
def test_a_missing_or_running_job_is_waited_for(jobs, words):
    found = job_condition(facts(jobs), make_report(HEAD, TREE), "unit", make_policy())
    assert (found.result, words in found.reason) == (Result.PENDING, True)


def test_a_suite_that_is_not_reported_fails():
    report = with_suites(make_report(HEAD, TREE).suites[0])
    assert judged(facts(report=report)).holding().reason == "is not in the report"


@pytest.mark.parametrize(
    "outcomes", [(), (TestOutcome.SKIPPED,), (TestOutcome.PASSED, TestOutcome.FAILED)]
)
def test_a_suite_with_nothing_passed_or_something_failed_fails(outcomes):
    report = with_suites(suite("unit", *outcomes), suite("integration", TestOutcome.PASSED))
    found = judged(facts(report=report), AcceptanceCriteria())
    assert found.holding().name == "suite unit"


def test_every_report_of_a_suite_counts():
    good, bad = suite("unit", TestOutcome.PASSED), suite("unit", TestOutcome.FAILED)
    integration = suite("integration", TestOutcome.PASSED)
    for order in ((good, bad, integration), (bad, good, integration)):
        found = judged(facts(report=with_suites(*order)), AcceptanceCriteria())
        assert found.result is Result.FAIL


@pytest.mark.parametrize(
    "wanted",
    [MUST_PASS, "tests/unit/test_delivery.py::test_cost", "test_delivery.test_cost", "test_cost"],
)
def test_a_test_is_found_by_name_path_or_suffix(wanted):
    assert must_pass(make_report(HEAD, TREE), wanted).result is Result.PASS


@pytest.mark.parametrize("wanted", ["cost", "test_other", "est_cost", ""])
def test_half_a_name_finds_nothing(wanted):
    found = must_pass(make_report(HEAD, TREE), wanted)
    assert (found.result, found.reason) == (Result.FAIL, "no report has a test of this name")


def test_a_suffix_of_two_tests_is_ambiguous_but_a_whole_name_is_not():
    names = ("a.test_x", "b.a.test_x")
    cases = tuple(TestCase(name=n, outcome=TestOutcome.PASSED) for n in names)
    both = suite("unit").model_copy(update={"cases": cases})
    report = with_suites(both)
    assert "2 tests have this suffix" in must_pass(report, "test_x").reason
    assert must_pass(report, "test_x").result is Result.FAIL
    assert find_test(report, "a.test_x") == cases[:1]


@pytest.mark.parametrize("outcome", [TestOutcome.FAILED, TestOutcome.SKIPPED])
def test_a_must_pass_test_passes_or_fails_the_mission(outcome):
    case = TestCase(name="a.b", outcome=outcome, message="because\nof this")
    report = with_suites(suite("unit").model_copy(update={"cases": (case,)}))
    found = must_pass(report, "a.b")
    assert (found.result, found.reason) == (Result.FAIL, f"{outcome} because of this")


def run(**changes):
    base = make_report(HEAD, TREE).stress[0]
    return StressReport.model_validate(base.model_dump() | changes)


def stressed(*runs, jobs=GREEN, **rules):
    policy = make_policy(stress=Stress(**rules))
    report = make_report(HEAD, TREE).model_copy(update={"stress": runs})
    return stress_gate(ATTEMPT, facts(jobs, report=report), policy)


def test_the_stress_gate_in_every_outcome():
    head, slow_base = run(), run(subject="base", p95_ms=1000)
    assert stressed(head, slow_base).result is Result.PASS
    assert stressed(head, required=False).result is Result.SKIPPED
    assert stressed().reason == "the report has no stress run of the head"
    assert stressed(run(requests=49), slow_base).result is Result.NO_DATA
    assert stressed(run(error_rate=1.5)).holding().name == "errors"
    assert stressed(head, slow_base, jobs=GREEN | {"stress": "skipped"}).result is Result.FAIL
    no_report = Facts()
    assert stress_gate(ATTEMPT, no_report, make_policy()).result is Result.PENDING


def test_p95_is_held_against_the_base_with_its_noise():
    base = run(subject="base", p95_ms=100)
    rules = {"max_regression": 0.1, "noise_floor_ms": 5}
    assert stressed(run(p95_ms=115), base, **rules).result is Result.PASS
    found = stressed(run(p95_ms=115.1), base, **rules)
    assert found.holding().name == "p95 against base"
    unloaded = run(subject="base", requests=0)
    for runs in ((run(),), (run(), unloaded)):
        assert stressed(*runs).children[-1].result is Result.SKIPPED


def metric(known, metric_id=METRIC, policy=None):
    target = MetricTarget(metric_id=metric_id, comparator="<", target=100)
    criteria = AcceptanceCriteria(metric_targets=(target,))
    return metrics_gate(ATTEMPT, known, criteria, policy or make_policy())


def test_the_metrics_gate_in_every_outcome():
    empty = make_report(HEAD, TREE).model_copy(update={"stress": ()})
    assert metric(facts()).result is Result.PASS
    assert metric(facts(report=make_report(HEAD, TREE, p95=100))).result is Result.FAIL
    assert metric(Facts()).result is Result.PENDING
    assert metric(facts(report=empty)).result is Result.NO_DATA
    idle = empty.model_copy(update={"stress": (run(requests=0),)})
    assert metric(facts(report=idle)).result is Result.NO_DATA
    deferred = metric(facts(), "error_rate")
    assert deferred.children[0].result is Result.DEFERRED
    assert deferred.passes
    assert metrics_gate(ATTEMPT, facts(), CRITERIA, make_policy()).result is Result.SKIPPED
    assert metric(facts(), "left_the_catalog").result is Result.NO_DATA


def ready(known=None, **changes):
    here = BaseFact(branch="main", sha=BASE, at=START)
    return readiness_gate(mission(**changes), ATTEMPT, known or Facts(base=here))


def pull(**changes):
    seen = {
        "head_sha": HEAD,
        "state": "open",
        "merged": False,
        "merge_sha": None,
        "draft": False,
        "sender": ev.Actor(login="x"),
        "at": START + timedelta(seconds=1),
    }
    here = BaseFact(branch="main", sha=BASE, at=START)
    return Facts(base=here, pulls={2: PullFact(**(seen | changes))})


def test_the_readiness_gate_in_every_outcome():
    assert ready().result is Result.PASS
    assert ready(pull()).result is Result.PASS
    assert ready(pull(state="closed")).result is Result.FAIL
    assert ready(pull(draft=True)).result is Result.PENDING
    assert ready(pull=None).holding().reason == "is being opened"
    assert ready(Facts()).holding().reason == "it moved; its tip is being read"
    elsewhere = Facts(base=BaseFact(branch="main", sha=sha("new"), at=START))
    assert "moved to" in ready(elsewhere).holding().reason
    assert ready(held="held by alice").holding().name == "held"
    assert ready(forge_says="no").holding().who == "the forge"
    killed = pull().model_copy(update={"kill_switch": True})
    assert ready(killed).holding().name == "kill switch"

"""The gates a mission passes before its merge, each a pure judgement of facts."""

from typing import Literal

from grace.domain.facts import Facts, check_key
from grace.domain.mission import Attempt, Mission
from grace.domain.observed import CheckFact
from grace.domain.package import AcceptanceCriteria, MetricTarget
from grace.domain.policy import Policy
from grace.domain.proactive_words import PREPARED
from grace.domain.results import CIReport, StressReport, SuiteReport, TestCase, TestOutcome
from grace.domain.verdict import Condition, Result, all_of, leaf

CI = "CI"
FAILED_CONCLUSIONS = frozenset(
    {"failure", "cancelled", "timed_out", "action_required", "stale", "startup_failure"}
)


def find_test(
    report: CIReport, wanted: str, subject: Literal["head", "base"] = "head"
) -> tuple[TestCase, ...]:
    """Find a test by its JUnit name or by a suffix of it; more than one is ambiguous.

    `tests/unit/test_a.py::test_b` and `tests.unit.test_a.test_b` name the same test.
    """
    name = wanted.replace(".py::", ".").replace("::", ".").replace("/", ".")
    cases = [c for suite in report.suites if suite.subject == subject for c in suite.cases]
    exact = tuple(c for c in cases if c.name == name)
    return exact or tuple(c for c in cases if c.name.endswith(f".{name}"))


def job_conditions(
    facts: Facts, report: CIReport, suite: str, policy: Policy
) -> tuple[Condition, ...]:
    """Judge the forge's own conclusions of a suite's CI jobs; governance says which they are."""
    jobs = policy.governance.tests.jobs.get(suite, (suite,))
    return tuple(job_condition(facts, report, job, policy) for job in jobs)


def job_condition(facts: Facts, report: CIReport, job: str, policy: Policy) -> Condition:
    """Judge the forge's own conclusion of one CI job of the report's run; only success passes.

    Only check runs of the CI's own App count: a commit status or another App's check of the same
    name proves nothing, nor does a job of the same name of another run, where the forge tells runs.
    """
    check = check_of(facts, report, job, policy)
    name = f"job {job}"
    if check is None or check.conclusion is None:
        words = "has not reported" if check is None else "is running"
        return leaf(name, Result.PENDING, f"the forge says that it {words}", CI)
    if check.conclusion == "success":
        return leaf(name, Result.PASS, "the forge says success")
    return leaf(name, Result.FAIL, f"the forge says {check.conclusion}", "the patch's author")


def check_of(facts: Facts, report: CIReport, job: str, policy: Policy) -> CheckFact | None:
    """Return the newest check run of one CI job of the report's run, as the forge tells it."""
    known = facts.checks.get(report.head_sha, {})
    apps = policy.governance.tests.ci_app_ids
    keys = (check_key(job, app, run) for app in apps for run in (report.run_id, None))
    runs = [known[key] for key in keys if key in known]
    return max(runs, key=lambda run: run.at, default=None)


def must_pass(report: CIReport, wanted: str) -> Condition:
    """Judge one must-pass test by name; missing, skipped and ambiguous never pass."""
    name = f"must pass {wanted}"
    found = find_test(report, wanted)
    if not found:
        return leaf(name, Result.FAIL, "no report has a test of this name", "the patch's author")
    if len(found) > 1:
        reason = f"{len(found)} tests have this suffix; write out more of the name"
        return leaf(name, Result.FAIL, reason, "the mission's author")
    case = found[0]
    if case.flaky:
        reason = "passed only in one of several runs on the same commit"
        return leaf(name, Result.FAIL, reason, "the patch's author")
    if case.outcome is TestOutcome.PASSED:
        return leaf(name, Result.PASS, "passed")
    reason = " ".join(f"{case.outcome} {case.message}".split())[:300]
    return leaf(name, Result.FAIL, reason, "the patch's author")


def tests_gate(
    attempt: Attempt, facts: Facts, criteria: AcceptanceCriteria, policy: Policy
) -> Condition:
    """Judge unit and integration suites and the must-pass tests of the head."""
    head = attempt.head or ""
    report = facts.report(head)
    broken = failed_jobs(facts, head, policy)
    if report is None:
        if broken:
            reason = f"CI job {broken[0].name} ended with {broken[0].conclusion}; no report yet"
            return leaf("tests", Result.PENDING, reason, CI)
        return leaf("tests", Result.PENDING, f"no report for {head[:10]} yet", CI)
    if report.workflow not in policy.governance.tests.workflows:
        reason = f"{report.workflow} is not a workflow that governance listens to"
        return leaf("tests", Result.FAIL, reason, "an operator, in governance.yaml")
    if report.base_sha != attempt.base:
        reason = f"the report is about base {report.base_sha[:10]}, not {(attempt.base or '')[:10]}"
        return leaf("tests", Result.PENDING, reason, CI)
    if report.tree != attempt.tree:
        reason = f"CI tested tree {report.tree[:10]}, the branch has {(attempt.tree or '')[:10]}"
        return leaf("tests", Result.FAIL, reason, CI)
    children: list[Condition] = []
    for name in policy.governance.tests.suites:
        children += suite_conditions(facts, report, name, policy)
    children += [must_pass(report, wanted) for wanted in criteria.must_pass_tests]
    return all_of("tests", tuple(children))


def suite_conditions(
    facts: Facts, report: CIReport, name: str, policy: Policy
) -> tuple[Condition, ...]:
    """Judge one suite of the head: what its tests did, and what the forge says of its jobs."""
    suites = [s for s in report.suites if s.suite == name and s.subject == "head"]
    missing = () if suites else (leaf(f"suite {name}", Result.FAIL, "is not in the report", CI),)
    jobs = job_conditions(facts, report, name, policy)
    return (*missing, *(_suite_condition(suite) for suite in suites), *jobs)


def _suite_condition(suite: SuiteReport) -> Condition:
    name = f"suite {suite.suite}"
    counts = f"{suite.passed} passed, {suite.failed} failed, {suite.skipped} skipped"
    if suite.failed == 0 and suite.passed > 0:
        return leaf(name, Result.PASS, counts)
    return leaf(name, Result.FAIL, counts, "the patch's author")


def failed_jobs(facts: Facts, sha: str, policy: Policy) -> tuple[CheckFact, ...]:
    """List CI's jobs on this commit that ended badly; none while a job of CI still runs."""
    jobs = newest_jobs(facts, sha, policy)
    if any(check.conclusion is None for check in jobs):
        return ()
    return tuple(check for check in jobs if check.conclusion in FAILED_CONCLUSIONS)


def newest_jobs(facts: Facts, sha: str, policy: Policy) -> tuple[CheckFact, ...]:
    """List the newest check of each of CI's jobs on this commit.

    A run that another one replaced is history, also where nobody told how it ended.
    """
    apps = policy.governance.tests.ci_app_ids
    newest: dict[tuple[int | None, str], CheckFact] = {}
    for check in facts.checks.get(sha, {}).values():
        known = newest.get((check.app_id, check.name))
        if check.app_id in apps and (known is None or known.order() <= check.order()):
            newest[check.app_id, check.name] = check
    return tuple(newest.values())


def stress_of(report: CIReport, subject: str) -> StressReport | None:
    """Return the load test of `head` or `base`, if the report has it."""
    return next((s for s in report.stress if s.subject == subject), None)


def stress_gate(attempt: Attempt, facts: Facts, policy: Policy) -> Condition:
    """Judge the head's stress run: load, errors, and p95 against the base's run."""
    rules = policy.governance.stress
    if not rules.required:
        return leaf("stress", Result.SKIPPED, "governance does not require a stress run")
    report = facts.report(attempt.head or "")
    if report is None:
        return leaf("stress", Result.PENDING, "no report yet", CI)
    head = stress_of(report, "head")
    if head is None:
        return leaf("stress", Result.FAIL, "the report has no stress run of the head", CI)
    enough = head.requests >= rules.min_requests
    errors = head.error_rate <= rules.max_error_rate
    children = [
        *job_conditions(facts, report, "stress", policy),
        leaf(
            "load",
            Result.PASS if enough else Result.NO_DATA,
            f"{head.requests} requests, at least {rules.min_requests} are needed",
            "" if enough else CI,
        ),
        leaf(
            "errors",
            Result.PASS if errors else Result.FAIL,
            f"{head.error_rate:.2f} % of requests failed, at most {rules.max_error_rate:g} % may",
            "" if errors else "the patch's author",
        ),
        _against_base(head, stress_of(report, "base"), policy),
    ]
    return all_of("stress", tuple(children))


def _against_base(head: StressReport, base: StressReport | None, policy: Policy) -> Condition:
    rules = policy.governance.stress
    name = "p95 against base"
    if base is None or base.requests == 0:
        return leaf(name, Result.SKIPPED, "the base could not be put under load")
    allowed = base.p95_ms * (1 + rules.max_regression) + rules.noise_floor_ms
    figures = f"{head.p95_ms:.1f} ms, base {base.p95_ms:.1f} ms, at most {allowed:.1f} ms"
    if head.p95_ms <= allowed:
        return leaf(name, Result.PASS, figures)
    return leaf(name, Result.FAIL, figures, "the patch's author")


def metric_gate(attempt: Attempt, facts: Facts, target: MetricTarget, policy: Policy) -> Condition:
    """Judge a target on the head's stress run; what only production answers is deferred."""
    name = str(target)
    definition = policy.catalog.metrics.get(target.metric_id)
    if definition is None:
        return leaf(name, Result.NO_DATA, "is no longer in the metrics catalog", "an operator")
    figure = definition.stress
    if figure is None:
        reason = "only production can answer; the observation window decides"
        return leaf(name, Result.DEFERRED, reason)
    report = facts.report(attempt.head or "")
    if report is None:
        return leaf(name, Result.PENDING, "no stress run of the head yet", CI)
    run = stress_of(report, "head")
    if run is None or run.requests == 0:
        return leaf(name, Result.NO_DATA, "the stress run has no figures", CI)
    value = getattr(run, figure)
    if target.holds(value):
        return leaf(name, Result.PASS, f"{value:.4g} in the stress run")
    return leaf(name, Result.FAIL, f"{value:.4g} in the stress run", "the patch's author")


def metrics_gate(
    attempt: Attempt, facts: Facts, criteria: AcceptanceCriteria, policy: Policy
) -> Condition:
    """Judge every metric target on the stress run."""
    if not criteria.metric_targets:
        return leaf("metrics", Result.SKIPPED, "the mission names no metric target")
    targets = criteria.metric_targets
    return all_of("metrics", tuple(metric_gate(attempt, facts, t, policy) for t in targets))


def ci_gates(
    attempt: Attempt, facts: Facts, criteria: AcceptanceCriteria, policy: Policy
) -> tuple[Condition, ...]:
    """Judge what CI says of an attempt, or of the merge group that it became."""
    return (
        tests_gate(attempt, facts, criteria, policy),
        stress_gate(attempt, facts, policy),
        metrics_gate(attempt, facts, criteria, policy),
    )


def readiness_gate(mission: Mission, attempt: Attempt, facts: Facts) -> Condition:
    """Judge whether the forge can merge exactly this head onto a base that it contains."""
    children = [_pull_condition(mission, attempt, facts), _base_condition(attempt, facts)]
    if mission.held is not None:
        children.append(leaf("held", Result.FAIL, mission.held, "/grace resume"))
    if mission.prepared is not None:
        children.append(leaf("prepared", Result.PENDING, PREPARED, "somebody who may write"))
    if mission.forge_says:
        children.append(leaf("forge", Result.PENDING, mission.forge_says, "the forge"))
    return all_of("merge readiness", (*children, *kill_switches(facts)))


def kill_switches(facts: Facts) -> tuple[Condition, ...]:
    """List the kill switches that are on, and why."""
    if facts.kill_switch and not facts.stops:
        return (leaf("kill switch", Result.FAIL, "is on", "an operator"),)
    who = {
        "operator": "an operator",
        "file": "an operator, who removes the file",
        "issue": "somebody with write permission, who closes the issue",
    }
    return tuple(leaf("kill switch", Result.FAIL, s.reason, who[s.kind]) for s in facts.stops)


def _pull_condition(mission: Mission, attempt: Attempt, facts: Facts) -> Condition:
    name = "pull request"
    if mission.pull is None:
        return leaf(name, Result.PENDING, "is being opened", "Grace")
    seen = facts.pulls.get(mission.pull.number)
    if seen is not None and seen.state == "closed":
        return leaf(name, Result.FAIL, "is closed", "a person who reopens it")
    if seen is not None and seen.draft:
        return leaf(name, Result.PENDING, "is a draft", "a person who marks it ready")
    return leaf(name, Result.PASS, f"#{mission.pull.number} is open at {(attempt.head or '')[:10]}")


def _base_condition(attempt: Attempt, facts: Facts) -> Condition:
    name = "base"
    if facts.base is None:
        return leaf(name, Result.PENDING, "it moved; its tip is being read", "Grace")
    if facts.base.sha != attempt.base:
        reason = f"moved to {facts.base.sha[:10]} since the patch was made"
        return leaf(name, Result.PENDING, reason, "Grace, who tests again on the new base")
    return leaf(name, Result.PASS, f"the head contains its tip {facts.base.sha[:10]}")

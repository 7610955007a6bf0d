"""Conditions on what CI reported: tests by name, flakes, stress, red on base, the tested tree."""

from grace.domain import gates
from grace.domain.results import CIReport, StressReport, TestCase, TestOutcome
from grace.domain.rules.case import Case
from grace.domain.rules.language import FlakeProof, Stress, Tests
from grace.domain.rules.paths import few
from grace.domain.verdict import Condition, Result, all_of, leaf

CI, AUTHOR = gates.CI, "the patch's author"


def unreported(name: str, case: Case) -> Condition:
    """Say that CI has not reported this head on this base yet."""
    return leaf(name, Result.PENDING, f"no report for {case.head[:10]} yet", CI)


def tests(wanted: Tests, case: Case) -> Condition:
    """Judge suites, and tests by name: the colour of a job proves nothing about a test."""
    report = case.report
    if report is None:
        return unreported("tests", case)
    children: list[Condition] = []
    for name in wanted.suites:
        children += gates.suite_conditions(case.facts, report, name, case.policy)
    children += [gates.must_pass(report, test) for test in wanted.must_pass]
    return all_of("tests", tuple(children))


def flake_proof(wanted: FlakeProof, case: Case) -> Condition:
    """Judge whether every failure was put to the proof by another run on the same commit."""
    name, report = "flake proof", case.report
    if report is None:
        return unreported(name, case)
    suites = [s for s in report.suites if s.subject == "head"]
    cases = [c for s in suites for c in s.cases]
    total = sum(s.passed + s.failed + s.skipped for s in suites)
    if not total:
        return leaf(name, Result.NO_DATA, "the report names no test", CI)
    lost = tuple(c.name for c in cases if c.outcome is TestOutcome.FAILED and not c.earlier)
    if lost:
        return leaf(name, Result.FAIL, f"failed and was not run again: {few(lost)}", CI)
    flaky = tuple(c.name for c in cases if c.flaky)
    words = f"{len(flaky)} of {total} tests differed between runs, at most {wanted.at_most}"
    if len(flaky) <= wanted.at_most:
        return leaf(name, Result.PASS, words)
    return leaf(name, Result.FAIL, f"{words}: {few(flaky)}", AUTHOR)


def stress(wanted: Stress, case: Case) -> Condition:
    """Judge the head's load test by figures, and against the base's."""
    report = case.report
    if report is None:
        return unreported("stress", case)
    run = gates.stress_of(report, "head")
    if run is None:
        return leaf("stress", Result.NO_DATA, "the report has no stress run of the head", CI)
    children = [*gates.job_conditions(case.facts, report, "stress", case.policy)]
    enough = run.requests >= wanted.min_requests
    words = f"{run.requests} requests, at least {wanted.min_requests} are needed"
    children.append(leaf("load", Result.PASS if enough else Result.NO_DATA, words, CI))
    limits = (
        ("error rate, %", run.error_rate, wanted.max_error_rate),
        ("p95, ms", run.p95_ms, wanted.max_p95_ms),
        ("p99, ms", run.p99_ms, wanted.max_p99_ms),
    )
    children += [_limit(name, value, most) for name, value, most in limits if most is not None]
    if wanted.max_regression is not None:
        children.append(_regression(run, report, wanted.max_regression))
    return all_of("stress", tuple(children))


def _limit(name: str, value: float, most: float) -> Condition:
    result = Result.PASS if value <= most else Result.FAIL
    return leaf(name, result, f"{value:.4g}, at most {most:g}", AUTHOR)


def _regression(run: StressReport, report: CIReport, most: float) -> Condition:
    name, base = "p95 against base", gates.stress_of(report, "base")
    if base is None or base.requests == 0:
        return leaf(name, Result.NO_DATA, "the base was not put under load", CI)
    allowed = base.p95_ms * (1 + most)
    words = f"{run.p95_ms:.1f} ms, base {base.p95_ms:.1f} ms, at most {allowed:.1f} ms"
    return leaf(name, Result.PASS if run.p95_ms <= allowed else Result.FAIL, words, AUTHOR)


def red_on_base(case: Case) -> Condition:
    """Judge whether each must-pass test fails on the base's code and passes on the head's."""
    name, report = "red on base", case.report
    if report is None:
        return unreported(name, case)
    wanted = case.criteria.must_pass_tests
    if not wanted:
        return leaf(name, Result.NO_DATA, "the mission names no must-pass test", "its author")
    if not any(s.subject == "base" for s in report.suites):
        return leaf(name, Result.NO_DATA, "CI did not run the tests on the base's code", CI)
    return all_of(name, tuple(_red(report, test) for test in wanted))


def _red(report: CIReport, wanted: str) -> Condition:
    green = gates.must_pass(report, wanted)
    if not green.passes:
        return green
    name = f"red on base {wanted}"
    before: tuple[TestCase, ...] = gates.find_test(report, wanted, "base")
    if len(before) != 1:
        reason = "the base's run has no single test of this name: it is not shown to fail there"
        return leaf(name, Result.NO_DATA, reason, CI)
    if before[0].outcome is TestOutcome.FAILED and TestOutcome.PASSED not in before[0].earlier:
        return leaf(name, Result.PASS, "fails on the base, passes on the head")
    reason = f"{before[0].outcome} on the base too: it does not show that anything was fixed"
    return leaf(name, Result.FAIL, reason, "the mission's author")


def tested_tree(case: Case) -> Condition:
    """Judge whether what CI tested is what would land, on the base that it contains."""
    name, report = "tested tree", case.report
    if report is None:
        return unreported(name, case)
    if report.tree != case.attempt.tree:
        reason = f"CI tested {report.tree[:10]}, the head has {(case.attempt.tree or '')[:10]}"
        return leaf(name, Result.FAIL, reason, CI)
    base = case.facts.base
    if base is None:
        return leaf(name, Result.PENDING, "the base's tip is being read", "Grace")
    if base.sha != case.attempt.base and case.head == case.patch_head:
        return leaf(name, Result.PENDING, f"the base moved to {base.sha[:10]}", "Grace")
    return leaf(name, Result.PASS, f"CI tested {report.tree[:10]}, which is what lands")

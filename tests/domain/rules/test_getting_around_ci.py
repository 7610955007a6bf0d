"""Ways around what CI must show, each refused with its reason beside an honest twin."""

from datetime import date

import pytest

from grace.domain.package import MetricTarget
from grace.domain.phase import Severity
from grace.domain.results import MAX_FINDINGS, ScanReport
from grace.domain.verdict import Result
from grace.domain.waivers import Waiver, Waivers
from support.cases import (
    assert_refused,
    case_of,
    make_suite,
    ready,
    row,
)
from support.reports import make_finding, make_scan
from support.world import BASE, METRIC, MUST_PASS, sha

FAIL, WAIT, NO_DATA = Result.FAIL, Result.PENDING, Result.NO_DATA
READY = ready()
OTHER = case_of("tests.unit.test_delivery.test_renamed")
NO_TEST = f"must pass {MUST_PASS}: no report has a test of this name"
FLAKY = f"must pass {MUST_PASS}: passed only in one of several runs on the same commit"


def bare(*jobs, app=15, run=1):
    """Let the forge have told of these jobs only."""
    matter = READY.knows(checks={})
    for name in ("unit", "integration", "stress"):
        matter = matter.job(name) if name not in jobs else matter.job(name, app=app, run=run)
    return matter


def only_on_base(matter):
    suites = matter.unit(OTHER).report().suites
    return matter.reported(suites=(*suites, make_suite("unit", (case_of(),), "base")))


def stressed(**changes):
    head, base = READY.report().stress
    return READY.reported(stress=(head.model_copy(update=changes), base))


CORE = [
    row("a job of another App", READY, bare("unit", app=99), WAIT, "job unit: the forge says that"),
    row("a job of another run", READY, bare("unit", run=8), WAIT, "job unit: the forge says that"),
    row("a commit status", READY, bare("unit", app=None), WAIT, "job unit: the forge says that"),
    row("a job that was skipped", READY, READY.job("unit", "skipped"), FAIL, "says skipped"),
    row("a test renamed", READY, READY.unit(OTHER), FAIL, NO_TEST),
    row(
        *("a suffix of two tests", READY.criteria(must_pass_tests=("test_cost",))),
        READY.criteria(must_pass_tests=("test_cost",)).unit(case_of(), case_of("x.test_cost")),
        *(FAIL, "must pass test_cost: 2 tests have this suffix"),
    ),
    row(
        "a pass among failures",
        READY,
        READY.unit(case_of(MUST_PASS, "passed", "failed")),
        FAIL,
        FLAKY,
    ),
    row("a pass on the base only", READY, only_on_base(READY), FAIL, NO_TEST),
    row(
        *("a skip marker", READY, READY.unit(OTHER, case_of(MUST_PASS, "skipped"))),
        *(FAIL, f"must pass {MUST_PASS}: skipped"),
    ),
    row(
        *("a suite left out", READY, READY.reported(suites=READY.report().suites[:1])),
        *(FAIL, "suite integration: is not in the report"),
    ),
    row("an empty suite", READY, READY.unit(), FAIL, "suite unit: 0 passed, 0 failed, 0 skipped"),
    row(
        *("a workflow of their own", READY, READY.reported(workflow=".github/workflows/mine.yml")),
        *(FAIL, "mine.yml is not a workflow that governance listens to"),
    ),
    row(
        *("another tree", READY, READY.reported(tree=sha("nicer"))),
        *(FAIL, f"CI tested tree {sha('nicer')[:10]}, the branch has"),
    ),
    row(
        *("another base", READY, READY.reported(base_sha=sha("older"))),
        *(WAIT, f"the report is about base {sha('older')[:10]}"),
    ),
    row("a report of nothing", READY, READY.knows(reports={}), WAIT, "tests: no report for"),
    row("little load", READY, stressed(requests=3), NO_DATA, "load: 3 requests, at least 50"),
    row("errors under load", READY, stressed(error_rate=2), FAIL, "errors: 2.00 % of requests"),
    row("slower than the base", READY, stressed(p95_ms=900), FAIL, "p95 against base: 900.0 ms"),
]

NAMED = READY.criteria(must_pass_tests=()).rule(
    tests={"suites": ["unit"], "must_pass": ["test_delivery.test_cost"]}
)
STEADY = READY.rule(flake_proof={})
SKIPS = READY.rule(flake_proof={"at_most": 1})
LOAD = {
    "min_requests": 900,
    "max_error_rate": 0.5,
    "max_p95_ms": 30,
    "max_p99_ms": 50,
    "max_regression": 0,
}


def loaded(**changes):
    head, base = READY.report().stress
    runs = (head.model_copy(update=changes), base.model_copy(update={"p95_ms": 25.0}))
    return READY.reported(stress=runs).rule(stress=LOAD)


def calm(**changes):
    head, _ = READY.report().stress
    run = head.model_copy(update=changes)
    return READY.reported(stress=(run,)).rule(stress={"max_error_rate": 0})


def without_base_load():
    return loaded().reported(stress=READY.report().stress[:1])


def red(before="failed", *earlier, name=MUST_PASS, now=None):
    """Let the head's tests run on the base's code too."""
    matter = READY.unit(now or case_of()).rule(red_on_base={})
    suites = (
        *matter.report().suites,
        make_suite("unit", (case_of(name, before, *earlier),), "base"),
    )
    return matter.reported(suites=suites)


TREE = READY.rule(tested_tree={})

TESTS = [
    row(
        "named test renamed",
        NAMED,
        NAMED.unit(OTHER),
        FAIL,
        "must pass test_delivery.test_cost: no",
    ),
    row(
        "named test on the base only", NAMED, only_on_base(NAMED), FAIL, "test_cost: no report has"
    ),
    row(
        *("named test that is flaky", NAMED),
        *(NAMED.unit(case_of(MUST_PASS, "passed", "failed")), FAIL, "passed only in one of"),
    ),
    row("named suite of another App", NAMED, NAMED.job("unit", None), WAIT, "job unit: the forge"),
    row("named suite left out", NAMED, NAMED.reported(suites=()), FAIL, "suite unit: is not in"),
    row("named test not reported", NAMED, NAMED.knows(reports={}), WAIT, "tests: no report for"),
    row(
        *("failed once, not run again", STEADY, STEADY.unit(case_of(), case_of("x.y", "failed"))),
        *(FAIL, "flake proof: failed and was not run again: x.y"),
    ),
    row(
        *("passed at the second try", STEADY),
        *(
            STEADY.unit(case_of(), case_of("x.y", "passed", "failed")),
            FAIL,
            "1 of 3 tests differed",
        ),
    ),
    row(
        *("more flakes than allowed", SKIPS.unit(case_of(), case_of("x.y", "passed", "failed"))),
        SKIPS.unit(case_of(), *(case_of(n, "passed", "failed") for n in ("x.y", "x.z"))),
        *(FAIL, "2 of 4 tests differed between runs, at most 1: x.y, x.z"),
    ),
    row(
        "flakes of no test", STEADY, STEADY.reported(suites=()), NO_DATA, "flake proof: the report"
    ),
    row("flakes unreported", STEADY, STEADY.knows(reports={}), WAIT, "flake proof: no report for"),
    row("too few requests", loaded(), loaded(requests=899), NO_DATA, "at least 900 are needed"),
    row("too many errors", loaded(), loaded(error_rate=0.6), FAIL, "error rate, %: 0.6, at most"),
    row("too slow", loaded(), loaded(p95_ms=31), FAIL, "p95, ms: 31, at most 30"),
    row("too slow at times", loaded(), loaded(p99_ms=51), FAIL, "p99, ms: 51, at most 50"),
    row("any errors", calm(), calm(error_rate=0.1), FAIL, "error rate, %: 0.1, at most 0"),
    row("worse than base", loaded(), loaded(p95_ms=26), FAIL, "26.0 ms, base 25.0 ms, at most"),
    row(
        *("a base without load", loaded(), without_base_load()),
        *(NO_DATA, "p95 against base: the base was not put under load"),
    ),
    row(
        *("no stress run", loaded(), loaded().reported(stress=())),
        *(NO_DATA, "stress: the report has no stress run of the head"),
    ),
    row("stress unreported", loaded(), loaded().knows(reports={}), WAIT, "stress: no report for"),
    row(
        "green on the base", red(), red("passed"), FAIL, "passed on the base too: it does not show"
    ),
    row("skipped on the base", red(), red("skipped"), FAIL, "skipped on the base too"),
    row("flaky on the base", red(), red("failed", "passed"), FAIL, "failed on the base too"),
    row(
        "another name on the base", red(), red(name="x.y"), NO_DATA, "it is not shown to fail there"
    ),
    row("green on neither", red(), red(now=case_of(MUST_PASS, "failed")), FAIL, "cost: failed"),
    row(
        *("not run on the base", red(), READY.rule(red_on_base={})),
        *(NO_DATA, "red on base: CI did not run the tests on the base's code"),
    ),
    row(
        *("names no test", red(), red().criteria(must_pass_tests=())),
        *(NO_DATA, "red on base: the mission names no must-pass test"),
    ),
    row("base unreported", red(), red().knows(reports={}), WAIT, "red on base: no report for"),
    row("tree of a friend", TREE, TREE.reported(tree=sha("x")), FAIL, "tested tree: CI tested"),
    row("tree unreported", TREE, TREE.knows(reports={}), WAIT, "tested tree: no report for"),
    row("base not read", TREE, TREE.knows(base=None), WAIT, "tested tree: the base's tip is being"),
    row(
        *("base that moved", TREE),
        TREE.knows(base=TREE.facts.base.model_copy(update={"sha": sha("moved")})),
        *(WAIT, f"tested tree: the base moved to {sha('moved')[:10]}"),
    ),
]

BAD = make_finding(fingerprint="f" * 64)
TOOLS = {"severity": "high", "tools": ["bandit", "Zizmor"]}


def scanned(*scans, waivers=(), conclusion="success", **changes):
    matter = READY.rule(security=TOOLS).job("hunter", conclusion)
    return matter.reported(scans=scans).patch(waivers=Waivers(waivers=waivers), **changes)


def waiver(expires=date(2026, 12, 1), **of):
    told = {"reason": "a false alarm, seen before", "approved_by": "sam", "expires": expires}
    return Waiver.model_validate(told | (of or {"rule": "B602", "path": "mesh.py"}))


MANY = make_scan().model_copy(
    update={
        "found": MAX_FINDINGS + 1,
        "new": MAX_FINDINGS + 1,
        "findings": tuple(make_finding(severity=Severity.LOW) for _ in range(MAX_FINDINGS)),
    }
)
CLEAN, FOUND = scanned(make_scan()), make_scan(BAD)
KNOWN = make_finding(new=False)
WAIVED = scanned(FOUND, waivers=(waiver(),))
BY_PRINT = scanned(FOUND, waivers=(waiver(fingerprint="f" * 64),))
HELD = "findings of severity high or worse: 1 new: mesh.py:7 bandit B602"

SCANS = [
    row("a new finding", scanned(make_scan(KNOWN)), scanned(FOUND), FAIL, HELD),
    row(
        *("a graver one", CLEAN),
        *(scanned(make_scan(make_finding(severity=Severity.CRITICAL))), FAIL, HELD),
    ),
    row(
        *("compared with another base", CLEAN, scanned(make_scan(base=sha("older")))),
        *(NO_DATA, f"scan hunter: was compared with {sha('older')[:10]}, which is not the base"),
    ),
    row(
        "a scan of the base",
        CLEAN,
        scanned(make_scan().model_copy(update={"subject": "base"})),
        NO_DATA,
        "the report has no security scan",
    ),
    row("no scan", CLEAN, scanned(), NO_DATA, "the report has no security scan"),
    row(
        *("a job cancelled", CLEAN, scanned(make_scan(), conclusion="cancelled")),
        *(NO_DATA, "scan hunter: its job ended with cancelled"),
    ),
    row(
        "a job skipped", CLEAN, scanned(make_scan(), conclusion="skipped"), NO_DATA, "with skipped"
    ),
    row(
        *("a scan among the results of the tests", CLEAN),
        scanned(make_scan().model_copy(update={"job": "unit"})),
        *(NO_DATA, "scan unit: governance takes scans of hunter alone"),
    ),
    row("a job that runs", CLEAN, scanned(make_scan(), conclusion=None), WAIT, "has ended"),
    row(
        *("a scanner left out", CLEAN),
        scanned(make_scan().model_copy(update={"tools": ("bandit 1.9.2", " ", "zizmore")})),
        *(NO_DATA, "tools: did not run: Zizmor"),
    ),
    row("more than can be listed", CLEAN, scanned(MANY), FAIL, "there are more new findings than"),
    row("unreported", CLEAN, CLEAN.knows(reports={}), WAIT, "security: no report for"),
    row("unread", CLEAN, CLEAN.unread(), WAIT, "security: the patch is being read"),
    row(
        *("a waiver that expired", WAIVED),
        scanned(FOUND, waivers=(waiver(expires=date(2026, 11, 21)),)),
        *(FAIL, HELD),
    ),
    row(
        *("a waiver for another path", WAIVED),
        *(scanned(FOUND, waivers=(waiver(rule="B602", path="tests/mesh.py"),)), FAIL, HELD),
    ),
    row(
        *("a waiver of another finding", BY_PRINT),
        *(scanned(FOUND, waivers=(waiver(fingerprint="e" * 64),)), FAIL, HELD),
    ),
    row(
        *("a waiver for one of two", WAIVED),
        scanned(make_scan(BAD, make_finding(file="a.py")), waivers=(waiver(),)),
        *(FAIL, "1 new, 1 waived: a.py:7 bandit B602"),
    ),
    row(
        *("waivers that cannot be read", WAIVED),
        *(WAIVED.patch(waiver_problems=("line 3: no date",)), NO_DATA, "waivers: line 3: no date"),
    ),
]


def test_a_metric_target_that_only_ci_answers_is_judged_on_the_head():
    target = MetricTarget(metric_id=METRIC, comparator="<", target=15)
    slow = READY.criteria(metric_targets=(target,))
    fast = slow.reported(
        stress=tuple(r.model_copy(update={"p95_ms": 10.0}) for r in slow.report().stress)
    )
    assert_refused(fast, slow, FAIL, f"{METRIC} < 15: 20 in the stress run")


@pytest.mark.parametrize(("honest", "attacked", "result", "words"), [*CORE, *TESTS, *SCANS])
def test_nobody_gets_around_ci(honest, attacked, result, words):
    assert_refused(honest, attacked, result, words)


def test_a_scan_that_was_compared_with_nothing_counts_all_as_new():
    scan = ScanReport(job="hunter", tools=("bandit", "zizmor"), found=0, new=0)
    assert scanned(scan).tree().passes
    assert BASE not in str(scan)

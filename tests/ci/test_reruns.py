"""A test that ran more than once: told by the runner's own file, or because Grace ran it again."""

from pathlib import Path

import pytest

from grace.ci import junit
from grace.ci.reruns import joined
from grace.domain.results import SuiteReport, TestCase

SUREFIRE = """<testsuite name="com.acme.Mesh">
<testcase classname="Mesh" name="settles" time="0.1">
  <flakyFailure message="timed out" type="E"><stackTrace>x</stackTrace></flakyFailure>
  <flakyError type="E"/>
</testcase>
<testcase classname="Mesh" name="never" time="0.1">
  <failure message="first"/><rerunFailure message="second"/><rerunError message="third"/>
</testcase>
<testcase classname="Mesh" name="fine" time="0.1"/>
</testsuite>"""
# As written by pytest 9 with pytest-rerunfailures 16: an attempt that failed leaves an empty case.
PLUGIN = """<testsuites name="pytest tests"><testsuite name="pytest" tests="3">
<testcase classname="t" name="flaky" time="0.1"/><testcase classname="t" name="flaky" time="0.2"/>
<testcase classname="t" name="bad"/><testcase classname="t" name="bad"/>
<testcase classname="t" name="bad"><failure message="assert 0"/></testcase>
<testcase classname="t" name="both"><failure message="assert 1"/></testcase>
<testcase classname="t" name="both"><error message="teardown"/></testcase>
</testsuite></testsuites>"""
ONE_EACH = """<testsuites><testsuite name="mesh">
<testcase classname="mesh" name="TestSettles" time="1"><failure message="too late"/></testcase>
<testcase classname="mesh" name="TestSettles" time="2"/>
<testcase classname="mesh" name="TestTwins"/><testcase classname="mesh" name="TestTwins"/>
</testsuite></testsuites>"""


def told(text: str, *, ended_well: bool = False) -> dict[str, tuple[str, list[str], bool]]:
    report = junit.parse(
        text.encode(), suite="unit", job="u", root=Path("/nowhere"), ended_well=ended_well
    )
    return {c.name: (c.outcome.value, list(c.earlier), c.flaky) for c in report.cases}


def test_what_surefire_ran_again_is_flaky_only_if_it_passed_in_the_end():
    assert told(SUREFIRE) == {
        "Mesh.settles": ("passed", ["failed", "failed"], True),
        "Mesh.never": ("failed", ["failed", "failed"], False),
        "Mesh.fine": ("passed", [], False),
    }
    report = junit.parse(SUREFIRE.encode(), suite="unit", job="u", root=Path("/nowhere"))
    assert [case.message for case in report.cases] == ["timed out", "first", ""]


def test_an_empty_case_that_pytest_tells_of_again_is_an_attempt_that_failed():
    assert told(PLUGIN) == {
        "t.flaky": ("passed", ["failed"], True),
        "t.bad": ("failed", ["failed", "failed"], False),
        "t.both": ("failed", [], False),
    }


def test_a_pass_after_a_failure_is_a_second_attempt_only_where_the_command_ended_well():
    assert told(ONE_EACH, ended_well=True) == {
        "mesh.TestSettles": ("passed", ["failed"], True),
        "mesh.TestTwins": ("passed", [], False),
    }
    assert told(ONE_EACH)["mesh.TestSettles"] == ("failed", [], False)
    report = junit.parse(
        ONE_EACH.encode(), suite="unit", job="u", root=Path("/nowhere"), ended_well=True
    )
    assert (report.cases[0].message, report.cases[0].duration_s) == ("too late", 3)


def test_of_many_attempts_each_outcome_is_kept_once():
    many = "<flakyFailure/>" * 30
    found = told(f"<s><testcase name='a'>{many}</testcase></s>")
    assert found == {"a": ("passed", ["failed"], True)}


def test_a_file_that_tells_of_one_test_without_end_is_refused():
    with pytest.raises(junit.ResultsInvalid, match="more than"):
        told("<s>" + "<testcase name='a'/>" * 40_001 + "</s>")


def a_run(**outcomes: str) -> SuiteReport:
    cases = tuple(
        TestCase(
            name=name,
            outcome=outcome,
            duration_s=1,
            message="it broke" if outcome == "failed" else "",
        )
        for name, outcome in outcomes.items()
    )
    count = {o: sum(c.outcome == o for c in cases) for o in ("passed", "failed", "skipped")}
    return SuiteReport(suite="unit", job="unit", duration_s=len(cases), cases=cases, **count)


def test_runs_are_joined_by_name_and_the_last_run_of_each_test_counts():
    first = a_run(a="failed", b="passed", c="failed", d="skipped", e="passed")
    second = a_run(a="passed", b="failed", c="failed", d="passed", f="passed")
    report = joined([first, second, a_run(a="failed")])
    assert {c.name: (c.outcome.value, list(c.earlier)) for c in report.cases} == {
        "a": ("failed", ["failed", "passed"]),
        "b": ("failed", ["passed"]),
        "c": ("failed", ["failed"]),
        "d": ("passed", ["skipped"]),
        "e": ("passed", []),
        "f": ("passed", []),
    }
    assert {case.name for case in report.cases if case.flaky} == {"a", "b"}
    assert (report.passed, report.failed, report.skipped, report.duration_s) == (3, 3, 0, 11)


def test_a_test_that_failed_and_is_left_out_or_skipped_afterwards_keeps_failed():
    report = joined([a_run(gone="failed", shy="failed"), a_run(shy="skipped")])
    assert {c.name: (c.outcome.value, list(c.earlier)) for c in report.cases} == {
        "gone": ("failed", []),
        "shy": ("failed", []),
    }


def test_a_flaky_test_says_how_it_failed():
    (case,) = joined([a_run(a="failed"), a_run(a="passed")]).cases
    assert (case.message, case.flaky) == ("it broke", True)

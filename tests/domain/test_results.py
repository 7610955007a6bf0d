"""What a report may say: places inside the repository, counts that agree, and old reports too."""

import json

import pytest
from pydantic import ValidationError

from grace.domain.phase import Severity
from grace.domain.results import (
    MAX_FINDINGS,
    CIReport,
    Finding,
    ScanReport,
    TestCase,
    TestOutcome,
)
from support.reports import BASE, make_finding, make_report, make_scan

HEAD, TREE = "a" * 40, "c" * 40


def test_a_report_of_before_scans_and_places_is_still_one():
    whole = make_report(HEAD, TREE)
    told = json.loads(whole.model_dump_json())
    assert told.pop("scans") == []
    for suite in told["suites"]:
        for case in suite["cases"]:
            assert (case.pop("file"), case.pop("line")) == (None, None)
    assert CIReport.model_validate(told) == whole


def test_a_scan_goes_and_comes_back_with_its_report():
    scan = make_scan(
        make_finding(severity=Severity.CRITICAL, file="src/a b.py", line=3),
        make_finding(new=False, file=None, line=None),
    )
    report = make_report(HEAD, TREE).model_copy(update={"scans": (scan,)})
    assert CIReport.model_validate_json(report.model_dump_json()) == report


@pytest.mark.parametrize(
    "path",
    [
        *("", "/etc/passwd", "../x.py", "a/../../x", "a//b", "./a.py", "a/", "a\\b", "a\nb"),
        *("a\x1b[31m.py", "\u202ea.py", "a/./b", "x" * 301),
    ],
)
def test_a_place_outside_the_repository_is_refused(path):
    with pytest.raises(ValidationError, match="file"):
        make_finding(file=path)
    with pytest.raises(ValidationError, match="file"):
        TestCase(name="t", outcome=TestOutcome.FAILED, file=path)


@pytest.mark.parametrize("line", [0, -1, 10_000_001])
def test_a_line_is_one_that_a_file_can_have(line):
    with pytest.raises(ValidationError, match="line"):
        make_finding(line=line)


def scan(findings: tuple[Finding, ...], *, found: int, new: int, base: str | None = BASE):
    return ScanReport(
        job="hunter", tools=("bandit 1.9",), base_sha=base, found=found, new=new, findings=findings
    )


FRESH, KNOWN = make_finding(), make_finding(new=False)


@pytest.mark.parametrize(
    ("findings", "found", "new"),
    [
        ((FRESH,), 2, 1),
        ((FRESH,), 1, 2),
        ((FRESH, KNOWN), 2, 2),
        ((KNOWN,) * MAX_FINDINGS, MAX_FINDINGS + 1, 1),
    ],
)
def test_counts_that_do_not_agree_with_the_findings_are_refused(findings, found, new):
    with pytest.raises(ValidationError, match="scan of hunter"):
        scan(findings, found=found, new=new)


def test_what_was_compared_with_nothing_is_all_new():
    with pytest.raises(ValidationError, match="compared with nothing"):
        scan((FRESH, KNOWN), found=2, new=1, base=None)
    assert scan((FRESH,), found=1, new=1, base=None).new == 1


def test_more_findings_than_a_report_may_list_are_counted():
    many = scan((FRESH,) * MAX_FINDINGS, found=MAX_FINDINGS + 9, new=MAX_FINDINGS + 3)
    assert (many.found, len(many.findings)) == (MAX_FINDINGS + 9, MAX_FINDINGS)
    with pytest.raises(ValidationError, match="at most 500"):
        scan((FRESH,) * (MAX_FINDINGS + 1), found=MAX_FINDINGS + 1, new=MAX_FINDINGS + 1)

from pathlib import Path

import pytest

from grace.ci import junit
from grace.ci.errors import ResultsInvalid
from grace.domain.results import SuiteReport, TestOutcome

PYTEST = b"""<?xml version="1.0" encoding="utf-8"?>
<testsuites name="pytest tests"><testsuite name="pytest" errors="1" failures="1" skipped="1">
<testcase classname="tests.unit.test_a.TestA" name="test_x[a/b]" time="0.25" />
<testcase classname="tests/unit/test_a" name="test_y" time="0.5">
  <failure message="assert 1 == 2">long
text</failure></testcase>
<testcase classname="t" name="late" time="0.1" />
<testcase classname="t" name="late" time="0.2"><error>teardown &lt;broke&gt;</error></testcase>
<testcase classname="t" name="skip" time="0"><skipped type="pytest.skip" message="no gpu"/></testcase>
</testsuite></testsuites>
"""


def read(data: bytes) -> SuiteReport:
    return junit.parse(data, suite="unit", job="unit", root=Path("/nowhere"))


def test_cases_are_named_with_dots_and_a_test_told_of_twice_counts_as_its_worst():
    report = read(PYTEST)
    found = {case.name: (case.outcome.value, case.message) for case in report.cases}
    assert found == {
        "tests.unit.test_a.TestA.test_x[a/b]": ("passed", ""),
        "tests.unit.test_a.test_y": ("failed", "assert 1 == 2"),
        "t.late": ("failed", "teardown <broke>"),
        "t.skip": ("skipped", "no gpu"),
    }
    assert (report.passed, report.failed, report.skipped) == (1, 2, 1)
    assert report.duration_s == pytest.approx(1.05)


def test_a_namespace_makes_no_difference():
    report = read(b'<s xmlns="urn:j"><testcase name="a"><failure/></testcase></s>')
    assert report.cases[0].outcome is TestOutcome.FAILED


def test_a_message_is_cut():
    text = b"<s><testcase name='a'><failure>" + b"x" * 9000 + b"</failure></testcase></s>"
    assert len(read(text).cases[0].message) == 2000


BOMB = b"""<?xml version="1.0"?><!DOCTYPE s [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>
<s><testcase name="&b;"/></s>"""


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (BOMB, "document type"),
        (b"<!DOCTYPE s SYSTEM 'file:///etc/passwd'><s/>", "document type"),
        (b"<s><testcase name='a'>", "not XML"),
        (b"", "not XML"),
        (b"<s><testcase name='a' time='soon'/></s>", "not a number"),
        (
            b"<s>" + b"".join(b"<testcase name='t%d'/>" % i for i in range(20_001)) + b"</s>",
            "more than 20000",
        ),
    ],
)
def test_what_cannot_be_trusted_is_refused(data, error):
    with pytest.raises(ResultsInvalid, match=error):
        read(data)


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(ResultsInvalid, match=r"no test results at junit\.xml"):
        junit.read(tmp_path / "junit.xml", suite="unit", job="unit", root=tmp_path)

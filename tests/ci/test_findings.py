import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from grace.ci.findings import MAX_FINDINGS, Finding, Level, Raw, ScanReport, compared, fingerprinted

LINES = st.lists(st.sampled_from(["a()", "b()", "c()", ""]), min_size=1, max_size=12)


def raw(line: int, anchor: str = "eval(x)", **more: object) -> Raw:
    values: dict[str, object] = {
        "tool": "t",
        "rule": "R1",
        "level": Level.WARNING,
        "path": "a.py",
        "message": "m",
    }
    return Raw.model_validate({**values, **more, "line": line, "anchor": anchor})


def scanned(lines: list[str]) -> list[Raw]:
    return [raw(n, line) for n, line in enumerate(lines, 1) if line]


@given(LINES, st.integers(0, 12), st.integers(1, 5))
def test_lines_that_move_are_not_new(lines, at, by):
    moved = lines[:at] + [""] * by + lines[at:]
    assert not any(finding.new for finding in compared(scanned(moved), scanned(lines)))


@given(LINES, st.integers(0, 12), st.sampled_from(["a()", "d()"]))
def test_one_more_finding_is_one_new_one_wherever_it_is(lines, at, added):
    more = [*lines[:at], added, *lines[at:]]
    assert sum(finding.new for finding in compared(scanned(more), scanned(lines))) == 1


def test_without_a_base_all_is_new_and_the_worst_comes_first():
    found = compared([raw(1, level=Level.NOTE), raw(2, level=Level.ERROR)], None)
    assert [(f.level, f.new) for f in found] == [(Level.ERROR, True), (Level.NOTE, True)]


@pytest.mark.parametrize("change", [{"rule": "R2"}, {"path": "b.py"}, {"tool": "u"}])
def test_another_rule_path_or_tool_is_another_finding(change):
    (one,), (two,) = fingerprinted([raw(1)]), fingerprinted([raw(1, **change)])
    assert one[0] != two[0]


def test_spaces_around_a_line_do_not_make_it_new():
    (finding,) = compared([raw(9, "    eval(x)  ")], [raw(1)])
    assert not finding.new


def finding(*, new: bool) -> Finding:
    return Finding(
        tool="t",
        rule="r",
        level=Level.NOTE,
        path="p",
        line=1,
        message="",
        fingerprint="0" * 64,
        new=new,
    )


@pytest.mark.parametrize(
    ("found", "new", "listed"),
    [(1, 1, []), (1, 0, [True]), (1, 1, [False]), (2, 3, [True, True]), (MAX_FINDINGS + 1, 0, [])],
)
def test_counts_that_disagree_with_the_list_are_refused(found, new, listed):
    findings = tuple(finding(new=each) for each in listed)
    with pytest.raises(ValidationError, match=r"counts|listed"):
        ScanReport(job="j", tools=("t",), base_sha=None, found=found, new=new, findings=findings)


def test_a_report_lists_only_so_many_and_counts_all():
    listed = tuple(finding(new=True) for _ in range(MAX_FINDINGS))
    more = MAX_FINDINGS + 5
    report = ScanReport(job="j", tools=("t",), base_sha=None, found=more, new=more, findings=listed)
    assert report.new == more

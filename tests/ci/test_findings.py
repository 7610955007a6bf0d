import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace.ci.findings import Level, Raw, compared, fingerprinted
from grace.domain import results
from grace.domain.phase import Severity

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


def told(**more: object) -> results.Finding:
    (found,) = compared([raw(7, **more)], None)
    return found.told()


@pytest.mark.parametrize(
    ("level", "score", "severity"),
    [
        (Level.NOTE, None, Severity.LOW),
        (Level.WARNING, None, Severity.MEDIUM),
        (Level.ERROR, None, Severity.HIGH),
        (Level.NOTE, 9.0, Severity.CRITICAL),
        (Level.NOTE, 8.9, Severity.HIGH),
        (Level.ERROR, 6.9, Severity.MEDIUM),
        (Level.ERROR, 0.0, Severity.LOW),
    ],
)
def test_the_severity_is_the_rule_s_score_else_the_level(level, score, severity):
    assert told(level=level, score=score).severity is severity


def test_the_worst_comes_first_among_the_new():
    raws = [raw(1, level=Level.ERROR), raw(2, level=Level.NOTE, score=9.5)]
    assert [finding.line for finding in compared(raws, None)] == [2, 1]


@pytest.mark.parametrize("path", [".", "/etc/passwd", "../x", "a\nb.py", "x" * 400])
def test_a_finding_outside_of_every_file_is_told_without_a_place(path):
    found = told(path=path)
    assert (found.file, found.line, found.new) == (None, None, True)


def test_a_finding_in_a_file_is_told_with_its_place():
    assert (told().file, told().line) == ("a.py", 7)

"""Text spans, parentheses, units and diffs."""

import ast
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace.repair.repairing import unified
from grace.repair.source import Edit, Source, candidate, text_lines


def edited(text: str, old: str, new: str, *, expression: bool = True) -> str | None:
    source = Source("t.py", text)
    start = text.index(old)
    made = candidate(source, (Edit(start, start + len(old), new, "t", 1.0, 1, expression),))
    return made.text if made else None


def test_parentheses_come_only_where_they_are_needed() -> None:
    assert edited("x = a * b\n", "a", "a + 1") == "x = (a + 1) * b\n"
    assert edited("x = f(a)\n", "a", "a + 1") == "x = f(a + 1)\n"
    assert edited("x = not a\n", "a", "a or b") == "x = not (a or b)\n"


def test_what_is_no_python_is_no_candidate() -> None:
    assert edited("x = a\n", "a", "a +") is None
    assert edited("x = a\n", "a", "return", expression=False) is None


def test_what_changes_nothing_is_no_candidate() -> None:
    assert edited("x = a\n", "a", "(a)", expression=False) is None


def test_spans_count_characters_where_python_counts_bytes() -> None:
    source = Source("t.py", 'x = "häß", a\n')
    name = [node for node in ast.walk(source.tree) if isinstance(node, ast.Name)][-1]
    assert source.segment(name) == "a"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_are_counted_as_python_counts_them(end: str) -> None:
    text = end.join(["x = 1", "y = '\x0c\u2028'", "z = x", ""])
    source = Source("t.py", text)
    assert source.segment(source.tree.body[2]) == "z = x"


def test_edits_of_two_units_are_no_candidate() -> None:
    source = Source("t.py", "a = 1\nb = 2\n")
    edits = (Edit(4, 5, "3", "t", 1.0, 1), Edit(10, 11, "4", "t", 1.0, 2))
    assert candidate(source, edits) is None
    one = candidate(source, edits[1:])
    assert one is not None
    assert one.text == "a = 1\nb = 4\n"


def test_a_candidate_names_the_outermost_function_it_is_in() -> None:
    text = "@d\ndef f(a=1):\n    def g():\n        return 2\n    return g\n"
    source = Source("t.py", text)
    inside, default = text.index("2"), text.index("1")
    body = candidate(source, (Edit(inside, inside + 1, "3", "t", 1.0, 4),))
    signature = candidate(source, (Edit(default, default + 1, "3", "t", 1.0, 2),))
    assert body is not None
    assert signature is not None
    assert body.swap == ("f", 1)
    assert signature.swap is None


@given(
    st.lists(st.sampled_from(["a = 1", "", "b = 'x'", "# c"])),
    st.lists(st.sampled_from(["a = 2", "b = 'x'"])),
    st.booleans(),
)
def test_git_applies_what_is_written(before: list[str], after: list[str], ends: bool) -> None:
    end = "\n" if ends else ""
    old, new = "\n".join([*before, "z"]) + end, "\n".join([*after, "z"]) + "\n"
    lines = unified("p/t.py", old, new).splitlines()
    assert (old == new) == (lines == [])
    kept = [line[1:] for line in lines[3:] if line[:1] in {" ", "+"}]
    assert set(kept) <= {line.rstrip("\n") for line in text_lines(new)}


def test_git_applies_a_diff_of_a_file_without_an_end(tmp_path: Path) -> None:
    (tmp_path / "t.py").write_text("a = 1\nb = 2")
    diff = unified("t.py", "a = 1\nb = 2", "a = 1\nb = 3")
    subprocess.run(["git", "apply"], cwd=tmp_path, input=diff, text=True, check=True)
    assert (tmp_path / "t.py").read_text() == "a = 1\nb = 3"

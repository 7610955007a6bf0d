"""Where a failed test is shown: in files of the checkout and nowhere else."""

import subprocess
import sys
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

import pytest

from grace.ci import junit
from grace.ci.places import MAX_LINE, Traceback, Workspace


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A checkout with a test, a module, a package beside it and links that lead out of it."""
    folder = tmp_path / "checkout"
    for name in ("tests/test_a.py", "src/a.py", "tests/a b.py", "lib/site-packages/pkg/x.py"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x = 1\n")
    (tmp_path / "outside.py").write_text("x = 1\n")
    (folder / "link.py").symlink_to(tmp_path / "outside.py")
    (folder / "linked").symlink_to(tmp_path)
    return folder


def placed(root: Path, trace: str = "", **attributes: str) -> tuple[str | None, int | None]:
    given = {"classname": "tests.test_a.TestA", "name": "test_x", **attributes}
    told = " ".join(f"{key}={quoteattr(value)}" for key, value in given.items())
    failure = f'<failure message="m">{escape(trace)}</failure>' if trace else ""
    data = f"<testsuite><testcase {told}>{failure}</testcase></testsuite>".encode()
    (case,) = junit.parse(data, suite="unit", job="unit", root=root).cases
    return case.file, case.line


def test_the_place_that_a_runner_gives_comes_before_the_traceback(root):
    trace = "src/a.py:1: AssertionError"
    assert placed(root, trace, file="tests/test_a.py") == ("tests/test_a.py", None)
    assert placed(root, trace, file="tests/test_b.py", line="4") == ("src/a.py", 1)


def test_the_lines_of_pytest_begin_at_0_and_those_of_others_at_1(root):
    pytest_s = {"file": "tests/test_a.py", "line": "4"}
    assert placed(root, **pytest_s) == ("tests/test_a.py", 5)
    assert placed(root, **pytest_s, classname="tests.test_a") == ("tests/test_a.py", 5)
    assert placed(root, **pytest_s, classname="tests.test_abc") == ("tests/test_a.py", 4)
    assert placed(root, **pytest_s, classname="Cart") == ("tests/test_a.py", 4)
    assert placed(root, file="tests/test_a.py", line="0", classname="C") == (
        "tests/test_a.py",
        None,
    )


@pytest.mark.parametrize("line", ["", "x", "-1", "1.5", "9" * 9, str(MAX_LINE + 1)])
def test_a_line_that_is_none_is_left_out(root, line):
    assert placed(root, file="tests/test_a.py", line=line, classname="C") == (
        "tests/test_a.py",
        None,
    )


@pytest.mark.parametrize(
    "path",
    [
        *("/etc/passwd", "../outside.py", "tests/../../outside.py", "{outside}", "link.py"),
        *("linked/outside.py", "lib/site-packages/pkg/x.py", "tests", "none.py", "x" * 280 + ".py"),
        *("x" * 2001, ".", "./tests/../tests/test_a.py"),
    ],
)
def test_what_is_no_file_of_the_checkout_is_no_place(root, path):
    told = path.format(outside=root.parent / "outside.py")
    assert placed(root, file=told) == (None, None)
    assert placed(root, f"{told}:3: Error") == (None, None)


def test_the_last_line_of_a_traceback_that_is_in_the_checkout_counts(root):
    trace = f"""
    def test_x():
>       run()

tests/test_a.py:12:
_ _ _ _ _
{root}/src/a.py:7: in run
    import json
/usr/lib/python3.11/json/__init__.py:346: in loads
lib/site-packages/pkg/x.py:9: KeyError
    tests/test_a.py:99: is in the middle of a message
"""
    assert placed(root, trace) == ("src/a.py", 7)
    assert placed(root, "E   no place\ntests/a b.py:3: Boom") == ("tests/a b.py", 3)
    assert placed(root, "see tests/test_a.py") == (None, None)


def test_a_passed_test_without_attributes_has_no_place(root):
    assert placed(root) == (None, None)


@pytest.mark.parametrize("size", [1, 7, 50, 10_000])
def test_a_traceback_that_comes_in_parts_is_the_same(root, size):
    text = "tests/test_a.py:12: A\nnoise\nsrc/a.py:7: B\n" + "noise " * 40 + "\nend"
    looked = Traceback(Workspace(root))
    for at in range(0, len(text), size):
        looked.take(text[at : at + size])
    place = looked.place()
    assert place is not None
    assert (place.file, place.line) == ("src/a.py", 7)


@pytest.mark.parametrize("family", ["xunit1", "xunit2"])
def test_pytest_itself_is_understood(tmp_path, family):
    (tmp_path / "tests").mkdir()
    (tmp_path / "app.py").write_text("def run():\n    raise KeyError(1)\n")
    (tmp_path / "tests/test_it.py").write_text(
        "import app\n\ndef test_good(): pass\n\ndef test_bad():\n    assert 1 == 2\n\n"
        "def test_far():\n    app.run()\n"
    )
    argv = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", f"junit_family={family}")
    subprocess.run(
        [sys.executable, *argv, "-o", "pythonpath=.", "--junitxml=out.xml", "tests"],
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    report = junit.read(tmp_path / "out.xml", suite="unit", job="unit", root=tmp_path)
    found = {case.name.rpartition(".")[2]: (case.file, case.line) for case in report.cases}
    test = "tests/test_it.py"
    assert found == (
        {"test_good": (test, 3), "test_bad": (test, 5), "test_far": (test, 8)}
        if family == "xunit1"
        else {"test_good": (None, None), "test_bad": (test, 6), "test_far": ("app.py", 2)}
    )

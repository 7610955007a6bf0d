"""What moved is not weaker, what cannot be read is, and nothing raises or takes long."""

from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grace.domain.weakened import MAX_FILE, MAX_READ, weakened
from grace.domain.weakening import FilePair, Weakening
from support.examples import examples
from support.weakenings import (
    ASSERTION,
    POLICY,
    RELAXED,
    REMOVED,
    SKIPPED,
    UNREADABLE,
    WORKFLOW,
    XFAIL,
    found,
    pair,
)


@pytest.mark.parametrize(
    ("before", "expected"), [(None, []), ("print 1\n", []), ("x = 1\n", [UNREADABLE])]
)
def test_a_file_beside_the_tests_is_unreadable_where_it_was_readable(before, expected):
    path = "tests/data/broken.py"
    assert [kind for kind, _ in found(before, "print 2\n", path)] == expected


def kinds(*pairs):
    return [w.kind for w in weakened(pairs)]


ONE = "def test_a():\n    assert f() == 1\n"
TWO = ONE + "\n\ndef test_b():\n    assert g() == 2\n    assert h() == 3\n"


def test_a_test_that_moves_to_another_file_is_not_weaker():
    gone = pair("tests/test_old.py", ONE, None)
    assert kinds(gone, pair("tests/unit/test_new.py", None, ONE)) == []
    assert kinds(gone, pair("tests/test_two.py", "x = 1\n", "x = 1\n" + ONE)) == []


@pytest.mark.parametrize(
    "path", ["tests/new.py", "docs/test_new.py", "tests/build/test_new.py", "tests/.a/test_new.py"]
)
def test_a_test_that_moves_to_where_nobody_collects_is_gone(path):
    assert kinds(pair("tests/test_old.py", ONE, None), pair(path, None, ONE)) == [REMOVED]


def test_a_test_that_moves_and_loses_is_weaker():
    gone = pair("tests/test_old.py", ONE, None)
    for text, expected in (
        ("import pytest\npytestmark = pytest.mark.skip\n" + ONE, [SKIPPED]),
        ("@pytest.mark.xfail\n" + ONE, [XFAIL]),
        (ONE.replace("== 1", "is not None"), [ASSERTION]),
    ):
        assert kinds(gone, pair("tests/test_new.py", None, text)) == expected


def test_one_new_test_stands_for_one_old_test_only():
    gone = [pair(f"tests/test_{n}.py", ONE, None) for n in "ab"]
    assert kinds(*gone, pair("tests/test_new.py", None, ONE)) == [REMOVED]


def test_an_assertion_that_moves_to_a_new_test_is_not_weaker():
    split = TWO.replace("    assert h() == 3\n", "") + "\n\ndef test_c():\n    assert h() == 3\n"
    assert kinds(pair("tests/test_a.py", TWO, split)) == []
    fewer = TWO.replace("    assert h() == 3\n", "")
    assert kinds(pair("tests/test_a.py", TWO, fewer)) == [ASSERTION]


def test_a_pattern_test_that_moves_is_not_weaker():
    text = "it('adds', () => {\n  expect(add()).toBe(3)\n})\n"
    gone, new = pair("a.test.ts", text, None), pair("b.test.ts", None, text)
    assert kinds(gone) == [REMOVED]
    assert kinds(gone, new) == []


def test_a_remark_that_moves_is_not_new():
    text = "x = f(1)  # noqa: S1\n"
    assert kinds(pair("a.py", text, None), pair("b.py", None, text)) == []
    assert kinds(pair("b.py", None, text)) == [RELAXED]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("", "collect_ignore = ['test_a.py']\n", [(SKIPPED, 1)]),
        ("collect_ignore = []\n", "collect_ignore = []\ncollect_ignore += ['a']\n", [(SKIPPED, 2)]),
        ("collect_ignore = ['a']\n", "collect_ignore = []\n", []),
        (None, "pytestmark = pytest.mark.skip\n", [(SKIPPED, 1)]),
        (None, "def pytest_ignore_collect(path):\n    return True\n", [(SKIPPED, 1)]),
        (
            "",
            "def pytest_collection_modifyitems(items):\n    items[:] = items[:1]\n",
            [(SKIPPED, 1)],
        ),
        ("", "def pytest_collection_modifyitems(items):\n    del items[0]\n", [(SKIPPED, 1)]),
        (
            "",
            "def pytest_collection_modifyitems(items):\n    items[0].add_marker('skip')\n",
            [(SKIPPED, 1)],
        ),
        ("", "def pytest_collection_modifyitems(items):\n    items.sort()\n", []),
        ("", "def pytest_sessionfinish(session):\n    session.exitstatus = 0\n", [(RELAXED, 1)]),
        ("", "def pytest_sessionfinish(session):\n    print(session)\n", []),
        (
            "def pytest_ignore_collect(path):\n    return True\n",
            "x = 1\ndef pytest_ignore_collect(path):\n    return True\n",
            [],
        ),
        ("", "@pytest.fixture(autouse=True)\ndef no():\n    pytest.skip()\n", [(SKIPPED, 3)]),
        (None, "def pytest_configure(config):\n    config.addinivalue_line('a', 'b')\n", []),
    ],
)
def test_hooks_that_leave_tests_out_are_found(before, after, expected):
    assert found(before, after, "conftest.py") == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("tests/test_a.py", [UNREADABLE]),
        ("pyproject.toml", [UNREADABLE]),
        ("a.test.ts", [UNREADABLE]),
        (".github/workflows/ci.yml", [UNREADABLE, WORKFLOW]),
        (".github/mission-control.yml", [POLICY, UNREADABLE]),
        ("loadtest/a.py", [POLICY, UNREADABLE]),
        ("sitecustomize.py", [RELAXED, UNREADABLE]),
        ("tests/data/picture.png", []),
        ("mesh/core.py", []),
    ],
)
def test_what_cannot_be_read_is_found_where_it_could_weaken(path, expected):
    assert kinds(FilePair(path=path, readable=False)) == expected
    assert kinds(FilePair(path=path, before="", after="x" * (MAX_FILE + 1))) == expected


def test_more_than_is_read_of_one_change_is_unreadable():
    filler = [FilePair(path=f"{n}.txt", after="x" * MAX_FILE) for n in range(MAX_READ // MAX_FILE)]
    assert kinds(*filler, pair("tests/test_a.py", None, ONE)) == [UNREADABLE]


def test_findings_come_in_the_order_of_files_and_lines_whatever_the_order_of_pairs():
    pairs = [
        pair("tests/test_b.py", TWO, ONE),
        pair("tests/test_a.py", ONE + TWO.partition("\n\n\n")[2], None),
        pair("pyproject.toml", "[tool.mypy]\nstrict = true\n", "[tool.mypy]\n"),
    ]
    findings = weakened(pairs)
    assert [(w.file, w.line) for w in findings] == [
        ("pyproject.toml", 2),
        ("tests/test_a.py", 1),
        ("tests/test_b.py", 5),
    ]
    assert weakened(pairs[::-1]) == findings


def test_a_message_keeps_to_one_printable_line():
    name = "a" * 500
    gone = pair("tests/test_a.py", f"def test_{name}():\n    pass\n", "\n")
    (finding,) = weakened([gone])
    assert finding.message.isprintable()
    assert len(finding.message) < 200
    odd = pair("pyproject.toml", "", '[tool.ruff]\nignore = ["\\u202eS\\u0007"]\n')
    assert weakened([odd])[0].message.isprintable()


def test_a_path_without_bounds_is_cut():
    (finding,) = weakened([pair("/" * 9000 + "test_a.py", ONE, None)])
    assert len(finding.file) == 4096
    assert weakened([pair("", "a", "b")]) == ()


PATHS = st.sampled_from(
    [
        "tests/test_a.py",
        "conftest.py",
        "a.test.ts",
        "a_test.go",
        "a.rs",
        "pyproject.toml",
        "tox.ini",
        "package.json",
        "codecov.yml",
        "jest.config.js",
        "Makefile",
        ".github/workflows/a.yml",
        "sonar-project.properties",
        "a.py",
        "CODEOWNERS",
        "locustfile.py",
        "a.feature",
    ]
)
PIECES = st.sampled_from(
    [
        "def test_a():\n",
        "    assert x == 1\n",
        "    ",
        "\n",
        "if x:\n",
        "class A(B):\n",
        "[a]\n",
        "a = 1\n",
        "{",
        "}",
        "[",
        "]",
        "- a: b\n",
        "  c:\n",
        '"',
        "'",
        "#",
        "/*",
        "\\",
        "`",
        "\x00",
        "\u2028",
        "ß",
        "\r",
        "pytest.mark.skip",
        "@",
        "(",
        ")",
        ",",
        "*",
        "yield\n",
        "return\n",
        "lambda: 0",
        "it('a', f)\n",
    ]
)
TEXTS = st.none() | st.text(max_size=80) | st.lists(PIECES, max_size=25).map("".join)


@settings(max_examples=examples(150), deadline=None)
@given(st.lists(st.builds(FilePair, path=PATHS, before=TEXTS, after=TEXTS), max_size=4))
def test_any_text_is_read_without_an_error(pairs):
    assert all(isinstance(w, Weakening) for w in weakened(pairs))


@pytest.mark.parametrize(
    "text",
    [
        "x = " + "-" * 5_000 + "1",
        "x = " + "(" * 5_000,
        "x = " + "a." * 2_000 + "a",
        "x = " + "+1" * 2_000,
        "x = 0x" + "f" * 10_000,
        "assert 1 < 0x" + "f" * 10_000,
        "if a:\n    pass\n" + "elif b:\n    pass\n" * 1_000,
        "".join(" " * n + "if x:\n" for n in range(90)) + " " * 90 + "assert x\n",
        "assert " + "not " * 150 + "x",
        "'" * 10_001,
        '"""' + "\\" * 10_000,
        "/*" * 5_000,
        "#" * 10_000,
        "`" * 9_999,
        "[" * 10_000,
        "{" * 10_000,
        "a: " * 3_000,
        "- " * 5_000,
        "- " * 5_000 + "\n" + " " * 5_000,
        "a " * 5_000,
        "|| " * 4_000,
        "it(" * 3_000,
        "it (" + "`" * 3_000,
        "#[cfg_attr(" * 9_000,
        "@Suppress(" * 9_000,
        "noqa: " + "a," * 5_000,
        "# noqa: " + "a, " * 3_000,
        "a=" * 5_000,
        "\n" * 10_000,
        "\n".join(f"  - id: a{n}" for n in range(2_000)),
    ],
    ids=range(30),
)
def test_a_hostile_text_takes_little_time(text):
    paths = ["tests/test_a.py", "a.test.ts", "codecov.yml", "Makefile", "a.rs", "tox.ini"]
    paths += ["package.json", "jest.config.js"]
    start = process_time()
    weakened([FilePair(path=path, before=ONE, after=text) for path in paths])
    weakened([FilePair(path=path, before=text, after=ONE) for path in paths])
    assert process_time() - start < 2


@pytest.mark.parametrize("count", [500, pytest.param(5_000, marks=pytest.mark.stress)])
def test_five_thousand_files_take_seconds(count):
    filler = "".join(f"def test_{n}():\n    x = f({n})\n    assert x == {n}\n\n" for n in range(10))
    pairs = [pair(f"tests/test_{n}.py", filler, filler + ONE) for n in range(count * 3 // 5)]
    pairs += [pair(f"src/a{n}.ts", "x()\n" * 20, "y()\n" * 20) for n in range(count // 5)]
    pairs += [pair(f"p{n}/pyproject.toml", "[tool.mypy]\na = 1\n", "") for n in range(count // 5)]
    start = process_time()
    assert weakened(pairs) == ()
    assert process_time() - start < count / 250

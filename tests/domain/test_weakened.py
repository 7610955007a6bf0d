"""What is weaker in workflows, policy, commands and remarks; what moved; and that nothing raises."""

from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grace.domain.weakened import MAX_FILE, MAX_READ, weakened
from grace.domain.weakening import FilePair, Weakening
from support.weakenings import (
    ASSERTION,
    POLICY,
    RELAXED,
    REMOVED,
    SKIPPED,
    THRESHOLD,
    UNREADABLE,
    WORKFLOW,
    XFAIL,
    found,
    pair,
)

CI = "on: push\njobs:\n  test:\n    steps:\n      - run: pytest --strict-markers\n"
MAKE = "all: test lint\n\ntest:\n\tpytest\n\nlint:\n\truff check\n\nclean:\n\trm a\n"
NOX = 'def tests(session):\n    session.run("pytest", "--cov-branch")\n'
LOCUST = "class Mesh(HttpUser):\n    wait_time = constant(1)\n"

PLACES = {
    "workflow edited": (".github/workflows/ci.yml", CI, CI + "# why\n", [(WORKFLOW, 6)]),
    "workflow relaxed": (
        ".github/workflows/ci.yml",
        CI,
        CI + "        continue-on-error: true\n",
        [(RELAXED, 6), (WORKFLOW, 6)],
    ),
    "workflow added": (".github/workflows/x.yml", None, CI, [(WORKFLOW, 1)]),
    "workflow deleted": (
        ".github/workflows/ci.yml",
        CI,
        None,
        [(WORKFLOW, 1), (RELAXED, 5), (RELAXED, 5)],
    ),
    "workflow as it was": (".github/workflows/ci.yml", CI, CI, []),
    "action edited": (".github/actions/a/run.sh", "a\n", "b\n", [(WORKFLOW, 1)]),
    "own action edited": ("actions/tests/action.yml", "a\nb\n", "a\nc\n", [(WORKFLOW, 2)]),
    "gitlab": (".gitlab-ci.yml", "test: a\n", "test: b\n", [(WORKFLOW, 1)]),
    "policy edited": (".github/mission-control.yml", "a: 1\n", "a: 2\n", [(POLICY, 1)]),
    "policy added": (".github/mission-control.yml", None, "a: 2\n", [(POLICY, 1)]),
    "waivers edited": (".github/hunter-waivers.yml", "a\n", "a\nb\n", [(POLICY, 2)]),
    "owners edited": (".github/CODEOWNERS", "* @a\n", "* @b\n", [(POLICY, 1)]),
    "owners at the root": ("CODEOWNERS", "* @a\n", None, [(POLICY, 1)]),
    "owners in docs": ("docs/CODEOWNERS", None, "* @b\n", [(POLICY, 1)]),
    "owners elsewhere": ("src/CODEOWNERS", None, "* @b\n", []),
    "governance": ("config/governance.yaml", "a: 1\n", "a: 2\n", [(POLICY, 1)]),
    "metrics": ("config/metrics_catalog.yaml", "a: 1\n", "a: 2\n", [(POLICY, 1)]),
    "another configuration": ("config/database.yaml", "a: 1\n", "a: 2\n", []),
    "load test edited": ("locustfile.py", LOCUST, LOCUST.replace("1", "9"), [(POLICY, 2)]),
    "load test commented": ("loadtest/locustfile.py", LOCUST, "# why\n\n" + LOCUST, []),
    "load test added": ("loadtest/locustfile.py", None, LOCUST, []),
    "load test deleted": ("loadtest/locustfile.py", LOCUST, None, [(POLICY, 1)]),
    "startup file": ("sitecustomize.py", None, "import x\n", [(RELAXED, 1)]),
    "startup file deleted": ("src/x.pth", "import x\n", None, []),
    "recipe ignored": ("Makefile", MAKE, MAKE.replace("\tpytest", "\t-pytest"), [(RELAXED, 4)]),
    "recipe or true": ("Makefile", MAKE, MAKE.replace("pytest", "pytest || true"), [(RELAXED, 4)]),
    "recipe gone": ("Makefile", MAKE, MAKE.replace("\truff check\n", ""), [(RELAXED, 7)]),
    "recipe of something else": ("Makefile", MAKE, MAKE.replace("rm a", "-rm a || true"), []),
    "need gone": ("Makefile", MAKE, MAKE.replace("test lint", "test"), [(RELAXED, 1)]),
    "need added": ("Makefile", MAKE, MAKE.replace("test lint", "test lint audit"), []),
    "recipe added": ("Makefile", MAKE, MAKE + "\ntypes:\n\tmypy\n", []),
    "recipe commented": ("Makefile", MAKE, "# pytest || true\n" + MAKE, []),
    "session with less": (
        "noxfile.py",
        NOX,
        NOX.replace('"--cov-branch"', '"--no-cov"'),
        [(RELAXED, 2), (RELAXED, 2)],
    ),
    "warnings allowed": (
        "scripts/run-tests.sh",
        "eslint --max-warnings 0\n",
        "eslint --max-warnings 9\n",
        [(THRESHOLD, 1)],
    ),
    "warnings not limited": (
        "scripts/run-tests.sh",
        "eslint --max-warnings 0 --timeout 5\n",
        "eslint\n",
        [(THRESHOLD, 1)],
    ),
    "warnings forbidden": (
        "scripts/run-tests.sh",
        "eslint --max-warnings 9\n",
        "eslint --max-warnings 0\n",
        [],
    ),
    "source edited": ("mesh/core.py", "a = 1\n", "a = 2\n", []),
    "text edited": ("README.md", "a\n", "# noqa\n", []),
}


@pytest.mark.parametrize("row", PLACES)
def test_a_file_that_decides_what_is_checked_is_found(row):
    path, before, after, expected = PLACES[row]
    assert found(before, after, path) == expected


REMARKS = {
    "noqa": ("a.py", "x = 1\n", "x = 1  # noqa\n", 1),
    "noqa with a code": ("a.py", "x = 1\n", "x = 1  # noqa: E501\n", 1),
    "noqa in a new file": ("a.py", None, "x = 1  # noqa: E501\n", 1),
    "noqa widened": ("a.py", "x = 1  # noqa: E501\n", "x = 1  # noqa\n", 1),
    "noqa with more codes": ("a.py", "x = 1  # noqa: E501\n", "x = 1  # noqa: E501, S1\n", 1),
    "noqa narrowed": ("a.py", "x = 1  # noqa\n", "x = 1  # noqa: E501\n", 0),
    "noqa with fewer codes": ("a.py", "x = 1  # noqa: E501, S1\n", "x = 1  # noqa: S1\n", 0),
    "noqa removed": ("a.py", "x = 1  # noqa\n", "x = 1\n", 0),
    "noqa on another line": ("a.py", "x = 1  # noqa\n", "y = 1\nx = 2  # noqa\n", 0),
    "noqa in a string": ("a.py", "x = 1\n", 'x = "# noqa"\n', 0),
    "noqa in a long string": ("a.py", "x = 1\n", 'x = """\n# noqa\n"""\n', 0),
    "file-wide noqa": ("a.py", "x = 1\n", "# ruff: noqa\nx = 1\n", 1),
    "type: ignore": ("a.py", "x = 1\n", "x = 1  # type: ignore[arg-type]\n", 1),
    "pragma": ("a.py", "x = 1\n", "x = 1  # pragma: no cover\n", 1),
    "nosec": ("a.py", "x = 1\n", "x = 1  # nosec B101\n", 1),
    "pylint": ("a.py", "x = 1\n", "x = 1  # pylint: disable=all\n", 1),
    "mypy": ("a.py", "x = 1\n", "# mypy: ignore-errors\nx = 1\n", 1),
    "no_type_check": ("a.py", "def f(): ...\n", "@no_type_check\ndef f(): ...\n", 1),
    "eslint": ("a.ts", "x = 1\n", "// eslint-disable-next-line no-eval -- why\nx = 1\n", 1),
    "eslint in a block": ("a.ts", "x = 1\n", "/* eslint-disable */\nx = 1\n", 1),
    "ts-ignore": ("a.tsx", "x = 1\n", "// @ts-ignore\nx = 1\n", 1),
    "ts-ignore in a string": ("a.tsx", "x = 1\n", "x = '// @ts-ignore'\n", 0),
    "nolint": ("a.go", "x := 1\n", "x := 1 //nolint:errcheck\n", 1),
    "allow": ("a.rs", "fn a() {}\n", "#[allow(dead_code)]\nfn a() {}\n", 1),
    "rubocop": ("a.rb", "x = 1\n", "x = 1 # rubocop:disable Style/A\n", 1),
    "SuppressWarnings": ("A.java", "class A {}\n", '@SuppressWarnings("all")\nclass A {}\n', 1),
    "pragma warning": ("A.cs", "class A {}\n", "#pragma warning disable\nclass A {}\n", 1),
    "shellcheck": ("a.sh", "echo\n", "# shellcheck disable=SC2086\necho\n", 1),
    "a remark to people": ("a.py", "x = 1\n", "x = 1  # ignore what follows\n", 0),
}


@pytest.mark.parametrize("row", REMARKS)
def test_a_remark_that_silences_a_checker_is_found(row):
    path, before, after, count = REMARKS[row]
    assert [kind for kind, _ in found(before, after, path)] == [RELAXED] * count


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


@settings(max_examples=150, deadline=None)
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

"""Workflows, policy, commands and remarks to checkers: what of their edits is found."""

import pytest

from support.weakenings import POLICY, RELAXED, THRESHOLD, WORKFLOW, found

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
    "recipe through a module": ("Makefile", MAKE, MAKE + "\ntest-a:\n\tpython -m pytest a\n", []),
    "recipe of some marks": (
        "Makefile",
        MAKE,
        MAKE.replace("pytest", "pytest -m 'not a'"),
        [(RELAXED, 4)],
    ),
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
    "options kept": (
        "Makefile",
        MAKE + "test -k a\ntest -k c\n",
        MAKE + "test -k b\ntest -k d\n",
        [],
    ),
    "end gone": (".github/CODEOWNERS", "a\nb", "a", [(POLICY, 1)]),
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
    "noqa with another reason": (
        "a.py",
        "x = 1  # noqa: E501 - a\n",
        "x = 1  # noqa: E501 - b c\n",
        0,
    ),
    "an attribute of another language": ("a.py", "x = 1\n", "x = '@SuppressWarnings(1)'\n", 0),
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

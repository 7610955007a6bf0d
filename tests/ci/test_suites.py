"""`grace ci tests`: run again where tests failed, and the head's tests on the base's code."""

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from grace.ci.cli import app
from grace.ci.piece import Piece
from grace.domain.results import CIReport, SuiteReport

PYTEST = f"{sys.executable} -m pytest -q -p no:cacheprovider"
# A suite of a few lines of shell: `says` writes JUnit XML of a test that passes or fails.
SAYS = """
says() { echo "<s><testcase classname='t' name='other'/><testcase classname='t' name='a'>$1</testcase></s>" > "$GRACE_JUNIT"; }
again() { test -e "$MARK" || { touch "$MARK"; false; }; }
"""


def git(checkout: Path, *args: str) -> str:
    who = ("-c", "user.name=A", "-c", "user.email=a@example.com")
    return subprocess.check_output(["git", *who, *args], cwd=checkout, text=True).strip()


def commit(checkout: Path, files: dict[str, str | None]) -> str:
    """Write these files, remove those that are None, and commit."""
    for name, text in files.items():
        path = checkout / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink() if text is None else path.write_text(text)
    git(checkout, "add", "-A")
    git(checkout, "commit", "-q", "-m", "a commit")
    return git(checkout, "rev-parse", "HEAD")


def run(checkout: Path, command: str, *more: str, into: str = "unit") -> Result:
    args = ["tests", "--suite", "unit", "--job", "mission / unit", "--command", command, *more]
    out = ("--out", str(checkout.parent / "results" / f"{into}.json"))
    env = {"MARK": str(checkout.parent / "mark"), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return CliRunner().invoke(app, [*args, *out], env=env)


def kept(checkout: Path) -> Piece:
    (file,) = (checkout.parent / "results").glob("*.json")
    return Piece.model_validate_json(file.read_bytes())


def suite(checkout: Path) -> SuiteReport:
    (found,) = kept(checkout).suites
    return found


def outcomes(checkout: Path) -> dict[str, tuple[str, list[str]]]:
    return {c.name: (c.outcome.value, list(c.earlier)) for c in suite(checkout).cases}


def test_a_test_that_fails_once_ends_green_and_is_shown_as_flaky(checkout):
    commit(
        checkout,
        {
            "test_x.py": "import os, pathlib\n"
            "mark = pathlib.Path(os.environ['MARK'])\n"
            "def test_shaky():\n"
            "    first = not mark.exists()\n"
            "    mark.touch()\n"
            "    assert not first\n"
            "def test_sound(): pass\n"
        },
    )
    done = run(checkout, f"{PYTEST} test_x.py", "--rerun", "2")
    assert done.exit_code == 0, done.output
    assert outcomes(checkout) == {
        "test_x.test_shaky": ("passed", ["failed"]),
        "test_x.test_sound": ("passed", ["passed"]),
    }
    assert "suite unit: 2 passed, 0 failed, 0 skipped, 1 flaky" in done.output
    (said,) = (line for line in done.output.splitlines() if line.startswith("::"))
    assert said == (
        "::warning file=test_x.py,line=6,title=test_x.test_shaky is flaky::"
        "failed, then passed, on the same commit: assert not True"
    )


@pytest.mark.parametrize(
    ("rerun", "ran", "earlier"), [("0", 1, []), ("1", 2, ["failed"]), ("3", 4, ["failed"] * 3)]
)
def test_a_test_that_keeps_failing_is_run_as_often_as_was_said_and_ends_red(
    checkout, rerun, ran, earlier
):
    command = f"{SAYS} echo x >> $MARK; says '<failure/>'; exit 7"
    done = run(checkout, command, "--rerun", rerun)
    assert done.exit_code == 7
    assert outcomes(checkout)["t.a"] == ("failed", earlier)
    assert (checkout.parent / "mark").read_text().count("x") == ran
    assert "flaky" not in done.output


def test_what_is_green_or_fails_without_a_failed_test_is_run_once(checkout):
    command = f"{SAYS} echo x >> $MARK; says ''; exit "
    for status in (0, 3):
        assert run(checkout, f"{command} {status}", "--rerun", "2").exit_code == status
    assert (checkout.parent / "mark").read_text() == "x\nx\n"


@pytest.mark.parametrize(
    ("second", "says"),
    [
        ("says '<skipped/>'", "t.a failed and was not run again"),
        ('echo "<s/>" > "$GRACE_JUNIT"', "t.a failed and was not run again"),
        ("true", "run again, it left no results: the command ended with status 0"),
    ],
)
def test_a_failed_test_that_the_next_run_leaves_out_is_red_though_the_command_ends_well(
    checkout, second, says
):
    command = f"{SAYS} if again; then {second}; else says '<failure/>'; exit 1; fi"
    done = run(checkout, command, "--rerun", "1")
    assert done.exit_code == 1, done.output
    assert f"::error title=Suite unit::{says}" in done.output
    assert outcomes(checkout)["t.a"] == ("failed", [])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("echo two > file", "the checkout differs from its commit: M file"),
        (
            "git -c user.name=A -c user.email=a@b.c commit -q --allow-empty -m x",
            "they moved the checkout",
        ),
    ],
)
def test_tests_that_change_the_checkout_are_not_run_again(checkout, change, says):
    done = run(checkout, f"{SAYS} again || says '<failure/>'; {change}; exit 1", "--rerun", "1")
    assert done.exit_code == 1
    assert f"::warning title=Suite unit::the tests are not run again: {says}" in done.output
    assert outcomes(checkout)["t.a"] == ("failed", [])


def test_two_attempts_that_the_runner_made_itself_are_read_by_the_command_s_end(checkout):
    twice = "<s><testcase name='a'><failure/></testcase><testcase name='a'/></s>"
    for status, outcome in ((0, "passed"), (1, "failed")):
        run(checkout, f'echo "{twice}" > $GRACE_JUNIT; exit {status}')
        assert outcomes(checkout)["a"][0] == outcome


NEW = "from mesh import double\n\ndef test_double():\n    assert double(2) == 4\n"
OLD = "from mesh import double\n\ndef test_old():\n    assert double(0) == 0\n"


@pytest.fixture
def base(checkout) -> Path:
    """The checkout of a base whose `double` is wrong; the head, which mends it, is `checkout`."""
    files = {"mesh.py": "def double(n): return n\n", "tests/test_old.py": OLD}
    commit(checkout, {**files, "tests/test_gone.py": "def test_gone(): assert False\n"})
    folder = checkout.parent / "base"
    git(checkout.parent, "clone", "-q", str(checkout), str(folder))
    commit(
        checkout,
        {
            "mesh.py": "def double(n): return 2 * n\n",
            "tests/test_new.py": NEW,
            "tests/test_gone.py": None,
        },
    )
    return folder


def test_the_head_s_tests_run_on_the_base_s_code_and_end_green_whatever_they_say(checkout, base):
    more = ("--subject", "base", "--base-path", str(base))
    done = run(checkout, f"{PYTEST} tests", *more)
    assert done.exit_code == 0, done.output
    assert outcomes(checkout) == {
        "tests.test_new.test_double": ("failed", []),
        "tests.test_old.test_old": ("passed", []),
    }
    piece = kept(checkout)
    assert piece.suites[0].subject == "base"
    assert piece.base_sha == git(base, "rev-parse", "HEAD")
    assert piece.tested.head_sha == git(checkout, "rev-parse", "HEAD") != piece.base_sha
    assert "fails on the base: tests.test_new.test_double" in done.output
    assert "::" not in done.output
    again = run(checkout, f"{PYTEST} tests", *more)
    assert again.exit_code == 0, "a second suite finds the tests of the head where it put them"


def test_a_test_that_cannot_be_collected_on_the_base_is_not_among_those_that_failed(checkout, base):
    commit(checkout, {"tests/test_new.py": NEW.replace("double", "triple")})
    done = run(checkout, f"{PYTEST} tests", "--subject", "base", "--base-path", str(base))
    assert done.exit_code == 0, done.output
    assert outcomes(checkout) == {"tests.test_new": ("failed", [])}


def test_the_base_s_command_is_told_of_the_base_s_folder(checkout, base):
    command = f'{SAYS} test "$GITHUB_WORKSPACE" = "$PWD" && grep -q "return n" mesh.py && says ""'
    done = run(checkout, command, "--subject", "base", "--base-path", str(base))
    assert done.exit_code == 0, done.output
    assert "no test fails on the base" in done.output


@pytest.mark.parametrize(
    ("command", "more", "says"),
    [
        ("exit 2", (), "the command ended with status 2; no test results"),
        ("true", ("--base-path", ""), "no checkout of the base is given"),
        ("true", ("--base-path", "/none"), "none is not the root of a checkout"),
        ("true", ("--tests", "nothing/**"), "no file of the head is a test by its path"),
    ],
)
def test_a_base_that_leaves_no_results_is_red_with_advice(checkout, base, command, more, says):
    done = run(checkout, command, "--subject", "base", "--base-path", str(base), *more)
    assert done.exit_code == 1
    assert f"::error title=Suite unit::{says}" in done.output


def reported(checkout: Path, base_sha: str) -> Result:
    event = checkout.parent / "event.json"
    head = git(checkout, "rev-parse", "HEAD")
    event.write_text(
        f'{{"pull_request": {{"head": {{"sha": "{head}"}}, "base": {{"sha": "{base_sha}"}}}}}}'
    )
    env = {
        "GITHUB_EVENT_PATH": str(event),
        "GITHUB_REPOSITORY": "acme/mesh",
        "GITHUB_WORKFLOW_REF": "acme/mesh/.github/workflows/ci.yml@refs/pull/3/merge",
        "GITHUB_RUN_ID": "12",
        "GITHUB_RUN_ATTEMPT": "1",
    }
    out = str(checkout.parent / "report.json")
    results = str(checkout.parent / "results")
    return CliRunner().invoke(app, ["report", "--results", results, "--out", out], env=env)


def test_a_report_holds_a_suite_of_the_head_and_the_same_suite_on_the_base(checkout, base):
    says = f"{SAYS} says ''"
    run(checkout, says)
    on_base = ("--subject", "base", "--base-path", str(base))
    run(checkout, says, *on_base, into="base")
    base_sha = git(base, "rev-parse", "HEAD")
    done = reported(checkout, base_sha)
    assert done.exit_code == 0, done.output
    merged = CIReport.model_validate_json((checkout.parent / "report.json").read_bytes())
    assert {(s.suite, s.subject) for s in merged.suites} == {("unit", "head"), ("unit", "base")}

    done = reported(checkout, "d" * 40)
    assert done.exit_code == 1
    assert f"tests of the base ran on {base_sha}, but the base is {'d' * 40}" in done.output
    run(checkout, says, *on_base, into="again")
    assert "unit on the base was reported twice" in reported(checkout, base_sha).output

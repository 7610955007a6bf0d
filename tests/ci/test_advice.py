"""A red step says what is wrong, and then what to do: every command of the actions."""

import json
import subprocess

import pytest
from typer.testing import CliRunner

from grace.ci import errors
from grace.ci.annotations import errors_shown
from grace.ci.cli import app
from grace.ci.observe import Watch

TOLD = [each for each in vars(errors).values() if isinstance(each, type)]
SUITE = ("--suite", "unit", "--job", "unit", "--out", "{tmp}/suite.json")
LOAD = ("--locustfile", "none.py", "--users", "1", "--duration", "1", "--job", "s")
HUNTER = ("--job", "h", "--out", "{tmp}/h.json", "--sarif-out", "{tmp}/h.sarif")
OBSERVE = ("--metric", "m.x", "--interval", "0", "--out", "{tmp}/o.json")
PAGE = {"kind": "prometheus_text", "url": "http://127.0.0.1:1/", "series": "x"}


@pytest.mark.parametrize(
    ("args", "title", "wrong", "advice"),
    [
        (
            ("tests", *SUITE, "--command", "exit 3"),
            "Suite unit",
            "the command ended with status 3; no test results at junit.xml",
            "other runners write JUnit XML to {junit} in the command",
        ),
        (
            ("compare", "--start", "exit 3", "--out", "{tmp}/load.json", *LOAD),
            "Stress test",
            "the service ended with status 3 before it answered: 'exit 3'",
            "Start the service by the same command",
        ),
        (
            ("hunter", *HUNTER, "--sarif", "{tmp}/none.sarif"),
            "Security scan",
            "no SARIF file at none.sarif",
            "Correct what wrote these results",
        ),
        (
            ("report", "--results", "{tmp}/none", "--out", "{tmp}/report.json"),
            "No report",
            "there are no results in",
            "Let this job need those that test",
        ),
        (
            (
                "patch",
                "--command",
                "true",
                "--mission",
                "m",
                "--base",
                "b" * 40,
                "--out",
                "{tmp}/p",
            ),
            "No patch",
            "the environment has MY_TOKEN: run the agent in a job without secrets",
            "change the agent's command, or what its job gives it",
        ),
        (
            ("observe", *OBSERVE, "--source", json.dumps(PAGE), "--samples", "1"),
            "No samples",
            "none of 1 samples has a value",
            "Ask the source's address",
        ),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_a_red_step_says_what_is_wrong_and_what_to_do(checkout, args, title, wrong, advice):
    given = [arg.replace("{tmp}", str(checkout.parent)) for arg in args]
    done = CliRunner().invoke(app, given, env={"MY_TOKEN": "x"})
    assert done.exit_code == 1, done.output
    (told,) = (line for line in done.output.splitlines() if line.startswith("::error"))
    assert told.startswith(f"::error title={title}::{wrong}")
    assert advice in told
    assert told.endswith(".")


@pytest.mark.parametrize("kind", TOLD, ids=lambda kind: kind.__name__)
def test_every_error_has_advice(kind, capsys):
    error = kind(403, "the bot", "no") if kind is errors.ReportRefused else kind("it broke.")
    with pytest.raises(Exception, match="1"), errors_shown("T"):
        raise error
    said = capsys.readouterr().out.strip()
    assert said == f"::error title=T::{str(error).rstrip('.')}. {kind.usual}."
    assert kind.usual


def test_an_input_that_does_not_fit_is_named_with_advice(capsys):
    with pytest.raises(Exception, match="1"), errors_shown():
        Watch.model_validate({"metric_id": "m.x", "source": PAGE, "samples": 0})
    said = capsys.readouterr().out
    assert "samples" in said
    assert "Correct the inputs of the action" in said
    assert said.count("\n") == 1


def test_new_findings_are_red_with_advice(checkout):
    (checkout / "a.py").write_text("import subprocess\nsubprocess.call(x, shell=True)\n")
    who = ("-c", "user.name=A", "-c", "user.email=a@example.com")
    for args in (("add", "-A"), (*who, "commit", "-q", "-m", "bad")):
        subprocess.run(["git", *args], cwd=checkout, check=True)
    outs = ("--out", f"{checkout.parent}/h.json", "--sarif-out", f"{checkout.parent}/h.sarif")
    done = CliRunner().invoke(app, ["hunter", "--job", "h", *outs])
    assert done.exit_code == 1
    assert "::error file=a.py,line=2,title=bandit B602::" in done.output
    assert "a new finding of level error or worse: change the lines that are marked" in done.output

"""`grace playbook` and `grace runner` at the command line."""

import re
import sqlite3
from contextlib import closing

import pytest
from typer.testing import CliRunner

from grace.cli.main import app as grace
from grace.cli.playbook import app

RUNNER = """\
name: here
state: state
targets:
  orders-db:
    kind: sqlite
    settings: {path: PATH, tables: orders}
"""


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine with an SQLite database and a runner's file."""
    with closing(sqlite3.connect(tmp_path / "orders.db")) as db, db:
        db.execute("CREATE TABLE orders (id INTEGER)")
    (tmp_path / "runner.yaml").write_text(RUNNER.replace("PATH", str(tmp_path / "orders.db")))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path


def grace_playbook(*argv, code=0, **more):
    done = CliRunner().invoke(app, [str(each) for each in argv], **more)
    assert done.exit_code == code, done.output
    return done.output


def test_playbooks_are_listed_planned_and_checked(machine):
    assert "database-locked-sqlite v1" in grace_playbook("list")
    plan = grace_playbook("plan", "database-locked-sqlite")
    assert re.search(r"end +sqlite.end_holder +while the trouble lasts +high, a named person", plan)
    assert "It is high and touches" in plan
    assert "playbooks are well formed" in grace_playbook("lint")
    assert "sqlite.checkpoint" in grace_playbook("actions", "sqlite")
    assert "redis.flush" not in grace_playbook("actions", "sqlite")
    assert "there is no playbook x; there are: " in grace_playbook("plan", "x", code=2)


def test_what_is_wrong_with_a_file_is_told_with_its_line(machine):
    (machine / "bad.yaml").write_text("name: bad\n")
    told = grace_playbook("lint", "bad.yaml", code=1)
    assert "bad.yaml:1: steps: is required; add it" in told
    assert "bad.yaml:1: " in grace_playbook("plan", "bad.yaml", code=1)
    assert "bad.yaml:1: " in grace_playbook("list", "--playbooks", ".", code=1)


def test_a_run_on_a_database_that_is_well_does_nothing(machine):
    said = grace_playbook(
        "run", "database-locked-sqlite", "--target", "orders-db", "--yes", "--config", "runner.yaml"
    )
    assert "healed: there is nothing to heal: a write transaction could begin" in said
    run = re.search(r"run (by-hand/\S+)", said)[1]
    assert run in grace_playbook("runs")
    assert f"{run} is over" in grace_playbook("resume", run, code=2)
    assert "there was nothing to take back" in grace_playbook("undo", run, code=1)
    assert "no run x is known here" in grace_playbook("resume", "x", code=2)


def test_a_run_is_asked_about_before_it_begins(machine):
    asked = ("run", "database-locked-sqlite", "--target", "orders-db")
    said = grace_playbook(*asked, code=1, input="n\n")
    assert "Run database-locked-sqlite (high) on orders-db?" in said
    assert not (machine / "state/runs").exists()


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (("--target", "cache"), "runner.yaml has no target cache; it has: orders-db"),
        (("--target", "orders-db", "--config", "x.yaml"), "x.yaml cannot be read"),
        (
            ("--target", "orders-db", "--approve", "nope=ann"),
            "write STEP=LOGIN, with one of holder",
        ),
        (("--target", "orders-db", "--approve", "end"), "write STEP=LOGIN"),
    ],
)
def test_what_cannot_be_run_is_told(machine, more, told):
    said = grace_playbook("run", "database-locked-sqlite", "--yes", *more, code=2)
    assert told in re.sub(r"\s*│?\n│?\s*", " ", said)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("kind: sqlite", "kind: abacus", "runner.yaml:5: targets.orders-db.kind: Input should be"),
        ("state: state", "state: runner.yaml", "cannot be used"),
        ("  orders-db:", "  orders-db:\n    secrets: {password: {env: NOPE}}", "set NOPE in the"),
    ],
)
def test_a_runner_says_at_its_start_what_is_wrong(machine, old, new, told):
    file = machine / "runner.yaml"
    file.write_text(file.read_text().replace(old, new))
    done = CliRunner().invoke(grace, ["runner", "--url", "https://bot.example.org"])
    assert done.exit_code == 2
    assert told in done.output


def test_a_runner_needs_its_token(machine, monkeypatch):
    argv = ["runner", "--once", "--url"]
    done = CliRunner().invoke(grace, [*argv, "https://bot.example.org"])
    assert "set GRACE_RUNNER_TOKEN: `grace token create --scope runner" in done.output
    monkeypatch.setenv("GRACE_RUNNER_TOKEN", "grace_x")
    done = CliRunner().invoke(grace, [*argv, "http://bot.example.org"])
    assert (done.exit_code, "would send the token unencrypted" in done.output) == (1, True)


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["--scope", "runner"], "name each target"),
        (["--scope", "runner", "--scope", "viewer", "--target", "a"], "runner stands alone"),
        (["--scope", "viewer", "--target", "a"], "is for --scope runner alone"),
        (["--scope", "runner", "--target", "../a"], "cannot be a target"),
    ],
)
def test_a_runners_token_is_for_targets_and_nothing_else(machine, argv, told):
    done = CliRunner().invoke(grace, ["token", "create", "--name", "r", "--data", ".", *argv])
    assert done.exit_code == 2
    assert told in re.sub(r"\s*│?\n│?\s*", " ", done.output)


def test_a_runners_token_is_made_and_listed(machine):
    argv = ["token", "create", "--name", "r", "--scope", "runner", "--target", "orders-db"]
    assert CliRunner().invoke(grace, [*argv, "--data", "."]).exit_code == 0
    listed = CliRunner().invoke(grace, ["token", "list", "--data", "."]).output
    assert re.search(r"r +runner +nobody +orders-db", listed)

"""`grace policy`: rules are checked by line, explained as a tree, tried on the past, laid out."""

import asyncio
import json
import shutil
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from sqlite3 import connect

import pytest
from click.testing import Result
from typer.testing import CliRunner

from grace.adapters.config import load
from grace.cli.main import app
from grace.cli.simulate import since_when
from grace.domain.phase import Outcome
from grace.domain.policy import Governance
from grace.domain.render import one_line, tree
from grace.domain.verdict import Condition, recomputed
from support.flows import Bot, Stage
from support.past import resolved, rolled_back, waiting, write_past
from support.world import CI_APP, make_policy

OK = """\
version: 1
rules:
  - name: small changes
    require: {change_size: {files: 10}}
"""
BAD = """\
version: 1
rules:
  - name: people
    require:
      approvals: {count: 0}
  - name: people
    requires: {}
"""
TWO = f"""\
version: 1
tests: {{ci_app_ids: [{CI_APP}]}}
rules:
  - name: two people
    require: {{approvals: {{count: 2}}}}
"""

ALTER = """\
UPDATE ledger SET line = CAST(replace(CAST(line AS TEXT), ?, ?) AS BLOB)
WHERE kind = 'mission.verdict'
"""


def grace(*args: str, **environment: str) -> Result:
    return CliRunner().invoke(app, args, env={"COLUMNS": "200", **environment})


def write(folder: Path, name: str, text: str) -> str:
    (folder / name).write_text(text)
    return str(folder / name)


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three missions: one resolved, one that waits for an approval, one rolled back."""
    folder = tmp_path_factory.mktemp("past")
    asyncio.run(write_past(folder / "grace.db", (resolved, waiting, rolled_back)))
    return folder


FIRST, SECOND, THIRD = (f"mission_20261122_00{n}" for n in (1, 2, 3))


def test_check_says_how_many_rules_a_good_file_has(tmp_path: Path) -> None:
    for name in ("governance.yaml", "mission-control.yml"):
        said = grace("policy", "check", write(tmp_path, name, OK))
        assert said.exit_code == 0, said.output
        assert said.stdout.endswith(": no problem; 1 rule\n")


def test_check_tells_every_problem_with_file_line_and_field(tmp_path: Path) -> None:
    file = write(tmp_path, "mission-control.yml", BAD)
    said = grace("policy", "check", file)
    assert said.exit_code == 1
    lines = said.stderr.splitlines()
    assert lines[0].startswith(f"{file}:5: rules[0].require.approvals.count: ")
    assert any(line.startswith(f"{file}:7: rules[1].requires: ") for line in lines)


def test_check_looks_names_up_in_the_configuration_that_is_named(tmp_path: Path) -> None:
    text = OK.replace("require", "when: {subsystem: [mesh]}\n    require")
    file = write(tmp_path, "mission-control.yml", text)
    assert grace("policy", "check", file).exit_code == 0
    config = tmp_path / "config"
    config.mkdir()
    where = "subsystems:\n  {}: {{host: github.com, repository: acme/mesh}}\n"
    write(config, "subsystems.yaml", where.format("mash"))
    said = grace("policy", "check", file, "--config", str(config))
    assert said.exit_code == 1
    assert "did you mean mash?" in said.stderr
    write(config, "subsystems.yaml", where.format("mesh"))
    assert grace("policy", "check", file, "--config", str(config)).exit_code == 0


def test_check_tells_what_is_wrong_with_the_configuration_itself(tmp_path: Path) -> None:
    write(tmp_path, "subsystems.yaml", "subsistems: {}\n")
    file = write(tmp_path, "mission-control.yml", OK)
    said = grace("policy", "check", file, "--config", str(tmp_path))
    assert said.exit_code == 1
    assert "subsystems.yaml:1: subsistems: is not known here" in said.stderr


def test_check_of_another_name_asks_for_the_kind(tmp_path: Path) -> None:
    file = write(tmp_path, "new.yaml", OK + "shadow: true\n")
    said = grace("policy", "check", file)
    assert said.exit_code == 2
    assert "--kind" in said.output
    assert grace("policy", "check", file, "--kind", "repository").exit_code == 0
    floor = write(tmp_path, "floor.yaml", OK + "max_attempts: 2\n")
    assert grace("policy", "check", floor, "--kind", "governance").exit_code == 0
    assert grace("policy", "check", floor, "--kind", "repository").exit_code == 1


def test_check_of_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    said = grace("policy", "check", str(tmp_path / "governance.yaml"))
    assert said.exit_code == 1
    assert "cannot be read" in said.stderr


def test_explain_shows_the_stored_tree_what_waits_and_for_whom(past: Path) -> None:
    said = grace("policy", "explain", SECOND, "--data", str(past))
    assert said.exit_code == 0, said.output
    document = json.loads(grace("policy", "explain", SECOND, "--data", str(past), "--json").stdout)
    root = Condition.model_validate(document["verdict"]["root"])
    assert tree(root, text=one_line).replace("**", "") in said.stdout
    assert recomputed(root) is root.result
    assert f"policy {document['verdict']['policy_hash']}" in said.stdout
    assert f"facts  {document['verdict']['facts_hash']}" in said.stdout
    assert said.stdout.splitlines()[1].startswith("wait: approvals: 0 of 1")
    waits = {r["name"]: r["who"] for r in document["rules"] if r["result"] == "pending"}
    assert list(waits) == ["approvals"]
    assert "write permission" in waits["approvals"]
    assert "ISO27001" not in said.stdout


def test_explain_names_the_controls_of_each_condition(past: Path) -> None:
    said = grace("policy", "explain", SECOND, "--data", str(past), "--controls")
    rows = [line.split() for line in said.stdout.splitlines() if "SOC2:" in line]
    assert ["tests", "pass", "ISO27001:A.8.29,", "SOC2:CC8.1,", "NIST800-53:SA-11"] in rows


def test_explain_of_a_closed_mission_shows_the_verdict_that_decided_it(past: Path) -> None:
    said = grace("policy", "explain", THIRD, "--data", str(past))
    assert "closed as rolled_back" in said.stdout
    assert "the verdict that decided it, of 2026-11-22" in said.stdout
    assert "pass merge: all conditions hold" in said.stdout
    assert "1 of 1 approvals" in said.stdout


def test_explain_of_an_unknown_mission_is_told(past: Path) -> None:
    said = grace("policy", "explain", "mission_20200101_001", "--data", str(past))
    assert said.exit_code == 1
    assert "grace mission list" in said.output


def simulate(past: Path, *more: str) -> Result:
    return grace("policy", "simulate", "--since", "2026-11-01", "--data", str(past), *more)


def test_simulate_reproduces_every_verdict_under_the_policy_of_its_time(past: Path) -> None:
    said = simulate(past)
    assert said.exit_code == 0, said.output
    verdicts = json.loads(simulate(past, "--json").stdout)["verdicts"]
    with closing(connect(past / "grace.db")) as store:
        (count,) = store.execute("SELECT count(*) FROM ledger WHERE kind = 'mission.verdict'")
    assert verdicts == {"reproduced": count[0], "different": [], "unreadable": []}
    assert f"{count[0]} reproduced, 0 different, 0 unreadable" in said.stdout


def test_simulate_ends_with_status_one_where_a_verdict_comes_out_otherwise(
    past: Path, tmp_path: Path
) -> None:
    """A ledger whose evidence was altered; the audit would notice the signature too."""
    shutil.copytree(past, tmp_path / "altered")
    with closing(connect(tmp_path / "altered" / "grace.db")) as store, store:
        store.execute("DROP TRIGGER ledger_no_update")
        changed = store.execute(ALTER, ('"login":"rita"', '"login":"rena"'))
        assert changed.rowcount > 0
    said = simulate(tmp_path / "altered")
    assert said.exit_code == 1
    assert f"different: {FIRST} at 2026-11-22" in said.stdout


def test_simulate_says_what_other_rules_would_have_changed(past: Path, tmp_path: Path) -> None:
    file = write(tmp_path, "NEW.yaml", TWO)
    said = simulate(past, "--policy", file)
    assert said.exit_code == 0, said.output
    assert "3 missions: 2 would have been held, 0 would have passed, 1 the same" in said.stdout
    held = [line.split() for line in said.stdout.splitlines() if "two people" in line]
    assert held[0][0] == FIRST
    assert "fixed" in held[0]
    assert held[1][0] == THIRD
    assert "rolled_back" in held[1]
    assert held[-1] == ["two", "people", "2", "0"]
    document = json.loads(simulate(past, "--policy", file, "--json").stdout)
    assert document["by_rule"] == {"would_hold": {"two people": 2}, "no_longer_holds": {}}
    assert [c["held"][0]["who"] != "" for c in document["changes"]] == [True, True]


def test_simulate_says_what_would_have_merged(tmp_path: Path) -> None:
    strict = tmp_path / "strict"
    policy = make_policy(rules=load(Governance, TWO, "governance.yaml").rules)
    one_approval = (lambda world: world.file().ci().review(),)
    asyncio.run(write_past(strict / "grace.db", one_approval, policy=policy))
    lax = write(tmp_path, "lax.yaml", TWO.partition("rules:")[0] + "rules: []\n")
    said = simulate(strict, "--policy", lax)
    assert "1 mission: 0 would have been held, 1 would have passed, 0 the same" in said.stdout
    assert "was held, and would have passed" in said.stdout
    assert [line.split()[-2:] for line in said.stdout.splitlines()][-1] == ["0", "1"]


def test_simulate_refuses_a_policy_that_is_wrong(past: Path, tmp_path: Path) -> None:
    said = simulate(past, "--policy", write(tmp_path, "NEW.yaml", BAD))
    assert said.exit_code == 1
    assert "NEW.yaml:5: rules[0].require.approvals.count" in said.stderr


def test_simulate_tries_a_repositorys_file_on_that_repository(past: Path, tmp_path: Path) -> None:
    rules = OK.replace("change_size: {files: 10}", "protected_paths: {paths: ['*']}")
    file = write(tmp_path, "mission-control.yml", rules)
    unnamed = simulate(past, "--policy", file)
    assert unnamed.exit_code == 2
    assert "--repository" in unnamed.output
    said = simulate(past, "--policy", file, "--repository", "ACME/mesh")
    assert "3 missions: 2 would have been held" in said.stdout
    assert "repository: small changes" in said.stdout
    other = simulate(past, "--policy", file, "--repository", "acme/other")
    assert other.exit_code == 2
    assert "no ledger of acme/other" in other.stderr


def test_simulate_looks_only_at_the_span(past: Path) -> None:
    assert (
        "0 verdicts since 2026-12-01"
        in grace("policy", "simulate", "--since", "2026-12-01", "--data", str(past)).stdout
    )
    wrong = grace("policy", "simulate", "--since", "lately", "--data", str(past))
    assert wrong.exit_code == 2
    assert "30d, 12h or 2026-10-01" in wrong.output


def test_spans_and_dates_are_read() -> None:
    now = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
    assert since_when("30d", now) == now - timedelta(days=30)
    assert since_when("12h", now) == now - timedelta(hours=12)
    assert since_when("2026-10-01", now) == datetime(2026, 10, 1, tzinfo=UTC)
    assert since_when("2026-10-01T12:00:00+02:00", now).hour == 12
    for wrong in ("", "30", "d", "5w", "2026-13-01"):
        with pytest.raises(ValueError, match=r"\w"):
            since_when(wrong, now)


def test_matrix_lays_out_gates_and_rules_by_severity(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.mkdir()
    floor = OK.replace("require", "when: {severity: [critical]}\n    require")
    write(config, "governance.yaml", floor + "shadow: true\n")
    own = write(tmp_path, "mission-control.yml", TWO.replace(TWO.splitlines()[1] + "\n", ""))
    said = grace("policy", "matrix", "--config", str(config), "--repository", own)
    assert said.exit_code == 0, said.output
    lines = said.stdout.splitlines()
    small = next(line for line in lines if "small changes  " in line)
    assert small.split()[-4:] == ["needed", "skipped", "skipped", "skipped"]
    two = next(line for line in lines if "two people" in line)
    assert two.split()[-8:] == ["2", "approvals"] * 4
    assert "Shadow mode" in said.stdout
    assert "small changes: when severity critical" in said.stdout
    printed = grace("policy", "matrix", "--config", str(config), "--json")
    first = json.loads(printed.stdout)[0]
    assert (first["name"], first["cells"]["low"]["need"]) == ("tests", "needed")


def test_a_store_that_is_not_there_is_told(tmp_path: Path) -> None:
    for command in (("simulate",), ("explain", FIRST)):
        said = grace("policy", *command, "--data", str(tmp_path))
        assert said.exit_code == 2
        assert "is not there" in said.output


async def test_what_a_running_bot_decided_is_reproduced_beside_it(stage: Stage, bot: Bot) -> None:
    data = ("--data", str(stage.data))
    async with stage.people():
        issue = await stage.file()
        mission = await bot.look.closed(issue, Outcome.FIXED)
    said = await asyncio.to_thread(grace, "policy", "simulate", *data, "--json")
    assert said.exit_code == 0, said.output
    verdicts = json.loads(said.stdout)["verdicts"]
    assert verdicts["reproduced"] > 4
    assert (verdicts["different"], verdicts["unreadable"]) == ([], [])
    explained = await asyncio.to_thread(grace, "policy", "explain", mission.name, *data)
    assert "the verdict that decided it" in explained.stdout
    shown = await asyncio.to_thread(grace, "trust", "show", *data)
    assert "candidate:alice" in shown.stdout

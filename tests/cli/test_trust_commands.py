"""`grace trust`: the scores that verdicts see, and how each comes about."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from grace.cli.main import app
from grace.domain.trust import wilson
from support.past import failed, resolved, rolled_back, waiting, write_past

AGENT = "candidate:alice"
FIRST, SECOND = "mission_20261122_001", "mission_20261122_002"


def grace(*args: str) -> Result:
    return CliRunner().invoke(app, args, env={"COLUMNS": "200"})


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An agent that is reverted, fixes twice, and fails once; another mission waits."""
    folder = tmp_path_factory.mktemp("past")
    stories = (rolled_back, resolved, resolved, failed, waiting)
    asyncio.run(write_past(folder / "grace.db", stories))
    return folder


def test_show_has_a_row_for_each_agent_and_subsystem(past: Path) -> None:
    said = grace("trust", "show", "--data", str(past))
    assert said.exit_code == 0, said.output
    row = said.stdout.splitlines()[-1].split()
    assert row[:2] == [AGENT, "trigger_mesh"]
    # High ones count for high and for what is less grave, and not for critical ones.
    assert row[2] == "0.00"
    assert row[3] == row[4] == row[5] != "0.00"
    assert row[6:9] == ["2", "1", "0"]
    assert len(row) == 11  # the day of the last one, and that of the revert
    (document,) = json.loads(grace("trust", "show", "--data", str(past), "--json").stdout)
    assert document["scores"]["high"]["wilson"] == wilson(2, 3)


def test_explain_goes_through_the_missions_and_says_which_count(past: Path) -> None:
    said = grace("trust", "explain", AGENT, "--data", str(past), "--severity", "high")
    assert said.exit_code == 0, said.output
    assert said.stdout.startswith(f"{AGENT} in trigger_mesh, for missions of severity high: 0.")
    assert "2 good of 3" in said.stdout
    assert "what was before the revert of 20" in said.stdout
    effects = ["empties it", "raises it", "raises it", "lowers it"]
    rows = [line for line in said.stdout.splitlines() if "mission_20261122" in line]
    assert [e in row for e, row in zip(effects, rows, strict=True)] == [True] * 4
    grave = grace("trust", "explain", AGENT, "--data", str(past), "--severity", "critical")
    assert grave.stdout.count("it was less grave") == 2
    assert "for missions of severity critical: 0.00\n" in grave.stdout
    assert "0 good of 1" in grave.stdout


def test_explain_as_json_ends_at_the_score(past: Path) -> None:
    said = grace("trust", "explain", AGENT, "--data", str(past), "--json")
    found = json.loads(said.stdout)["trigger_mesh"]
    assert found["missions"][-1]["wilson"] == found["score"]["wilson"]
    assert [m["fact"]["mission"] for m in found["missions"]][:2] == [FIRST, SECOND]


def test_a_score_that_decays_says_since_when(tmp_path: Path) -> None:
    long_ago = datetime.now(UTC) - timedelta(days=120)
    asyncio.run(write_past(tmp_path / "grace.db", (resolved,), start=long_ago))
    said = grace("trust", "explain", AGENT, "--data", str(tmp_path))
    assert "times 0.50: no news since" in said.stdout
    assert "what was before" not in said.stdout


@pytest.mark.parametrize("args", [("nobody",), (AGENT, "--subsystem", "elsewhere")])
def test_who_has_no_record_is_told_who_has(past: Path, args: tuple[str, ...]) -> None:
    said = grace("trust", "explain", *args, "--data", str(past))
    assert said.exit_code == 1
    assert (
        f"has no record{' in elsewhere' if len(args) > 1 else ''}; there is {AGENT}" in said.stderr
    )


def test_a_store_without_ends_says_so(tmp_path: Path) -> None:
    asyncio.run(write_past(tmp_path / "grace.db", (waiting,)))
    said = grace("trust", "show", "--data", str(tmp_path))
    assert said.exit_code == 0
    assert "nobody has a record" in said.stdout
    assert grace("trust", "explain", AGENT, "--data", str(tmp_path)).exit_code == 1

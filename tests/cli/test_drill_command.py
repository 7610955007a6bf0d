"""`grace drill`: what it refuses, what it prints, and whole drills of the real service."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from grace.cli.drill import _timeline
from grace.cli.main import app
from grace.demo.drill_scene import DrillRules
from grace.demo.drills import Drilled
from grace.demo.faults import FAULTS
from grace.demo.scenes import Built
from grace.domain.policy import Governance
from grace.domain.proactive import Proactive

GRACE = Path(sys.executable).parent / "grace"


def drilled(**changes: object) -> Drilled:
    given = {"fault": "lock", "detected": 9.5, "opened": 9.6, "outcome": "fixed", **changes}
    return Drilled(**given)


def printed(found: Drilled) -> str:
    return "\n".join(_timeline(found))


def test_an_unknown_drill_is_refused_with_the_names_of_all() -> None:
    done = CliRunner().invoke(app, ["drill", "flood"])
    assert done.exit_code == 2
    said = " ".join(done.output.replace("│", " ").split())
    assert "there is no drill 'flood'; there are: latency, errors, leak, lock, crash" in said


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep me\n")
    done = CliRunner().invoke(app, ["drill", "lock", "--keep", str(tmp_path)])
    assert done.exit_code == 2
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]


def test_the_timeline_says_when_and_who() -> None:
    told = printed(drilled(mission="mission_1", merged=39.4, people=["rita approves"]))
    assert "39.4 s" in told
    assert "rita approves" in told
    assert told.count("never") == 2  # neither live nor recovered
    assert "nobody had to act" in printed(drilled())


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"opened": None}, "no mission was open within 60 s"),
        ({"opened": 60.5}, "no mission was open within 60 s"),
        ({"outcome": "rolled_back"}, "the mission ended as rolled_back"),
        ({"gave_up": "waited too long", "outcome": ""}, "waited too long"),
    ],
)
def test_a_drill_fails_where_it_was_seen_late_or_did_not_recover(
    changes: dict[str, object], problem: str
) -> None:
    assert drilled().ok
    found = drilled(**changes)
    assert not found.ok
    assert found.problem == problem


@pytest.mark.parametrize("by_hand", [False, True])
def test_policy_trusts_remedies_in_a_drill_unless_it_is_played_by_hand(by_hand: bool) -> None:
    rules = DrillRules(every=5, probe_port=1, by_hand=by_hand)
    governance = Governance.model_validate(rules.governance(Built({}, 1, 1)))
    shipped = Proactive()
    assert governance.proactive.min_trust == (shipped.min_trust if by_hand else 0)
    assert governance.approvals.low == (1 if by_hand else 0)


@pytest.mark.stress
@pytest.mark.parametrize("fault", [f.name for f in FAULTS])
def test_a_drill_ends_well_and_nobody_had_to_act(fault: str, tmp_path: Path) -> None:
    folder = tmp_path / "drill"
    done = subprocess.run(
        [GRACE, "drill", fault, "--keep", folder], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads((folder / "drill.json").read_text())
    assert report["people"] == []
    assert report["detected"] <= report["opened"] < 60
    assert report["opened"] < report["merged"] < report["deployed"] < report["recovered"]
    stats = subprocess.run(
        [GRACE, "mission", "stats", "--data", folder / "bot"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert "ran without a person: 100 % (1 of 1)" in stats.stdout


@pytest.mark.stress
def test_a_drill_by_hand_takes_a_start_and_an_approval(tmp_path: Path) -> None:
    folder = tmp_path / "drill"
    command = [GRACE, "drill", "errors", "--by-hand", "--keep", folder]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(json.loads((folder / "drill.json").read_text())["people"]) == 2

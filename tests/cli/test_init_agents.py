"""The workflow by which agents are asked, as `grace init` writes it."""

from pathlib import Path

import pytest
import yaml

from grace.setup import plan
from grace.setup.findings import Level
from grace.setup.patch_workflow_text import patch_workflow
from grace.setup.repository import Found
from grace.setup.workflow_checks import check_agents, judge

ROOT = Path(__file__).parents[2]
ACTIONS = "grace-mission-control/grace@v1"


@pytest.mark.parametrize("suite", ["tests/unit", None])
@pytest.mark.parametrize("python", [True, False])
def test_the_workflow_of_agents_takes_orders_and_can_write_nothing(suite, python):
    suites = {"unit": suite, "integration": None}
    text = patch_workflow(Found("mesh", None, "main", python, "true", suites, None, None), ACTIONS)
    finding = check_agents({plan.PATCH_WORKFLOW: text}, "grace-patch.yml", "o/n")
    assert finding.level is Level.PASS
    assert list(judge("grace-patch.yml", text, "main", "")) == []
    loaded = yaml.safe_load(text)
    assert loaded["permissions"] == {}
    (job,) = loaded["jobs"].values()
    assert job["permissions"] == {"contents": "read"}
    checkout, *_, told, _, asked = job["steps"]
    assert checkout["with"]["persist-credentials"] is False
    assert checkout["with"]["ref"] == "${{ inputs.base }}"
    assert all("${{" not in step.get("run", "") for step in job["steps"])
    assert told["env"] == {"TASK": "${{ inputs.task }}"}
    assert asked["uses"] == "grace-mission-control/grace/actions/patch@v1"
    assert ("test" in asked["with"]) is (suite is not None)
    inputs = yaml.safe_load((ROOT / "actions/patch/action.yml").read_text())["inputs"]
    assert set(asked["with"]) <= set(inputs)
    assert {name for name, about in inputs.items() if about.get("required")} <= set(asked["with"])

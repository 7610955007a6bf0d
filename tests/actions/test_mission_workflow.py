"""The reusable workflow as it is written: rights, checkouts, pins and inputs."""

import re
import subprocess
from pathlib import Path

import yaml

from grace.domain.policy import Tests

ROOT = Path(__file__).parents[2]
MISSION = ROOT / ".github/workflows/mission.yml"


def test_the_workflow_asks_for_no_more_than_each_job_needs():
    workflow = yaml.load(MISSION.read_text(), yaml.BaseLoader)
    assert workflow["permissions"] == {}
    rights = {key: job["permissions"] for key, job in workflow["jobs"].items()}
    reads = {"contents": "read"}
    assert rights == {
        **dict.fromkeys(("unit", "integration", "red-on-base", "stress", "hunter"), reads),
        "report": {"id-token": "write"},
        "sarif": {"security-events": "write"},
    }
    report, shown = workflow["jobs"]["report"], workflow["jobs"]["sarif"]
    uses = [step["uses"] for job in (report, shown) for step in job["steps"]]
    assert not any("actions/checkout@" in used for used in uses)
    assert all(step["continue-on-error"] == "true" for step in shown["steps"])
    assert set(report["needs"]) == set(workflow["jobs"]) - {"report", "sarif"}
    assert "secrets." not in MISSION.read_text()


def test_every_checkout_is_of_head_or_base_and_keeps_no_credential():
    workflow = yaml.load(MISSION.read_text(), yaml.BaseLoader)
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    refs = [
        (step["with"]["ref"], step["with"]["persist-credentials"])
        for step in steps
        if step.get("uses", "").startswith("actions/checkout@")
    ]
    base = "${{ github.event.pull_request.base.sha || github.event.merge_group.base_sha }}"
    assert len(refs) == 8
    assert set(refs) == {("${{ env.HEAD_SHA }}", "false"), (base, "false")}
    (head,) = workflow["env"].items()
    pull, group = "github.event.pull_request.head.sha", "github.event.merge_group.head_sha"
    assert head == ("HEAD_SHA", f"${{{{ {pull} || {group} || github.sha }}}}")


def test_the_workflow_gives_each_action_only_inputs_that_it_has_where_it_is_pinned():
    workflow = yaml.load(MISSION.read_text(), yaml.BaseLoader)
    pins = set()
    for job in workflow["jobs"].values():
        for step in job["steps"]:
            ours = re.fullmatch(
                r"grace-mission-control/grace/(actions/\w+)@([0-9a-f]{40})", step.get("uses", "")
            )
            if ours is None:
                continue
            pins.add(ours[2])
            for spec in definitions(ours[1], ours[2]):
                inputs = spec["inputs"]
                assert set(step.get("with", {})) <= set(inputs)
                needed = {name for name, each in inputs.items() if each.get("required") == "true"}
                assert needed <= set(step.get("with", {}))
    assert len(pins) == 1


def definitions(folder, sha):
    """Yield an action as it is here and, where this clone has that commit, as it is pinned."""
    yield yaml.load((ROOT / folder / "action.yml").read_text(), yaml.BaseLoader)
    shown = subprocess.run(
        ["git", "show", f"{sha}:{folder}/action.yml"], cwd=ROOT, capture_output=True, check=False
    )
    if shown.returncode == 0:
        yield yaml.load(shown.stdout, yaml.BaseLoader)


def test_the_governance_that_the_readme_shows_names_the_jobs_as_the_forge_does():
    section = (ROOT / "actions/README.md").read_text().partition("\n## mission.yml\n")[2]
    shown = yaml.safe_load(section.split("```yaml\n")[2].partition("```")[0])
    rules = Tests.model_validate(shown["tests"])
    workflow = yaml.load(MISSION.read_text(), yaml.BaseLoader)
    names = {f"mission / {job['name']}" for job in workflow["jobs"].values()}
    assert set(rules.jobs) == {*rules.suites, "stress"}
    assert {name for jobs in rules.jobs.values() for name in jobs} <= names


def test_the_base_s_code_runs_where_nothing_of_the_head_is_around_it():
    workflow = yaml.load(MISSION.read_text(), yaml.BaseLoader)
    steps = {step["name"]: step for step in workflow["jobs"]["red-on-base"]["steps"]}
    names = list(steps)
    moved = names.index("Take the base out of the head's checkout")
    installed = names.index("Install what the base needs")
    assert steps[names[moved]]["run"] == 'mv base "$RUNNER_TEMP/base"'
    place = "${{ runner.temp }}/base"
    assert steps[names[installed]]["working-directory"] == place
    runs = [step for step in steps.values() if "/actions/tests@" in step.get("uses", "")]
    assert [(s["with"]["suite"], s["with"]["subject"], s["with"]["base-path"]) for s in runs] == [
        ("unit", "base", place),
        ("integration", "base", place),
    ]
    assert moved < installed < min(names.index(step["name"]) for step in runs)

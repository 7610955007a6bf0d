"""The reusable workflow, called as other repositories call it and run by act."""

import json
import re
import subprocess
from pathlib import Path

import yaml

from grace.ci.piece import Piece
from grace.domain.results import CIReport

ROOT = Path(__file__).parents[2]
MISSION = ROOT / ".github/workflows/mission.yml"

CALLER = """
name: ci
on: pull_request
permissions: {}
jobs:
  mission:
    permissions: {contents: read, id-token: write}
    uses: grace-mission-control/grace/.github/workflows/mission.yml@v0.1.0
    with:
      setup-command: echo prepared > "$RUNNER_TEMP/prepared"
      unit-command: test -f "$RUNNER_TEMP/prepared" && python -m pytest -q -p no:cacheprovider tests
      stress-start: python server.py
      stress-locustfile: load.py
      stress-users: 2
      stress-duration-seconds: 1
"""
SERVER = """
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    wbufsize = -1
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")
    def log_message(self, *args):
        pass

ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""
LOAD = """
from locust import HttpUser, constant, task

class User(HttpUser):
    wait_time = constant(0.02)
    @task
    def ask(self):
        self.client.get("/")
"""


async def test_a_called_mission_tests_scans_and_reports_under_its_own_names(repository, run, bot):
    known = "import subprocess\n\ndef old(x):\n    return subprocess.call(x, shell=True)\n"
    base = repository.commit(
        {
            ".github/workflows/ci.yml": CALLER,
            "server.py": SERVER,
            "load.py": LOAD,
            "tests/test_one.py": "def test_good(): pass\n",
            "run.py": known,
        }
    )
    moved = known.replace("\n\n", "\n\n# moved\n\n") + "\ndef new(y):\n    return eval(y)\n"
    head = repository.commit(
        {
            "run.py": moved
            + "def worse(z):\n    return subprocess.call(z + 'x', shell=True)  # nosec\n"
        }
    )
    ran = await run(
        ACTIONS_ID_TOKEN_REQUEST_URL=f"{bot.url}/token?x=1",
        ACTIONS_ID_TOKEN_REQUEST_TOKEN="request-token",
        GRACE_URL=bot.url,
    )
    assert ran.conclusions == {
        "mission.unit": "success",
        "mission.integration": "skipped",
        "mission.stress": "success",
        "mission.hunter": "failure",
        "mission.report": "success",
    }, ran.logs
    names = {end.name for end in ran.ends.values()}

    (body,) = bot.bodies
    report = CIReport.model_validate_json(body)
    assert (report.head_sha, report.base_sha) == (head, base)
    assert report.workflow == ".github/workflows/ci.yml"
    assert {suite.job for suite in report.suites} == {"mission / unit"} <= names
    assert {(load.subject, load.job) for load in report.stress} == {
        ("head", "mission / stress"),
        ("base", "mission / stress"),
    }

    folder = ran.artifacts / "grace-results-hunter"
    (scan,) = Piece.model_validate_json((folder / "hunter.json").read_bytes()).scans
    assert (scan.job, scan.base_sha) == ("mission / hunter", base)
    new = {(f.rule, f.path, f.line, f.level.value) for f in scan.findings if f.new}
    assert new == {("B602", "run.py", 11, "error"), ("B307", "run.py", 9, "warning")}
    assert scan.found > scan.new
    notes = ran.ends["mission.hunter"].annotations
    assert ("run.py", 11, "failure") in {(note.path, note.line, note.level) for note in notes}
    assert any("change the lines that are marked" in note.message for note in notes)
    assert json.loads((folder / "hunter.sarif").read_bytes())["version"] == "2.1.0"


def test_the_workflow_asks_for_no_more_than_each_job_needs():
    workflow = yaml.load(MISSION.read_text(), yaml.BaseLoader)
    assert workflow["permissions"] == {}
    rights = {key: job["permissions"] for key, job in workflow["jobs"].items()}
    reads = {"contents": "read"}
    assert rights == {
        **dict.fromkeys(("unit", "integration", "stress", "hunter"), reads),
        "report": {"id-token": "write"},
    }
    report = workflow["jobs"]["report"]
    assert not any("actions/checkout@" in step["uses"] for step in report["steps"])
    assert set(report["needs"]) == set(workflow["jobs"]) - {"report"}
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
    assert len(refs) == 6
    assert set(refs) == {("${{ env.HEAD_SHA }}", "false"), (base, "false")}
    assert workflow["env"] == {
        "HEAD_SHA": "${{ github.event.pull_request.head.sha || github.sha }}"
    }


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

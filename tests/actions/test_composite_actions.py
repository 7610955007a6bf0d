"""The composite actions, run by act in a workflow as users write it."""

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml
from aiohttp import web

from grace.domain.results import CIReport
from grace.localforge.runner import ActRunner
from grace.localforge.runs import JobFinished, JobLog, RunRequest

ROOT = Path(__file__).parents[2]

SERVICE = """
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

LOCUST = """
from locust import HttpUser, constant, task

class User(HttpUser):
    wait_time = constant(0.02)
    @task
    def ask(self):
        self.client.get("/")
"""

WORKFLOW = """
name: ci
on: pull_request
permissions: {}
jobs:
  unit:
    runs-on: ubuntu-latest
    permissions: {contents: read}
    steps:
      - uses: actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683
        with: {persist-credentials: false}
      - uses: grace-mission-control/grace/actions/tests@v1
        with: {suite: unit, command: python -m pytest -q -p no:cacheprovider tests}
  stress:
    runs-on: ubuntu-latest
    permissions: {contents: read}
    steps:
      - uses: actions/checkout@v4
      - uses: actions/checkout@v4
        with: {path: base, ref: "${{ github.event.pull_request.base.sha }}"}
      - uses: grace-mission-control/grace/actions/stress@v1
        with: {start: python server.py, locustfile: load.py, users: 4, duration-seconds: 2, base-path: base}
  report:
    needs: [unit, stress]
    if: always()
    runs-on: ubuntu-latest
    permissions: {id-token: write}
    steps:
      - uses: grace-mission-control/grace/actions/report@v1
        with: {url: "${{ vars.GRACE_URL }}"}
"""


def git(cwd: Path, *args: str) -> str:
    env = {
        "PATH": os.environ["PATH"],
        "GIT_CONFIG_GLOBAL": "/dev/null",
        **{
            f"GIT_{who}_{what}": "a@b.c"
            for who in ("AUTHOR", "COMMITTER")
            for what in ("NAME", "EMAIL")
        },
    }
    done = subprocess.run(["git", *args], cwd=cwd, env=env, capture_output=True, check=True)
    return done.stdout.decode().strip()


@dataclass
class Bot:
    url: str = ""
    bodies: list[bytes] = field(default_factory=list)
    authorization: list[str] = field(default_factory=list)


@pytest.fixture
async def bot() -> AsyncIterator[Bot]:
    state = Bot()

    async def token(request: web.Request) -> web.Response:
        state.authorization.append(request.headers["Authorization"])
        return web.json_response({"value": f"jwt-for-{request.query['audience']}"})

    async def results(request: web.Request) -> web.Response:
        state.authorization.append(request.headers["Authorization"])
        state.bodies.append(await request.read())
        return web.Response(status=202)

    app = web.Application()
    app.add_routes([web.get("/token", token), web.post("/ci/results", results)])
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    state.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield state
    await runner.cleanup()


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A folder for PATH with a `grace` that has the commands of `grace ci`."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (folder / "grace").write_text(
        f"#!{sys.executable}\n"
        f"import sys\nsys.path.insert(0, {str(ROOT / 'bot')!r})\n"
        "from grace.ci.cli import app\nassert sys.argv.pop(1) == 'ci'\napp()\n"
    )
    for file in folder.iterdir():
        file.chmod(0o755)
    return folder


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    work = tmp_path / "work"
    files = {
        "server.py": SERVICE,
        "load.py": LOCUST,
        ".github/workflows/ci.yml": WORKFLOW,
        "tests/test_one.py": "def test_good(): pass\n",
    }
    git(tmp_path, "init", "-q", "-b", "main", "work")
    for name, text in files.items():
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / name).write_text(text)
    git(work, "add", "-A")
    git(work, "commit", "-q", "-m", "base")
    (work / "tests" / "test_two.py").write_text("def test_bad(): assert 1 == 2\n")
    git(work, "add", "-A")
    git(work, "commit", "-q", "-m", "head")
    git(tmp_path, "clone", "-q", "--bare", "work", "forge/acme/mesh.git")
    return work


async def test_tests_stress_and_report_reach_the_bot(tmp_path, repository, tools, bot):
    head, base = git(repository, "rev-parse", "HEAD", "HEAD~1").split()
    pull = {
        "number": 3,
        "head": {"sha": head, "ref": "f"},
        "base": {"sha": base, "ref": "main"},
    }
    request = RunRequest(
        repository="acme/mesh",
        bare=tmp_path / "forge" / "acme" / "mesh.git",
        sha=head,
        ref="refs/pull/3/merge",
        workflow=".github/workflows/ci.yml",
        event_name="pull_request",
        event={"action": "opened", "number": 3, "pull_request": pull},
        run_id=12,
        run_attempt=1,
        actor="bob",
        env={
            "FORGE_GIT_URL": f"file://{tmp_path}/forge",
            "FORGE_TOKEN": "read-token",
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{bot.url}/token?x=1",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "request-token",
            "GRACE_URL": bot.url,
        },
        log_dir=tmp_path / "logs",
        artifact_dir=tmp_path / "artifacts",
    )
    folders = {"grace-mission-control/grace": ROOT}
    runner = ActRunner(
        Path(sys.executable).parent / "act", folders, python=tools / "python", timeout_s=60
    )
    events = [event async for event in runner.run(request)]
    ends = {event.job: event.conclusion for event in events if isinstance(event, JobFinished)}
    log = "\n".join(event.line for event in events if isinstance(event, JobLog))
    assert ends == {"unit": "failure", "stress": "success", "report": "success"}, log

    assert "Run Put load on the service" in log
    (body,) = bot.bodies
    report = CIReport.model_validate_json(body)
    assert bot.authorization == ["bearer request-token", "Bearer jwt-for-grace"]
    assert (report.head_sha, report.base_sha) == (head, base)
    assert report.tree == git(repository, "rev-parse", f"{head}^{{tree}}")
    assert (report.workflow, report.run_id) == (".github/workflows/ci.yml", 12)
    (suite,) = report.suites
    assert {case.name: case.outcome.value for case in suite.cases} == {
        "tests.test_one.test_good": "passed",
        "tests.test_two.test_bad": "failed",
    }
    assert {load.subject: load.error_rate for load in report.stress} == {"head": 0, "base": 0}
    assert all(load.requests > 20 for load in report.stress)
    artifact = tmp_path / "artifacts" / "grace-report" / "report.json"
    assert json.loads(artifact.read_bytes()) == json.loads(body)


@pytest.mark.parametrize("action", ["tests", "stress", "report"])
def test_actions_take_inputs_through_the_environment_and_pin_what_they_use(action):
    spec = yaml.safe_load((ROOT / "actions" / action / "action.yml").read_text())
    for step in spec["runs"]["steps"]:
        assert "${{" not in step.get("run", "")
        used = step.get("uses")
        if used:
            ref = used.partition("@")[2]
            assert len(ref) == 40
            assert set(ref) <= set("0123456789abcdef")


def test_actions_have_nothing_that_zizmor_would_report():
    zizmor = Path(sys.executable).parent / "zizmor"
    done = subprocess.run(
        [zizmor, "--offline", "--quiet", "--format", "plain", ROOT / "actions"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_setup_says_that_grace_is_missing(tmp_path: Path):
    copy = tmp_path / "actions" / "setup.sh"
    copy.parent.mkdir()
    copy.write_bytes((ROOT / "actions" / "setup.sh").read_bytes())
    env = {"PATH": "/usr/bin:/bin", "GITHUB_OUTPUT": str(tmp_path / "out")}
    done = subprocess.run(["bash", copy], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "::error::the command grace is neither on PATH" in done.stdout

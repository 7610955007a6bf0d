"""The actions setup, patch, observe and verify, run by act in a workflow as users write it."""

import json

import pytest
from aiohttp import web

from grace.adapters.keys import Ed25519Key, ssh_line
from grace.ci.patch import PatchProposed
from grace.ci.piece import Piece

CHECKOUT = "actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683"
OURS = "grace-mission-control/grace/actions"
WORKFLOW = f"""
name: ci
on: pull_request
permissions: {{}}
jobs:
  patch:
    runs-on: ubuntu-latest
    permissions: {{contents: read}}
    steps:
      - uses: {OURS}/setup@v1
        id: grace
      - name: Where
        run: test "$(command -v grace)" != "" && grace --version && echo "at ${{{{ steps.grace.outputs.path }}}}"
      - uses: {CHECKOUT}
      - name: Bring the mission
        run: cp mission.json "$RUNNER_TEMP/mission.json"
      - uses: {OURS}/patch@v1
        with:
          command: |
            echo $(env | cut -d= -f1 | sort)
            python -c 'import json, os; print(json.load(open(os.environ["GRACE_MISSION"]))["mission_id"])'
            echo '::error::forged by the agent'
            echo fast > app.txt
          mission: ${{{{ runner.temp }}}}/mission.json
          base: ${{{{ github.event.pull_request.head.sha }}}}
  workflows:
    runs-on: ubuntu-latest
    permissions: {{contents: read}}
    env: {{MY_API_TOKEN: not-for-agents}}
    steps:
      - uses: {CHECKOUT}
      - name: Bring the mission
        run: cp mission.json "$RUNNER_TEMP/mission.json"
      - uses: {OURS}/patch@v1
        with:
          command: 'test -z "${{MY_API_TOKEN:-}}" && echo x >> .github/workflows/ci.yml'
          mission: ${{{{ runner.temp }}}}/mission.json
          base: ${{{{ github.event.pull_request.head.sha }}}}
  observe:
    runs-on: ubuntu-latest
    permissions: {{contents: read}}
    steps:
      - uses: {CHECKOUT}
      - uses: {OURS}/observe@v1
        with:
          metric: mesh.queue
          source: '{{"kind": "prometheus_text", "url": "METRICS", "series": "queue_depth"}}'
          unit: items
          samples: 2
          interval-seconds: 0
  verify:
    runs-on: ubuntu-latest
    permissions: {{contents: read}}
    steps:
      - uses: {CHECKOUT}
        with: {{fetch-depth: 0}}
      - uses: {OURS}/verify@v1
        with: {{key: "KEY"}}
"""
MISSION = {
    "mission_id": "mission_20261122_001",
    "subsystem_id": "mesh",
    "severity": "high",
    "status": "in_progress",
    "created_at": "2026-11-22T09:00:00Z",
    "symptoms": [{"description": "slow"}],
    "acceptance_criteria": {},
}


@pytest.fixture
async def metrics():
    """Serve a metrics page on the loopback."""

    async def page(_: web.Request) -> web.Response:
        return web.Response(text="queue_depth 7\n", content_type="text/plain")

    app = web.Application()
    app.add_routes([web.get("/metrics", page)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/metrics"
    await runner.cleanup()


async def test_agent_observation_and_audit_run_in_jobs(repository, run, metrics):
    key = ssh_line(Ed25519Key(bytes(range(32))).public)
    workflow = WORKFLOW.replace("METRICS", metrics).replace("KEY", key.strip())
    files = {
        ".github/workflows/ci.yml": workflow,
        "mission.json": json.dumps(MISSION),
        "app.txt": "slow\n",
    }
    repository.commit(files)
    head = repository.commit({"more.txt": "more\n"})
    ran = await run()
    assert ran.conclusions == {
        "patch": "success",
        "workflows": "failure",
        "observe": "success",
        "verify": "failure",
    }, ran.logs

    said = ran.logs["patch"].splitlines()
    assert "mission_20261122_001" in said
    (names,) = (line for line in said if line.startswith("CI GRACE_BASE GRACE_MISSION "))
    assert set(names.split()) <= {
        *("CI", "GRACE_BASE", "GRACE_MISSION", "GRACE_PROMPT", "GRACE_RATIONALE", "GRACE_TASK"),
        *("GRACE_TEST", "GRACE_USAGE", "PYTHONDONTWRITEBYTECODE"),
        *("HOME", "LANG", "PATH", "PWD", "SHLVL", "TMPDIR", "_"),
    }
    assert ran.ends["patch"].annotations == ()
    patch = ran.artifacts / "grace-patch"
    told = PatchProposed.model_validate_json((patch / "patch.json").read_bytes())
    assert (told.base_sha, told.paths) == (head, ("app.txt",))
    repository.git("apply", "--index", str(patch / "patch.diff"))
    assert repository.git("write-tree") == told.tree

    (note,) = ran.ends["workflows"].annotations
    assert "path .github/workflows/ci.yml steers CI or git itself" in note.message

    observed = ran.artifacts / "grace-results-observe" / "observe.json"
    piece = Piece.model_validate_json(observed.read_bytes())
    assert [(o.metric_id, o.value, o.unit) for o in piece.observations] == [
        ("mesh.queue", 7, "items")
    ] * 2
    assert piece.tested.head_sha == head
    (note,) = ran.ends["verify"].annotations
    assert note.message.startswith("the lines above say what does not hold")

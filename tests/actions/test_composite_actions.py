"""The composite actions that test and report, run by act in a workflow as users write it."""

import json

from grace.domain.results import CIReport
from support.small_service import LOAD, SERVER

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


async def test_tests_stress_and_report_reach_the_bot(repository, run, bot):
    base = repository.commit(
        {
            "server.py": SERVER,
            "load.py": LOAD,
            ".github/workflows/ci.yml": WORKFLOW,
            "tests/test_one.py": "def test_good(): pass\n",
        }
    )
    head = repository.commit({"tests/test_two.py": "def test_bad(): assert 1 == 2\n"})
    ran = await run(
        ACTIONS_ID_TOKEN_REQUEST_URL=f"{bot.url}/token?x=1",
        ACTIONS_ID_TOKEN_REQUEST_TOKEN="request-token",
        GRACE_URL=bot.url,
    )
    assert ran.conclusions == {"unit": "failure", "stress": "success", "report": "success"}, ran
    assert "Run Put load on the service" in ran.logs["stress"]
    said = [note.message for note in ran.ends["unit"].annotations]
    assert said[0].startswith("tests.test_two.test_bad failed: mend what they test")
    (body,) = bot.bodies
    report = CIReport.model_validate_json(body)
    assert bot.authorization == ["bearer request-token", "Bearer jwt-for-grace"]
    assert (report.head_sha, report.base_sha) == (head, base)
    assert report.tree == repository.git("rev-parse", f"{head}^{{tree}}")
    assert (report.workflow, report.run_id) == (".github/workflows/ci.yml", 12)
    (suite,) = report.suites
    assert {case.name: case.outcome.value for case in suite.cases} == {
        "tests.test_one.test_good": "passed",
        "tests.test_two.test_bad": "failed",
    }
    assert {case.name: len(case.earlier) for case in suite.cases} == {
        "tests.test_one.test_good": 1,
        "tests.test_two.test_bad": 1,
    }, "it was run again on the same commit"
    assert {load.subject: load.error_rate for load in report.stress} == {"head": 0, "base": 0}
    assert all(load.requests > 20 for load in report.stress)
    artifact = ran.artifacts / "grace-report" / "report.json"
    assert json.loads(artifact.read_bytes()) == json.loads(body)

"""The reusable workflow where it belongs: a forge's event starts it, its report reaches the bot."""

import base64
import re
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from grace.adapters.github.forge import GitHubForge
from grace.adapters.github.session import GitHubSite
from grace.adapters.oidc import JobClaims, OidcVerifier
from grace.domain.mission import MissionRef
from grace.domain.results import CIReport, TestOutcome
from grace.localforge.forge import ForgeConfig, LocalForge
from grace.localforge.runner import ActRunner
from grace.ports import ReportQuery
from support.flow_keys import make_app_key
from support.small_service import LOAD, SERVER

ROOT = Path(__file__).parents[2]
MISSION = ROOT / ".github/workflows/mission.yml"
CI = ".github/workflows/ci.yml"
REPO = "/repos/ann/mesh"
REMOTE = """
name: ci
on: pull_request
permissions: {}
jobs:
  mission:
    permissions: {contents: read, id-token: write, security-events: write}
    uses: grace-mission-control/grace/.github/workflows/mission.yml@PIN
    with:
      setup-command: echo prepared > "$RUNNER_TEMP/prepared"
      unit-command: test -f "$RUNNER_TEMP/prepared" && python -m pytest -q -p no:cacheprovider tests/unit
      integration-command: python -m pytest -q -p no:cacheprovider tests/integration
      stress-start: python server.py
      stress-locustfile: load.py
      stress-users: 2
      stress-duration-seconds: 1
"""
LOCAL = """
name: ci
on: [pull_request, merge_group]
permissions: {}
jobs:
  mission:
    permissions: {contents: read, id-token: write, security-events: write}
    uses: ./.github/workflows/mission.yml
    with:
      unit-command: python -m pytest -q -p no:cacheprovider tests/unit
      red-on-base: false
      hunter: false
      grace-url: ${{ github.event_name == 'merge_group' && vars.BOT_URL || '' }}
"""
KNOWN = "import subprocess\n\ndef old(x):\n    return subprocess.call(x, shell=True)\n"
WORSE = (
    KNOWN.replace("\n\n", "\n\n# moved\n\n")
    + "\ndef new(y):\n    return eval(y)\n"
    + "def worse(z):\n    return subprocess.call(z + 'x', shell=True)  # nosec\n"
)
MENDED = "import run\n\ndef test_good(): pass\n\ndef test_new(): run.new('1')\n"
ENQUEUE = """mutation($id: ID!) { enqueuePullRequest(input: {pullRequestId: $id}) {
  mergeQueueEntry { headCommit { oid } baseCommit { oid } } } }"""


class Wall:
    def now(self) -> datetime:
        return datetime.now(UTC)


@dataclass
class Site:
    """A forge whose workflows run for real, and ann, who owns the repository `mesh`."""

    forge: LocalForge
    ann: httpx.AsyncClient

    async def get(self, path: str, **params: str) -> Any:
        answer = await self.ann.get(f"{REPO}{path}", params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def post(self, path: str, **body: object) -> Any:
        answer = await self.ann.post(f"{REPO}{path}", json=body)
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def pull(self, files: Mapping[str, str]) -> tuple[str, str, dict[str, Any]]:
        """Open a pull request that changes these files; return head, base and the request."""
        base = str((await self.get("/git/ref/heads/main"))["object"]["sha"])
        await self.post("/git/refs", ref="refs/heads/fix", sha=base)
        for path, text in files.items():
            body = {"message": f"put {path}", "branch": "fix"}
            body["content"] = base64.b64encode(text.encode()).decode()
            there = await self.ann.get(f"{REPO}/contents/{path}", params={"ref": "fix"})
            if there.status_code == 200:
                body["sha"] = there.json()["sha"]
            answer = await self.ann.put(f"{REPO}/contents/{path}", json=body)
            assert answer.is_success, answer.text
        found = await self.post("/pulls", title="Fix", head="fix", base="main")
        return str(found["head"]["sha"]), base, found

    async def checks(self, sha: str) -> dict[str, str]:
        """Wait until nothing runs; return what became of each check run, by its name."""
        await self.forge.idle(90)
        found = await self.get(f"/commits/{sha}/check-runs")
        assert {check["app"]["id"] for check in found["check_runs"]} == {self.forge.ci_app_id}
        return {check["name"]: check["conclusion"] for check in found["check_runs"]}

    async def log(self, run: int, name: str) -> str:
        """Return the log of a job of a run."""
        jobs = (await self.get(f"/actions/runs/{run}/jobs"))["jobs"]
        (job,) = (each for each in jobs if each["name"] == name)
        answer = await self.ann.get(f"{REPO}/actions/jobs/{job['id']}/logs", follow_redirects=True)
        return answer.text

    async def claims(self, bearer: str) -> JobClaims:
        """Verify a job's token as the bot does."""
        async with httpx.AsyncClient(verify=False) as client:
            issuer = f"{self.forge.url}/_services/token"
            verifier = OidcVerifier(issuer, "grace", client, Wall())
            return await verifier.verify(bearer.removeprefix("Bearer "))


@asynccontextmanager
async def site(
    folder: Path, tools: Path, files: Mapping[str, str], **env: str
) -> AsyncIterator[Site]:
    for name, text in files.items():
        (folder / "template" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "template" / name).write_text(text)
    data = folder / "forge"
    runner = ActRunner(
        Path(sys.executable).parent / "act",
        {"grace-mission-control/grace": ROOT},
        python=tools / "python",
        timeout_s=90,
        hidden=(data,),
    )
    forge = LocalForge(ForgeConfig(data, job_environment=env), runner)
    await forge.start()
    try:
        token = await forge.create_user("ann")
        await forge.create_repository("ann", "mesh", template=folder / "template")
        headers = {"Authorization": f"token {token}"}
        async with httpx.AsyncClient(base_url=forge.api_url, headers=headers, verify=False) as ann:
            yield Site(forge, ann)
    finally:
        await forge.close()


def report_run(body: bytes) -> int:
    """Return the run that a report is from."""
    return CIReport.model_validate_json(body).run_id


def pinned() -> str:
    """Return the commit that mission.yml's own steps are pinned to."""
    found = re.search(r"grace/actions/setup@([0-9a-f]{40})", MISSION.read_text())
    assert found is not None
    return found[1]


async def test_a_pull_request_is_tested_loaded_scanned_and_reported_by_a_workflow_of_elsewhere(
    tmp_path, tools, bot
):
    files = {
        CI: REMOTE.replace("PIN", pinned()),
        "server.py": SERVER,
        "load.py": LOAD,
        "tests/unit/test_one.py": "def test_good(): pass\n",
        "tests/integration/test_two.py": "def test_whole(): pass\n",
        "run.py": KNOWN,
    }
    async with site(tmp_path, tools, files, GRACE_URL=bot.url) as at:
        head, base, _ = await at.pull({"run.py": WORSE, "tests/unit/test_one.py": MENDED})
        checks = await at.checks(head)
        assert checks == {
            "mission / unit": "success",
            "mission / integration": "success",
            "mission / red-on-base": "success",
            "mission / stress": "success",
            "mission / hunter": "failure",
            "mission / sarif": "success",
            "mission / report": "success",
        }
        (body,), (bearer,) = bot.bodies, bot.authorization
        claims = await at.claims(bearer)
        hunter = next(
            run
            for run in (await at.get(f"/commits/{head}/check-runs"))["check_runs"]
            if run["name"] == "mission / hunter"
        )
        notes = await at.get(f"/check-runs/{hunter['id']}/annotations")
        shown = await at.log(report_run(bot.bodies[0]), "mission / sarif")
        left = {each["name"] for each in (await at.get("/actions/artifacts"))["artifacts"]}

    report = CIReport.model_validate_json(body)
    assert (report.head_sha, report.base_sha, report.workflow) == (head, base, CI)
    proven = (claims.repository, claims.event_name, claims.head_ref, claims.run_id)
    assert proven == (report.repository, "pull_request", "fix", report.run_id)
    assert claims.workflow_ref.startswith(f"ann/mesh/{CI}@")
    assert {(s.suite, s.subject, s.job, s.passed, s.failed) for s in report.suites} == {
        ("unit", "head", "mission / unit", 2, 0),
        ("integration", "head", "mission / integration", 1, 0),
        ("unit", "base", "mission / red-on-base", 1, 1),
        ("integration", "base", "mission / red-on-base", 1, 0),
    }
    unit_on_base = next(s for s in report.suites if (s.suite, s.subject) == ("unit", "base"))
    failed = [case.name for case in unit_on_base.cases if case.outcome is TestOutcome.FAILED]
    assert failed == ["tests.unit.test_one.test_new"]
    assert {(load.subject, load.job, load.failures) for load in report.stress} == {
        ("head", "mission / stress", 0),
        ("base", "mission / stress", 0),
    }
    (scan,) = report.scans
    assert (scan.job, scan.base_sha, scan.subject) == ("mission / hunter", base, "head")
    new = {(f.rule, f.file, f.line, f.severity.value) for f in scan.findings if f.new}
    assert new == {("B602", "run.py", 11, "high"), ("B307", "run.py", 9, "medium")}
    assert scan.found > scan.new
    assert ("run.py", 11, "failure") in {
        (note["path"], note["start_line"], note["annotation_level"]) for note in notes
    }
    assert re.search(rf"bandit: \d+ results about {head} at refs/pull/1/head", shown)
    assert any("change the lines that are marked" in note["message"] for note in notes)
    results = {f"grace-results-{name}" for name in ("unit", "integration", "stress", "hunter")}
    results |= {"grace-results-unit.base", "grace-results-integration.base"}
    assert left == {"grace-report", *results}


async def test_a_report_that_nobody_takes_is_found_as_an_artifact_and_a_merge_group_s_is_its_own(
    tmp_path, tools, bot
):
    files = {
        CI: LOCAL,
        ".github/workflows/mission.yml": MISSION.read_text(),
        "tests/unit/test_one.py": "def test_good(): pass\n",
    }
    private, public = make_app_key()
    async with site(tmp_path, tools, files, BOT_URL=bot.url) as at:
        app = await at.forge.create_app(
            "grace",
            webhook_url=f"{bot.url}/nowhere",
            webhook_secret="s",
            public_key_pem=public,
            permissions={
                "actions": "read",
                "contents": "write",
                "metadata": "read",
                "pull_requests": "read",
            },
            events=[],
        )
        installation = await at.forge.install_app(app.id, "ann", ["mesh"])
        head, base, pull = await at.pull({"tests/unit/test_two.py": "def test_more(): pass\n"})
        assert await at.checks(head) == {
            "mission / unit": "success",
            "mission / integration": "skipped",
            "mission / red-on-base": "skipped",
            "mission / stress": "skipped",
            "mission / hunter": "skipped",
            "mission / sarif": "skipped",
            "mission / report": "success",
        }
        assert bot.bodies == []
        where = GitHubSite("localforge", at.forge.api_url, at.forge.url, app.id, private)
        async with httpx.AsyncClient(verify=False) as client:
            grace = GitHubForge(where, client, Wall(), lambda _: None, lambda: "none")
            whose = (await at.get(""))["id"]
            ref = MissionRef(
                host="localforge",
                repository_id=whose,
                repository="ann/mesh",
                installation_id=installation,
            )
            wanted = ReportQuery(head=head, branch="fix", pull=pull["number"], workflows=(CI,))
            found = await grace.read_report(ref, wanted)
        assert found is not None
        report = CIReport.model_validate_json(found.body)
        assert (found.workflow, found.head_branch) == (CI, "fix")
        assert (report.run_id, report.run_attempt) == (found.run_id, found.run_attempt)
        assert (report.head_sha, report.base_sha, report.suites[0].passed) == (head, base, 2)

        needed = {"context": "mission / unit", "app_id": at.forge.ci_app_id}
        rules = {
            "required_status_checks": {"strict": False, "contexts": [], "checks": [needed]},
            "enforce_admins": True,
            "required_pull_request_reviews": None,
            "restrictions": None,
        }
        answer = await at.ann.put(f"{REPO}/branches/main/protection", json=rules)
        assert answer.status_code == 200, answer.text
        await at.forge.require_merge_queue("ann/mesh", "main")
        asked = {"query": ENQUEUE, "variables": {"id": pull["node_id"]}}
        queued = (await at.ann.post(f"{at.forge.url}/api/graphql", json=asked)).json()
        entry = queued["data"]["enqueuePullRequest"]["mergeQueueEntry"]
        group = entry["headCommit"]["oid"]
        assert (await at.checks(group))["mission / report"] == "success"
        (body,), (bearer,) = bot.bodies, bot.authorization
        report, claims = CIReport.model_validate_json(body), await at.claims(bearer)
        assert (report.head_sha, report.base_sha) == (group, base)
        assert (claims.event_name, claims.sha, claims.head_ref) == ("merge_group", group, "")
        assert claims.run_id == report.run_id != found.run_id
        assert (await at.get(f"/pulls/{pull['number']}"))["merged"]

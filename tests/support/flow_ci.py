"""A CI that takes milliseconds: it looks at the pushed tree with git and reports to the bot.

The repository's `app.py` says what its tests and its stress run would find, so that a flow test
needs no interpreter, no load and no workflow tool. Everything around it is real: check runs, job
tokens, reports over HTTP.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx

from grace.domain.results import (
    CIReport,
    StressReport,
    SuiteReport,
    TestCase,
    TestOutcome,
)
from grace.localforge.runs import (
    Annotation,
    JobFinished,
    JobStarted,
    PlannedJob,
    ReadFile,
    RunEvent,
    RunRequest,
    WorkflowPlan,
)
from support.flow_agents import BY_HAND, answered, plan_of

WORKFLOW = ".github/workflows/ci.yml"
MUST_PASS = "tests.unit.test_app.test_delay"
JOBS = (
    PlannedJob("unit", "unit", ()),
    PlannedJob("integration", "integration", ()),
    PlannedJob("stress", "stress", ()),
    PlannedJob("report", "report", ("unit", "integration", "stress")),
)
PATIENCE_S = 30.0
DELAY_LIMIT_MS = 400


async def git(folder: Path, *args: str) -> str:
    """Run git in a folder and return what it printed."""
    process = await asyncio.create_subprocess_exec(
        "git",
        *args,
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    if process.returncode != 0:
        raise RuntimeError(f"git {' '.join(args)}: {err.decode()}")
    return out.decode().strip()


def value(source: str, name: str) -> str:
    """Read `NAME = value` from the miniature service."""
    found = re.search(rf"^{name} = (.+)$", source, re.MULTILINE)
    assert found is not None, f"{name} is not in {source!r}"
    return found[1]


@dataclass(frozen=True, slots=True)
class Findings:
    """What the jobs of one run found."""

    works: bool
    delay_ms: float

    @property
    def good(self) -> bool:
        return self.works and self.delay_ms < DELAY_LIMIT_MS

    def suites(self) -> tuple[SuiteReport, ...]:
        return (
            _suite("unit", MUST_PASS, good=self.good),
            _suite("integration", "tests.integration.test_http.test_answers", good=True),
        )

    def stress(self, base_ms: float) -> tuple[StressReport, ...]:
        return (_stress("head", self.delay_ms), _stress("base", base_ms))


def _suite(name: str, case: str, *, good: bool) -> SuiteReport:
    outcome = TestOutcome.PASSED if good else TestOutcome.FAILED
    message = "" if good else "too slow"
    cases = (TestCase(name=case, outcome=outcome, duration_s=0.01, message=message),)
    return SuiteReport(
        suite=name,
        job=name,
        passed=int(good),
        failed=int(not good),
        skipped=0,
        duration_s=0.01,
        cases=cases,
    )


def _stress(subject: str, delay_ms: float) -> StressReport:
    return StressReport.model_validate(
        {
            "subject": subject,
            "job": "stress",
            "requests": 500,
            "failures": 0,
            "duration_s": 1,
            "throughput_rps": 500,
            "p50_ms": delay_ms / 2,
            "p95_ms": delay_ms,
            "p99_ms": delay_ms * 1.1,
            "error_rate": 0,
        }
    )


@dataclass
class FastCI:
    """The forge's `WorkflowRunner`. `tokens` keeps each run's job token and report, for tests.

    `silent` runs get a token and report nothing, so that a test may report for them; with
    `artifact` a run has no token, and leaves its report behind. No run begins before `go`. While
    it is `red`, the unit tests of every run fail. `agents` answer with these diffs.
    """

    bot_url: str
    red: bool = False
    silent: bool = False
    artifact: bool = False
    go: asyncio.Event | None = None
    agents: dict[str, str] = field(default_factory=dict)
    answers: list[int] = field(default_factory=list)
    tokens: list[tuple[str, CIReport]] = field(default_factory=list)

    def plan(
        self, source: bytes, event_name: str, event: dict[str, object], read: ReadFile
    ) -> WorkflowPlan | None:
        if BY_HAND in source.decode():
            return plan_of(event) if event_name == BY_HAND else None
        if event_name == "merge_group":
            return WorkflowPlan("ci", JOBS)
        if event_name != "pull_request":
            return None
        if event.get("action") not in {"opened", "synchronize", "reopened"}:
            return None
        return WorkflowPlan("ci", JOBS)

    async def run(self, request: RunRequest) -> AsyncIterator[RunEvent]:
        if request.event_name == BY_HAND:
            async for said in answered(request, self.agents):
                yield said
            return
        if self.go is not None:
            await self.go.wait()
        source = await git(request.bare, "show", f"{request.sha}:app.py")
        works = value(source, "WORKS") == "True" and not self.red
        found = Findings(works, float(value(source, "DELAY_MS")))
        for job in ("unit", "integration", "stress"):
            yield JobStarted(job, job, datetime.now(UTC))
        notes = () if found.good else (Annotation("app.py", 3, "failure", "too slow"),)
        for job in ("unit", "integration", "stress"):
            conclusion = "failure" if job == "unit" and not found.good else "success"
            yield JobFinished(job, job, conclusion, datetime.now(UTC), notes, f"# {job}")
        yield JobStarted("report", "report", datetime.now(UTC))
        status = await self._report(request, found)
        conclusion = "success" if status in {0, 202} else "failure"
        yield JobFinished("report", "report", conclusion, datetime.now(UTC), (), "")

    async def cancel(self, run_id: int) -> None:
        """Nothing runs long enough to be stopped."""

    async def report(self, request: RunRequest, found: Findings) -> CIReport:
        """Write the report of a run."""
        group, pull = request.event.get("merge_group"), request.event.get("pull_request")
        if isinstance(group, dict):
            base = group["base_sha"]
        else:
            assert isinstance(pull, dict)
            base = pull["base"]["sha"]
        before = await git(request.bare, "show", f"{base}:app.py")
        return CIReport(
            repository=request.repository,
            workflow=WORKFLOW,
            run_id=request.run_id,
            run_attempt=request.run_attempt,
            head_sha=request.sha,
            base_sha=base,
            tree=await git(request.bare, "rev-parse", f"{request.sha}^{{tree}}"),
            at=datetime.now(UTC),
            suites=found.suites(),
            stress=found.stress(float(value(before, "DELAY_MS"))),
        )

    async def _report(self, request: RunRequest, found: Findings) -> int:
        report = await self.report(request, found)
        if self.artifact:
            folder = request.artifact_dir / "grace-report"
            folder.mkdir(parents=True)
            (folder / "report.json").write_text(report.model_dump_json())
            return 0
        async with httpx.AsyncClient(timeout=10, verify=False) as client:
            token = await job_token(client, request.env)
            self.tokens.append((token, report))
            if self.silent:
                return 0
            status = await post_report(client, self.bot_url, token, report.model_dump_json())
        self.answers.append(status)
        return status


async def job_token(client: httpx.AsyncClient, env: dict[str, str]) -> str:
    """Ask the forge for a job's OIDC token, as a step of the job does."""
    answer = await client.get(
        env["ACTIONS_ID_TOKEN_REQUEST_URL"] + "&audience=grace",
        headers={"Authorization": f"bearer {env['ACTIONS_ID_TOKEN_REQUEST_TOKEN']}"},
    )
    answer.raise_for_status()
    return str(answer.json()["value"])


async def post_report(client: httpx.AsyncClient, url: str, token: str, body: str) -> int:
    """Post a report until the bot answers anything but an error of its own."""
    loop = asyncio.get_running_loop()
    end = loop.time() + PATIENCE_S
    headers = {"Authorization": f"Bearer {token}"}
    while True:
        try:
            answer = await client.post(f"{url}/ci/results", content=body, headers=headers)
        except httpx.TransportError:
            status = 0
        else:
            status = answer.status_code
        if 0 < status < 500 or loop.time() > end:
            return status
        await asyncio.sleep(0.1)

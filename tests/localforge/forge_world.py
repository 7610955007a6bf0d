"""What the tests of the forge act on: a started forge, a webhook receiver, a scripted runner."""

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import jwt
from aiohttp import web

from grace.localforge.forge import App, LocalForge
from grace.localforge.runner import ActRunner
from grace.localforge.runner.workflow import parse
from grace.localforge.runs import (
    Annotation,
    JobFinished,
    JobLog,
    JobStarted,
    PlannedJob,
    ReadFile,
    RunEvent,
    RunRequest,
    WorkflowPlan,
)

SECRET = "hook-secret"
REPO = "/repos/ann/app"
EVENTS = [
    "push",
    "create",
    "delete",
    "issues",
    "issue_comment",
    "pull_request",
    "pull_request_review",
    "check_run",
    "check_suite",
    "status",
    "workflow_run",
    "workflow_job",
    "deployment",
    "deployment_status",
    "repository",
    "installation",
    "installation_repositories",
    "merge_group",
]
PERMISSIONS = dict.fromkeys(
    ("contents", "issues", "pull_requests", "checks", "statuses", "deployments", "actions"), "write"
) | {"metadata": "read"}


@dataclass
class Received:
    event: str
    delivery: str
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> dict[str, Any]:
        data: dict[str, Any] = json.loads(self.raw)
        return data

    @property
    def name(self) -> str:
        action = self.body.get("action")
        return f"{self.event}.{action}" if action else self.event


@dataclass
class Receiver:
    """A webhook receiver; `status` is what it answers, `gate` may hold it."""

    received: list[Received] = field(default_factory=list)
    status: int = 202
    gate: asyncio.Event | None = None
    url: str = ""
    watch: dict[str, tuple[int, asyncio.Event]] = field(default_factory=dict)

    def tell(self) -> None:
        """Set the events of `watch` whose number of deliveries by that name has come."""
        for name, (count, event) in self.watch.items():
            if self.names().count(name) >= count:
                event.set()

    async def take(self, request: web.Request) -> web.Response:
        if self.gate is not None:
            await self.gate.wait()
        raw = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        event, guid = headers["x-github-event"], headers["x-github-delivery"]
        self.received.append(Received(event, guid, headers, raw))
        self.tell()
        return web.Response(status=self.status)

    def names(self) -> list[str]:
        return [item.name for item in self.received]

    def last(self, name: str) -> dict[str, Any]:
        return next(item.body for item in reversed(self.received) if item.name == name)


@dataclass
class FakeRunner:
    """Runs nothing: the jobs of a workflow are its words, each ends as its prefix says.

    A file that has `jobs:` is planned as the real runner plans it.
    """

    requests: list[RunRequest] = field(default_factory=list)
    held: asyncio.Event | None = None
    started: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)

    def plan(
        self, source: bytes, event_name: str, event: dict[str, object], read: ReadFile
    ) -> WorkflowPlan | None:
        if b"jobs:" in source:
            return ActRunner(Path("act"), {}).plan(source, event_name, event, read)
        first, _, rest = source.decode().partition("\n")
        if event_name not in first:
            return None
        if rest.startswith("broken"):
            return WorkflowPlan("ci", (), "line 2: not a workflow")
        return WorkflowPlan("ci", tuple(PlannedJob(j, j.title(), ()) for j in rest.split()))

    async def run(self, request: RunRequest) -> AsyncIterator[RunEvent]:
        self.requests.append(request)
        self.started.release()
        now = datetime.now(UTC)
        source = await _git(request.bare, "show", f"{request.sha}:{request.workflow}")
        real = parse(source.encode()).planned() if "jobs:" in source else ()
        for job in [j.job for j in real] or source.partition("\n")[2].split():
            yield JobStarted(job, job.title(), now)
            yield JobLog(job, f"hello from {job}")
            if self.held is not None:
                waiters = [asyncio.ensure_future(e.wait()) for e in (self.held, self.cancelled)]
                try:
                    await asyncio.wait(waiters, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for waiter in waiters:
                        waiter.cancel()
                if self.cancelled.is_set():
                    return
            folder = request.artifact_dir / "results"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{job}.txt").write_text(job)
            note = (Annotation("a.txt", 1, "failure", "bad"),) if job.startswith("bad") else ()
            conclusion = {"bad": "failure", "ski": "skipped"}.get(job[:3], "success")
            yield JobFinished(job, job.title(), conclusion, now, note, f"# {job}")

    async def cancel(self, run_id: int) -> None:
        self.cancelled.set()


async def _git(folder: Path, *args: str) -> str:
    process = await asyncio.create_subprocess_exec(
        "git", *args, cwd=folder, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    return out.decode()


@dataclass
class World:
    forge: LocalForge
    tokens: dict[str, str]
    app: App
    key: str
    installation: int
    receiver: Receiver
    runner: FakeRunner
    clients: dict[str | None, httpx.AsyncClient] = field(default_factory=dict)

    def client(self, token: str | None, scheme: str = "Bearer") -> httpx.AsyncClient:
        known = self.clients.get(token)
        if known is not None:
            return known
        headers = {"Authorization": f"{scheme} {token}"} if token else {}
        # Without TLS in play, loading the system's certificates would only cost time.
        client = httpx.AsyncClient(
            base_url=self.forge.api_url, headers=headers, timeout=20, verify=False
        )
        self.clients[token] = client
        return client

    def person(self, login: str) -> httpx.AsyncClient:
        return self.client(self.tokens[login])

    def jwt(self, **claims: Any) -> str:
        now = int(time.time())
        body = {"iat": now - 5, "exp": now + 300, "iss": str(self.app.id), **claims}
        return jwt.encode(body, self.key, algorithm="RS256")

    async def installation_token(self, **body: Any) -> str:
        path = f"/app/installations/{self.installation}/access_tokens"
        answer = await self.client(self.jwt()).post(path, json=body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["token"])

    async def bot(self, **body: Any) -> httpx.AsyncClient:
        return self.client(await self.installation_token(**body))

    async def ask(
        self, query: str, client: httpx.AsyncClient | None = None, **variables: Any
    ) -> dict[str, Any]:
        """Ask GraphQL, as ann unless told, and return the whole answer."""
        asker = client or self.person("ann")
        url = f"{self.forge.url}/api/graphql"
        answer = await asker.post(url, json={"query": query, "variables": variables})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def check(self, sha: str, name: str = "ci", conclusion: str = "success") -> None:
        """Report a finished check run as the App."""
        bot = await self.bot()
        body = {"name": name, "head_sha": sha, "conclusion": conclusion}
        answer = await bot.post(f"{REPO}/check-runs", json=body)
        assert answer.status_code == 201, answer.text

    async def tip(self, branch: str = "main") -> str:
        answer = await self.person("ann").get(f"{REPO}/git/ref/heads/{branch}")
        return str(answer.json()["object"]["sha"])

    async def commit(self, branch: str, path: str, text: str, who: str = "ann") -> str:
        """Put a file on a branch, made from main when it is missing; return the new tip."""
        client = self.person(who)
        await client.post(
            f"{REPO}/git/refs", json={"ref": f"refs/heads/{branch}", "sha": await self.tip()}
        )
        body = {
            "message": f"put {path}",
            "content": base64.b64encode(text.encode()).decode(),
            "branch": branch,
        }
        old = await client.get(f"{REPO}/contents/{path}", params={"ref": branch})
        if old.status_code == 200:
            body["sha"] = old.json()["sha"]
        answer = await client.put(f"{REPO}/contents/{path}", json=body)
        assert answer.status_code in {200, 201}, answer.text
        return str(answer.json()["commit"]["sha"])

    async def pull(self, branch: str, who: str = "ann", **more: Any) -> int:
        body = {"title": f"Merge {branch}", "head": branch, "base": "main", **more}
        answer = await self.person(who).post(f"{REPO}/pulls", json=body)
        assert answer.status_code == 201, answer.text
        return int(answer.json()["number"])

    async def protect(self, branch: str = "main", **settings: Any) -> None:
        body = {
            "required_status_checks": None,
            "enforce_admins": True,
            "required_pull_request_reviews": None,
            "restrictions": None,
            **settings,
        }
        answer = await self.person("ann").put(f"{REPO}/branches/{branch}/protection", json=body)
        assert answer.status_code == 200, answer.text

"""The world around a mission: a metric page, a deployer and a reviewer that never tire."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from aiohttp import web

from support.flow_ci import git, value

POLL_S = 0.05


@dataclass
class MetricPage:
    """A page in Prometheus text format; `latency` None answers 500."""

    latency: float | None = 20.0
    url: str = ""
    asked: int = 0

    async def answer(self, _request: web.Request) -> web.Response:
        self.asked += 1
        if self.latency is None:
            return web.Response(status=500)
        return web.Response(text=f"latency_p95_ms {self.latency}\n")


@asynccontextmanager
async def metric_page() -> AsyncIterator[MetricPage]:
    """Serve a metric page on loopback."""
    page = MetricPage()
    app = web.Application()
    app.router.add_get("/metrics", page.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        page.url = f"http://127.0.0.1:{runner.addresses[0][1]}/metrics"
        yield page
    finally:
        await runner.cleanup()


@dataclass
class Deployer:
    """Release what lands on main: the page shows its `LIVE_MS`, the forge hears of it."""

    client: httpx.AsyncClient
    repository: str
    bare: Path
    page: MetricPage
    live: str | None = None
    released: list[str] = field(default_factory=list)

    async def watch(self) -> None:
        """Release each new tip; a forge that is down for a while is asked again."""
        while True:
            tip = await self.tip()
            if tip != self.live and await self._release(tip):
                self.live = tip
                self.released.append(tip)
            await asyncio.sleep(POLL_S)

    async def tip(self) -> str:
        """Read what main is at."""
        return await git(self.bare, "rev-parse", "refs/heads/main")

    async def _release(self, tip: str) -> bool:
        source = await git(self.bare, "show", f"{tip}:app.py")
        self.page.latency = float(value(source, "LIVE_MS"))
        body = {
            "ref": tip,
            "environment": "production",
            "auto_merge": False,
            "required_contexts": [],
        }
        path = f"/repos/{self.repository}/deployments"
        try:
            made = await self.client.post(path, json=body)
            if made.status_code != 201:
                return False
            number = made.json()["id"]
            said = await self.client.post(f"{path}/{number}/statuses", json={"state": "success"})
        except httpx.TransportError:
            return False
        return said.status_code == 201


@dataclass
class Reviewer:
    """Approve each new head of a mission's pull request once."""

    client: httpx.AsyncClient
    repository: str
    approved: set[str] = field(default_factory=set)

    async def watch(self) -> None:
        while True:
            try:
                await self._round()
            except httpx.TransportError:
                await asyncio.sleep(POLL_S)
            await asyncio.sleep(POLL_S)

    async def _round(self) -> None:
        path = f"/repos/{self.repository}/pulls"
        answer = await self.client.get(path)
        for pull in answer.json() if answer.status_code == 200 else []:
            branch, sha = pull["head"]["ref"], pull["head"]["sha"]
            mine = branch.startswith("grace/") and not branch.endswith("-revert")
            if mine and sha not in self.approved:
                body = {"event": "APPROVE", "commit_id": sha}
                said = await self.client.post(f"{path}/{pull['number']}/reviews", json=body)
                if said.status_code == 200:
                    self.approved.add(sha)


@asynccontextmanager
async def at_work(*people: Deployer | Reviewer) -> AsyncIterator[None]:
    """Let people work in the background; their faults end the test."""
    tasks = [asyncio.create_task(p.watch()) for p in people]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
    faults = [e for e in ends if isinstance(e, Exception)]
    if faults:
        raise faults[0]

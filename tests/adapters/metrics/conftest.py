from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from aiohttp import web

from grace.adapters.metrics import Limits, Sources


@dataclass
class HandClock:
    at: datetime = datetime(2026, 11, 22, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at

    def pass_(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@dataclass
class PageServer:
    """A real server whose page a test sets."""

    text: str = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "text/plain"})
    reply: Callable[[web.Request], Awaitable[web.StreamResponse]] | None = None
    requests: list[str] = field(default_factory=list)
    url: str = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(str(request.rel_url))
        if self.reply is not None:
            return await self.reply(request)
        return web.Response(body=self.text.encode(), status=self.status, headers=self.headers)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def server() -> AsyncIterator[PageServer]:
    page = PageServer()
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", page.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    page.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield page
    await runner.cleanup()


@pytest.fixture
def environment() -> dict[str, str]:
    return {}


@pytest.fixture
async def metrics(clock: HandClock, environment: dict[str, str]) -> AsyncIterator[Sources]:
    limits = Limits(timeout_s=0.4, body_bytes=100_000, look_s=60)
    async with httpx.AsyncClient(trust_env=False) as client:
        yield Sources(client, clock, environment, limits=limits)

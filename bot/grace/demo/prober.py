"""Ask from outside whether the service answers, each time that somebody reads the page."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from aiohttp import web

_TIMEOUT_S = 1.0
SERIES = "probe_success"


@asynccontextmanager
async def prober(service_url: str, port: int) -> AsyncIterator[None]:
    """Serve a page in Prometheus text format that says 1 while the service is healthy, else 0.

    Of a service that was never healthy it says nothing: that is no outage.
    """
    known = False
    async with httpx.AsyncClient(timeout=_TIMEOUT_S, trust_env=False) as client:

        async def page(_: web.Request) -> web.Response:
            nonlocal known
            try:
                answer = await client.get(f"{service_url}/healthz")
                healthy = answer.status_code == httpx.codes.OK
            except httpx.TransportError:
                healthy = False
            known = known or healthy
            sample = f"{SERIES} {int(healthy)}\n" if known else ""
            return web.Response(text=f"# TYPE {SERIES} gauge\n{sample}")

        app = web.Application()
        app.router.add_get("/metrics", page)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", port).start()
            yield
        finally:
            await runner.cleanup()

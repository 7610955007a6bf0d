"""A hub with a past behind a real socket."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest
from aiohttp import web

from support.hub_world import HubWorld, hub_world

Client = Callable[[str | None], httpx.AsyncClient]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[HubWorld]:
    async with hub_world(tmp_path) as made:
        yield made


@pytest.fixture
async def address(world: HubWorld) -> AsyncIterator[str]:
    runner = web.AppRunner(world.app(), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.fixture
async def ask(address: str) -> AsyncIterator[Client]:
    """Speak to the hub with a token, by its name in `KNOWN`."""
    clients: list[httpx.AsyncClient] = []

    def make(name: str | None) -> httpx.AsyncClient:
        headers = {} if name is None else {"Authorization": f"Bearer {name}"}
        client = httpx.AsyncClient(base_url=address, headers=headers, timeout=20, trust_env=False)
        clients.append(client)
        return client

    yield make
    for client in clients:
        await client.aclose()

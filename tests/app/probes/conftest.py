"""A system to probe, over a real store."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from grace.adapters.keys import Ed25519Key
from grace.adapters.sqlite.store import SqliteStore
from support.probed import Probed


@pytest.fixture
async def probed(tmp_path: Path) -> AsyncIterator[Probed]:
    key = Ed25519Key.generate(tmp_path / "signing.key")
    store = await SqliteStore.open(tmp_path / "grace.db", key)
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    yield Probed(store, tmp_path, key, address=server.sockets[0].getsockname()[:2])
    server.close()
    await server.wait_closed()
    await store.close()

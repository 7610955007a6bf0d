"""A hub with a past behind a real socket."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from support.hub_world import HubWorld, Past, Served, served, write_hub_past


@pytest.fixture(scope="session")
def past(tmp_path_factory: pytest.TempPathFactory) -> Past:
    return asyncio.run(write_hub_past(tmp_path_factory.mktemp("hub") / "grace.db"))


@pytest.fixture
async def hub(past: Past, tmp_path: Path) -> AsyncIterator[Served]:
    """A hub of one's own."""
    async with served(past, tmp_path) as made:
        yield made


@pytest.fixture
def world(hub: Served) -> HubWorld:
    return hub.world


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def read_only(past: Past, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    """A hub for all tests of a module, which look at it and change nothing."""
    async with served(past, tmp_path_factory.mktemp("read-only")) as made:
        yield made

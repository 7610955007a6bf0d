"""A watcher's world: two metrics of a mesh at one source, a shop's at another."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support.watching_world import GOOD, WatchedWorld, definitions, watched_world


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[WatchedWorld]:
    async with watched_world(tmp_path, definitions()) as made:
        made.metrics.values |= GOOD
        yield made

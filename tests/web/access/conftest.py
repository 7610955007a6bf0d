"""A server behind the door."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support.doors import Door, opened


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    async with opened(tmp_path) as made:
        yield made

"""A running bot on a set stage."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support.flow_keys import make_app_key
from support.flows import Bot, Stage, staged


@pytest.fixture(scope="session")
def app_key() -> tuple[str, str]:
    return make_app_key()


@pytest.fixture
async def stage(tmp_path: Path, app_key: tuple[str, str]) -> AsyncIterator[Stage]:
    async with staged(tmp_path, app_key) as made:
        yield made


@pytest.fixture
async def bot(stage: Stage) -> AsyncIterator[Bot]:
    async with stage.bot() as running:
        yield running

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from grace.adapters.samples import Keeping, SqliteSamples
from grace.domain.package import MetricObservation

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp()


@dataclass
class HandClock:
    at: datetime = datetime(2026, 11, 22, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at

    def pass_(self, **span: float) -> None:
        self.at += timedelta(**span)


def seen(metric: str, at: float, value: float | None) -> MetricObservation:
    moment = datetime.fromtimestamp(at, UTC)
    return MetricObservation(metric_id=metric, value=value, at=moment, source="test")


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def opened(tmp_path: Path, clock: HandClock) -> Callable[..., object]:
    """Open the file of this test, with bounds of its own."""

    @asynccontextmanager
    async def opening(**bounds: float) -> AsyncIterator[SqliteSamples]:
        store = await SqliteSamples.open(tmp_path / "samples.db", clock, Keeping(**bounds))
        try:
            yield store
        finally:
            await store.close()

    return opening


@pytest.fixture
async def samples(opened) -> AsyncIterator[SqliteSamples]:
    async with opened() as store:
        yield store

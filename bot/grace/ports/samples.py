"""Where samples are kept for a while: a bounded, rolling store beside the ledger."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from grace.domain.package import MetricObservation
from grace.domain.samples import Sample


@dataclass(frozen=True, slots=True)
class SampleFigures:
    """What is kept: metrics, samples, bytes on disk, and the oldest (seconds since the epoch).

    `failure`: why the newest write failed; None: it did not.
    """

    metrics: int
    samples: int
    bytes: int
    oldest: float | None
    failure: str | None = None


class SampleStore(Protocol):
    """Keep samples by metric and time, and what detectors remember.

    It is bounded by age and size: the oldest goes first. A sample that comes twice for the same
    moment is kept once; one that is older than the newest of its metric is kept where it belongs.
    """

    async def keep(self, observations: Sequence[MetricObservation]) -> None:
        """Keep one round of samples, durably."""
        ...

    async def backfill(self, metric_id: str, samples: Sequence[Sample]) -> None:
        """Keep a metric's history from before we watched it."""
        ...

    async def between(
        self, metric_id: str, start: float, end: float, limit: int = 50_000
    ) -> Sequence[Sample]:
        """Read a metric's samples with start <= at < end, oldest first, the newest `limit`."""
        ...

    async def newest(self, metric_id: str) -> Sample | None:
        """Read a metric's newest sample that has a value."""
        ...

    async def remember(self, states: Mapping[str, bytes], at: float) -> None:
        """Keep the frozen state of detectors, by metric, as of a moment."""
        ...

    async def remembered(self) -> Mapping[str, tuple[float, bytes]]:
        """Read the states that were kept last, by metric, with when."""
        ...

    async def figures(self) -> SampleFigures:
        """Say how much is kept."""
        ...

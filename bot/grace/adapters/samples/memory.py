"""Samples in memory (a `SampleStore`)."""

from bisect import insort
from collections.abc import Mapping, Sequence

from grace.domain.package import MetricObservation
from grace.domain.samples import Sample
from grace.ports.samples import SampleFigures


class MemorySamples:
    """Keep samples while the process lives."""

    def __init__(self) -> None:
        self._samples: dict[str, list[Sample]] = {}
        self._states: dict[str, tuple[float, bytes]] = {}

    async def keep(self, observations: Sequence[MetricObservation]) -> None:
        for each in observations:
            self._add(each.metric_id, Sample(each.at.timestamp(), each.value))

    async def backfill(self, metric_id: str, samples: Sequence[Sample]) -> None:
        for each in samples:
            self._add(metric_id, each)

    def _add(self, metric_id: str, sample: Sample) -> None:
        known = self._samples.setdefault(metric_id, [])
        if all(s.at != sample.at for s in known):
            insort(known, sample, key=lambda s: s.at)

    async def between(
        self, metric_id: str, start: float, end: float, limit: int = 50_000
    ) -> Sequence[Sample]:
        found = [s for s in self._samples.get(metric_id, []) if start <= s.at < end]
        return found[-limit:]

    async def newest(self, metric_id: str) -> Sample | None:
        known = reversed(self._samples.get(metric_id, []))
        return next((s for s in known if s.value is not None), None)

    async def remember(self, states: Mapping[str, bytes], at: float) -> None:
        self._states |= {name: (at, state) for name, state in states.items()}

    async def remembered(self) -> Mapping[str, tuple[float, bytes]]:
        return dict(self._states)

    async def figures(self) -> SampleFigures:
        everything = [s.at for known in self._samples.values() for s in known]
        oldest = min(everything, default=None)
        return SampleFigures(len(self._samples), len(everything), 0, oldest)

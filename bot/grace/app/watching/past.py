"""The past of a metric: what a watch learned before, and what it learns from before we watched."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

import structlog

from grace.app.watching.desk import Desk
from grace.domain.catalog import MetricDefinition
from grace.domain.detection.budget import LEAST_POINTS, backtest
from grace.domain.detection.keeping import thaw
from grace.domain.detection.watch import Turn, Watch
from grace.domain.samples import Sample

BACK: Final = timedelta(days=3)  # of a metric that was never watched
CALIBRATE_BACK: Final = timedelta(days=14)
MAX_POINTS: Final = 20_000
FEW_POINTS: Final = 200  # a thread would take longer to begin than they take
TICK_S: Final = 1e-6


class Recalled(NamedTuple):
    """A watch up to date, by how many points; `settled`: its last episode ended as usual."""

    watch: Watch
    points: int
    settled: bool


class Past:
    """Bring watches up to date, and set their thresholds by what was kept."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._log = structlog.get_logger("watching")

    async def recall(self, metric_id: str, frozen: bytes | None, now: datetime) -> Recalled:
        """Make a watch as it was, and let it see what was kept since.

        Gaps are not replayed: what was no value then may have been nothing to measure.
        """
        definition = self._desk.plan.catalog.metrics[metric_id]
        watch = self._thawed(metric_id, definition, frozen)
        if watch is None:
            watch = Watch(metric_id, definition, self._desk.plan.every)
            seen = await self._before(metric_id, definition, now)
            if len(seen) < LEAST_POINTS:
                watch.calibrated = now.timestamp()
        else:
            start, end = watch.last + TICK_S, now.timestamp()
            seen = await self._desk.samples.between(metric_id, start, end, MAX_POINTS)
        few = len(seen) <= FEW_POINTS
        settled = _replay(watch, seen) if few else await asyncio.to_thread(_replay, watch, seen)
        return Recalled(watch, len(seen), settled)

    async def calibrate(self, watch: Watch, now: datetime) -> int:
        """Set the threshold of the detector `unusual` anew; return how many points it took."""
        watch.calibrated = now.timestamp()
        watching = watch.definition.watch
        if watch.detectors.unusual is None or watching is None:
            return 0
        start = (now - CALIBRATE_BACK).timestamp()
        kept = await self._desk.samples.between(watch.metric_id, start, now.timestamp(), MAX_POINTS)
        found = await asyncio.to_thread(backtest, kept, watching.false_missions_per_day)
        watch.detectors.alarms.threshold = found.threshold
        return found.points

    def _thawed(
        self, metric_id: str, definition: MetricDefinition, frozen: bytes | None
    ) -> Watch | None:
        if frozen is None:
            return None
        try:
            return thaw(metric_id, definition, frozen)
        except ValueError as error:
            self._log.warning("begins anew", metric=metric_id, reason=str(error))
            return None

    async def _before(
        self, metric_id: str, definition: MetricDefinition, now: datetime
    ) -> Sequence[Sample]:
        """Read what was kept of a metric; where that is nothing, ask its source for the past."""
        desk, start = self._desk, now - BACK
        kept = await desk.samples.between(metric_id, start.timestamp(), now.timestamp(), MAX_POINTS)
        if kept:
            return kept
        step = max(desk.plan.every, BACK.total_seconds() / MAX_POINTS)
        found = await desk.history.history(
            metric_id, definition, start.timestamp(), now.timestamp(), step
        )
        if found:
            await desk.samples.backfill(metric_id, found)
        return found


def _replay(watch: Watch, samples: Sequence[Sample]) -> bool:
    """Let a watch see samples; tell whether the last episode that ended settled."""
    settled = False
    for sample in samples:
        if sample.value is not None:
            turn = watch.observe(sample.at, sample.value)
            settled = turn is Turn.SETTLED or (settled and turn is not Turn.ENDED)
    return settled

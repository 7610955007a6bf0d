"""Read live samples over a rolling window; what they say of a release is judged in `observing`.

A sample is evidence only when it is newer than the anchor.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from grace.domain.base import Frozen
from grace.domain.package import MetricObservation, MetricTarget


class Reading(Frozen):
    """A metric over its rolling window: mean of the values, how many, how many were missing."""

    mean: float | None
    values: int
    missing: int


def since(
    samples: Sequence[MetricObservation], metric_id: str, anchor: datetime
) -> tuple[MetricObservation, ...]:
    """Select a metric's samples that lie wholly after the anchor, oldest first."""
    chosen = (
        s
        for s in samples
        if s.metric_id == metric_id and s.at - timedelta(seconds=s.window_s) >= anchor
    )
    return tuple(sorted(chosen, key=lambda s: s.at))


def reading(samples: Sequence[MetricObservation], target: MetricTarget, now: datetime) -> Reading:
    """Average a metric's samples over the target's rolling window that ends now."""
    start = now - timedelta(minutes=target.rolling_window_minutes)
    recent = [s for s in samples if s.metric_id == target.metric_id and start < s.at <= now]
    values = [s.value for s in recent if s.value is not None]
    mean = sum(values) / len(values) if values else None
    return Reading(mean=mean, values=len(values), missing=len(recent) - len(values))

"""Samples of a metric in bulk: when, and what; a pair, for there are many."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from grace.domain.package import MetricObservation


class Sample(NamedTuple):
    """One sample: seconds since the Unix epoch, and the value in the catalog's unit.

    `value` None: the source was asked and answered nothing usable.
    """

    at: float
    value: float | None


Series = Sequence[Sample]


def observation_of(metric_id: str, unit: str, sample: Sample) -> MetricObservation:
    """Write a kept sample as what the judge reads."""
    return MetricObservation(
        metric_id=metric_id,
        value=sample.value,
        unit=unit,
        at=datetime.fromtimestamp(sample.at, UTC),
        source="kept samples",
    )

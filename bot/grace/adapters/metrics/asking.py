"""One metric to sample, and how what was read of it is written down."""

from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from grace.adapters.metrics.reading import Reading, scaled
from grace.domain.catalog import Source
from grace.domain.package import MetricObservation

S_co = TypeVar("S_co", bound=Source, covariant=True)


@dataclass(frozen=True, slots=True)
class Asked(Generic[S_co]):
    """One metric to sample, and where."""

    metric_id: str
    unit: str
    source: S_co


def observed(
    asked: Asked[Source], reading: Reading, at: datetime, source: str
) -> MetricObservation:
    """Write a reading down in the catalog's unit; `source` names where it comes from."""
    final = scaled(reading, asked.source.scale)
    return MetricObservation(
        metric_id=asked.metric_id,
        value=final.value,
        unit=asked.unit,
        window_s=final.window_s,
        samples=final.samples,
        at=at,
        source=source,
        note=final.note,
        idle=final.idle,
    )

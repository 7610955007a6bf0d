"""Samples of one metric, taken from CI."""

import asyncio
from typing import Annotated, Protocol

from pydantic import Field, TypeAdapter, ValidationError

from grace.ci.errors import ResultsInvalid
from grace.domain.base import Frozen
from grace.domain.catalog import Source
from grace.domain.package import MetricId, MetricObservation

_SOURCE: TypeAdapter[Source] = TypeAdapter(Source)


class Watch(Frozen):
    """Which metric to look at, how often, and how long (seconds) from one look to the next."""

    metric_id: MetricId
    source: Source
    unit: str = ""
    samples: Annotated[int, Field(ge=1, le=500)] = 5
    interval_s: Annotated[float, Field(ge=0, le=600)] = 10.0


class Metrics(Protocol):
    """What takes a sample."""

    async def sample(self, metric_id: str, source: Source, unit: str) -> MetricObservation:
        """Take one sample; never raise for what the source does."""
        ...


def source_of(text: str) -> Source:
    """Read a source as the metrics catalog has it, written as JSON."""
    try:
        return _SOURCE.validate_json(text)
    except ValidationError as error:
        raise ResultsInvalid(f"the source is not one of the metrics catalog's: {error}") from error


async def observe(watch: Watch, metrics: Metrics) -> tuple[MetricObservation, ...]:
    """Take the samples; those without a value are kept, for they say why.

    Raises `ResultsInvalid` where none has a value: no data is no observation.
    """
    taken = []
    for look in range(watch.samples):
        if look:
            await asyncio.sleep(watch.interval_s)
        taken.append(await metrics.sample(watch.metric_id, watch.source, watch.unit))
    if all(each.value is None for each in taken):
        notes = "; ".join(sorted({each.note for each in taken}))
        raise ResultsInvalid(
            f"none of {len(taken)} samples has a value: {notes}",
            "Ask the source's address from a machine of CI, and compare with the metrics catalog",
        )
    return tuple(taken)

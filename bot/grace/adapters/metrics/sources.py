"""Every kind of source behind one port. Whatever a source does, the answer is a sample."""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar, assert_never

import httpx

from grace.adapters.metrics.asking import Asked
from grace.adapters.metrics.fetching import Fetcher, Limits
from grace.adapters.metrics.forge import ForgeSide, ForgeSource
from grace.adapters.metrics.host import HostSource
from grace.adapters.metrics.json_pages import Document, JsonSource, document_of
from grace.adapters.metrics.pages import PageSource
from grace.adapters.metrics.queries import QuerySource
from grace.adapters.metrics.sql import SqlSource
from grace.domain.catalog import (
    ForgeFigure,
    HostFigure,
    JsonPage,
    MetricDefinition,
    PrometheusQuery,
    PrometheusText,
    Source,
    SqlQuery,
)
from grace.domain.package import MetricObservation
from grace.domain.samples import Sample
from grace.ports import Clock

K = TypeVar("K")
S = TypeVar("S", bound=Source)


@dataclass(slots=True)
class _Round:
    """What is asked in one round, by what answers several metrics at once."""

    pages: dict[str, list[Asked[PrometheusText]]] = field(default_factory=dict)
    queries: list[Asked[PrometheusQuery]] = field(default_factory=list)
    documents: dict[Document, list[Asked[JsonPage]]] = field(default_factory=dict)
    databases: dict[str, list[Asked[SqlQuery]]] = field(default_factory=dict)
    host: list[Asked[HostFigure]] = field(default_factory=list)
    forge: list[Asked[ForgeFigure]] = field(default_factory=list)


class Sources:
    """Take samples from every kind of source (a `MetricSource` and a `MetricHistory`).

    Rates and quantiles compare with the look before, which is kept in memory by metric: who
    samples in a rhythm of their own wants sources of their own. The client belongs to the caller.
    `environment` holds what the catalog only names: addresses of databases, and headers.
    `forge` None: what the forge tells is no value.
    """

    def __init__(
        self,
        client: httpx.AsyncClient,
        clock: Clock,
        environment: Mapping[str, str],
        forge: ForgeSide | None = None,
        limits: Limits | None = None,
    ) -> None:
        limits = limits or Limits()
        fetcher = Fetcher(client, limits)
        self._clock = clock
        self._pages = PageSource(fetcher, clock, limits)
        self._queries = QuerySource(fetcher, clock, limits)
        self._documents = JsonSource(fetcher, clock, environment)
        self._databases = SqlSource(clock, limits, environment)
        self._host = HostSource(clock, limits)
        self._forge = ForgeSource(forge, clock)

    async def sample(self, metric_id: str, source: Source, unit: str) -> MetricObservation:
        """Take one sample. Never raises for what a source does."""
        asked = _Round()
        _ask(asked, metric_id, source, unit)
        (observation,) = await self._take(asked)
        return observation

    async def sample_all(
        self, wanted: Mapping[str, MetricDefinition]
    ) -> tuple[MetricObservation, ...]:
        """Take one sample of each metric, in their order, reading each page only once."""
        asked = _Round()
        for metric_id, definition in wanted.items():
            if definition.source is not None:
                _ask(asked, metric_id, definition.source, definition.unit)
        taken = {o.metric_id: o for o in await self._take(asked)}
        return tuple(
            taken.get(metric_id) or self._unsourced(metric_id, definition.unit)
            for metric_id, definition in wanted.items()
        )

    async def history(
        self, metric_id: str, definition: MetricDefinition, start: float, end: float, step: float
    ) -> Sequence[Sample]:
        """Read what a metric was like every `step` seconds, oldest first; `end` is not in it.

        Only a Prometheus server remembers; of every other kind there is no history.
        """
        del metric_id
        if not isinstance(definition.source, PrometheusQuery):
            return ()
        return await self._queries.history(definition.source, start, end, step)

    async def _take(self, asked: _Round) -> list[MetricObservation]:
        """Sample with one request a page, document and query, all at the same time."""
        async with asyncio.TaskGroup() as group:

            def begin(
                reading: Coroutine[None, None, list[MetricObservation]],
            ) -> asyncio.Task[list[MetricObservation]]:
                return group.create_task(reading)

            reads = [begin(self._pages.read(url, of)) for url, of in asked.pages.items()]
            reads += [
                begin(self._documents.read(document[0], of))
                for document, of in asked.documents.items()
            ]
            reads += [begin(self._databases.read(at, of)) for at, of in asked.databases.items()]
            if asked.host:
                reads.append(begin(self._host.read(asked.host)))
            if asked.forge:
                reads.append(begin(self._forge.read(asked.forge)))
            single = [group.create_task(self._queries.read(each)) for each in asked.queries]
        together = [observation for read in reads for observation in read.result()]
        return together + [read.result() for read in single]

    def _unsourced(self, metric_id: str, unit: str) -> MetricObservation:
        return MetricObservation(
            metric_id=metric_id,
            value=None,
            unit=unit,
            samples=0,
            at=self._clock.now(),
            source="none",
            note="the catalog names no source for live samples of this metric",
        )


def _ask(asked: _Round, metric_id: str, source: Source, unit: str) -> None:
    """Put a metric to those that its source answers together with others."""
    match source:
        case PrometheusText():
            _put(asked.pages, source.url, Asked(metric_id, unit, source))
        case PrometheusQuery():
            asked.queries.append(Asked(metric_id, unit, source))
        case JsonPage():
            _put(asked.documents, document_of(source), Asked(metric_id, unit, source))
        case SqlQuery():
            _put(asked.databases, source.url_env, Asked(metric_id, unit, source))
        case HostFigure():
            asked.host.append(Asked(metric_id, unit, source))
        case ForgeFigure():
            asked.forge.append(Asked(metric_id, unit, source))
        case unknown:
            assert_never(unknown)


def _put(among: dict[K, list[Asked[S]]], key: K, asked: Asked[S]) -> None:
    among.setdefault(key, []).append(asked)

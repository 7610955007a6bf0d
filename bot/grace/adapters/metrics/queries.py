"""Samples from a Prometheus server: instant queries now, and range queries for what was."""

from collections.abc import Iterator, Sequence
from typing import Final

import structlog

from grace.adapters.metrics.asking import Asked, observed
from grace.adapters.metrics.fetching import Fetcher, Limits, NoAnswer, without_secrets
from grace.adapters.metrics.query import QueryFailed, read_answer, read_range
from grace.adapters.metrics.reading import Reading, nothing, scaled, timed
from grace.domain.catalog import PrometheusQuery
from grace.domain.package import MetricObservation
from grace.domain.samples import Sample
from grace.ports import Clock

_ACCEPT: Final = {"Accept": "application/json"}
_INSTANT: Final = "/api/v1/query"
_POINTS_A_QUERY: Final = 10_000  # Prometheus refuses more than 11,000
_MOST_POINTS: Final = 100_000


class QuerySource:
    """Ask Prometheus servers."""

    def __init__(self, fetcher: Fetcher, clock: Clock, limits: Limits) -> None:
        self._fetcher = fetcher
        self._clock = clock
        self._limits = limits
        self._log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

    async def read(self, asked: Asked[PrometheusQuery]) -> MetricObservation:
        """Ask one instant query."""
        source, stamp = asked.source, None
        try:
            answer = await self._fetcher.get(_url(source), _ACCEPT, {"query": source.query})
            reading, stamp = read_answer(answer.body, answer.status)
        except NoAnswer as error:
            reading = nothing(str(error))
        at = self._clock.now()
        if stamp is not None:
            age = at.timestamp() - stamp
            reading = timed(reading, age, self._limits.stale_s, self._limits.skew_s)
        return observed(asked, reading, at, without_secrets(source.url))

    async def history(
        self, source: PrometheusQuery, start: float, end: float, step: float
    ) -> Sequence[Sample]:
        """Ask what a query would have answered every `step` seconds, oldest first.

        The newest 100,000 points at most, 10,000 a query. Where the server fails, what it had
        answered until then comes back, and a line of the log says why there is no more.
        """
        found: list[Sample] = []
        for first, last in spans(start, end, step):
            params = {"query": source.query, "start": f"{first:.3f}", "end": f"{last:.3f}"}
            params["step"] = f"{step:g}"
            try:
                answer = await self._fetcher.get(f"{_url(source)}_range", _ACCEPT, params)
                found += read_range(answer.body, answer.status)
            except (NoAnswer, QueryFailed) as error:
                name = without_secrets(source.url)
                self._log.warning("history is not whole", source=name, reason=str(error))
                break
        return [Sample(s.at, _scaled(s.value, source.scale)) for s in found]


def spans(start: float, end: float, step: float) -> Iterator[tuple[float, float]]:
    """Cut a time into pieces of so many points as one query may answer, the oldest first.

    `end` is not in it: a sample at `end` is the next one's.
    """
    points = min(_MOST_POINTS, int((end - start) / step + 1e-9))
    first = end - points * step
    for at in range(0, points, _POINTS_A_QUERY):
        last = min(points, at + _POINTS_A_QUERY) - 1
        yield first + at * step, first + last * step


def _scaled(value: float | None, scale: float) -> float | None:
    return None if value is None else scaled(Reading(value), scale).value


def _url(source: PrometheusQuery) -> str:
    url = source.url.rstrip("/")
    return url if url.endswith(_INSTANT) else url + _INSTANT

"""Samples over HTTP. Whatever a source does, the answer is a sample; without a value at worst."""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

import httpx

from grace.adapters.metrics.page import (
    FIRST_LOOK,
    Look,
    NotAPage,
    compares,
    look,
    names_of,
    parse_page,
    read_increase,
    read_now,
)
from grace.adapters.metrics.query import read_answer
from grace.adapters.metrics.reading import Reading, nothing, scaled
from grace.domain.catalog import MetricDefinition, PrometheusQuery, PrometheusText, Source
from grace.domain.package import MetricObservation
from grace.ports import Clock

_ACCEPT = {"Accept": "text/plain;version=0.0.4", "Accept-Encoding": "identity"}
_ACCEPT_JSON = {"Accept": "application/json", "Accept-Encoding": "identity"}
_PAGE_TYPES = ("text/plain", "")


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on what a source may cost. `stale_s`: an older look is not compared with."""

    timeout_s: float = 5.0
    body_bytes: int = 8 * 1024 * 1024
    stale_s: float = 600.0
    looks: int = 1000


@dataclass(frozen=True, slots=True)
class Wanted:
    """One metric to sample, and where."""

    metric_id: str
    source: PrometheusText | PrometheusQuery
    unit: str


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    content_type: str
    body: bytes


class _NoAnswer(Exception):
    """A source gave nothing to read; the message says why."""


class HttpMetrics:
    """Take samples from Prometheus pages and servers (a `MetricSource`).

    Rates and quantiles compare with the scrape before, which is kept in memory by metric. The
    client belongs to the caller; redirects are not followed.
    """

    def __init__(
        self, client: httpx.AsyncClient, clock: Clock, limits: Limits | None = None
    ) -> None:
        self._client = client
        self._clock = clock
        self._limits = limits or Limits()
        self._looks: OrderedDict[str, Look] = OrderedDict()

    async def sample(self, metric_id: str, source: Source, unit: str) -> MetricObservation:
        """Take one sample. Never raises for what a source does."""
        if not isinstance(source, PrometheusText | PrometheusQuery):
            return self._unsourced(metric_id, unit)
        (observation,) = await self._sample([Wanted(metric_id, source, unit)])
        return observation

    async def sample_all(
        self, wanted: Mapping[str, MetricDefinition]
    ) -> tuple[MetricObservation, ...]:
        """Take one sample of each metric, in their order, reading each page only once."""
        sourced = [
            Wanted(metric_id, definition.source, definition.unit)
            for metric_id, definition in wanted.items()
            if isinstance(definition.source, PrometheusText | PrometheusQuery)
        ]
        taken = {o.metric_id: o for o in await self._sample(sourced)}
        return tuple(
            taken.get(metric_id) or self._unsourced(metric_id, definition.unit)
            for metric_id, definition in wanted.items()
        )

    async def _sample(self, wanted: Sequence[Wanted]) -> list[MetricObservation]:
        """Sample with one request a page and one a query, all at the same time."""
        pages: dict[str, list[Wanted]] = {}
        for each in wanted:
            if isinstance(each.source, PrometheusText):
                pages.setdefault(each.source.url, []).append(each)
        async with asyncio.TaskGroup() as group:
            reads = [group.create_task(self._read_page(u, ws)) for u, ws in pages.items()]
            reads += [
                group.create_task(self._read_query(each, each.source))
                for each in wanted
                if isinstance(each.source, PrometheusQuery)
            ]
        return [observation for read in reads for observation in read.result()]

    async def _read_page(self, url: str, wanted: Sequence[Wanted]) -> list[MetricObservation]:
        try:
            answer = await self._get(url, _ACCEPT)
            names = [
                n
                for w in wanted
                if isinstance(w.source, PrometheusText)
                for n in names_of(w.source)
            ]
            page = parse_page(_page_text(answer), names)
        except (_NoAnswer, NotAPage) as error:
            at = self._clock.now()
            return [_observed(w, nothing(str(error)), at) for w in wanted]
        at = self._clock.now()
        observations = []
        for each in wanted:
            match each.source:
                case PrometheusText() as source:
                    seen = look(page, source, at.timestamp())
                    observations.append(_observed(each, self._compare(each, source, seen), at))
                case PrometheusQuery():
                    raise AssertionError(f"{each.metric_id} is a query, not a page")
                case unknown:
                    assert_never(unknown)
        return observations

    def _compare(self, wanted: Wanted, source: PrometheusText, now: Look) -> Reading:
        """Read a source, against the look before where that is what it is about."""
        if not compares(source):
            return read_now(now, source)
        key = f"{wanted.metric_id} {source.model_dump_json()}"
        before = self._looks.get(key)
        if before is None or now.at > before.at:
            self._remember(key, now)
        if before is None:
            return nothing(FIRST_LOOK)
        age = now.at - before.at
        if age > self._limits.stale_s:
            return nothing(f"{FIRST_LOOK}: the one before is {age:.0f} s old")
        return read_increase(before, now, source)

    def _remember(self, key: str, seen: Look) -> None:
        self._looks[key] = seen
        self._looks.move_to_end(key)
        while len(self._looks) > self._limits.looks:
            self._looks.popitem(last=False)

    async def _read_query(self, wanted: Wanted, source: PrometheusQuery) -> list[MetricObservation]:
        url = source.url.rstrip("/")
        if not url.endswith("/api/v1/query"):
            url += "/api/v1/query"
        try:
            answer = await self._get(url, _ACCEPT_JSON, {"query": source.query})
            reading = read_answer(answer.body, answer.status)
        except _NoAnswer as error:
            reading = nothing(str(error))
        return [_observed(wanted, reading, self._clock.now())]

    async def _get(
        self, url: str, headers: Mapping[str, str], params: Mapping[str, str] | None = None
    ) -> _Answer:
        """Fetch one bounded body; _NoAnswer for no connection, a redirect, or too much of it."""
        try:
            async with (
                asyncio.timeout(self._limits.timeout_s),
                self._client.stream(
                    "GET", url, headers=dict(headers), params=params, follow_redirects=False
                ) as response,
            ):
                if response.is_redirect:
                    raise _NoAnswer(f"answered a redirect (HTTP {response.status_code})")
                if response.headers.get("Content-Encoding", "identity") != "identity":
                    raise _NoAnswer("answered a compressed body, which was not asked for")
                body = await self._bounded(response)
                kind = response.headers.get("Content-Type", "")
                return _Answer(response.status_code, kind, body)
        except TimeoutError as error:
            raise _NoAnswer(f"no answer within {self._limits.timeout_s:g} s") from error
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            raise _NoAnswer(f"not reachable: {type(error).__name__}: {error}") from error

    async def _bounded(self, response: httpx.Response) -> bytes:
        body = bytearray()
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > self._limits.body_bytes:
                raise _NoAnswer(f"answered more than {self._limits.body_bytes} bytes")
        return bytes(body)

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


def _page_text(answer: _Answer) -> str:
    """Take the text of a page; _NoAnswer for any other status or kind of content."""
    if answer.status != httpx.codes.OK:
        raise _NoAnswer(f"answered HTTP {answer.status}")
    kind = answer.content_type.split(";", 1)[0].strip().lower()
    if kind not in _PAGE_TYPES:
        raise _NoAnswer(f"answered {kind}, not a Prometheus page")
    try:
        return answer.body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _NoAnswer("answered bytes that are not UTF-8 text") from error


def _observed(wanted: Wanted, reading: Reading, at: datetime) -> MetricObservation:
    final = scaled(reading, wanted.source.scale)
    return MetricObservation(
        metric_id=wanted.metric_id,
        value=final.value,
        unit=wanted.unit,
        window_s=final.window_s,
        samples=final.samples,
        at=at,
        source=_without_secrets(wanted.source.url),
        note=final.note,
    )


def _without_secrets(url: str) -> str:
    """Name a source without the user, password and query that its URL may carry."""
    rest = url.split("://", 1)
    host, slash, path = rest[-1].partition("/")
    return f"{rest[0]}://{host.rsplit('@', 1)[-1]}{slash}{path.split('?', 1)[0]}"

"""Samples from Prometheus text pages; rates and quantiles compare with the scrape before."""

from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime
from typing import Final

import httpx

from grace.adapters.metrics.asking import Asked, observed
from grace.adapters.metrics.fetching import Answer, Fetcher, Limits, NoAnswer, without_secrets
from grace.adapters.metrics.looks import (
    FIRST_LOOK,
    Look,
    compares,
    look,
    names_of,
    read_increase,
    read_now,
)
from grace.adapters.metrics.page import NotAPage, Page, PageReader
from grace.adapters.metrics.reading import Reading, idle, nothing, timed
from grace.domain.catalog import PrometheusText
from grace.domain.package import MetricObservation
from grace.ports import Clock

_ACCEPT: Final = {"Accept": "text/plain;version=0.0.4"}
_TYPES: Final = ("text/plain", "")
_Key = tuple[str, str, str, str | None, float | None, tuple[tuple[str, str], ...]]


class PageSource:
    """Read pages. The looks before are kept in memory, by metric and what is asked of the page."""

    def __init__(self, fetcher: Fetcher, clock: Clock, limits: Limits) -> None:
        self._fetcher = fetcher
        self._clock = clock
        self._limits = limits
        self._looks: OrderedDict[_Key, Look] = OrderedDict()
        self._readers: OrderedDict[str, PageReader] = OrderedDict()

    async def read(
        self, url: str, wanted: Sequence[Asked[PrometheusText]]
    ) -> list[MetricObservation]:
        """Read one page for all metrics that want it."""
        name = without_secrets(url)
        try:
            text = _text(await self._fetcher.get(url, _ACCEPT))
            page = self._reader(url).read(text, {n for w in wanted for n in names_of(w.source)})
        except (NoAnswer, NotAPage) as error:
            at = self._clock.now()
            return [observed(each, nothing(str(error)), at, name) for each in wanted]
        at = self._clock.now()
        return [observed(each, self._reading(each, page, at), at, name) for each in wanted]

    def _reader(self, url: str) -> PageReader:
        """Return what remembers this address; one that is not asked any more is forgotten."""
        reader = self._readers.setdefault(url, PageReader())
        self._readers.move_to_end(url)
        while len(self._readers) > self._limits.looks:
            self._readers.popitem(last=False)
        return reader

    def _reading(self, asked: Asked[PrometheusText], page: Page, at: datetime) -> Reading:
        source, now = asked.source, at.timestamp()
        if compares(source):
            seen = look(page, source, now)
            reading, found = self._compare(asked, seen), seen.counts
        else:
            found = page.matching(source.series, source.labels)
            reading = read_now(found, source)
        stamp = page.stamp_of(found)
        if stamp is None:
            return reading
        return timed(reading, now - stamp, self._limits.stale_s, self._limits.skew_s)

    def _compare(self, asked: Asked[PrometheusText], now: Look) -> Reading:
        """Read a source against the look before."""
        key = _key(asked)
        before = self._looks.get(key)
        if before is None or now.at > before.at:
            self._looks[key] = now
            self._looks.move_to_end(key)
            while len(self._looks) > self._limits.looks:
                self._looks.popitem(last=False)
        if before is None:
            return idle(FIRST_LOOK)
        age = now.at - before.at
        if age > self._limits.look_s:
            return idle(f"{FIRST_LOOK}: the one before is {age:.0f} s old")
        return read_increase(before, now, asked.source)


def _key(asked: Asked[PrometheusText]) -> _Key:
    source = asked.source
    labels = tuple(sorted(source.labels.items()))
    return asked.metric_id, source.url, source.series, source.per, source.quantile, labels


def _text(answer: Answer) -> str:
    """Take the text of a page; NoAnswer for any other status or kind of content."""
    if answer.status != httpx.codes.OK:
        raise NoAnswer(f"answered HTTP {answer.status}")
    kind = answer.content_type.split(";", 1)[0].strip().lower()
    if kind not in _TYPES:
        raise NoAnswer(f"answered {kind}, not a Prometheus page")
    try:
        return answer.body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NoAnswer("answered bytes that are not UTF-8 text") from error

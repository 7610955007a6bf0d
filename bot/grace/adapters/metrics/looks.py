"""What a page says about one source: now, or since the look before."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from grace.adapters.metrics.page import STARTED, Labels, Page, Series
from grace.adapters.metrics.quantile import beyond_bounds, quantile_of
from grace.adapters.metrics.reading import Reading, idle, nothing
from grace.domain.catalog import PrometheusText

FIRST_LOOK: Final = "first look: nothing to compare with"
_RESET: Final = "a counter was reset since the last look: counted from zero"


@dataclass(frozen=True, slots=True)
class Look:
    """The counters that a source needs, as one scrape found them. `at` is in seconds."""

    at: float
    counts: Mapping[Series, float]
    started: float | None


def names_of(source: PrometheusText) -> Sequence[str]:
    """Name every series of a page that a source reads."""
    main = f"{source.series}_bucket" if source.quantile is not None else source.series
    return (main, STARTED) if source.per is None else (main, STARTED, source.per)


def look(page: Page, source: PrometheusText, at: float) -> Look:
    """Keep what a later scrape of this source will be compared with."""
    counts: dict[Series, float] = {}
    for name in names_of(source):
        if name != STARTED:
            counts |= page.matching(name, source.labels)
    return Look(at=at, counts=counts, started=page.started)


def compares(source: PrometheusText) -> bool:
    """Tell whether a source is about the increase since the scrape before."""
    return source.quantile is not None or source.per is not None


def read_now(found: Mapping[Series, float], source: PrometheusText) -> Reading:
    """Read a source that is a value of the moment."""
    if len(found) == 1:
        return Reading(next(iter(found.values())))
    called = _called(source.series, source.labels)
    if not found:
        return nothing(f"the page has no series {called}")
    return nothing(f"{len(found)} series match {called}: narrow it by labels to one")


def read_increase(before: Look, now: Look, source: PrometheusText) -> Reading:
    """Read a source that is about what happened between two scrapes.

    Where a process began anew, or a counter fell, the counters of its labels began again at zero.
    """
    seconds = now.at - before.at
    if seconds <= 0:
        return idle("no time has passed since the last look")
    if any(not math.isfinite(count) for count in now.counts.values()):
        return nothing("a counter is not a finite number")
    anew = None not in {before.started, now.started} and before.started != now.started
    known: Mapping[Series, float] = {} if anew else before.counts
    gone = next((series for series in known if series not in now.counts), None)
    if gone is not None and now.counts:
        return nothing(f"the series {_called(gone[0], dict(gone[1]))} vanished since the last look")
    reset = {_group(s) for s, count in now.counts.items() if known.get(s, -math.inf) > count}
    risen = {
        series: count - (0.0 if _group(series) in reset else known.get(series, 0.0))
        for series, count in now.counts.items()
    }
    if source.quantile is not None:
        reading = _read_quantile(source.quantile, risen, source, seconds)
    else:
        reading = _read_ratio(risen, source, seconds)
    if reading.value is None or not (anew or reset):
        return reading
    return replace(reading, note="; ".join(n for n in (reading.note, _RESET) if n))


def _group(series: Series) -> Labels:
    """Name what counts together: the labels without a bucket's bound."""
    return tuple(pair for pair in series[1] if pair[0] != "le")


def _read_quantile(
    q: float, risen: Mapping[Series, float], source: PrometheusText, seconds: float
) -> Reading:
    """Sum the buckets of all series that match, by their bound, and take the quantile."""
    called = _called(source.series, source.labels)
    if not risen:
        return nothing(f"the page has no histogram {called}")
    buckets: dict[float, float] = {}
    for (_, labels), count in risen.items():
        try:
            bound = float(dict(labels)["le"])
        except (KeyError, ValueError):
            return nothing(f"a bucket of {called} has no bound `le` that is a number")
        buckets[bound] = buckets.get(bound, 0.0) + count
    if not any(buckets.values()):
        return idle("nothing was observed since the last look")
    value = quantile_of(q, buckets)
    if value is None:
        return nothing(f"{called} is no whole histogram: it needs a bucket +Inf and one more")
    over = beyond_bounds(q, buckets)
    note = "at least this: the quantile lies above the highest bucket" if over else ""
    return Reading(value, note, seconds, max(1, round(max(buckets.values()))))


def _read_ratio(risen: Mapping[Series, float], source: PrometheusText, seconds: float) -> Reading:
    per = source.per or ""
    for name in (source.series, per):
        if not _of(risen, name):
            return nothing(f"the page has no series {_called(name, source.labels)}")
    whole = sum(_of(risen, per))
    if whole <= 0:
        return idle(f"{_called(per, source.labels)} did not rise since the last look")
    part = sum(_of(risen, source.series))
    return Reading(part / whole, "", seconds, max(1, round(whole)))


def _of(counts: Mapping[Series, float], name: str) -> Sequence[float]:
    return [count for (series, _), count in counts.items() if series == name]


def _called(name: str, labels: Mapping[str, str]) -> str:
    pairs: Iterable[str] = (f'{label}="{value}"' for label, value in sorted(labels.items()))
    inside = ",".join(pairs)
    return f"{name}{{{inside}}}" if inside else name

"""Pages in Prometheus text format: which series they hold, and what those say about a source."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

from grace.adapters.metrics.quantile import beyond_bounds, quantile_of
from grace.adapters.metrics.reading import Reading, nothing
from grace.domain.catalog import PrometheusText

STARTED = "process_start_time_seconds"
FIRST_LOOK = "first look: nothing to compare with"

# One series: its name and its labels, sorted.
Series = tuple[str, tuple[tuple[str, str], ...]]


class NotAPage(ValueError):
    """The text is not in Prometheus text format; the message says where it fails."""


@dataclass(frozen=True, slots=True)
class Look:
    """The counters that a source needs, as one scrape found them. `at` is in seconds."""

    at: float
    counts: Mapping[Series, float]
    started: float | None


def names_of(source: PrometheusText) -> frozenset[str]:
    """Name every series of a page that a source reads."""
    main = f"{source.series}_bucket" if source.quantile is not None else source.series
    return frozenset({main, STARTED} | ({source.per} if source.per else set()))


def parse_page(text: str, names: Iterable[str]) -> dict[Series, float]:
    """Read the series with these names; NotAPage when one of their lines cannot be read.

    Lines of other series are passed over unread: a page may be megabytes.
    """
    wanted = frozenset(names)
    lines = [line for line in text.split("\n") if _name(line) in wanted]
    found: dict[Series, float] = {}
    for line in lines:
        try:
            samples = [s for f in text_string_to_metric_families(line + "\n") for s in f.samples]
            for sample in samples:
                found[(sample.name, tuple(sorted(sample.labels.items())))] = float(sample.value)
        except (ValueError, IndexError, OverflowError) as error:
            raise NotAPage(f"not Prometheus text: {line[:80]!r}") from error
    return found


def look(page: Mapping[Series, float], source: PrometheusText, at: float) -> Look:
    """Keep what a later scrape of this source will be compared with."""
    names = names_of(source) - {STARTED}
    counts = {s: v for s, v in page.items() if s[0] in names and _matches(s, source.labels)}
    started = next((v for s, v in page.items() if s[0] == STARTED), None)
    return Look(at=at, counts=counts, started=started)


def compares(source: PrometheusText) -> bool:
    """Tell whether a source is about the increase since the scrape before."""
    return source.quantile is not None or source.per is not None


def read_now(now: Look, source: PrometheusText) -> Reading:
    """Read a source that is a value of the moment."""
    values = list(now.counts.values())
    if not values:
        return nothing(f"the page has no series {_called(source.series, source.labels)}")
    if len(values) > 1:
        called = _called(source.series, source.labels)
        return nothing(f"{len(values)} series match {called}: narrow it by labels to one")
    return Reading(values[0])


def read_increase(before: Look, now: Look, source: PrometheusText) -> Reading:
    """Read a source that is about what happened between two scrapes."""
    seconds = now.at - before.at
    if seconds <= 0:
        return nothing("no time has passed since the last look")
    if before.started != now.started:
        return nothing("the process started anew since the last look")
    if any(now.counts.get(series, -math.inf) < count for series, count in before.counts.items()):
        return nothing("a counter was reset since the last look")
    if any(not math.isfinite(count) for count in now.counts.values()):
        return nothing("a counter is not a finite number")
    risen = {s: count - before.counts.get(s, 0.0) for s, count in now.counts.items()}
    if source.quantile is not None:
        return _read_quantile(source.quantile, risen, source, seconds)
    return _read_ratio(risen, source, seconds)


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
        return nothing("nothing was observed since the last look")
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
        return nothing(f"{_called(per, source.labels)} did not rise since the last look")
    part = sum(_of(risen, source.series))
    return Reading(part / whole, "", seconds, max(1, round(whole)))


def _of(counts: Mapping[Series, float], name: str) -> Sequence[float]:
    return [count for (series, _), count in counts.items() if series == name]


def _matches(series: Series, labels: Mapping[str, str]) -> bool:
    return labels.items() <= dict(series[1]).items()


def _name(line: str) -> str:
    """Cut the name of a series off the beginning of its line."""
    words = line.split("{", 1)[0].split(None, 1)
    return words[0] if words else ""


def _called(name: str, labels: Mapping[str, str]) -> str:
    inside = ",".join(f'{label}="{value}"' for label, value in sorted(labels.items()))
    return f"{name}{{{inside}}}" if inside else name

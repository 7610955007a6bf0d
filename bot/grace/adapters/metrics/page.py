"""Pages in Prometheus text format: which series they hold, and how to find some among thousands.

Source: Prometheus, "Exposition formats", text format 0.0.4.
"""

import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from prometheus_client.parser import text_string_to_metric_families

STARTED: Final = "process_start_time_seconds"
Labels = tuple[tuple[str, str], ...]
# One series: its name and its labels, sorted.
Series = tuple[str, Labels]
_NO_NUMBER: Final = re.compile(r"[+-]?(?:inf|nan)", re.IGNORECASE)
_FEW: Final = 16
_MS: Final = 1000.0


class NotAPage(ValueError):
    """The text is not in Prometheus text format; the message says where it fails."""


@dataclass(slots=True)
class Page:
    """The series of one page by name and labels; `stamps`: the times (s) that some carry."""

    named: dict[str, dict[Labels, float]] = field(default_factory=dict)
    stamps: dict[Series, float] = field(default_factory=dict)
    _found: dict[str, dict[tuple[str, str], list[Labels]]] = field(default_factory=dict)

    @property
    def started(self) -> float | None:
        """Return when the process began, where the page tells."""
        return next(iter(self.named.get(STARTED, {}).values()), None)

    def matching(self, name: str, labels: Mapping[str, str]) -> dict[Series, float]:
        """Return the series with a name that have at least these labels."""
        known = self.named.get(name, {})
        if not labels:
            return {(name, series): value for series, value in known.items()}
        wanted = labels.items()
        return {
            (name, series): known[series]
            for series in self._candidates(name, known, labels)
            if wanted <= dict(series).items()
        }

    def stamp_of(self, found: Iterable[Series]) -> float | None:
        """Return the newest time that these series carry; None: they carry none."""
        if not self.stamps:
            return None
        return max((self.stamps[s] for s in found if s in self.stamps), default=None)

    def _candidates(
        self, name: str, known: Mapping[Labels, float], labels: Mapping[str, str]
    ) -> Collection[Labels]:
        """Return the fewest series among which those with these labels are."""
        if len(known) <= _FEW:
            return known.keys()
        index = self._found.get(name)
        if index is None:
            index = self._found[name] = {}
            for series in known:
                for pair in series:
                    index.setdefault(pair, []).append(series)
        none: Sequence[Labels] = ()
        return min((index.get(pair, none) for pair in labels.items()), key=len)


class PageReader:
    """Read the pages of one address; what names and labels say is remembered from page to page."""

    def __init__(self) -> None:
        self._known: dict[str, Series] = {}

    def read(self, text: str, names: Iterable[str]) -> Page:
        """Read the series with these names; NotAPage when one of their lines cannot be read.

        Lines of other series are passed over unread: a page may be megabytes.
        """
        wanted = frozenset(names)
        page, known = Page(), dict[str, Series]()
        for line in text.split("\n"):
            if _name(line) in wanted:
                self._take(line, page, known)
        self._known = known
        return page

    def _take(self, line: str, page: Page, known: dict[str, Series]) -> None:
        end = line.rfind("}") + 1 or len(_name(line)) + len(line) - len(line.lstrip())
        head, rest = line[:end], line[end:].split()
        try:
            series = self._known.get(head) or _series(head)
            value = _number(rest[0])
            stamp = _number(rest[1]) / _MS if len(rest) > 1 else None
            if len(rest) > 2 or (stamp is not None and not math.isfinite(stamp)):  # noqa: PLR2004 -- a value and a time
                raise ValueError("neither a value nor a value and its time")  # noqa: TRY301 -- as for any other line
        except (ValueError, IndexError, OverflowError) as error:
            raise NotAPage(f"not Prometheus text: {line[:80]!r}") from error
        known[head] = series
        page.named.setdefault(series[0], {})[series[1]] = value
        if stamp is not None:
            page.stamps[series] = stamp


def _series(head: str) -> Series:
    """Read a name with its labels by the format's own parser, which knows every escape."""
    found = [s for f in text_string_to_metric_families(f"{head} 1\n") for s in f.samples]
    if len(found) != 1:
        raise ValueError("no series")
    return found[0].name, tuple(sorted(found[0].labels.items()))


def _number(text: str) -> float:
    value = float(text)
    if "_" in text or not (math.isfinite(value) or _NO_NUMBER.fullmatch(text)):
        raise ValueError(f"{text!r} is no number of the format")
    return value


def _name(line: str) -> str:
    """Cut the name of a series off the beginning of its line."""
    words = line.split("{", 1)[0].split(None, 1)
    return words[0] if words else ""

"""A metric that vanished, a source that is down, and a network of our own that fails."""

import ipaddress
import re
from collections import Counter
from collections.abc import Collection, Mapping
from typing import Final, assert_never

from grace.domain.catalog import (
    ForgeFigure,
    HostFigure,
    JsonPage,
    PrometheusQuery,
    PrometheusText,
    Source,
    SqlQuery,
)

LEAST_EMPTY: Final = 2  # answers in a row without a value; one may be a hiccup
FORGE: Final = "forge:"
_AUTHORITY_END: Final = re.compile(r"[/?#]")
_HOST: Final = re.compile(r"https?://(?:\[([^\]]*)\]|([^:]*))")


class Silence:
    """Tell since when nothing has come of a metric.

    Time in which nobody asked is no silence: it counts from the last answer, or, where that was
    long before, from the first empty one. `last`, `first` and `empty` are its state: the last
    answer's time (None: none yet), the first empty one after it, and how many those are.
    """

    __slots__ = ("_stale", "empty", "first", "last")

    def __init__(self, stale_s: float) -> None:
        self._stale = stale_s
        self.last: float | None = None
        self.first = 0.0
        self.empty = 0

    def observe(self, at: float, *, there: bool) -> float | None:
        """Hear whether something came; answer since when the metric is gone, where it is."""
        if there:
            self.last, self.empty = at, 0
            return None
        if self.last is None:
            return None
        if not self.empty:
            self.first = at
        self.empty = min(self.empty + 1, LEAST_EMPTY)
        since = self.last if self.first - self.last < self._stale else self.first
        if self.empty < LEAST_EMPTY or at - since < self._stale:
            return None
        return since


def place_of(source: Source) -> str:
    """Name what a source depends on: what fails together has the same name. Not for people."""
    match source:
        case PrometheusText() | PrometheusQuery() | JsonPage():
            scheme, _, rest = source.url.partition("://")
            return f"{scheme}://{_AUTHORITY_END.split(rest)[0].rpartition('@')[2].lower()}"
        case SqlQuery():
            return f"sql:{source.url_env}"
        case HostFigure():
            return "host:"
        case ForgeFigure():
            return FORGE
        case unknown:
            assert_never(unknown)


class Places:
    """Which metric depends on which place."""

    def __init__(self, sources: Mapping[str, Source]) -> None:
        self._places = {metric_id: place_of(source) for metric_id, source in sources.items()}
        self._sizes = Counter(self._places.values())
        self._far = frozenset(place for place in self._sizes if _far(place))

    def of(self, metric_id: str) -> str | None:
        """Name the place of a metric; None: it has no source."""
        return self._places.get(metric_id)

    def down(self, silent: Collection[str]) -> frozenset[str]:
        """Find the places of several metrics of which none has a value."""
        counted = self._silent(silent)
        return frozenset(p for p, n in counted.items() if n == self._sizes[p] > 1)

    def blind(self, silent: Collection[str]) -> bool:
        """Tell whether it is our own network that fails.

        That is where nothing comes from any place beyond this machine, and there are several.
        """
        counted = self._silent(silent)
        return len(self._far) > 1 and all(counted[p] == self._sizes[p] for p in self._far)

    def _silent(self, silent: Collection[str]) -> Counter[str]:
        return Counter(self._places[m] for m in silent if m in self._places)


def _far(place: str) -> bool:
    """Tell whether a place lies beyond this machine."""
    if place == FORGE:
        return True
    found = _HOST.match(place)
    if found is None:
        return False
    host = found[1] or found[2]
    if host == "localhost":
        return False
    try:
        return not ipaddress.ip_address(host).is_loopback
    except ValueError:
        return True

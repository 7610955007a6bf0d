"""Find what is unusual in a metric that nobody described: no configuration, constant memory."""

import math
import struct
from array import array
from itertools import accumulate, pairwise
from typing import Self

from grace.domain.detection.anomaly import Score
from grace.domain.detection.unusual_season import HOURS, SLOTS, Season
from grace.domain.detection.unusual_tail import BINS, FORGET, Tail

ALARM = 2.4
WARM_UP = 100
SHORT, LONG = 12, 300
SETTLED = 20
NOTABLE, CALM = 2.5, 1.5
HOLD_POINTS = 50
PENALTY, YOUNG = 4.0, 100.0
PEAKS, A_DECADE = 64, 4
PAUSE, PACE = 12.0, 1.05
LARGEST, ROUNDING = 1e300, 1e-12

VERSION = 2
_HEAD = struct.Struct("<Bhh3Q12d")
_SIZES = (4 * BINS, 4 * BINS, 4 * BINS, 4 * PEAKS, 8 * (SLOTS + HOURS), SLOTS + HOURS)


class Unusual:
    """Add up how far a point is off what its time awaits, and how far the level has shifted.

    Each of the two is measured in decades against its own past extremes (`Tail`). Off their sum
    go PENALTY decades for each decade of episodes that the metric has had and that were as bad,
    so that what comes back again and again stops being news; a young metric is taken to have had
    some that it could not show yet. Until a time of day has been seen on a second day, the level
    of the last points stands in for it.
    """

    __slots__ = (
        "_at", "_episodes", "_interval", "_jumps", "_long", "_off", "_onset", "_peak", "_points",
        "_quiet", "_run", "_season", "_shifts", "_short",
    )  # fmt: skip

    def __init__(self) -> None:
        self._season = Season()
        self._off, self._jumps, self._shifts = Tail(), Tail(), Tail()
        self._episodes = array("f", bytes(4 * PEAKS))
        self._at = -math.inf
        self._onset: float | None = None
        self._interval = self._short = self._long = self._peak = 0.0
        self._points = self._run = self._quiet = 0

    def observe(self, at: float, value: float) -> Score:
        """Take the next point; one that is not newer than the last, or no number, is left out."""
        gap = at - self._at
        if not (gap > 0.0 and at < math.inf and math.isfinite(value)):
            return Score(0.0, self._short if self._points > WARM_UP else None, at)
        value = min(max(value, -LARGEST), LARGEST)
        expected = self._season.take(at, value, gap)
        if self._paused(at, gap) and expected is None:
            self._short = self._long = value
            self._run = 0
        least = ROUNDING * abs(value)
        tail = self._off
        if expected is None:
            expected, tail = self._short, self._jumps
        size = abs(value - expected)
        off = tail.take(size if size > least else 0.0)
        self._points += 1
        self._run = run = self._run + 1
        self._short += (value - self._short) / min(run, SHORT)
        self._long += (value - self._long) / min(run, LONG)
        if run > SETTLED:
            size = abs(self._short - self._long)
            off += self._shifts.take(size if size > least else 0.0)
        if self._points <= WARM_UP:
            return Score(0.0, None, at)
        surprise = self._news(at, off)
        return Score(surprise, expected, at if self._onset is None else self._onset)

    def _paused(self, at: float, gap: float) -> bool:
        """Note the moment and learn the interval; tell whether the last points are long ago."""
        self._at = at
        if not self._interval:
            self._interval = gap if self._points else 0.0
            return not self._points
        long_ago = gap > PAUSE * self._interval
        self._interval *= PACE if gap > self._interval else 1.0 / PACE
        return long_ago

    def _news(self, at: float, off: float) -> float:
        """Say what of the decades is news, and when it began; keep the book of episodes."""
        if off < CALM:
            self._onset = None
        elif self._onset is None:
            self._onset = at
        if off < NOTABLE:
            self._quiet += 1
            if self._peak and self._quiet > HOLD_POINTS:
                self._episodes[min(int(self._peak * A_DECADE), PEAKS - 1)] += 1.0
                self._peak = 0.0
        else:
            self._quiet = 0
            self._peak = max(self._peak, off)
        if not self._points % FORGET:
            self._episodes = array("f", [count / 2.0 for count in self._episodes])
        spot = min(off * A_DECADE, PEAKS - 1.0)
        place = int(spot)
        as_bad = sum(self._episodes[place + 1 :]) + self._episodes[place] * (place + 1.0 - spot)
        untold = YOUNG / self._points
        return max(0.0, off - PENALTY * math.log10(1.0 + as_bad + untold))

    def freeze(self) -> bytes:
        """Write the state down: a fixed number of bytes."""
        season, tails = self._season, (self._off, self._jumps, self._shifts)
        head = _HEAD.pack(
            VERSION,
            season.slot,
            season.hour,
            self._points,
            self._run,
            self._quiet,
            self._at,
            math.nan if self._onset is None else self._onset,
            self._interval,
            self._short,
            self._long,
            self._peak,
            *(tail.origin for tail in tails),
            *(tail.total for tail in tails),
        )
        counts = (*(tail.counts.tobytes() for tail in tails), self._episodes.tobytes())
        return b"".join((head, *counts, *season.freeze()))

    @classmethod
    def thaw(cls, frozen: bytes) -> Self:
        """Go on from a frozen state; ValueError where it is none, or one of another version."""
        if len(frozen) != _HEAD.size + sum(_SIZES) or frozen[0] != VERSION:
            raise ValueError("not a frozen state of this detector")
        fields = _HEAD.unpack_from(frozen)
        ends = tuple(accumulate(_SIZES, initial=_HEAD.size))
        parts = [frozen[start:end] for start, end in pairwise(ends)]
        fresh = cls()
        fresh._season = Season(parts[4], parts[5], fields[1:3])
        fresh._points, fresh._run, fresh._quiet = fields[3:6]
        fresh._at, onset, fresh._interval, fresh._short, fresh._long, fresh._peak = fields[6:12]
        fresh._onset = None if math.isnan(onset) else onset
        fresh._off, fresh._jumps, fresh._shifts = (
            Tail(*kept) for kept in zip(parts[:3], fields[12:15], fields[15:18], strict=True)
        )
        fresh._episodes = array("f", parts[3])
        return fresh

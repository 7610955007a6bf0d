"""How fast a service level objective's error budget is used up, over pairs of windows.

Source: Google, "The Site Reliability Workbook", chapter 5, "Alerting on SLOs": multiwindow,
multi-burn-rate alerts. Of a budget over 30 days, 2 % within an hour are a burn rate of 14.4, and
5 % within six hours one of 6; a short window says that it burns still.
"""

from array import array
from typing import Final, NamedTuple

from grace.domain.catalog import Objective
from grace.domain.package import MetricTarget

BUCKET_S: Final = 60.0
BUCKETS: Final = 360
LEAST_SAMPLES: Final = 3  # of a short window; fewer say nothing
GAP_S: Final = 3600.0  # after a longer one all windows are covered anew
_COUNTS: Final = 2 * BUCKETS
_UNSIGNED: Final = 4  # bytes of a count


class Pair(NamedTuple):
    """A long and a short window in minutes, and the share of the budget that may burn in it."""

    long: int
    short: int
    share: float


PAIRS: Final = (Pair(60, 5, 0.02), Pair(360, 30, 0.05))
_WINDOWS: Final = tuple(minutes for pair in PAIRS for minutes in (pair.long, pair.short))


class Burn(NamedTuple):
    """A budget that burns too fast.

    `missed`: the share of samples in the long window that missed the target, `minutes` its length;
    `rate`: how many times as fast as the budget allows; `since`: seconds since the epoch at which
    the misses began that last.
    """

    missed: float
    minutes: int
    rate: float
    since: float


class BurnRate:
    """Count samples and misses by the minute, and sum them over the windows.

    A pair is judged once its long window has been covered. Memory: two counts a minute for six
    hours.
    """

    __slots__ = ("_bad", "_bucket", "_budget", "_days", "_first", "_sums", "_target", "_total")

    def __init__(self, target: MetricTarget, objective: Objective) -> None:
        self._target = target
        self._budget = 1.0 - objective.share
        self._days = objective.days
        self._total = array("I", bytes(_UNSIGNED * BUCKETS))
        self._bad = array("I", bytes(_UNSIGNED * BUCKETS))
        self._sums = [[0, 0] for _ in _WINDOWS]
        self._bucket: int | None = None
        self._first = [0.0, 0.0, 0.0]  # the first sample; by pair, the first of the misses

    def observe(self, at: float, value: float) -> Burn | None:
        """Take the next sample; say how it burns, where it does too fast."""
        self._advance(at)
        missed = not self._target.holds(value)
        for i in range(len(PAIRS)):
            if missed and not self._sums[2 * i + 1][1]:
                self._first[i + 1] = at
        assert self._bucket is not None  # set by the advance
        place = self._bucket % BUCKETS
        self._total[place] += 1
        self._bad[place] += missed
        for sums in self._sums:
            sums[0] += 1
            sums[1] += missed
        return next((b for i in range(len(PAIRS)) if (b := self._burns(i, at)) is not None), None)

    def _advance(self, at: float) -> None:
        """Drop what is too old for each window."""
        bucket = int(at // BUCKET_S)
        if self._bucket is None or (bucket - self._bucket) * BUCKET_S > GAP_S:
            self._restart(at)
        else:
            for new in range(self._bucket + 1, bucket + 1):
                for sums, minutes in zip(self._sums, _WINDOWS, strict=True):
                    leaving = (new - minutes) % BUCKETS
                    sums[0] -= self._total[leaving]
                    sums[1] -= self._bad[leaving]
                self._total[new % BUCKETS] = self._bad[new % BUCKETS] = 0
        self._bucket = bucket

    def _restart(self, at: float) -> None:
        for i in range(BUCKETS):
            self._total[i] = self._bad[i] = 0
        self._sums = [[0, 0] for _ in _WINDOWS]
        self._first = [at, 0.0, 0.0]

    def _burns(self, i: int, at: float) -> Burn | None:
        """Judge a pair of windows: both must burn at its rate, or miss entirely."""
        pair, (total, bad), (late, late_bad) = PAIRS[i], self._sums[2 * i], self._sums[2 * i + 1]
        if at - self._first[0] < pair.long * BUCKET_S or late < LEAST_SAMPLES:
            return None
        rate = pair.share * self._days * 24 * 60 / pair.long
        limit = min(rate * self._budget, 1.0)
        if bad < limit * total or late_bad < limit * late:
            return None
        return Burn(bad / total, pair.long, bad / total / self._budget, self._first[i + 1])

    def freeze(self) -> bytes:
        """Write the counts down."""
        head = array("d", [*self._first, -1.0 if self._bucket is None else self._bucket])
        return head.tobytes() + self._total.tobytes() + self._bad.tobytes()

    def warm(self, frozen: bytes) -> None:
        """Go on from frozen counts; ValueError where they are none."""
        head, counts = array("d"), array("I")
        size = 8 * (len(self._first) + 1)
        if len(frozen) != size + _UNSIGNED * _COUNTS:
            raise ValueError("not the frozen counts of a burn rate")
        head.frombytes(frozen[:size])
        counts.frombytes(frozen[size:])
        *self._first, bucket = head
        self._bucket = None if bucket < 0 else int(bucket)
        self._total, self._bad = counts[:BUCKETS], counts[BUCKETS:]
        for sums, minutes in zip(self._sums, _WINDOWS, strict=True):
            places = [(int(bucket) - i) % BUCKETS for i in range(minutes)]
            sums[:] = [sum(self._total[p] for p in places), sum(self._bad[p] for p in places)]

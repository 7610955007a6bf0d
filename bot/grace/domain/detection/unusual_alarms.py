"""Group the scores of points into episodes: one alarm for one event, with its onset and its end."""

import math
import struct
from collections.abc import Sequence
from typing import NamedTuple, Self

from grace.domain.detection.anomaly import Score
from grace.domain.detection.unusual import ALARM, HOLD_POINTS

LEAST_THRESHOLD = 2.0
DAY = 86_400.0
_STATE = struct.Struct("<3d?Q3d")


class Episode(NamedTuple):
    """One event: when it began, when it was noticed, how unusual at worst, when it ended.

    All times are seconds since the epoch; `ended` None while it lasts.
    """

    since: float
    at: float
    surprise: float
    ended: float | None = None


class Alarms:
    """Open an episode where a score reaches the threshold, end it after a quiet hold.

    The hold is HOLD_POINTS points of the metric. Scores come in the order of time; what is not
    newer than the last is left out.
    """

    __slots__ = ("_at", "_last", "_open", "_quiet", "threshold")

    def __init__(self, threshold: float = ALARM) -> None:
        self.threshold = threshold
        self._at = self._last = -math.inf
        self._quiet = 0
        self._open: Episode | None = None

    @property
    def open(self) -> Episode | None:
        """The episode that lasts, if one does."""
        return self._open

    def observe(self, at: float, score: Score) -> Episode | None:
        """Take the next score; answer an episode that it opens, or (with `ended`) that ended."""
        if not at > self._at:
            return None
        self._at = at
        if score.surprise >= self.threshold:
            self._last, self._quiet = at, 0
            if self._open is None:
                self._open = Episode(score.since, at, score.surprise)
                return self._open
            if score.surprise > self._open.surprise:
                self._open = self._open._replace(surprise=score.surprise)
            return None
        if self._open is None:
            return None
        self._quiet += 1
        if self._quiet <= HOLD_POINTS:
            return None
        over, self._open = self._open._replace(ended=self._last), None
        return over

    def freeze(self) -> bytes:
        """Write the state down, the open episode with it."""
        since, noticed, surprise, _ = self._open or (0.0, 0.0, 0.0, None)
        lasts = self._open is not None
        moments = (self.threshold, self._at, self._last)
        return _STATE.pack(*moments, lasts, self._quiet, since, noticed, surprise)

    @classmethod
    def thaw(cls, frozen: bytes) -> Self:
        """Go on from a frozen state; ValueError where it is none."""
        if len(frozen) != _STATE.size:
            raise ValueError("not a frozen state of alarms")
        threshold, at, last, lasts, quiet, since, noticed, surprise = _STATE.unpack(frozen)
        alarms = cls(threshold)
        alarms._at, alarms._last, alarms._quiet = at, last, quiet
        alarms._open = Episode(since, noticed, surprise) if lasts else None
        return alarms


def surprise_for_budget(scores: Sequence[tuple[float, float]], per_day: float) -> float:
    """Find the least threshold at which at most `per_day` episodes a day would have opened.

    `scores`: (at, surprise) in the order of time. Never below LEAST_THRESHOLD; ALARM where there
    is no history to judge by.
    """
    if not scores:
        return ALARM
    allowed = per_day * max(scores[-1][0] - scores[0][0], 1.0) / DAY
    notable = [(i, found) for i, (_, found) in enumerate(scores) if found >= LEAST_THRESHOLD]
    candidates = sorted({LEAST_THRESHOLD, *(found for _, found in notable)})
    low, high = 0, len(candidates)
    while low < high:
        middle = (low + high) // 2
        if _opened(notable, candidates[middle]) <= allowed:
            high = middle
        else:
            low = middle + 1
    return candidates[low] if low < len(candidates) else math.nextafter(candidates[-1], math.inf)


def _opened(notable: Sequence[tuple[int, float]], threshold: float) -> int:
    """Count the episodes that open at a threshold, as `Alarms` does, over (place, surprise)."""
    opened, last = 0, -math.inf
    for place, found in notable:
        if found >= threshold:
            opened += place - last > HOLD_POINTS + 1
            last = place
    return opened

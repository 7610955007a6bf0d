"""Group the scores of points into episodes: one alarm for one event, with its onset and its end."""

import math
import struct
from collections.abc import Sequence
from typing import NamedTuple, Self

from grace.domain.detection.anomaly import Score
from grace.domain.detection.unusual import ALARM

HOLD_POINTS = 40
LEAST_THRESHOLD = 0.8 * ALARM
DAY = 86_400.0
_STATE = struct.Struct("<9d")


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

    The hold is HOLD_POINTS of the metric's own intervals. Scores come in the order of time;
    what is not newer than the last is left out.
    """

    __slots__ = ("_at", "_interval", "_last", "_open", "threshold")

    def __init__(self, threshold: float = ALARM) -> None:
        self.threshold = threshold
        self._at = -math.inf
        self._last = -math.inf
        self._interval = 0.0
        self._open: Episode | None = None

    @property
    def open(self) -> Episode | None:
        """The episode that lasts, if one does."""
        return self._open

    def observe(self, at: float, score: Score) -> Episode | None:
        """Take the next score; answer an episode that it opens, or (with `ended`) that ended."""
        if at <= self._at:
            return None
        gap = at - self._at
        if self._at > -math.inf:
            self._interval += (gap - self._interval) / 20.0 if self._interval else gap
        self._at = at
        if score.surprise >= self.threshold:
            self._last = at
            if self._open is None:
                self._open = Episode(score.since, at, score.surprise)
                return self._open
            worst = max(self._open.surprise, score.surprise)
            self._open = self._open._replace(surprise=worst)
        elif self._open is not None and at - self._last > HOLD_POINTS * self._interval:
            ended, self._open = self._open._replace(ended=self._last), None
            return ended
        return None

    def freeze(self) -> bytes:
        """Write the state down, the open episode with it."""
        since, noticed, surprise, _ = self._open or (0.0, 0.0, 0.0, None)
        return _STATE.pack(
            self.threshold,
            self._at,
            self._last,
            self._interval,
            0.0 if self._open is None else 1.0,
            since,
            noticed,
            surprise,
            0.0,
        )

    @classmethod
    def thaw(cls, frozen: bytes) -> Self:
        """Go on from a frozen state; ValueError where it is none."""
        if len(frozen) != _STATE.size:
            raise ValueError("not a frozen state of alarms")
        threshold, at, last, interval, is_open, since, noticed, surprise, _ = _STATE.unpack(frozen)
        alarms = cls(threshold)
        alarms._at, alarms._last, alarms._interval = at, last, interval
        alarms._open = Episode(since, noticed, surprise) if is_open else None
        return alarms


def surprise_for_budget(scores: Sequence[tuple[float, float]], per_day: float) -> float:
    """Find the least threshold at which at most `per_day` episodes a day would have opened.

    `scores`: (at, surprise) in the order of time. Never below LEAST_THRESHOLD; ALARM
    where there is no history to judge by.
    """
    if not scores:
        return ALARM
    days = max(scores[-1][0] - scores[0][0], 1.0) / DAY
    candidates = sorted({LEAST_THRESHOLD, *(s for _, s in scores if s > LEAST_THRESHOLD)})
    low, high = 0, len(candidates)
    while low < high:
        middle = (low + high) // 2
        if _opened(scores, candidates[middle]) <= per_day * days:
            high = middle
        else:
            low = middle + 1
    return candidates[low] if low < len(candidates) else candidates[-1] * 1.01


def _opened(scores: Sequence[tuple[float, float]], threshold: float) -> int:
    alarms, opened = Alarms(threshold), 0
    for at, surprise in scores:
        episode = alarms.observe(at, Score(surprise, None, at))
        opened += episode is not None and episode.ended is None
    return opened

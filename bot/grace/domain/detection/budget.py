"""Set the threshold of the detector `unusual` by a backtest on a metric's own past."""

import math
from collections.abc import Iterable
from typing import Final, NamedTuple

from grace.domain.detection.anomaly import Score
from grace.domain.detection.unusual import ALARM, Unusual
from grace.domain.detection.unusual_alarms import DAY, Alarms, surprise_for_budget
from grace.domain.samples import Sample

_ONE: Final = 1.0 + 1e-9  # one alarm, and no less by rounding
LEAST_POINTS: Final = 2000  # a shorter past says nothing about seldom things


def first_threshold(interval: float, per_day: float) -> float:
    """Set a threshold where no past says better, for points every `interval` seconds.

    A surprise of d decades comes about once in 10 to the d points, so that the decades of a day's
    points over the budget keep it. Never below the threshold for all, ALARM.
    """
    return max(ALARM, math.log10(DAY / interval / per_day))


def aged(surprise: float, points: int) -> float:
    """Take off a surprise what a past of so few points cannot know, in decades."""
    if points >= LEAST_POINTS:
        return surprise
    return max(0.0, surprise - math.log10(LEAST_POINTS / max(points, 1)))


class Backtest(NamedTuple):
    """What the detector would have done; `days` that were covered, `alarms` at the threshold."""

    threshold: float
    points: int
    days: float
    alarms: int


def backtest(samples: Iterable[Sample], per_day: float) -> Backtest:
    """Find the threshold that keeps a budget of false missions a day on this past.

    At least one alarm is allowed, since a short past cannot show that there would be fewer and may
    hold a true one. Below the first threshold it goes only where the past is long enough to show
    that the budget stands it.
    """
    detector = Unusual()
    known = (sample for sample in samples if sample.value is not None)
    scores = [
        (at, aged(detector.observe(at, value or 0.0).surprise, i))
        for i, (at, value) in enumerate(known)
    ]
    days = (scores[-1][0] - scores[0][0]) / DAY if scores else 0.0
    first = first_threshold(days * DAY / (len(scores) - 1), per_day) if days > 0 else ALARM
    if len(scores) < LEAST_POINTS or days <= 0:
        return Backtest(first, len(scores), days, _opened(scores, first))
    threshold = surprise_for_budget(scores, max(per_day, _ONE / days))
    if days * per_day < 1.0:
        threshold = max(threshold, first)
    return Backtest(threshold, len(scores), days, _opened(scores, threshold))


def _opened(scores: Iterable[tuple[float, float]], threshold: float) -> int:
    alarms, opened = Alarms(threshold), 0
    for at, surprise in scores:
        episode = alarms.observe(at, Score(surprise, None, at))
        opened += episode is not None and episode.ended is None
    return opened

"""Set the threshold of the detector `unusual` by a backtest on a metric's own past."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from grace.domain.detection.anomaly import Score
from grace.domain.detection.unusual import ALARM, Unusual
from grace.domain.detection.unusual_alarms import DAY, Alarms, surprise_for_budget
from grace.domain.samples import Sample

LEAST_POINTS: Final = 2000  # a shorter past says nothing about seldom things


class Backtest(NamedTuple):
    """What the detector would have done; `days` that were covered, `alarms` at the threshold."""

    threshold: float
    points: int
    days: float
    alarms: int


def backtest(samples: Iterable[Sample], per_day: float) -> Backtest:
    """Find the threshold that keeps a budget of false missions a day on this past.

    At least one alarm is allowed, since a short past cannot show that there would be fewer and may
    hold a true one. Below the threshold for all, ALARM, it goes only where the past is long enough
    to show that the budget stands it.
    """
    detector = Unusual()
    scores = [
        (at, detector.observe(at, value).surprise) for at, value in samples if value is not None
    ]
    days = (scores[-1][0] - scores[0][0]) / DAY if scores else 0.0
    if len(scores) < LEAST_POINTS or days <= 0:
        return Backtest(ALARM, len(scores), days, _opened(scores, ALARM))
    threshold = surprise_for_budget(scores, max(per_day, 1.0 / days))
    if days * per_day < 1.0:
        threshold = max(threshold, ALARM)
    return Backtest(threshold, len(scores), days, _opened(scores, threshold))


def _opened(scores: Iterable[tuple[float, float]], threshold: float) -> int:
    alarms, opened = Alarms(threshold), 0
    for at, surprise in scores:
        episode = alarms.observe(at, Score(surprise, None, at))
        opened += episode is not None and episode.ended is None
    return opened

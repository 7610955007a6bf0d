"""Learn a metric's level and its long-run noise from its past.

The noise of a mean is not guessed from the spread of single samples: how far means of so many
samples lay from the reference before them is measured over the past itself, so that
autocorrelation, time of day and drift are in it. The reference is as long as predicted best.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import ceil, exp, log, sqrt
from statistics import fmean, median

from grace.domain.observing.calibration import MAX_REFERENCE, Past
from grace.domain.package import MetricTarget

MIN_PAST = 60
SPANS = (6, 24, 96, 288)  # steps of a reference: about 2, 6, 24 and 72 minutes at 15 s
PLACES = 400
TAIL = 0.005  # of the past on either side is winsorised
CAP = 5.0  # changes that matter; further out a value counts as being there
NEARLY_NOTHING = 0.1


@dataclass(frozen=True, slots=True)
class Terms:
    """By which terms one metric is judged.

    `horizon`: samples of a whole window; `alpha`: the metric's share of the mission's budget of
    errors; `early`: samples before a rollback may be decided; `base`: the level of which
    `min_effect` is a share, where it is not that of the samples themselves.
    """

    target: MetricTarget
    min_effect: float
    horizon: int
    alpha: float
    early: int
    base: float | None = None


def learned(values: Sequence[float], step: float, terms: Terms) -> Past | None:
    """Learn from turned values, oldest first, `step` seconds apart; None: they are too few."""
    count = len(values)
    if count < MIN_PAST:
        return None
    horizon = min(terms.horizon, count // 4)
    mean, ordered = fmean(values), sorted(values)
    spare = CAP * terms.min_effect * abs(mean)
    low = min(ordered[int(TAIL * count)], mean - spare)
    high = max(ordered[ceil((1 - TAIL) * count) - 1], mean + spare)
    kept = [min(max(v, low), high) for v in values]
    span, spread = _reference(kept, horizon)
    start = Past(
        step=step,
        samples=count,
        span=span,
        level=mean,
        middle=mean,
        low=low,
        high=high,
        matters=0.0,
        spread=spread,
        reference=(mean,),
    )
    return seen_from(start, kept, count, terms)


def seen_from(past: Past, values: Sequence[float], place: int, terms: Terms) -> Past:
    """Put the reference before `place` among the values; the noise stays as it was learned."""
    before = values[place - past.span : place]
    level = fmean(before)
    matters = terms.min_effect * _base(level, fmean((past.low, past.high)), terms)
    update = {
        "level": level,
        "middle": median(before),
        "low": min(past.low, level - CAP * matters),
        "high": max(past.high, level + CAP * matters),
        "matters": matters,
        "reference": tuple(before[:: ceil(past.span / MAX_REFERENCE)]),
    }
    return past.model_copy(update=update)


def _base(level: float, usual: float, terms: Terms) -> float:
    """Return the level of which a share matters; one of nearly nothing is no measure."""
    if terms.base is not None:
        return terms.base
    share = 1.0 if terms.target.comparator == "==" else NEARLY_NOTHING
    return max(abs(level), NEARLY_NOTHING * abs(usual), share * abs(terms.target.target))


def grid(horizon: int) -> list[int]:
    """List numbers of samples up to the horizon, each about two fifths above the one before."""
    sizes, size = [1], 1
    while size < horizon:
        size = min(horizon, max(size + 1, round(size * 1.4)))
        sizes.append(size)
    return sizes


def _reference(values: Sequence[float], horizon: int) -> tuple[int, tuple[tuple[int, float], ...]]:
    """Choose the length of the reference that erred least over the past, and say how much."""
    sums = [0.0, *accumulate(values)]
    room = len(values) - horizon
    spans = [s for s in SPANS if s <= 0.6 * room]
    stride = max(1, (room - spans[-1]) // PLACES)
    places = range(spans[-1], room + 1, stride)
    sizes = grid(horizon)
    best: tuple[float, int, list[float]] | None = None
    for span in spans:
        levels = [(sums[t] - sums[t - span]) / span for t in places]
        errors = [
            fmean(
                ((sums[t + n] - sums[t]) / n - level) ** 2
                for t, level in zip(places, levels, strict=True)
            )
            for n in sizes
        ]
        if best is None or sum(errors) < best[0]:
            best = (sum(errors), span, errors)
    assert best is not None  # the shortest span fits wherever there are MIN_PAST values
    return best[1], tuple((n, sqrt(e)) for n, e in zip(sizes, best[2], strict=True))


def curve(points: Sequence[tuple[int, float]], upto: int) -> list[float]:
    """Draw a curve through points (number, value), a value for 1..upto, straight in log number."""
    numbers = [n for n, _ in points]
    found: list[float] = []
    for n in range(1, upto + 1):
        place = bisect_left(numbers, n)
        if place == len(points):
            found.append(points[-1][1])
        elif numbers[place] == n:
            found.append(points[place][1])
        else:
            (a, x), (b, y) = points[place - 1], points[place]
            share = log(n / a) / log(b / a)
            found.append(exp((1 - share) * log(x) + share * log(y)) if x and y else max(x, y))
    return found

"""Compare samples after a release with what was before it, or with the target alone."""

from bisect import insort
from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import inf, sqrt
from statistics import fmean, variance
from typing import NamedTuple

from grace.domain.observing.calibration import Past
from grace.domain.observing.noise import curve
from grace.domain.observing.ranks import rank_score
from grace.domain.observing.sprt import NORMAL, boundary

QUIETER = 0.4  # three fifths of the samples have to be as bad as the decision says
MAX_CORRELATION = 0.9
TREND = 4  # values that show one
NOTHING = 1e-18  # of the square of values: what is left by rounding


class Look(NamedTuple):
    """What one look says, in turned values.

    `worse_by`: how much worse than before; `error`: its long-run standard error; `needed`: how many
    of them the test asks for, so that `margin` 1 decides; 0 where the change does not matter.
    """

    samples: int
    worse_by: float
    error: float
    needed: float
    margin: float


class Ruler(NamedTuple):
    """For each number of samples the long-run standard error, and how many of them decide."""

    errors: list[float]
    needed: list[float]


def located(values: Sequence[float]) -> Iterator[float]:
    """Locate the first n values, for every n: a level that neither one outlier nor a burst moves.

    It is the lower of their mean, in which the worst counts as the second worst, and of the value
    that three fifths of them reach.
    """
    ordered: list[float] = []
    total = 0.0
    for n, value in enumerate(values, start=1):
        insort(ordered, value)
        total += value
        worst, second = ordered[-1], ordered[-2] if n > 1 else ordered[-1]
        yield min((total - worst + second) / n, ordered[int(QUIETER * (n - 1))])


def ruler(past: Past, alpha: float, upto: int) -> Ruler:
    """Measure out the sequential test's boundary for 1..upto samples.

    The mixture is as wide as the noise of one sample; a past without any noise has independent
    samples.
    """
    one = past.spread[0][1]
    needed = [(n, boundary(alpha, (one / e) ** 2 if e > 0 else n)) for n, e in past.spread]
    return Ruler(curve(past.spread, upto), curve(needed, upto))


def looks(past: Past, values: Sequence[float], by: Ruler, early: int) -> Iterator[Look]:
    """Look after every sample from `early` on: the mixture SPRT over the past's own noise."""
    clipped = [min(max(v, past.low), past.high) for v in values]
    for n, place in enumerate(located(clipped), start=1):
        if n < early:
            continue
        worse_by = place - past.level
        error = max(by.errors[n - 1], past.matters / sqrt(n))
        needed = by.needed[n - 1]
        yield Look(n, worse_by, error, needed, margin(worse_by, error, needed, past))


def margin(worse_by: float, error: float, needed: float, past: Past) -> float:
    """Return the share of what is needed that a change comes to; 0 where it does not matter."""
    if worse_by <= 0 or worse_by < past.matters:
        return 0.0
    return worse_by / (error * needed) if error > 0 else inf


def at_end(past: Past, values: Sequence[float], spread: float, alpha: float) -> Look:
    """Look once at the end: the rank test, with its variance corrected for autocorrelation.

    `spread`: the long-run standard error of the mean of so many samples.
    """
    count = len(values)
    clipped = [min(max(v, past.low), past.high) for v in values]
    *_, place = located(clipped)
    worse_by = place - past.level
    before = past.reference
    noise = variance(before) if len(before) > 1 else 0.0
    free = noise * (1 / count + 1 / past.span)
    score = rank_score(before, clipped, spread**2 / free if free > 0 else 1.0)
    needed = NORMAL.inv_cdf(1 - alpha)
    matters = worse_by > 0 and worse_by >= past.matters
    return Look(count, worse_by, spread, needed, max(0.0, score) / needed if matters else 0.0)


def against_target(
    values: Sequence[float], limit: float, matters: float, alpha: float
) -> Look | None:
    """Test whether the mean is worse than a limit, by the samples' own noise; None: no sample."""
    if not values:
        return None
    n = len(values)
    *_, place = located(values)
    error = max(own_error(values), matters / sqrt(n))
    needed = boundary(alpha, n)
    worse_by = place - limit
    found = worse_by / (error * needed) if error > 0 else inf
    return Look(n, worse_by, error, needed, found if worse_by > 0 else 0.0)


def own_error(values: Sequence[float]) -> float:
    """Return the standard error of a mean, corrected for autocorrelation of the first order.

    A trend is no noise: from `TREND` values on it is taken off first.
    """
    n = len(values)
    if n == 1:
        return inf
    rest, free = _without_trend(values) if n >= TREND else ([v - fmean(values) for v in values], 1)
    spread = sum(r * r for r in rest) / (n - free)
    if spread <= NOTHING * max(abs(v) for v in values) ** 2:
        return 0.0
    follow = sum(a * b for a, b in pairwise(rest))
    rho = min(max(follow / (spread * (n - 1)), 0.0), MAX_CORRELATION)
    return sqrt(spread / n * (1 + rho) / (1 - rho))


def _without_trend(values: Sequence[float]) -> tuple[list[float], int]:
    """Take off the line of least squares; the second is how many figures that cost."""
    middle, mean = (len(values) - 1) / 2, fmean(values)
    across = sum((i - middle) ** 2 for i in range(len(values)))
    slope = sum((i - middle) * v for i, v in enumerate(values)) / across
    return [v - mean - slope * (i - middle) for i, v in enumerate(values)], 2


def student(share: float, free: int) -> float:
    """Return Student's quantile for `free` degrees of freedom (Cornish-Fisher, two terms)."""
    z = NORMAL.inv_cdf(share)
    first = (z**3 + z) / (4 * free)
    return z + first + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * free**2)

"""The rank test of the end: whether samples after a release are worse than those before.

Mann and Whitney's statistic with the correction for ties. `inflation` is by how much the variance
of means exceeds that of independent samples: autocorrelated samples count for fewer.
"""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Sequence
from math import inf, sqrt


def rank_excess(before: Sequence[float], after: Sequence[float]) -> float:
    """Return how much more often than half a sample of `after` exceeds one of `before`: -0.5..0.5.

    Both hold at least one sample; ties count half.
    """
    ordered = sorted(before)
    wins = sum(bisect_left(ordered, x) + bisect_right(ordered, x) for x in after)
    return wins / (2 * len(before) * len(after)) - 0.5


def rank_score(before: Sequence[float], after: Sequence[float], inflation: float) -> float:
    """Return the excess in standard errors; 0 where all samples are equal."""
    n, m = len(after), len(before)
    total = n + m
    ties = sum(c**3 - c for c in Counter([*before, *after]).values())
    free = (total + 1) - ties / (total * (total - 1)) if total > 1 else 0.0
    excess = rank_excess(before, after)
    if free <= 0:
        return 0.0 if excess == 0 else inf
    return excess / sqrt(free / (12 * n * m) * max(1.0, inflation))

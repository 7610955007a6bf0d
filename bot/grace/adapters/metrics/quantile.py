"""Quantiles of histograms with cumulative buckets."""

import math
from collections.abc import Mapping


def quantile_of(q: float, buckets: Mapping[float, float]) -> float | None:
    """Estimate the q-quantile from counts by upper bound (`le`), as `histogram_quantile` does.

    Linear inside the bucket where the rank falls; the lowest bucket begins at 0 where its bound
    is positive; a rank in the +Inf bucket answers the highest finite bound. None: no bucket
    +Inf, fewer than two buckets, or nothing observed.

    Source: Prometheus, "Query functions", `histogram_quantile()`.
    """
    bounds = sorted(buckets)
    if len(bounds) < 2 or bounds[-1] != math.inf:  # noqa: PLR2004 -- one bucket bounds nothing
        return None
    counts = _never_falling([buckets[bound] for bound in bounds])
    total = counts[-1]
    if not total > 0:
        return None
    rank = q * total
    place = next(i for i, count in enumerate(counts) if count >= rank)
    if place == len(bounds) - 1:
        return bounds[-2]
    upper, below = bounds[place], counts[place - 1] if place else 0.0
    if place == 0 and upper <= 0:
        return upper
    lower = bounds[place - 1] if place else 0.0
    return lower + (upper - lower) * (rank - below) / (counts[place] - below)


def beyond_bounds(q: float, buckets: Mapping[float, float]) -> bool:
    """Tell whether the rank falls above the highest finite bound, so that the true value is more.

    `buckets` must be such that `quantile_of` answers for them.
    """
    top = sorted(buckets)[-2]
    below = max(count for bound, count in buckets.items() if bound <= top)
    return below < q * max(buckets.values())


def _never_falling(counts: list[float]) -> list[float]:
    """Level counts that fall from one bucket to the next, which only rounding or a race makes."""
    levelled: list[float] = []
    for count in counts:
        levelled.append(max(count, levelled[-1]) if levelled else count)
    return levelled

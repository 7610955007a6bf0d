import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace.adapters.metrics.quantile import beyond_bounds, quantile_of

INF = math.inf


@pytest.mark.parametrize(
    ("q", "buckets", "expected"),
    [
        (0.5, {0.1: 10, 0.2: 20, INF: 20}, 0.1),
        (0.75, {0.1: 10, 0.2: 20, INF: 20}, 0.15),
        (0.25, {0.1: 10, 0.2: 20, INF: 20}, 0.05),
        (0.95, {0.1: 90, 0.2: 100, INF: 100}, 0.15),
        (0.99, {0.1: 90, 0.2: 95, INF: 100}, 0.2),
        (0.1, {-1.0: 5, 0.0: 6, INF: 10}, -1.0),
        (0.55, {-1.0: 5, 0.0: 6, INF: 10}, -0.5),
        # A bucket that falls below the one before it is levelled.
        (0.5, {0.1: 10, 0.2: 8, 0.4: 20, INF: 20}, 0.1),
    ],
)
def test_interpolates_as_histogram_quantile(q, buckets, expected):
    assert quantile_of(q, buckets) == pytest.approx(expected)


@pytest.mark.parametrize("buckets", [{}, {INF: 3}, {0.1: 3, 0.2: 3}, {0.1: 0, INF: 0}], ids=str)
def test_what_is_no_histogram_has_no_quantile(buckets):
    assert quantile_of(0.5, buckets) is None


def test_a_quantile_above_the_top_bucket_is_told_apart():
    buckets = {0.1: 90.0, 0.2: 95.0, INF: 100.0}
    assert beyond_bounds(0.99, buckets)
    assert not beyond_bounds(0.95, buckets)


@given(
    st.lists(st.integers(0, 1000), min_size=2, max_size=8),
    st.floats(0.01, 0.99),
    st.floats(0.01, 0.99),
)
def test_quantiles_rise_with_q_and_stay_within_the_bounds(increments, one, other):
    bounds = [0.1 * (i + 1) for i in range(len(increments) - 1)] + [INF]
    counts = [float(sum(increments[: i + 1])) for i in range(len(increments))]
    buckets = dict(zip(bounds, counts, strict=True))
    low, high = (quantile_of(q, buckets) for q in sorted((one, other)))
    if counts[-1] == 0:
        assert low is high is None
        return
    assert low is not None
    assert high is not None
    assert 0 <= low <= high <= bounds[-2]

"""The rank test, its ties, and what autocorrelation takes from it."""

import math

import pytest

from grace.domain.observing.ranks import rank_excess, rank_score


def test_excess_runs_from_always_below_to_always_above():
    low, high = [1.0, 2.0], [3.0, 4.0]
    assert rank_excess(low, high) == 0.5
    assert rank_excess(high, low) == -0.5
    assert rank_excess(low, [1.0, 2.0]) == 0.0


def test_score_is_mann_and_whitneys():
    before, after = [1.0, 3.0, 5.0, 7.0, 9.0], [4.0, 6.0, 8.0, 10.0, 12.0]
    u = sum(a > b for a in after for b in before)
    expected = (u - 12.5) / math.sqrt(5 * 5 * 11 / 12)
    assert rank_score(before, after, 1.0) == pytest.approx(expected)


def test_samples_that_hang_together_count_for_fewer():
    before, after = [1.0, 2.0, 3.0], [2.5, 3.5, 4.5]
    plain = rank_score(before, after, 1.0)
    assert rank_score(before, after, 4.0) == pytest.approx(plain / 2)
    assert rank_score(before, after, 0.1) == plain


def test_equal_samples_say_nothing():
    assert rank_score([2.0, 2.0], [2.0, 2.0], 1.0) == 0.0
    assert rank_score([2.0], [2.0], 1.0) == 0.0

"""Samples after a release against those before, and against the target alone."""

import math

import pytest

from grace.domain.observing.compare import against_target, at_end, located, looks, ruler
from support.noise import past_of, white

ALPHA = 0.01


def margins(past, values, early=5):
    return [look.margin for look in looks(past, values, ruler(past, ALPHA, len(values)), early)]


def test_a_level_is_moved_by_neither_one_outlier_nor_a_burst():
    *_, alone = located([10.0, 10.0, 10.0, 900.0])
    assert alone == 10.0
    *_, burst = located([10.0] * 12 + [900.0] * 8)
    assert burst == 10.0
    *_, shifted = located([15.0] * 20)
    assert shifted == 15.0
    assert list(located([7.0])) == [7.0]


def test_a_change_that_matters_is_found_early_and_one_that_does_not_never():
    past = past_of(white(1000))
    worse = margins(past, white(30, seed=2, mean=150.0))
    assert len(worse) == 26
    assert worse[0] >= 1
    assert max(margins(past, white(30, seed=3))) < 1
    assert max(margins(past, white(30, seed=4, mean=106.0))) == 0
    assert max(margins(past, white(30, seed=5, mean=50.0))) == 0


def test_a_past_without_any_noise_takes_what_matters_as_its_noise():
    past = past_of([20.0] * 200)
    assert margins(past, [20.0] * 10) == [0.0] * 6
    assert max(margins(past, [30.0] * 10)) >= 1


def test_a_past_of_nothing_but_zeros_is_left_by_anything():
    past = past_of([0.0] * 200)
    assert margins(past, [0.0] * 6) == [0.0, 0.0]
    assert margins(past, [0.5] * 6, early=6) in ([math.inf], [0.0])


def test_the_ranks_at_the_end_tell_worse_from_equal_and_better():
    past = past_of(white(1000))
    end = ruler(past, ALPHA, 30).errors[-1]
    assert at_end(past, white(30, seed=2, mean=130.0), end, ALPHA).margin > 1
    assert at_end(past, white(30, seed=2), end, ALPHA).margin < 1
    assert at_end(past, white(30, seed=2, mean=60.0), end, ALPHA).margin == 0


def test_the_ranks_of_a_past_without_noise_count_as_independent():
    past = past_of([20.0] * 200)
    end = ruler(past, ALPHA, 10).errors[-1]
    assert at_end(past, [30.0] * 10, end, ALPHA).margin > 1
    alone = past.model_copy(update={"reference": (20.0,)})
    assert at_end(alone, [30.0] * 10, end, ALPHA).margin > 0


def test_without_a_past_the_target_alone_decides():
    assert against_target([], 100, 10, ALPHA) is None
    assert against_target([900.0] * 3, 100, 10, ALPHA).margin > 1
    assert against_target([90.0] * 3, 100, 10, ALPHA).margin == 0
    noisy = against_target([50.0, 250.0, 60.0, 260.0, 105.0], 100, 10, ALPHA)
    assert noisy.margin < 1
    assert against_target([1.0] * 3, 0, 0, ALPHA).margin == math.inf
    assert against_target([900.0], 100, 10, ALPHA).margin == pytest.approx(0)

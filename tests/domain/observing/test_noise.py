"""What is learned of a metric's past."""

import math

import pytest

from grace.domain.observing.compare import own_error, student
from grace.domain.observing.noise import MIN_PAST, curve, grid, learned
from support.noise import drifting, past_of, terms, white


def test_too_short_a_past_teaches_nothing():
    assert learned(white(MIN_PAST - 1), 15, terms()) is None
    assert learned(white(MIN_PAST), 15, terms()) is not None


def test_means_of_independent_samples_come_closer_with_their_number():
    past = past_of(white(2000))
    spread = dict(past.spread)
    assert spread[1] == pytest.approx(5, rel=0.15)
    assert spread[30] == pytest.approx(5 / math.sqrt(30), rel=0.4)
    assert past.span == 288


def test_means_of_samples_that_hang_together_do_not():
    past = past_of(drifting(2000))
    spread = dict(past.spread)
    independent = spread[1] / math.sqrt(30)
    assert spread[30] > 3 * independent
    assert past.span < 288


def test_a_reference_ends_where_the_release_began():
    values = white(500) + white(300, mean=200.0)
    past = past_of(values)
    assert past.level == pytest.approx(200, rel=0.05)
    assert past.middle == pytest.approx(200, rel=0.05)
    assert past.matters == pytest.approx(20, rel=0.05)
    assert past.high >= 300 - 5
    assert len(past.reference) <= 100


def test_of_a_level_of_nothing_a_tenth_of_the_target_is_the_measure():
    past = past_of([0.0] * 100, goal=5.0)
    assert past.matters == pytest.approx(0.05)


def test_of_an_exact_target_it_is_the_target_itself():
    assert past_of([0.0] * 100, comparator="==", goal=5.0).matters == pytest.approx(0.5)


def test_beside_a_control_it_is_the_metrics_own_level():
    assert past_of([0.0] * 100, base=40.0).matters == pytest.approx(4)


def test_the_grid_grows_and_ends_at_the_horizon():
    assert grid(1) == [1]
    assert grid(10) == [1, 2, 3, 4, 6, 8, 10]


def test_a_curve_goes_through_its_points_and_on_as_it_ended():
    found = curve([(1, 8.0), (2, 4.0), (4, 1.0)], 6)
    assert found == pytest.approx([8, 4, 4 ** (1 - math.log2(1.5)), 1, 1, 1])
    assert curve([(1, 0.0), (3, 2.0)], 2) == [0.0, 2.0]


def test_the_error_of_a_mean_grows_where_samples_hang_together():
    assert own_error([3.0]) == math.inf
    assert own_error([3.0, 3.0]) == 0.0
    spread = drifting(400)
    independent = sorted(spread, key=lambda v: hash(round(v, 9)))
    assert own_error(spread) > 3 * own_error(independent)


def test_students_quantile_is_near_the_tables():
    assert student(0.95, 2) == pytest.approx(2.92, rel=0.1)
    assert student(0.95, 10) == pytest.approx(1.812, rel=0.01)
    assert student(0.95, 1000) == pytest.approx(1.646, rel=0.001)


def test_a_trend_is_no_noise():
    ramp = [10.0 * i + (i % 2) for i in range(12)]
    assert own_error(ramp) < 1
    assert own_error([10.0 * i for i in range(12)]) == 0.0

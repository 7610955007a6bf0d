"""Samples on a grid, turned, and apart from their control."""

import pytest

from grace.domain.observing.grid import Point, apart, on_grid, turned, usual_step
from grace.domain.package import MetricTarget
from grace.domain.samples import Sample


def target(comparator):
    return MetricTarget(metric_id="m", comparator=comparator, target=10)


@pytest.mark.parametrize(
    ("comparator", "bad", "good"), [("<", 20, 5), ("<=", 20, 5), (">", 5, 20), (">=", 5, 20)]
)
def test_more_is_worse_whichever_way_the_target_looks(comparator, bad, good):
    assert turned(bad, target(comparator)) > turned(good, target(comparator))


def test_of_an_exact_target_the_distance_counts():
    assert turned(7, target("==")) == turned(13, target("==")) == 3


def test_the_step_is_the_windows_own_or_coarser():
    fine, coarse = [Sample(i * 5.0, 1.0) for i in range(9)], [Sample(60.0 * i, 1) for i in range(9)]
    assert usual_step(fine, 15) == 15
    assert usual_step(coarse, 15) == 60
    assert usual_step(fine[:1], 15) == 15


def test_the_newest_of_each_step_counts_and_a_gap_is_left_out():
    points = [Point(2, 1.0), Point(4, 2.0), Point(12, 3.0), Point(35, 4.0), Point(40, 9.0)]
    assert on_grid(points, 10, 40) == [2.0, 3.0, 4.0]
    assert on_grid([], 10, 40) == []


def test_what_is_too_old_is_left_out():
    assert on_grid([Point(0, 1.0), Point(99_990, 2.0)], 10, 100_000) == [2.0]


def test_each_point_goes_with_the_nearest_of_its_control():
    control = [Point(0, 1.0), Point(9, 2.0), Point(21, 4.0)]
    points = [Point(1, 11.0), Point(10, 12.0), Point(20, 14.0), Point(60, 99.0)]
    assert [v for _, v in apart(points, control, 5)] == [10.0, 10.0, 10.0]
    assert apart(points, [], 5) == []

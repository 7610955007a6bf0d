"""Reading live samples."""

from datetime import timedelta

from grace.domain.package import MetricObservation, MetricTarget
from grace.domain.window import reading, since
from support.world import START

TARGET = MetricTarget(metric_id="p95", comparator="<", target=100, rolling_window_minutes=2)


def sample(seconds, value, **changes):
    at = START + timedelta(seconds=seconds)
    return MetricObservation(metric_id="p95", value=value, at=at, source="x", **changes)


def samples(*values, every=10, first=1):
    return tuple(sample(first + i * every, v) for i, v in enumerate(values))


def test_samples_that_began_before_the_anchor_prove_nothing():
    old = (sample(-1, 20.0), sample(5, 20.0, window_s=10), sample(10, 20.0, window_s=10))
    assert since(old, "p95", START) == old[2:]
    assert since(old, "other", START) == ()


def test_only_the_rolling_window_counts():
    known = samples(*[900.0] * 5, *[20.0] * 20)
    seen = reading(known, TARGET, START + timedelta(seconds=245))
    assert (seen.mean, seen.values, seen.missing) == (20.0, 12, 0)
    assert reading(known, TARGET, START).mean is None


def test_values_of_later_than_now_are_not_read():
    assert reading(samples(1.0, 2.0), TARGET, START + timedelta(seconds=5)).values == 1

"""The threshold of the detector that needs no configuration, set by a metric's own past."""

from itertools import chain

import pytest

from grace.domain.detection.budget import LEAST_POINTS, aged, backtest, first_threshold
from grace.domain.detection.unusual import ALARM
from support.watched import calm, series


def test_past_that_is_too_short_sets_nothing() -> None:
    found = backtest(series(calm(LEAST_POINTS - 1)), 0.05)
    assert found.threshold == pytest.approx(first_threshold(15, 0.05))
    assert found.points == LEAST_POINTS - 1


def test_first_threshold_is_that_of_a_days_points_over_the_budget() -> None:
    assert first_threshold(15, 0.05) == pytest.approx(5.06, abs=0.01)
    assert first_threshold(3600, 1) == ALARM


def test_short_past_knows_less() -> None:
    assert aged(5.0, LEAST_POINTS) == 5.0
    assert aged(5.0, LEAST_POINTS // 10) == pytest.approx(4.0)
    assert aged(2.0, 0) == 0.0


def test_no_past_at_all_sets_nothing() -> None:
    assert backtest([], 0.05) == (ALARM, 0, 0.0, 0)


def test_short_past_does_not_lower_the_threshold_for_all() -> None:
    found = backtest(series(calm(LEAST_POINTS + 500)), 0.05)
    assert found.threshold >= first_threshold(15, 0.05)
    assert found.alarms <= 1
    assert found.days == pytest.approx((LEAST_POINTS + 499) * 15 / 86_400)


def test_noisy_past_raises_it_until_the_budget_is_kept() -> None:
    spikes = chain.from_iterable([*calm(400, seed=i), 80.0 + 40 * i] for i in range(10))
    found = backtest(series(spikes), 0.05)
    assert found.alarms <= 1
    assert found.threshold >= ALARM


def test_past_long_enough_to_show_it_allows_a_lower_one() -> None:
    quiet = backtest(series(calm(8000)), 24)
    assert quiet.threshold < first_threshold(15, 0.05)


def test_one_alarm_of_a_short_past_may_have_been_true() -> None:
    outage = [*calm(LEAST_POINTS + 200), *calm(20, level=190), *calm(100, seed=2)]
    found = backtest(series(outage), 0.05)
    assert found.alarms == 1
    assert found.threshold < 8


def test_gaps_are_no_points() -> None:
    values = [None if i % 2 else v for i, v in enumerate(calm(2 * LEAST_POINTS - 2))]
    assert backtest(series(values), 0.05).points == LEAST_POINTS - 1

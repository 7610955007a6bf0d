import math

import pytest

from grace.domain.detection.anomaly import Score
from grace.domain.detection.unusual import ALARM, HOLD_POINTS
from grace.domain.detection.unusual_alarms import (
    DAY,
    LEAST_THRESHOLD,
    Alarms,
    Episode,
    surprise_for_budget,
)

HIGH = ALARM + 1


def feed(alarms: Alarms, surprises: list[float], start: int = 0) -> list[Episode]:
    found = (
        alarms.observe(start + place, Score(surprise, None, start + place - 0.5))
        for place, surprise in enumerate(surprises)
    )
    return [episode for episode in found if episode is not None]


def test_one_event_is_one_episode_with_its_onset_worst_and_end():
    alarms = Alarms()
    [began] = feed(alarms, [0.0, HIGH, 0.0, HIGH + 2, HIGH])
    assert began == Episode(0.5, 1, HIGH)
    assert alarms.open == Episode(0.5, 1, HIGH + 2)
    assert feed(alarms, [0.0] * HOLD_POINTS, 5) == []
    assert feed(alarms, [0.0], 5 + HOLD_POINTS) == [Episode(0.5, 1, HIGH + 2, ended=4)]
    assert alarms.open is None
    assert feed(alarms, [ALARM], 1000) == [Episode(999.5, 1000, ALARM)]


def test_what_is_not_newer_is_left_out():
    alarms = Alarms()
    feed(alarms, [0.0] * 5)
    for at in (4, 2, math.nan):
        assert alarms.observe(at, Score(HIGH, None, at)) is None
    assert alarms.open is None


@pytest.mark.parametrize("fed", [[], [0.0], [HIGH, 0.0, 0.0]])
def test_it_goes_on_from_a_frozen_state(fed):
    alarms = Alarms(2.2)
    feed(alarms, fed)
    again = Alarms.thaw(alarms.freeze())
    assert (again.threshold, again.open) == (2.2, alarms.open)
    rest = [0.0] * HOLD_POINTS + [HIGH]
    assert feed(again, rest, 10) == feed(alarms, rest, 10)


def test_a_state_of_something_else_is_refused():
    with pytest.raises(ValueError, match="not a frozen state of alarms"):
        Alarms.thaw(b"x")


def opened(scores: list[tuple[float, float]], threshold: float) -> int:
    alarms = Alarms(threshold)
    episodes = [alarms.observe(at, Score(surprise, None, at)) for at, surprise in scores]
    return len([one for one in episodes if one is not None and one.ended is None])


def days_of(peaks: list[float]) -> list[tuple[float, float]]:
    """One peak in the middle of each day, at 5 minutes."""
    return [
        (day * DAY + step * 300.0, peak if step == 144 else 0.3)
        for day, peak in enumerate(peaks)
        for step in range(288)
    ]


def test_a_budget_sets_the_least_threshold_that_keeps_it():
    scores = days_of([2.6, 3.1, 5.0, 2.7, 4.0, 2.8, 2.9, 3.3, 3.0, 2.1])
    for per_day, threshold in ((1.01, LEAST_THRESHOLD), (0.501, 3.0), (0.21, 4.0), (0.11, 5.0)):
        assert surprise_for_budget(scores, per_day) == threshold
        assert opened(scores, threshold) <= per_day * 10
    above = surprise_for_budget(scores, 0.0)
    assert above > 5.0
    assert opened(scores, above) == 0


def test_a_budget_groups_points_as_alarms_do():
    close = [(float(place), 3.0 if place in {10, 11 + HOLD_POINTS} else 0.0) for place in range(99)]
    apart = [(at, 3.0 if at in {10, 12 + HOLD_POINTS} else 0.0) for at, _ in close]
    for scores in (close, apart):
        once = DAY / 98 * (opened(scores, 2.0) + 0.1)
        assert surprise_for_budget(scores, once) == LEAST_THRESHOLD
        assert surprise_for_budget(scores, once - DAY / 98) > LEAST_THRESHOLD
    assert [opened(scores, 2.0) for scores in (close, apart)] == [1, 2]


def test_without_a_past_the_threshold_is_the_one_for_all():
    assert surprise_for_budget([], 1.0) == ALARM
    assert surprise_for_budget([(5.0, 9.0)], 1.0) > 9.0

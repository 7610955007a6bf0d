"""Replays of a metric's own past, and what they hold the judge back by."""

from grace.domain.observing.calibrate import MAX_STRETCH, calibrate
from grace.domain.observing.replay import bent, nothing_released, ruling
from grace.domain.samples import Sample
from support.noise import drifting, terms, white

STEP = 15.0


def series(values, every=STEP):
    return [Sample(every * i, v) for i, v in enumerate(values)]


def calibrated(values, control=(), **changes):
    return calibrate(series(values), STEP * len(values), STEP, terms(**changes), series(control))


def test_a_quiet_past_holds_nothing_back():
    known = calibrated(white(1200))
    assert known.replays >= 60
    assert known.false_rollbacks == 0
    assert known.stretch == 1
    assert known.past.samples == 1200


def test_a_restless_past_stretches_the_noise_until_it_keeps_to_the_budget():
    values = white(1200)
    for start in (200, 600, 900):
        values[start : start + 12] = [3 * v for v in values[start : start + 12]]
    known = calibrated(values)
    assert known.stretch > 1
    assert known.false_rollbacks <= 0.02 * known.replays


def test_a_past_that_left_zero_by_itself_stretches_it_without_bounds():
    known = calibrated([0.0] * 900 + [1e-12] * 60 + [0.0] * 900, min_effect=1e-9)
    assert known.stretch <= MAX_STRETCH


def test_too_short_a_past_is_none():
    known = calibrated(white(30))
    assert (known.past, known.replays) == (None, 0)


def test_a_control_takes_away_what_both_share():
    shared = drifting(1200)
    own = [v + w - 100 for v, w in zip(shared, white(1200, deviation=0.5), strict=True)]
    known = calibrated(own, control=shared)
    assert dict(known.beside.past.spread)[30] < 0.5 * dict(known.past.spread)[30]
    assert known.beside.past.matters > 5


def test_a_control_without_samples_of_the_same_time_is_left_out():
    late = [Sample(1e6 + i, 1.0) for i in range(100)]
    known = calibrate(series(white(200)), STEP * 200, STEP, terms(), late)
    assert known.past is not None
    assert known.beside is None
    assert calibrated(white(30), control=white(30)).beside is None


def test_samples_that_come_less_often_than_those_of_the_window_set_the_step():
    known = calibrate(series(white(200), every=60), 60 * 200, STEP, terms())
    assert known.past.step == 60


def test_the_past_of_a_metric_of_which_less_is_worse_is_turned():
    known = calibrated(white(200), comparator=">")
    assert known.past.level < 0


def test_a_ruling_says_after_how_many_samples():
    known, given = calibrated(white(1200)), terms()
    assert ruling(known, white(30, seed=7, mean=150.0), given).decided == given.early
    assert ruling(known, white(30, seed=8), given).decided is None
    assert ruling(known, [], given) is None
    late = ruling(known, white(4, seed=9, mean=200.0), given)
    assert late.decided == 4


def test_a_whole_history_is_replayed_window_by_window():
    values = series(white(600))
    found = list(nothing_released(values, STEP, terms(), 500, first=200))
    assert [r.place for r in found] == list(range(200, 571, 30))
    assert all(r.ruling.decided is None for r in found)
    assert list(nothing_released(values, STEP, terms(), 20, first=200)) == []


def test_what_has_no_value_is_left_out():
    assert bent([Sample(0, None), Sample(1, 2.0)], terms(comparator=">")) == [-2.0]

import math
import random
import tracemalloc
from collections.abc import Callable, Iterable, Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from grace.domain.detection.anomaly import Score
from grace.domain.detection.unusual import ALARM, LARGEST, WARM_UP, Unusual
from grace.domain.detection.unusual_alarms import Alarms
from grace.domain.detection.unusual_tail import FORGET

START, EVERY = 1_750_000_000.0 - 1_750_000_000.0 % 86_400.0, 300.0
DAY = int(86_400 / EVERY)
ANY_FLOAT = st.floats(allow_nan=True, allow_infinity=True)


def noise(count: int, level: float = 50.0, seed: int = 1) -> list[float]:
    chance = random.Random(seed)
    return [chance.gauss(level, 2.0) for _ in range(count)]


def bumps(days: int, seed: int = 1) -> list[float]:
    """A service that is busy from 9 to 18 o'clock."""
    return [
        value + (40.0 if 9 * 12 <= place % DAY < 18 * 12 else 0.0)
        for place, value in enumerate(noise(days * DAY, seed=seed))
    ]


def score(
    values: Iterable[float], every: float = EVERY, of: Unusual | None = None, start: float = START
) -> list[Score]:
    detector = of or Unusual()
    return [detector.observe(start + place * every, value) for place, value in enumerate(values)]


def alarms(scores: Sequence[Score], every: float = EVERY) -> list[int]:
    """The points at which episodes began."""
    grouped, began = Alarms(), []
    for place, found in enumerate(scores):
        episode = grouped.observe(START + place * every, found)
        if episode is not None and episode.ended is None:
            began.append(place)
    return began


def test_it_is_silent_while_it_warms_up():
    values = noise(WARM_UP - 1)
    values[50] = 1e6
    scores = score(values)
    assert {(found.surprise, found.expected) for found in scores} == {(0.0, None)}
    assert scores[-1].since == START + (WARM_UP - 2) * EVERY


@pytest.mark.parametrize("every", [1.0, 15.0, 300.0, 3600.0])
def test_a_step_is_seen_at_any_interval_with_its_onset(every):
    scores = score([*noise(1000), *noise(20, level=90.0)], every)
    began = next(place for place in alarms(scores, every) if place >= 1000)
    assert began <= 1002
    assert abs(scores[began].since - (START + 1000 * every)) <= 2 * every
    assert scores[began].expected == pytest.approx(50, abs=6)


def test_a_slow_beginning_is_the_onset_and_not_when_it_was_noticed():
    calm, chance = noise(3000), random.Random(8)
    rising = [chance.gauss(50, 0.5) + 0.5 * step for step in range(40)]
    scores = score([*calm, *rising])
    began = next(place for place in alarms(scores) if place >= 3000)
    onset = (scores[began].since - START) / EVERY
    assert 3000 <= onset <= began - 2
    assert {found.since for found in scores[began : began + 5]} == {scores[began].since}
    ordinary = [place for place in range(WARM_UP, 3000) if scores[place].surprise == 0.0]
    assert sum(scores[p].since == START + p * EVERY for p in ordinary) > 0.9 * len(ordinary)


def test_a_spike_is_one_alarm_and_says_what_was_awaited():
    values = noise(3000)
    values[2500] = 200.0
    scores = score(values)
    assert 2500 in alarms(scores)
    assert scores[2500].surprise > ALARM + 2
    assert scores[2500].expected == pytest.approx(50, abs=6)
    assert scores[2500].since == START + 2500 * EVERY


def test_a_bump_that_fails_to_come_is_seen_at_its_hour():
    values = bumps(12)
    values[10 * DAY :] = noise(2 * DAY, seed=3)
    scores = score(values)
    nine = 10 * DAY + 9 * 12
    began = alarms(scores)
    assert [place for place in began if nine <= place < nine + 6] != []
    assert scores[nine].expected == pytest.approx(90, abs=5)
    assert len(began) < 6


def test_a_weekend_is_learned():
    week = [*bumps(5), *noise(2 * DAY, seed=9)]
    values = week * 4
    detector = Unusual()
    score(values[: 3 * 7 * DAY], of=detector)
    noon = 26 * DAY + 12 * 12
    scores = score(values[21 * DAY :], of=detector, start=START + 21 * DAY * EVERY)
    awaited = scores[noon - 21 * DAY].expected
    assert awaited is not None
    assert awaited < 70


def test_slow_drift_does_not_alarm_every_hour():
    values = [value + place * 0.01 for place, value in enumerate(noise(4000))]
    assert len(alarms(score(values))) < 20


def test_it_gets_used_to_a_shift_and_sees_the_next():
    values = [*noise(2000), *noise(2000, level=80.0, seed=2), *noise(50, level=130.0, seed=3)]
    began = alarms(score(values))
    assert [place for place in began if 2000 <= place < 2003] != []
    assert len([place for place in began if 2300 <= place < 4000]) <= 3
    assert [place for place in began if 4000 <= place < 4003] != []


def test_what_comes_back_every_day_stops_being_news():
    values = noise(20 * DAY)
    for day in range(20):
        values[day * DAY + 100 + 17 * (day % 5)] = 150.0
    began = alarms(score(values))
    spikes = [place // DAY for place in began if values[place] == 150.0]
    assert spikes[:3] == [0, 1, 2]
    assert len([day for day in spikes if day >= 7]) <= 2


def test_a_flat_line_that_changes_is_very_unusual():
    scores = score([*[7.0] * 500, 7.1])
    assert {found.surprise for found in scores[:-1]} == {0.0}
    assert scores[-1].surprise > ALARM + 3
    rounded = score([*[0.3] * 500, 0.1 + 0.2])
    assert rounded[-1].surprise == 0.0


def test_rare_whole_numbers_do_not_blow_up():
    chance = random.Random(4)
    values = [float(chance.random() < 0.01) for _ in range(10_000)]
    began = alarms(score(values))
    assert 1 <= len(began) <= 25
    assert len([place for place in began if place > 5000]) <= 4


def test_a_long_gap_is_no_alarm_in_itself():
    detector, grouped = Unusual(), Alarms()
    values = bumps(9)
    kept = [place for place in range(len(values)) if not 5 * DAY < place < 6 * DAY + 150]
    began = []
    for place in kept:
        at = START + place * EVERY
        episode = grouped.observe(at, detector.observe(at, values[place]))
        if episode is not None and episode.ended is None:
            began.append(place)
    back = 6 * DAY + 150
    assert [place for place in began if back <= place < back + 24] == []


def test_before_the_hours_are_known_it_begins_anew_after_a_gap():
    at_night, by_day = noise(300), noise(100, level=90.0, seed=2)
    assert [place for place in alarms(score([*at_night, *by_day])) if place >= 300] != []
    detector = Unusual()
    score(at_night, of=detector)
    assert (
        max(found.surprise for found in score(by_day, of=detector, start=START + 340 * EVERY))
        < ALARM
    )


def test_what_is_not_newer_or_no_number_changes_nothing():
    detector, plain = Unusual(), Unusual()
    for place, value in enumerate(noise(300)):
        at = START + place * EVERY
        assert plain.observe(at, value) == detector.observe(at, value)
        for when, what in ((at, 1e9), (at - 900, -1e9), (at + 1, math.nan), (at + 1, math.inf)):
            left_out = detector.observe(when, what)
            assert left_out.surprise == 0.0
            assert left_out.since == when
            assert (left_out.expected is None) == (place < WARM_UP)
        detector.observe(math.nan, 1.0)
        detector.observe(math.inf, 1.0)
    assert plain.freeze() == detector.freeze()


@given(st.lists(st.tuples(ANY_FLOAT, ANY_FLOAT), max_size=40))
@example([(1.0, 5e-324), (2.0, 1.7e308), (3.0, -1.7e308), (4.0, 0.0)])
@example([(-1e-20, 1.0), (1e300, 2.0), (1.7e308, LARGEST)])
def test_it_never_raises_and_never_answers_nan(points):
    detector = Unusual()
    score([0.0] * WARM_UP, of=detector, start=START - 1e9)
    for at, value in points:
        found = detector.observe(at, value)
        assert 0.0 <= found.surprise < math.inf
        assert found.expected is None or math.isfinite(found.expected)
    again = Unusual.thaw(detector.freeze())
    assert again.freeze() == detector.freeze()


def test_values_at_the_end_of_what_a_number_can_be_leave_it_whole():
    largest = math.nextafter(math.inf, 0)
    detector = Unusual()
    scores = score([largest, -largest] * 400, of=detector)
    assert all(math.isfinite(found.surprise) for found in scores)
    assert scores[-1].expected is not None
    assert abs(scores[-1].expected) <= LARGEST


def wild(chance: random.Random) -> float:
    return chance.choice((-1, 0, 1)) * 10.0 ** chance.randint(-320, 305)


@pytest.mark.parametrize("shape", [wild, lambda c: c.gauss(0, 1), lambda c: c.paretovariate(0.5)])
def test_it_goes_on_from_a_frozen_state_as_if_nothing_had_been(
    shape: Callable[[random.Random], float],
):
    chance = random.Random(5)
    values = [shape(chance) for _ in range(1500)]
    whole = score(values)
    first = Unusual()
    score(values[:700], of=first)
    rest = score(values[700:], of=Unusual.thaw(first.freeze()), start=START + 700 * EVERY)
    assert rest == whole[700:]


def test_a_state_of_something_else_is_refused():
    frozen = Unusual().freeze()
    for other in (b"", frozen[:-1], b"\x00" + frozen[1:]):
        with pytest.raises(ValueError, match="not a frozen state"):
            Unusual.thaw(other)


def test_memory_is_small_and_does_not_grow():
    chance = random.Random(6)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        detector = Unusual()
        score((chance.gauss(0, 1) for _ in range(500)), of=detector)
        early = tracemalloc.get_traced_memory()[0] - before
        score((chance.gauss(0, 1) for _ in range(2000)), of=detector, start=START + 1e6)
        late = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert early < 16_000  # what else the process allocates meanwhile is in it
    assert late - early < 6_000  # kept points would take 16,000 at least
    assert len(detector.freeze()) == len(Unusual().freeze()) < 6_000


def test_episodes_of_long_ago_fade():
    chance = random.Random(7)
    values = [chance.gauss(50, 2) for _ in range(int(FORGET))]
    detector = Unusual()
    score(values[:-1], every=1.0, of=detector)
    counted = sum(detector._episodes)
    detector.observe(START + FORGET, values[-1])
    assert sum(detector._episodes) == counted / 2 > 1

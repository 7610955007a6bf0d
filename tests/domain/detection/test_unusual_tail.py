import math
import random

import pytest

from grace.domain.detection.unusual_tail import AN_OCTAVE, BINS, FEW, FORGET, TOP, Tail


def filled(sizes) -> Tail:
    tail = Tail()
    for size in sizes:
        tail.take(size)
    return tail


def test_decades_tell_the_share_that_was_as_far_off():
    chance = random.Random(1)
    tail = filled(chance.expovariate(1) for _ in range(15_000))
    for share in (0.5, 0.1, 0.01, 0.003):
        assert tail.take(-math.log(share)) == pytest.approx(-math.log10(share), abs=0.12)


def test_beyond_all_that_was_seen_further_is_more_unusual():
    chance = random.Random(2)
    tail = filled(abs(chance.gauss(0, 1)) for _ in range(5000))
    decades = [Tail(tail.counts.tobytes(), tail.origin, tail.total).take(s) for s in (4, 6, 10, 99)]
    assert decades == sorted(decades)
    assert decades[0] > 3
    heavy = filled(chance.paretovariate(1) for _ in range(5000))
    assert heavy.take(1e5) < decades[-1]


def test_what_was_seen_a_few_times_is_told_by_counting():
    tail = filled([1.0] * 1000)
    assert tail.take(250.0) > math.log10(1000) + 1
    for _ in range(FEW - 1):
        tail.take(250.0)
    assert tail.take(200.0) == pytest.approx(math.log10((1001 + FEW) / FEW))


def test_the_first_sizes_say_little():
    tail = Tail()
    assert tail.take(1.0) == 0.0
    for _ in range(TOP - 1):
        tail.take(1.0)
    assert tail.take(1e9) <= math.log10(TOP + 1)


def test_nothing_off_is_the_least_unusual():
    tail = filled([0.0] * 50 + [3.0])
    assert tail.take(0.0) == 0.0


def test_the_scale_follows_sizes_that_outgrow_it_and_keeps_their_order():
    tail = filled([1e-300] * 100)
    assert tail.take(1e300) > 1.0
    assert sum(tail.counts) == tail.total == 101
    assert tail.take(1e-300) < 0.1
    assert tail.take(1e299) > 1.5


def test_it_forgets_and_moves_its_scale_to_what_is_usual_now():
    tail = filled([2.0**12] * 3 + [1.0] * (int(FORGET) - 4))
    origin = tail.origin
    tail.take(1.0)
    assert tail.total == FORGET / 2
    assert sum(tail.counts) == pytest.approx(FORGET / 2)
    assert tail.origin != origin
    assert tail.counts[int((0.0 - tail.origin) * AN_OCTAVE)] == pytest.approx(FORGET / 2, rel=0.01)
    assert abs((0.0 - tail.origin) * AN_OCTAVE - BINS / 2) <= 1


def test_it_forgets_without_moving_where_nothing_was_off():
    tail = filled([0.0] * int(FORGET))
    assert tail.total == tail.counts[0] == FORGET / 2
    assert math.isnan(tail.origin)

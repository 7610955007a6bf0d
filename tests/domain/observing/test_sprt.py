"""The mixture SPRT: its boundary, and that looking often does not spoil it."""

import math
import random

import pytest

from grace.domain.observing.sprt import LARGEST, boundary, log_evidence


def test_the_boundary_is_where_the_evidence_is_one_over_alpha():
    for ratio in (0.5, 1.0, 20.0):
        z = boundary(0.01, ratio)
        assert log_evidence(z, ratio) == pytest.approx(math.log(100))


def test_less_alpha_asks_for_more():
    assert boundary(0.001, 5.0) > boundary(0.01, 5.0) > boundary(0.1, 5.0)


def test_evidence_that_cannot_be_had_has_the_largest_boundary():
    assert boundary(0.01, 1e-9) == pytest.approx(LARGEST)


def test_what_is_far_better_than_before_is_no_evidence():
    assert log_evidence(-60.0, 1000.0) == -math.inf
    assert log_evidence(-1.0, 10.0) < 0


def test_looking_after_every_sample_keeps_to_alpha():
    dice, looks, runs = random.Random(11), 60, 400
    needed = [boundary(0.05, n) for n in range(1, looks + 1)]
    wrong = 0
    for _ in range(runs):
        total = 0.0
        for n in range(1, looks + 1):
            total += dice.gauss(0, 1)
            if total / math.sqrt(n) >= needed[n - 1]:
                wrong += 1
                break
    assert wrong / runs <= 0.05

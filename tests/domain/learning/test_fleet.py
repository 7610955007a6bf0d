"""Learning over one simulated fleet; `make bench` runs it over many."""

import pytest

from support.fleet import Fleet, Week, live, mean

SEEDS = (1,)


@pytest.fixture(scope="module")
def weeks() -> list[Week]:
    """Eight weeks, then 40 % of the signatures want other remedies, and four weeks more."""
    runs = [live(Fleet(seed), 12, shift_after=8) for seed in SEEDS]
    return [mean(same) for same in zip(*runs, strict=True)]


def test_eight_weeks_close_most_of_the_gap(weeks: list[Week]) -> None:
    assert mean(weeks[6:8]).closed >= 0.6
    assert mean(weeks[6:8]).closed > mean(weeks[:1]).closed + 0.2


def test_shift_costs_and_is_recovered_from(weeks: list[Week]) -> None:
    before, shifted, after = mean(weeks[6:8]), mean(weeks[8:10]), mean(weeks[10:12])
    assert shifted.closed < before.closed
    assert after.closed > shifted.closed
    assert after.closed >= 0.6


def test_same_seed_lives_the_same_life() -> None:
    assert live(Fleet(5), 1) == live(Fleet(5), 1)
    assert live(Fleet(5), 1) != live(Fleet(6), 1)

"""What detectors say to people."""

import pytest

from grace.domain.detection import wording
from support.watched import definition


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (184.2, "184"),
        (0.03149, "0.0315"),
        (12_345.6, "12,346"),
        (-2.5, "-2.5"),
        (1e300, "1e+300"),
    ],
)
def test_numbers_have_the_digits_that_say_something(value: float, text: str) -> None:
    assert wording.number(value) == text


@pytest.mark.parametrize(
    ("surprise", "points", "text"),
    [
        (0.3, 5000, "so far off was about 1 of 2 points of its past"),
        (3.3, 5000, "so far off was about 1 of 2,000 points of its past"),
        (3.7, 5000, "none of 5,000 points of its past was so far off"),
        (9.0, 1_000_000, "none of 1,000,000 points of its past was so far off"),
        (0.0, 0, "none of 0 points of its past was so far off"),
    ],
)
def test_surprise_is_told_in_points_of_the_past(surprise: float, points: int, text: str) -> None:
    assert wording.rarely(surprise, points) == text


def test_unusual_without_an_expectation_says_no_more() -> None:
    said = wording.unusual("queue", definition(), 12.0, None)
    assert said == "queue is 12 ms, which is unusual"


def test_figure_without_a_unit_ends_with_its_number() -> None:
    assert wording.with_unit(3, "") == "3"


def test_source_that_is_down_counts_its_metrics() -> None:
    assert "a and 1 other metric have" in wording.source_down("a", 2)
    assert "a and 4 other metrics have" in wording.source_down("a", 5)

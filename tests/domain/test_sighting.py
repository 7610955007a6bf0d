"""What an issue tells of an anomaly."""

import pytest

from grace.domain.detection.anomaly import Moved
from grace.domain.sighting import drawn, rarity, told
from support.sighted import START, seen


def test_the_chart_marks_the_onset() -> None:
    lines = drawn(seen([30, 31, 30, None, 31, 180, 184], onset=5))
    assert lines == [
        "mesh.latency, 12:00:00 to 12:01:30 UTC, 30 to 184 ms",
        "▁▁▁ ▁██",
        "     ^ since 12:01:15",
    ]


def test_many_points_are_drawn_in_sixty_columns_and_lose_no_peak() -> None:
    lines = drawn(seen([1.0] * 100 + [9.0] + [1.0] * 19, onset=100))
    assert len(lines[1]) == 60
    assert lines[1].index("█") == lines[2].index("^") == 50


@pytest.mark.parametrize(
    ("values", "bars"),
    [([5.0, 5.0], "▁▁"), ([None, None], "  "), ([-1.7e308, 1.7e308], "▁█")],
    ids=["flat", "nothing", "huge"],
)
def test_odd_series_are_drawn_too(values: list[float | None], bars: str) -> None:
    assert drawn(seen(values))[1] == bars


def test_an_onset_after_the_last_point_is_marked_there() -> None:
    assert drawn(seen([1.0, 2.0], onset=9))[2].startswith(" ^")


def test_it_says_since_when_how_unusual_and_what_else_moved() -> None:
    others = tuple(
        Moved(metric_id=f"m{i}", since=START, surprise=2, direction="down") for i in range(10)
    )
    text = "\n".join(told(seen([1.0, 2.0], surprise=3.3, moved=others)))
    assert "mesh.latency is 184 ms where 31 ms is usual" in text
    assert "Since 2026-11-22 12:00:00 UTC. About one point in 2,000 of its own past" in text
    assert "Moved as well: `m0` (down, 12:00:00)" in text
    assert "and 2 more." in text
    assert "```text" in text


def test_without_a_past_or_a_chart_it_says_less() -> None:
    text = "\n".join(told(seen([])))
    assert "About one" not in text
    assert "```" not in text
    assert "Moved" not in text
    one = Moved(metric_id="m", since=START, surprise=2, direction="gone")
    assert "more" not in "\n".join(told(seen([], moved=(one,))))


def test_rarity_is_bounded() -> None:
    assert rarity(400) == rarity(12)

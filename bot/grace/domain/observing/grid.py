"""Samples on a regular grid, turned so that more is worse."""

from collections.abc import Sequence
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from grace.domain.package import MetricTarget
from grace.domain.samples import Series

MAX_STEPS = 6000


class Point(NamedTuple):
    """A value that is there, turned; `at` in seconds since the epoch."""

    at: float
    value: float


def turned(value: float, target: MetricTarget) -> float:
    """Turn a value so that more is worse: of `==` it is the distance that counts."""
    match target.comparator:
        case "<" | "<=":
            return value
        case ">" | ">=":
            return -value
        case _:
            return abs(value - target.target)


def usual_step(series: Series, interval: float) -> float:
    """Return the seconds between samples to reckon with: the window's own, or coarser."""
    gaps = [b.at - a.at for a, b in pairwise(series) if b.at > a.at]
    return max(interval, median(gaps)) if gaps else interval


def on_grid(points: Sequence[Point], step: float, end: float) -> list[float]:
    """Take the newest value of each `step` seconds before `end`, oldest first; gaps are left out.

    `points`: oldest first. At most `MAX_STEPS` steps back count.
    """
    cells: dict[int, float] = {}
    for at, value in points:
        back = int((end - at) // step)
        if 0 <= back < MAX_STEPS and at < end:
            cells[back] = value
    return [cells[back] for back in sorted(cells, reverse=True)]


def apart(points: Sequence[Point], control: Sequence[Point], within: float) -> list[Point]:
    """Subtract from each point the one of its control that is nearest, `within` seconds.

    Both oldest first; a point without a partner is left out.
    """
    found: list[Point] = []
    place, last = 0, len(control) - 1
    for at, value in points:
        while place < last and abs(control[place + 1].at - at) <= abs(control[place].at - at):
            place += 1
        if control and abs(control[place].at - at) <= within:
            found.append(Point(at, value - control[place].value))
    return found

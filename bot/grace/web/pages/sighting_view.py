"""The chart of an anomaly as the page draws it: values in, coordinates out."""

from typing import Final

from grace.domain.base import Frozen
from grace.domain.detection.anomaly import Anomaly
from grace.domain.sighting import rarity

WIDTH: Final = 640.0
HEIGHT: Final = 190.0
LEFT: Final = 58.0
RIGHT: Final = 12.0
TOP: Final = 12.0
BOTTOM: Final = 24.0


class Label(Frozen):
    """A word of an axis, and where it stands."""

    words: str
    at: float


class Sighting(Frozen):
    """What a detector saw, ready to be drawn.

    `line`: the samples as an SVG path, broken where one is missing. `onset`: where the departure
    begins; all behind it is marked. `expected`: the height of what was usual, if it is known.
    """

    anomaly: Anomaly
    rarity: str
    line: str
    onset: float
    expected: float | None
    times: tuple[Label, ...]
    values: tuple[Label, ...]


def sighting(anomaly: Anomaly | None) -> Sighting | None:
    """Lay an anomaly's chart out; None: the mission came of no detector."""
    if anomaly is None:
        return None
    points = anomaly.chart
    known = [p.value for p in points if p.value is not None]
    if anomaly.expected is not None:
        known.append(anomaly.expected)
    low, high = min(known, default=0.0), max(known, default=1.0)
    start = (points[0].at if points else anomaly.since).timestamp()
    end = max((points[-1].at if points else anomaly.at).timestamp(), start + 1.0)

    def x(at: float) -> float:
        share = min(1.0, max(0.0, (at - start) / (end - start)))
        return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)

    def y(value: float) -> float:
        share = (value / 2 - low / 2) / (high / 2 - low / 2) if high > low else 0.5
        return round(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM), 1)

    steps, pen = list[str](), "M"
    for point in points:
        if point.value is None:
            pen = "M"
            continue
        steps.append(f"{pen}{x(point.at.timestamp())} {y(point.value)}")
        pen = "L"
    ends = (points[0], points[-1]) if points else ()
    levels = (low, high) if high > low else (low,)
    return Sighting(
        anomaly=anomaly,
        rarity=rarity(anomaly.surprise) if anomaly.surprise > 0 else "",
        line=" ".join(steps),
        onset=x(anomaly.since.timestamp()),
        expected=None if anomaly.expected is None else y(anomaly.expected),
        times=tuple(Label(words=f"{p.at:%H:%M:%S}", at=x(p.at.timestamp())) for p in ends),
        values=tuple(Label(words=f"{v:.4g}", at=y(v)) for v in levels) if known else (),
    )

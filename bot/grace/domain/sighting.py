"""What a detector of ours saw, told in text: the sentence, since when, how unusual, the chart."""

from collections.abc import Sequence
from typing import Final

from grace.domain.detection.anomaly import Anomaly, ChartPoint

BARS: Final = "▁▂▃▄▅▆▇█"
COLUMNS: Final = 60
MAX_NAMED: Final = 8


def told(anomaly: Anomaly) -> list[str]:
    """Write Markdown for the issue: our own words, numbers and names of the catalog alone."""
    lines = [
        "**What Grace saw**",
        "",
        anomaly.sentence,
        "",
        f"Since {anomaly.since:%Y-%m-%d %H:%M:%S} UTC.",
    ]
    if anomaly.surprise > 0:
        lines[-1] += f" {rarity(anomaly.surprise)}"
    if anomaly.moved:
        lines += ["", moved(anomaly)]
    if anomaly.chart:
        lines += ["", "```text", *drawn(anomaly), "```"]
    return lines


def rarity(surprise: float) -> str:
    """Say decades of surprise in words."""
    often = float(f"{10 ** min(surprise, 12):.1g}")
    return f"About one point in {often:,.0f} of its own past was as far off."


def moved(anomaly: Anomaly) -> str:
    """Name what else moved, earliest first."""
    named = [
        f"`{m.metric_id}` ({m.direction}, {m.since:%H:%M:%S})" for m in anomaly.moved[:MAX_NAMED]
    ]
    more = len(anomaly.moved) - MAX_NAMED
    rest = f" and {more} more" if more > 0 else ""
    return f"Moved as well: {', '.join(named)}{rest}."


def drawn(anomaly: Anomaly) -> list[str]:
    """Draw the samples around the onset as bars, `COLUMNS` wide at most; a gap is a blank."""
    points = anomaly.chart
    columns = _columns(points)
    values = [v for v in columns if v is not None]
    low, high = min(values, default=0.0), max(values, default=0.0)
    span = f"{points[0].at:%H:%M:%S} to {points[-1].at:%H:%M:%S} UTC"
    within = f"{low:.4g} to {high:.4g} {anomaly.unit}".strip() if values else "no value"
    bars = "".join(_bar(v, low, high) for v in columns)
    onset = sum(p.at < anomaly.since for p in points) * len(columns) // len(points)
    mark = " " * min(onset, len(columns) - 1) + f"^ since {anomaly.since:%H:%M:%S}"
    return [f"{anomaly.metric_id}, {span}, {within}", bars, mark]


def _columns(points: Sequence[ChartPoint]) -> list[float | None]:
    """Take the largest value of each column's points; None: they have none."""
    count = min(COLUMNS, len(points))
    columns: list[float | None] = [None] * count
    for i, point in enumerate(points):
        column = i * count // len(points)
        known = columns[column]
        if point.value is not None and (known is None or point.value > known):
            columns[column] = point.value
    return columns


def _bar(value: float | None, low: float, high: float) -> str:
    if value is None:
        return " "
    share = (value / 2 - low / 2) / (high / 2 - low / 2) if high > low else 0.0
    return BARS[round(share * (len(BARS) - 1))]

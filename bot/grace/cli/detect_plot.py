"""Draw metrics with the alarms that they would have raised."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from grace.cli.metrics_csv import Column
from grace.domain.detection.anomaly import Anomaly

WIDTH: Final = 11.0  # inches
HEIGHT: Final = 2.4  # of one metric
MOST: Final = 20  # metrics that are drawn
LINE, ALARM, ONSET = "#2f6f9f", "#c0392b", "#e6a23c"
# The same file for the same samples: no date in it, and names that are no accident.
SALT: Final = "grace"
DATES: Final = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}


def draw(columns: Sequence[Column], alarms: Mapping[str, Sequence[Anomaly]], path: Path) -> None:
    """Draw a panel for each metric, alarms marked, into an SVG, PNG or PDF."""
    shown = columns[:MOST]
    with rc_context({"svg.hashsalt": SALT, "svg.fonttype": "none"}):
        figure = Figure(figsize=(WIDTH, HEIGHT * len(shown) + 0.6), layout="constrained")
        panels = figure.subplots(len(shown), 1, sharex=True, squeeze=False)[:, 0]
        for column, panel in zip(shown, panels, strict=True):
            _panel(panel, column, alarms[column.metric_id])
        if len(columns) > MOST:
            figure.suptitle(f"the first {MOST} of {len(columns)} metrics")
        figure.savefig(path, metadata=DATES.get(path.suffix.lower()))


def _panel(panel: Axes, column: Column, alarms: Sequence[Anomaly]) -> None:
    times = [datetime.fromtimestamp(sample.at, UTC) for sample in column.samples]
    values = [float("nan") if s.value is None else s.value for s in column.samples]
    panel.plot(times, values, color=LINE, linewidth=0.8)  # type: ignore[arg-type]
    for alarm in alarms:
        panel.axvspan(alarm.since, alarm.at, color=ONSET, alpha=0.5, linewidth=0)  # type: ignore[arg-type]
    seen = [alarm for alarm in alarms if alarm.value is not None]
    if seen:
        moments = [alarm.at for alarm in seen]
        heights = [float(alarm.value or 0.0) for alarm in seen]
        panel.plot(moments, heights, "o", color=ALARM, markersize=5, label="alarm")  # type: ignore[arg-type]
        panel.legend(loc="upper right", frameon=False)
    panel.set_title(column.title, loc="left", fontsize=10)
    panel.grid(visible=True, alpha=0.3)

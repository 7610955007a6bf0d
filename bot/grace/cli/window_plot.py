"""Draw metrics with merges, their windows, and what the judge would have decided."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from grace.cli.metrics_csv import Column
from grace.cli.window import Release

WIDTH: Final = 11.0  # inches
HEIGHT: Final = 2.4  # of one metric
MOST: Final = 20  # metrics that are drawn
LINE, MERGE = "#2f6f9f", "#555555"
COLOURS: Final = {"roll back": "#c0392b", "no worse": "#3c8d5a", "cannot tell": "#999999"}
# The same file for the same samples: no date in it, and names that are no accident.
SALT: Final = "grace"
DATES: Final = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}


def draw(columns: Sequence[Column], releases: Sequence[Release], path: Path) -> None:
    """Draw a panel for each metric, windows coloured by decision, into an SVG, PNG or PDF."""
    shown = columns[:MOST]
    with rc_context({"svg.hashsalt": SALT, "svg.fonttype": "none"}):
        figure = Figure(figsize=(WIDTH, HEIGHT * len(shown) + 0.6), layout="constrained")
        panels = figure.subplots(len(shown), 1, sharex=True, squeeze=False)[:, 0]
        for column, panel in zip(shown, panels, strict=True):
            _panel(panel, column, [r for r in releases if r.metric == column.title])
        figure.savefig(path, metadata=DATES.get(path.suffix.lower()))


def _panel(panel: Axes, column: Column, releases: Sequence[Release]) -> None:
    values = [float("nan") if s.value is None else s.value for s in column.samples]
    panel.plot([_time(s.at) for s in column.samples], values, color=LINE, linewidth=0.8)  # type: ignore[arg-type]
    for each in releases:
        colour = COLOURS[each.word]
        panel.axvspan(_time(each.at), _time(each.until), color=colour, alpha=0.2, linewidth=0)  # type: ignore[arg-type]
        panel.axvline(_time(each.at), color=MERGE, linewidth=0.8, linestyle="--")  # type: ignore[arg-type]
        if each.decided_at is not None:
            panel.axvline(_time(each.decided_at), color=colour, linewidth=1.2)  # type: ignore[arg-type]
    for word in dict.fromkeys(each.word for each in releases):
        panel.plot([], [], color=COLOURS[word], linewidth=6, alpha=0.4, label=word)
    if releases:
        panel.legend(loc="upper right", frameon=False)
    panel.set_title(column.title, loc="left", fontsize=10)
    panel.grid(visible=True, alpha=0.3)


def _time(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)

"""Draw the weeks of a simulated fleet: fixed order, learning, best known, over many seeds."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from matplotlib import rc_context
from matplotlib.figure import Figure

# By week: the share, and the lower and upper end of its interval over seeds.
Curve = Sequence[tuple[float, float, float]]
COLOURS: Final = {
    "best known": "#3c8d5a",
    "learned": "#2f6f9f",
    "greedy": "#8a6fb0",
    "at random": "#e6a23c",
    "fixed order": "#999999",
}


def draw(curves: Mapping[str, Curve], shift_after: int, path: Path) -> None:
    """Draw a line and a band for each curve into an SVG; the same curves give the same file."""
    with rc_context({"svg.hashsalt": "grace", "svg.fonttype": "none"}):
        figure = Figure(figsize=(9.0, 4.6), layout="constrained")
        panel = figure.subplots()
        for name, curve in curves.items():
            weeks = range(1, len(curve) + 1)
            middle, low, high = zip(*curve, strict=True)
            panel.plot(weeks, middle, color=COLOURS[name], label=name, linewidth=1.8)
            panel.fill_between(weeks, low, high, color=COLOURS[name], alpha=0.15, linewidth=0)
        panel.axvline(shift_after + 0.5, color="#555555", linestyle="--", linewidth=0.8)
        panel.text(shift_after + 0.6, 0.03, "40 % of the signatures change", fontsize=9)
        panel.set_ylim(0, 1)
        panel.set_xlabel("week")
        panel.set_ylabel("missions whose first remedy held")
        panel.legend(loc="upper left", frameon=False, ncols=len(curves))
        panel.grid(visible=True, alpha=0.3)
        figure.savefig(path, metadata={"Date": None})

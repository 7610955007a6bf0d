"""Draw the weeks of a report: how often the first remedy held, and what stands beside it."""

from pathlib import Path
from typing import Final

from matplotlib import rc_context
from matplotlib.figure import Figure

from grace.domain.learning.report import Report

SIZE: Final = (9.0, 4.2)  # inches
FIRST, THEN, HINDSIGHT = "#2f6f9f", "#8a6fb0", "#3c8d5a"
# The same file for the same report: no date in it, and names that are no accident.
SALT: Final = "grace"
DATES: Final = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}


def draw(report: Report, path: Path) -> None:
    """Draw a point with its interval for each week in which a remedy was chosen."""
    with rc_context({"svg.hashsalt": SALT, "svg.fonttype": "none"}):
        figure = Figure(figsize=SIZE, layout="constrained")
        panel = figure.subplots()
        weeks = [week for week in report.weeks if week.first.of]
        days = [week.since for week in weeks]
        held = [week.first.good / week.first.of for week in weeks]
        down = [value - week.first.low for value, week in zip(held, weeks, strict=True)]
        up = [week.first.high - value for value, week in zip(held, weeks, strict=True)]
        panel.errorbar(
            days,  # type: ignore[arg-type]
            held,
            yerr=[down, up],
            fmt="o-",
            color=FIRST,
            capsize=3,
            label="first remedy held",
        )
        for name, colour, values in (
            ("believed best then, expected", THEN, [w.beside.then for w in weeks]),
            ("best in hindsight, expected", HINDSIGHT, [w.beside.hindsight for w in weeks]),
        ):
            shown = [float("nan") if value is None else value for value in values]
            panel.plot(days, shown, "--", color=colour, label=name)  # type: ignore[arg-type]
        panel.set_ylim(0, 1.02)
        panel.set_ylabel("missions")
        panel.legend(loc="lower right", frameon=False)
        panel.grid(visible=True, alpha=0.3)
        figure.savefig(path, metadata=DATES.get(path.suffix.lower()))

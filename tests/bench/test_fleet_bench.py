"""Learning over a simulated fleet, beside other ways to order remedies: 25 signatures, 8 remedies.

The weights of learning were chosen on the seeds 0 to 3; the bounds are about others. `FLEET_SEEDS`
says how many, `FLEET_PLOT` names an .svg file for the curve.
"""

import os
from collections.abc import Sequence
from math import sqrt
from pathlib import Path
from statistics import fmean, stdev

import pytest
from rich.console import Console
from rich.table import Table

from grace.domain.learning.posterior import WEIGHTS, Weights
from support.fleet import Fleet, Order, Week, at_random, greedy, live, mean, thompson
from support.fleet_plot import Curve, draw

pytestmark = pytest.mark.bench

WEEKS, SHIFT = 12, 8
Runs = Sequence[Sequence[Week]]
SPANS = {"1": (0, 1), "2": (1, 2), "3-4": (2, 4), "5-6": (4, 6), "7-8": (6, 8)}
SPANS |= {"9": (8, 9), "10": (9, 10), "11-12": (10, 12)}
OTHERS = {
    "greedy": greedy,
    "at random": at_random,
    "Thompson, not sharpened": thompson(Weights(sharp=1.0)),
}
# Each weight beside a smaller and a larger one.
VARIED = [
    *({"sharp": value} for value in (2.0, 8.0)),
    *({"fade": value} for value in (0.9, 1.0)),
    *({"kin": value} for value in (0.0, 10.0)),
    *({"strangers": value} for value in (1.0, 8.0)),
]


def run(order: Order, tries: int = 3, most: int = 20) -> Runs:
    count = min(most, int(os.environ.get("FLEET_SEEDS", "20")))
    return [live(Fleet(seed), WEEKS, SHIFT, order, tries) for seed in range(100, 100 + count)]


@pytest.fixture(scope="module")
def learned() -> Runs:
    return run(thompson())


def closed(runs: Runs, first: int, last: int) -> tuple[float, float]:
    """Return the share of the gap that is closed, and half the 95 % interval over seeds.

    The share is that of all seeds taken together, its spread by leaving one out (jackknife).
    """

    def over(some: Runs) -> float:
        return mean([week for weeks in some for week in weeks[first:last]]).closed

    without = [over([r for r in runs if r is not left]) for left in runs]
    centre, count = fmean(without), len(runs)
    variance = (count - 1) / count * sum((value - centre) ** 2 for value in without)
    return over(runs), 1.96 * sqrt(variance)


def told(runs: Runs, first: int, last: int) -> str:
    share, half = closed(runs, first, last)
    return f"{share:.2f} ±{half:.2f}"


def curve(runs: Runs, name: str) -> Curve:
    """Return by week the mean over seeds of one order's share, and its 95 % interval."""
    found = []
    for week in range(WEEKS):
        shares = [getattr(weeks[week], name) for weeks in runs]
        half = 1.96 * stdev(shares) / sqrt(len(shares))
        found.append((fmean(shares), fmean(shares) - half, fmean(shares) + half))
    return found


def by_span(title: str, rows: Sequence[tuple[str, Runs]]) -> Table:
    table = Table(title, *(f"week {name}" for name in SPANS), box=None)
    for name, runs in rows:
        table.add_row(name, *(told(runs, *span) for span in SPANS.values()))
    return table


def test_learning_closes_most_of_the_gap_and_recovers_after_a_shift(
    learned: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weeks = Table("week", "fixed order", "learned", "best known", "share closed", box=None)
    for number in range(WEEKS):
        shares = (curve(learned, name)[number] for name in ("fixed", "learned", "best"))
        cells = [f"{middle:.2f} ±{high - middle:.2f}" for middle, _, high in shares]
        shift = " (after the shift)" if number == SHIFT else ""
        weeks.add_row(f"{number + 1}{shift}", *cells, told(learned, number, number + 1))
    others = {name: run(order) for name, order in OTHERS.items()}
    curves = {
        "best known": curve(learned, "best"),
        "learned": curve(learned, "learned"),
        "greedy": curve(others["greedy"], "learned"),
        "at random": curve(others["at random"], "learned"),
        "fixed order": curve(learned, "fixed"),
    }
    picture = Path(os.environ.get("FLEET_PLOT", tmp_path / "learning.svg"))
    draw(curves, SHIFT, picture)
    with capsys.disabled():
        console = Console(width=140)
        console.print(f"\n{len(learned)} seeds of 60 missions a week", weeks, "")
        console.print(by_span("share closed", [("as a mission does", learned), *others.items()]))
    share, half = closed(learned, 6, 8)
    assert share - half >= 0.6
    assert closed(learned, 10, 12)[0] >= 0.6
    assert closed(learned, 10, 12)[0] > closed(learned, 8, 10)[0]
    assert share > closed(others["at random"], 6, 8)[0] + 0.3
    assert share > closed(others["Thompson, not sharpened"], 6, 8)[0]
    assert picture.read_text().startswith("<?xml")


def test_draws_pay_where_a_mission_tries_one_remedy_alone(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Nothing is explored by the way there: greedy settles on what it met first."""
    rows = [("as a mission does", run(thompson(), 1)), ("greedy", run(greedy, 1))]
    with capsys.disabled():
        Console(width=140).print("", by_span("share closed, one try", rows))
    assert closed(rows[0][1], 6, 8)[0] > closed(rows[1][1], 6, 8)[0] - 0.05


def test_each_weight_beside_others(learned: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [(f"as they are: {WEIGHTS}", learned[:10])]
    for changes in VARIED:
        ((name, value),) = changes.items()
        rows.append((f"{name} {value:g}", run(thompson(Weights(**changes)), most=10)))
    table = Table("weights, 10 seeds", "weeks 7-8", "weeks 9-10", "weeks 11-12", box=None)
    for title, runs in rows:
        table.add_row(title, told(runs, 6, 8), told(runs, 8, 10), told(runs, 10, 12))
    with capsys.disabled():
        Console(width=140).print("", table)
    assert closed(rows[0][1], 6, 8)[0] >= 0.6

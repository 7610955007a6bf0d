"""`grace window`: what the observation judge would have made of releases that are past."""

import csv
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from statistics import fmean, median
from typing import Annotated, Final, Literal

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from grace.cli.drawing import drawing
from grace.cli.metrics_csv import Column, CsvError, read_csv, time_of
from grace.domain.observing.calibrate import calibrate
from grace.domain.observing.noise import MIN_PAST, Terms
from grace.domain.observing.replay import bent, nothing_released, ruling
from grace.domain.package import MetricTarget
from grace.domain.policy import Observation
from grace.domain.samples import Sample

BEFORE: Final = 6000
USUAL: Final = Observation()
Word = Literal["roll back", "no worse", "cannot tell"]

app = typer.Typer(no_args_is_help=True)


@app.callback()
def root() -> None:
    """Try the observation judge on recorded metrics."""


@dataclass(frozen=True, slots=True)
class Release:
    """What the judge would have said of one metric after one merge.

    `at`, `until`: where the window begins and ends, seconds since the epoch; `after`: samples until
    the rollback. `errors` and `needed`: how far off it was and what decides, in standard errors.
    """

    metric: str
    at: float
    until: float
    word: Word
    after: int | None = None
    decided_at: float | None = None
    samples: int = 0
    before: float | None = None
    mean: float | None = None
    errors: float | None = None
    needed: float | None = None


@dataclass(frozen=True, slots=True)
class Quiet:
    """Windows over a metric's whole history, as if nothing was released, and those rolled back."""

    windows: int
    false_rollbacks: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """How windows are judged."""

    minutes: float
    comparator: Literal["<", ">"]
    rules: Observation

    def terms(self, step: float) -> Terms:
        """Put together the terms of one metric whose samples are `step` seconds apart."""
        horizon = max(1, int(self.minutes * 60 / step))
        return Terms(
            target=MetricTarget(metric_id="metric", comparator=self.comparator, target=0),
            min_effect=self.rules.min_effect,
            horizon=horizon,
            alpha=self.rules.false_rollback_budget,
            early=min(self.rules.early_samples, horizon),
        )


Draw = Callable[[Sequence[Column], Sequence[Release], Path], None]


@app.command("backtest")
def backtest_command(  # noqa: PLR0913, PLR0917 - the options of a command
    metrics: Annotated[
        Path, typer.Argument(help="A CSV: the time, then a column for each metric.")
    ],
    merges: Annotated[
        str, typer.Option("--merges", help="When releases were: TIME,TIME..., or a CSV of them.")
    ],
    minutes: Annotated[
        float, typer.Option("--minutes", min=0.1, max=20_160, help="How long a window is.")
    ] = 30,
    worse: Annotated[str, typer.Option("--worse", help="Which way is bad: up or down.")] = "up",
    min_effect: Annotated[
        float, typer.Option("--min-effect", min=0.001, max=10, help="The least share that matters.")
    ] = USUAL.min_effect,
    budget: Annotated[
        float,
        typer.Option("--budget", min=0.001, max=0.2, help="Share of false rollbacks allowed."),
    ] = USUAL.false_rollback_budget,
    plot: Annotated[
        Path | None, typer.Option("--plot", help="Draw it into this .svg, .png or .pdf file.")
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show what the judge would have decided after each merge, and how often without one."""
    if worse not in {"up", "down"}:
        raise typer.BadParameter("say up or down", param_hint="--worse")
    draw: Draw | None = None if plot is None else drawing("window_plot", plot)
    rules = USUAL.model_copy(update={"min_effect": min_effect, "false_rollback_budget": budget})
    wanted = Wanted(minutes, "<" if worse == "up" else ">", rules)
    try:
        columns, times = read_csv(metrics), moments(merges)
    except CsvError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error
    found = [judged(column, at, wanted) for column in columns for at in times]
    quiet = {column.title: undisturbed(column, wanted) for column in columns}
    if plot is not None and draw is not None:
        draw(columns, found, plot)
    if as_json:
        typer.echo(json.dumps(document(found, quiet), indent=2))
    else:
        show(found, quiet, Console())
        if plot is not None:
            typer.echo(f"drawn into {plot}")


def moments(words: str) -> list[float]:
    """Read when releases were, from a list or from the first column of a CSV, oldest first."""
    path = Path(words)
    if path.suffix.lower() != ".csv":
        return sorted(time_of("--merges", word.strip()) for word in words.split(","))
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            rows = [(i, row[0].strip()) for i, row in enumerate(csv.reader(stream), 1) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CsvError(f"{path} cannot be read: {error}; give a CSV of times") from error
    if rows and not rows[0][1][:1].isdigit():
        rows = rows[1:]  # a header
    if not rows:
        raise CsvError(f"{path.name}: has no times; write one a line")
    return sorted(time_of(f"{path.name}:{i}: column 1", word) for i, word in rows)


def step_of(samples: Sequence[Sample]) -> float:
    """Return the usual seconds between samples; 1 where there is but one."""
    gaps = [b.at - a.at for a, b in pairwise(samples) if b.at > a.at]
    return median(gaps) if gaps else 1.0


def judged(column: Column, at: float, wanted: Wanted) -> Release:
    """Judge one metric after one merge by what was before it."""
    until, step = at + wanted.minutes * 60, step_of(column.samples)
    terms = wanted.terms(step)
    before = [s for s in column.samples if s.at < at][-BEFORE:]
    after = [s for s in column.samples if at <= s.at < until and s.value is not None]
    known = calibrate(before, at, step, terms)
    found = ruling(known, bent(after, terms), terms)
    few = len(after) < max(USUAL.min_samples, terms.horizon * (1 - USUAL.max_missing))
    if known.past is None or found is None or (few and found.decided is None):
        return Release(column.title, at, until, "cannot tell", samples=len(after))
    look, past = found.look, known.past
    return Release(
        metric=column.title,
        at=at,
        until=until,
        word="no worse" if found.decided is None else "roll back",
        after=found.decided,
        decided_at=None if found.decided is None else after[found.decided - 1].at,
        samples=len(after),
        before=-past.level if wanted.comparator == ">" else past.level,
        mean=fmean(s.value for s in after if s.value is not None),
        errors=min(look.margin * look.needed, 1e6),
        needed=look.needed * known.stretch,
    )


def undisturbed(column: Column, wanted: Wanted) -> Quiet:
    """Replay windows one behind the other over the whole history, as if nothing was released."""
    step = step_of(column.samples)
    terms = wanted.terms(step)
    there = [s for s in column.samples if s.value is not None]
    first = max(MIN_PAST, 4 * terms.horizon)
    replays = list(nothing_released(there, step, terms, BEFORE, first))
    return Quiet(len(replays), sum(r.ruling.decided is not None for r in replays))


def document(found: Sequence[Release], quiet: dict[str, Quiet]) -> dict[str, object]:
    """Write what was found, for programs."""
    releases = [{name: getattr(each, name) for name in Release.__slots__} for each in found]
    without = {
        name: {"windows": q.windows, "false_rollbacks": q.false_rollbacks}
        for name, q in quiet.items()
    }
    return {"releases": releases, "nothing_released": without}


def show(found: Sequence[Release], quiet: dict[str, Quiet], console: Console) -> None:
    """Print a row for each merge and metric, then how often nothing would have been rolled back."""
    table = Table(box=None, padding=(0, 1))
    table.add_column("merge", no_wrap=True)
    table.add_column("metric", overflow="fold")
    table.add_column("decision", no_wrap=True)
    for name in ("samples", "before", "mean", "errors", "decide"):
        table.add_column(name, justify="right", no_wrap=True)
    for each in found:
        table.add_row(
            f"{datetime.fromtimestamp(each.at, UTC):%Y-%m-%d %H:%M}",
            escape(each.metric),
            each.word,
            f"{each.after or each.samples}",
            *(
                "-" if value is None else f"{value:.4g}"
                for value in (each.before, each.mean, each.errors, each.needed)
            ),
        )
    console.print(table)
    for name, q in quiet.items():
        share = f" ({q.false_rollbacks / q.windows:.1%})" if q.windows else ""
        typer.echo(
            f"{name}: {q.false_rollbacks} of {q.windows} windows{share} would have been "
            "rolled back had nothing been released"
        )

"""`grace detect`: what the detectors would have made of a metric's own past."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from grace.adapters.config import ConfigError, load_configuration
from grace.cli.drawing import drawing
from grace.cli.metrics_csv import Column, CsvError, read_csv
from grace.domain.catalog import MetricDefinition, Watching
from grace.domain.detection.anomaly import Anomaly
from grace.domain.detection.budget import Backtest, backtest
from grace.domain.detection.moving import Begun, Incident, close, gather, member_of
from grace.domain.detection.watch import Turn, Watch
from grace.domain.detection.wording import number

SHOWN: Final = 30
BUDGET: Final = 0.05
_HERE: Final = "here"

Draw = Callable[[Sequence[Column], Mapping[str, Sequence[Anomaly]], Path], None]

app = typer.Typer(no_args_is_help=True)


@app.callback()
def root() -> None:
    """Try the detectors on recorded metrics."""


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What would have happened: by column how the threshold was found, and its alarms.

    `missions`: how many there would have been, since what moves together is one.
    """

    columns: Sequence[Column]
    thresholds: Mapping[str, Backtest]
    alarms: Mapping[str, Sequence[Anomaly]]
    missions: int


def definition_of(column: Column, catalog: Mapping[str, MetricDefinition]) -> MetricDefinition:
    """Take a column's entry of the catalog; without one it is looked at for what is unusual."""
    known = catalog.get(column.metric_id)
    if known is not None and known.watch is not None:
        return known
    watching = Watching(subsystem=_HERE, detectors=("unusual",))
    return MetricDefinition(target=0, comparator="==", unit="", watch=watching)


def rehearse(
    columns: Sequence[Column], catalog: Mapping[str, MetricDefinition], budget: float | None
) -> Rehearsed:
    """Play a file row by row, with the code that watches live."""
    watches: dict[str, Watch] = {}
    thresholds: dict[str, Backtest] = {}
    for column in columns:
        definition = definition_of(column, catalog)
        watch = watches[column.metric_id] = Watch(column.metric_id, definition)
        assert definition.watch is not None  # it was given one
        per_day = definition.watch.false_missions_per_day if budget is None else budget
        found = thresholds[column.metric_id] = backtest(column.samples, per_day)
        watch.detectors.alarms.threshold = found.threshold
    alarms: dict[str, list[Anomaly]] = {name: [] for name in watches}
    incidents: tuple[Incident, ...] = ()
    missions = 0
    for row in zip(*(column.samples for column in columns), strict=True):
        begun: list[Begun] = []
        for watch, sample in zip(watches.values(), row, strict=True):
            turn = watch.observe(sample.at, sample.value)
            if turn is Turn.BEGAN:
                alarms[watch.metric_id].append(watch.anomaly())
                begun.append(_begun(watch))
            elif turn is not Turn.NOTHING:
                incidents = close(incidents, {watch.metric_id: turn is Turn.SETTLED})
        if begun:
            before = len(incidents)
            incidents = gather(incidents, begun)
            missions += len(incidents) - before
        incidents = tuple(i for i in incidents if not i.over)
    return Rehearsed(columns, thresholds, alarms, missions)


def _begun(watch: Watch) -> Begun:
    assert watch.episode is not None  # it has just begun
    return Begun(metric_id=watch.metric_id, repository=_HERE, member=member_of(watch.episode))


@app.command("backtest")
def backtest_command(
    metrics: Annotated[
        Path, typer.Argument(help="A CSV: the time, then a column for each metric.")
    ],
    budget: Annotated[
        float | None,
        typer.Option(
            "--budget", min=0.0001, max=24, help="False missions a day that a metric may cost."
        ),
    ] = None,
    plot: Annotated[
        Path | None, typer.Option("--plot", help="Draw it into this .svg, .png or .pdf file.")
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config", help="Watch columns that its metrics_catalog.yaml has as it says."
        ),
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, with all alarms.")] = False,
) -> None:
    """Show which alarms a metric's own past would have raised, and how many missions."""
    draw: Draw | None = None if plot is None else drawing("detect_plot", plot)
    try:
        columns = read_csv(metrics)
        catalog = {} if config is None else load_configuration(config).catalog.metrics
    except (CsvError, ConfigError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error
    default = BUDGET if budget is None and config is None else budget
    found = rehearse(columns, catalog, default)
    if plot is not None and draw is not None:
        draw(found.columns, found.alarms, plot)
    if as_json:
        typer.echo(json.dumps(document(found), indent=2))
    else:
        show(found, Console())
        if plot is not None:
            typer.echo(f"drawn into {plot}")


def document(found: Rehearsed) -> dict[str, object]:
    """Write what was found, for programs."""
    metrics = {
        column.title: {
            **found.thresholds[column.metric_id]._asdict(),
            "alarms": [
                alarm.model_dump(mode="json", exclude={"chart", "moved"})
                for alarm in found.alarms[column.metric_id]
            ],
        }
        for column in found.columns
    }
    return {"missions": found.missions, "metrics": metrics}


def show(found: Rehearsed, console: Console) -> None:
    """Print the metrics, then the alarms, the earliest first."""
    console.print(_metrics(found))
    alarms = sorted((a for each in found.alarms.values() for a in each), key=lambda a: a.at)
    if alarms:
        console.print(_alarms(alarms, {c.metric_id: c.title for c in found.columns}))
    days = max((t.days for t in found.thresholds.values()), default=0.0)
    missions = "1 mission" if found.missions == 1 else f"{found.missions} missions"
    typer.echo(f"{missions} in {days:.1f} days; what moves together is one")


def _metrics(found: Rehearsed) -> Table:
    table = Table(box=None)
    table.add_column("metric", overflow="fold")
    for name in ("points", "days", "threshold", "alarms", "a day"):
        table.add_column(name, justify="right")
    for column in found.columns:
        test, count = found.thresholds[column.metric_id], len(found.alarms[column.metric_id])
        rate = f"{count / test.days:.2f}" if test.days else "-"
        figures = (f"{test.points:,}", f"{test.days:.1f}", f"{test.threshold:.2f}", str(count))
        table.add_row(escape(column.title), *figures, rate)
    return table


def _alarms(alarms: Sequence[Anomaly], titles: Mapping[str, str]) -> Table:
    more = f" (the first {SHOWN} of {len(alarms)}; --json lists all)"
    title = "alarms" + (more if len(alarms) > SHOWN else "")
    table = Table(box=None, title=title, title_justify="left")
    for name in ("since", "metric", "by"):
        table.add_column(name, no_wrap=name != "metric", overflow="fold")
    for name in ("noticed", "value", "expected", "surprise"):
        table.add_column(name, justify="right", no_wrap=True)
    for alarm in alarms[:SHOWN]:
        table.add_row(
            f"{alarm.since:%Y-%m-%d %H:%M:%S}",
            escape(titles[alarm.metric_id]),
            alarm.detector.value,
            f"+{(alarm.at - alarm.since).total_seconds():,.0f} s",
            "-" if alarm.value is None else number(alarm.value),
            "-" if alarm.expected is None else number(alarm.expected),
            f"{alarm.surprise:.1f}",
        )
    return table

"""`grace learn`: what remedies came to, by symptom and week, and beside the best that was known."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from grace.cli.drawing import drawing
from grace.cli.reading import DEFAULT, Data, read
from grace.domain.learning.report import Line, Report, Share, Span, report

PERIODS: Final = 4
LITTLE: Final = "too little to say"
CAUTION: Final = (
    "  what is expected was not seen: no mission tried the other remedy on the same trouble, and "
    "grave trouble may get other remedies than slight"
)

app = typer.Typer(no_args_is_help=True)


@app.callback()
def root() -> None:
    """Report what remedies came to."""


@app.command("report")
def report_(
    data: Data = DEFAULT,
    signature: Annotated[
        str | None, typer.Option("--signature", help="Only these symptoms: kind/family/error.")
    ] = None,
    weeks: Annotated[int, typer.Option("--weeks", min=1, max=520, help="How many to show.")] = 12,
    plot: Annotated[
        Path | None, typer.Option("--plot", help="Draw it into this .svg, .png or .pdf file.")
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say how often each remedy held, how sure that is, and what else was known at the time."""
    draw = None if plot is None else drawing("learn_plot", plot)
    past = read(data, lambda reader: reader.memories())
    found = report(past, datetime.now(UTC), weeks, signature)
    if plot is not None and draw is not None:
        draw(found, plot)
    if as_json:
        typer.echo(found.model_dump_json(indent=2))
        return
    show(found, Console())
    if plot is not None:
        typer.echo(f"drawn into {plot}")


def show(found: Report, console: Console) -> None:
    """Print the sentences, a row for each week, and a row for each remedy of each signature."""
    for sentence in sentences(found):
        typer.echo(sentence)
    if found.chose:
        console.print(_weeks(found.weeks))
    if found.lines:
        console.print(_remedies(found))


def sentences(found: Report) -> list[str]:
    """Say what was counted, what got no credit, and what stands beside it."""
    whole, beside = found.whole, found.whole.beside
    said = [
        (
            f"since {found.since}: {found.missions} missions ended; in {found.chose} an agent or a "
            "playbook was tried, and what came of it is known"
        )
    ]
    if found.chose:
        said.append(f"the first remedy held in {_told(whole.first)}")
    if found.missions:
        said.append(
            f"no credit: {found.undecided} undecided trials, {found.recovered} missions whose "
            f"problem went by itself, {found.untried} where nothing was tried"
        )
    if beside.held.of:
        tried = beside.followed
        said += [
            (
                f"beside the best known: {beside.held.of} missions began when something was known "
                f"of such trouble; the first remedy held in {_told(beside.held)}"
            ),
            (
                f"  expected of the one believed best then: {_expected(beside.then)}; "
                f"of the best in hindsight: {_expected(beside.hindsight)}"
            ),
            f"  the one believed best was tried in {tried.of} of them, and held in {_told(tried)}",
            CAUTION,
        ]
    return said


def _told(share: Share) -> str:
    """Write a share with its interval, or that it is too little to say."""
    if not share.of:
        return "none"
    counted = f"{share.good} of {share.of}"
    if not share.telling:
        return f"{counted} ({LITTLE}: {share.low:.0%} to {share.high:.0%})"
    return f"{counted} ({share.good / share.of:.0%}, {share.low:.0%} to {share.high:.0%})"


def _expected(value: float | None) -> str:
    return "not known" if value is None else f"{value:.0%}"


def _weeks(weeks: Sequence[Span]) -> Table:
    table = Table(box=None)
    for column in ("week of", "first remedy held", "best then", "in hindsight"):
        table.add_column(column, overflow="fold")
    for week in weeks:
        beside = week.beside
        expected = [
            "" if value is None else f"{value:.0%}" for value in (beside.then, beside.hindsight)
        ]
        table.add_row(str(week.since), _told(week.first), *expected)
    return table


def _remedies(found: Report) -> Table:
    """Make the table of remedies, their weeks taken together to a few periods."""
    count = len(found.weeks)
    periods = min(PERIODS, count)
    ends = [count * (number + 1) // periods for number in range(periods)]
    spans = list(zip([0, *ends], ends, strict=False))
    table = Table(box=None)
    heads = ("symptoms", "remedy", "held", "believed now", "")
    for column in (*heads, *(f"{found.weeks[first].since:%m-%d}" for first, _ in spans)):
        table.add_column(column, overflow="fold")
    for line in found.lines:
        held = [
            (sum(good for good, _ in line.weeks[a:b]), sum(of for _, of in line.weeks[a:b]))
            for a, b in spans
        ]
        table.add_row(
            escape(line.signature or "none"),
            escape(line.remedy),
            _told(line.share),
            f"{line.mean:.0%}, {line.low:.0%} to {line.high:.0%}",
            _standing(line),
            *(f"{good}/{of}" if of else "" for good, of in held),
        )
    return table


def _standing(line: Line) -> str:
    if line.best:
        return "the best known" if line.clearly else "ahead, not clearly"
    return f"{line.undecided} undecided" if line.undecided and not line.share.of else ""

"""`grace trust`: how far agents are trusted, and how that comes about; folded from the ledger."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from grace.adapters.sqlite.outcome_rows import KEPT
from grace.adapters.sqlite.reader import StoreReader
from grace.cli.reading import DEFAULT, Data, read
from grace.domain.phase import Severity
from grace.domain.surroundings import OutcomeFact
from grace.domain.trust import Score, Step, score, steps

app = typer.Typer(no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
History = dict[str, Sequence[OutcomeFact]]


async def _histories(reader: StoreReader) -> History:
    """Read, by subsystem, what verdicts see of how missions ended."""
    return {
        name: (await reader.outcomes(subsystem=name))[-KEPT:] for name in await reader.subsystems()
    }


@app.command()
def show(data: Data = DEFAULT, *, as_json: Json = False) -> None:
    """List agents and subsystems with their scores, by the severity that they count for."""
    now = datetime.now(UTC)
    found = [
        (agent, subsystem, {s: score(history, agent, s, now) for s in Severity})
        for subsystem, history in read(data, _histories).items()
        for agent in sorted({each.agent for each in history})
    ]
    if as_json:
        rows = [
            {
                "agent": a,
                "subsystem": s,
                "scores": {k: v.model_dump(mode="json") for k, v in by.items()},
            }
            for a, s, by in found
        ]
        typer.echo(json.dumps(rows, indent=2))
        return
    if not found:
        typer.echo("no mission has ended yet: nobody has a record")
        return
    table = Table(box=None)
    for column in ("agent", "subsystem", *Severity, "good", "bad", "uncounted", "last", "emptied"):
        table.add_column(str(column), overflow="fold")
    for agent, subsystem, by in found:
        whole = by[Severity.LOW]
        table.add_row(
            escape(agent),
            escape(subsystem),
            *(f"{by[severity].value:.2f}" for severity in Severity),
            *(str(count) for count in (whole.good, whole.bad, whole.uncounted)),
            _day(whole.last_at),
            _day(whole.emptied_at),
        )
    Console().print(table)


@app.command()
def explain(
    agent: Annotated[str, typer.Argument(help="As `grace trust show` names it.")],
    subsystem: Annotated[str | None, typer.Option("--subsystem", help="Only in this one.")] = None,
    severity: Annotated[
        Severity, typer.Option("--severity", help="The severity that is asked about.")
    ] = Severity.LOW,
    data: Data = DEFAULT,
    *,
    as_json: Json = False,
) -> None:
    """Say mission by mission how an agent's score comes about."""
    now = datetime.now(UTC)
    histories = read(data, _histories)
    known = sorted({each.agent for history in histories.values() for each in history})
    found = {
        name: (score(history, agent, severity, now), steps(history, agent, severity, now))
        for name, history in histories.items()
        if name == (subsystem or name) and any(each.agent == agent for each in history)
    }
    if not found:
        where = f" in {subsystem}" if subsystem else ""
        listed = ", ".join(known) or "nobody"
        typer.echo(f"{agent} has no record{where}; there is {listed}", err=True)
        raise typer.Exit(1)
    if as_json:
        body = {
            name: {
                "score": whole.model_dump(mode="json"),
                "missions": [step.model_dump(mode="json") for step in each],
            }
            for name, (whole, each) in found.items()
        }
        typer.echo(json.dumps(body, indent=2))
        return
    for name, (whole, each) in found.items():
        for line in sentences(agent, name, severity, whole):
            typer.echo(line)
        Console().print(_missions(each))


def sentences(agent: str, subsystem: str, severity: Severity, whole: Score) -> list[str]:
    """Say how a score is made of its parts."""
    made = f"Wilson, {whole.good} good of {whole.good + whole.bad}"
    words = f"  the lower of {whole.wilson:.2f} ({made}) and {whole.average:.2f} (average"
    words += ", the newest weigh most)"
    if whole.decay < 1:
        words += f", times {whole.decay:.2f}: no news since {_day(whole.last_at)}"
    lines = [
        f"{agent} in {subsystem}, for missions of severity {severity.value}: {whole.value:.2f}",
        words,
    ]
    if whole.emptied_at is not None:
        lines.append(f"  what was before the revert of {_day(whole.emptied_at)} counts no more")
    return lines


def _missions(found: Sequence[Step]) -> Table:
    table = Table(box=None)
    heads = ("ended", "mission", "severity", "outcome", "merged by", "effect", "Wilson", "average")
    for column in heads:
        table.add_column(column, overflow="fold")
    for step in found:
        fact = step.fact
        table.add_row(
            f"{fact.at:%Y-%m-%d %H:%M}",
            fact.mission,
            fact.severity.value,
            fact.outcome.value,
            fact.basis,
            step.weight.value,
            f"{step.wilson:.2f}",
            f"{step.average:.2f}",
        )
    return table


def _day(at: datetime | None) -> str:
    return "" if at is None else f"{at:%Y-%m-%d}"

"""`grace mission`: read-only, beside a running bot."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table

from grace.adapters.sqlite.reader import StoreReader
from grace.cli.reading import DEFAULT, Data, Name, read, unknown
from grace.domain import messages
from grace.domain.ledger import Entry
from grace.domain.mission import Mission
from grace.domain.package import MissionPackage
from grace.domain.phase import Severity
from grace.domain.render import one_line, tree
from grace.domain.render import why as why_text
from grace.domain.stats import Deed, Figures, figures, together
from grace.domain.verdict import Verdict
from grace.domain.views import package_of

app = typer.Typer(no_args_is_help=True)
_STATS: Final = (
    "missions",
    "fixed",
    "recovered",
    "rolled back",
    "failed",
    "came back",
    "alone",
    "actions each",
)


@app.command("list")
def list_(
    data: Data = DEFAULT,
    *,
    live: Annotated[bool, typer.Option(help="Only those that are not closed.")] = False,
) -> None:
    """List missions, the most urgent first."""
    missions = read(data, lambda r: r.missions(live=live or None))
    table = Table(box=None)
    widths = {"mission": 20, "severity": 8, "phase": 14, "outcome": 14, "issue": 5, "pull": 5}
    for column, width in widths.items():
        table.add_column(column, no_wrap=True, min_width=width)
    table.add_column("title", no_wrap=True, overflow="ellipsis", ratio=1)
    for m in sorted(missions, key=Mission.urgency):
        table.add_row(
            m.name,
            m.severity.value,
            "held" if m.held else m.phase.value,
            m.outcome.value if m.outcome else "",
            f"#{m.issue}" if m.issue else "",
            f"#{m.pull.number}" if m.pull else "",
            messages.title_of(m),
        )
    Console().print(table)


@app.command()
def show(name: Name, data: Data = DEFAULT) -> None:
    """Print the mission package as JSON."""

    async def work(reader: StoreReader) -> MissionPackage | None:
        found = await reader.find(name)
        if found is None:
            return None
        entries: list[Entry] = list(await reader.mission_entries(found[0].ref.log, name))
        return package_of(found[0], entries)

    package = read(data, work)
    if package is None:
        unknown(name)
    else:
        typer.echo(package.model_dump_json(indent=2))


@app.command()
def stats(
    data: Data = DEFAULT,
    *,
    days: Annotated[
        float | None, typer.Option(min=0, help="Only missions that ended within so many days.")
    ] = None,
) -> None:
    """Print how many missions ran without a person, and what people did for each."""

    async def work(reader: StoreReader) -> list[tuple[Mission, list[Deed]]]:
        return [
            (
                mission,
                [_deed(e) for e in await reader.mission_entries(mission.ref.log, mission.name)],
            )
            for mission in await reader.missions(live=False)
        ]

    since = None if days is None else datetime.now(UTC) - timedelta(days=days)
    found = figures(read(data, work), since)
    table = Table(box=None)
    for column in ("severity", *_STATS):
        table.add_column(column, justify="left" if column == "severity" else "right")
    for severity, row in found.items():
        table.add_row(severity.value, *_cells(row))
    whole = together(found.values())
    table.add_row("all", *_cells(whole))
    Console().print(table)
    low = found[Severity.LOW]
    typer.echo(
        f"low-risk missions that ran without a person: {_percent(low.share_alone)} "
        f"({low.alone} of {low.missions})"
    )
    each = "none ended yet" if whole.actions_each is None else f"{whole.actions_each:.1f}"
    typer.echo(f"human actions per mission: {each}")


def _deed(entry: Entry) -> Deed:
    return Deed(entry.envelope.kind, entry.envelope.actor, entry.payload)


def _cells(row: Figures) -> list[str]:
    counts = (row.missions, row.fixed, row.recovered, row.rolled_back, row.failed, row.came_back)
    each = "" if row.actions_each is None else f"{row.actions_each:.1f}"
    return [*map(str, counts), _percent(row.share_alone), each]


def _percent(share: float | None) -> str:
    return "none yet" if share is None else f"{100 * share:.0f} %"


@app.command()
def why(name: Name, data: Data = DEFAULT) -> None:
    """Say what holds a mission back, who can change it, and when that was last evaluated."""
    found = read(data, lambda r: r.find(name))
    if found is None:
        unknown(name)
    mission, _, verdict, at = found
    typer.echo(f"{mission.name}: {mission.phase.value}, {mission.status.value}")
    if verdict is None:
        typer.echo("not evaluated yet")
        return
    found_verdict = Verdict.model_validate(verdict)
    if mission.live:
        typer.echo(why_text(found_verdict.root))
    else:
        typer.echo(f"closed as {mission.outcome}: {mission.reason}")
    typer.echo(
        f"last evaluated {at:%Y-%m-%d %H:%M:%S} UTC, policy {found_verdict.policy_hash[:23]}"
    )
    typer.echo("")
    typer.echo(tree(found_verdict.root, text=one_line).replace("**", ""))

"""`grace mission`: read-only, beside a running bot."""

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from grace.adapters.sqlite.reader import StoreReader
from grace.cli.reading import DEFAULT, Data, Name, read, unknown
from grace.domain import messages
from grace.domain.ledger import Entry
from grace.domain.mission import Mission
from grace.domain.package import MissionPackage
from grace.domain.render import one_line, tree
from grace.domain.render import why as why_text
from grace.domain.verdict import Verdict
from grace.domain.views import package_of

app = typer.Typer(no_args_is_help=True)


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

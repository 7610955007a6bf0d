"""`grace mission`: read-only, beside a running bot."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from grace.adapters.sqlite.errors import StoreError
from grace.adapters.sqlite.reader import StoreReader
from grace.domain import messages
from grace.domain.ledger import Entry
from grace.domain.mission import Mission
from grace.domain.package import MissionPackage
from grace.domain.render import one_line, tree
from grace.domain.render import why as why_text
from grace.domain.verdict import Verdict
from grace.domain.views import package_of

app = typer.Typer(no_args_is_help=True)

T = TypeVar("T")
Data = Annotated[
    Path, typer.Option("--data", help="The bot's data folder.", envvar="GRACE_DATA_DIR")
]
DEFAULT = Path("grace-data")
Name = Annotated[str, typer.Argument(metavar="ID", help="mission_YYYYMMDD_NNN")]


@app.command("list")
def list_(
    data: Data = DEFAULT,
    *,
    live: Annotated[bool, typer.Option(help="Only those that are not closed.")] = False,
) -> None:
    """List missions, the most urgent first."""
    missions = _read(data, lambda r: r.missions(live=live or None))
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

    package = _read(data, work)
    if package is None:
        _unknown(name)
    else:
        typer.echo(package.model_dump_json(indent=2))


@app.command()
def why(name: Name, data: Data = DEFAULT) -> None:
    """Say what holds a mission back, who can change it, and when that was last evaluated."""
    found = _read(data, lambda r: r.find(name))
    if found is None:
        _unknown(name)
        return
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


def _read(data: Path, work: Callable[[StoreReader], Awaitable[T]]) -> T:
    """Open the store for reading, beside a running bot, and close it again."""

    async def run() -> T:
        reader = await StoreReader.look(data / "grace.db")
        try:
            return await work(reader)
        finally:
            await reader.close()

    try:
        return asyncio.run(run())
    except StoreError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error


def _unknown(name: str) -> None:
    typer.echo(f"there is no mission {name}; `grace mission list` lists them", err=True)
    raise typer.Exit(1)

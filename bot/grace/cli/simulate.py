"""`grace policy simulate`: replay verdicts from the ledger, or try other rules on them."""

import json
import re
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from grace.adapters.config import Configuration, PolicyKind
from grace.adapters.sqlite.reader import StoreReader
from grace.cli.policy_files import NAMES, checked
from grace.cli.reading import DEFAULT, Data, read
from grace.domain.catalog import Catalog, Subsystems
from grace.domain.policy import Governance, Policy
from grace.domain.render import one_line
from grace.domain.simulation import KINDS, Change, Proposal, Simulation, loosened, tightened

SHOWN = 20
STEP = 500
OWN_LOG = "bot"


def since_when(text: str, now: datetime) -> datetime:
    """Read `30d`, `12h` or a date; ValueError where it is neither."""
    span = re.fullmatch(r"(\d{1,5})([hd])", text)
    if span is not None:
        amount = int(span[1])
        return now - (timedelta(days=amount) if span[2] == "d" else timedelta(hours=amount))
    at = datetime.fromisoformat(text)
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def _since(text: str) -> datetime:
    try:
        return since_when(text, datetime.now(UTC))
    except ValueError as error:
        raise typer.BadParameter("write 30d, 12h or 2026-10-01", param_hint="--since") from error


def simulate(
    since: Annotated[str, typer.Option("--since", help="30d, 12h, or a date.")] = "30d",
    policy: Annotated[
        Path | None,
        typer.Option("--policy", help="A governance.yaml or mission-control.yml to try."),
    ] = None,
    data: Data = DEFAULT,
    repository: Annotated[
        str | None, typer.Option("--repository", help="Only this OWNER/NAME.")
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Replay past verdicts; with --policy say which missions other rules would have decided."""
    start = _since(since)

    async def work(reader: StoreReader) -> Simulation:
        logs = await _logs(reader, repository)
        proposal = None if policy is None else _proposal(policy, await _in_force(reader, logs))
        if proposal is not None and proposal.repository is not None and repository is None:
            told = "a repository's own file is tried on that repository; name it"
            raise typer.BadParameter(told, param_hint="--repository")
        simulation = Simulation(proposal=proposal, since=start)
        await _feed(reader, simulation, logs)
        return simulation

    simulation = read(data, work)
    if as_json:
        typer.echo(json.dumps(document(simulation, start), indent=2))
    else:
        _print(simulation, start)
    if simulation.different:
        raise typer.Exit(1)


async def _in_force(reader: StoreReader, logs: list[str]) -> Configuration | None:
    """Return the configuration that the ledger says was in force last, to look names up in.

    Each log tells only of its own repository's subsystems: together they are all.
    """
    newest: list[tuple[datetime, Policy]] = []
    for log in logs:
        last: tuple[datetime, Policy] | None = None
        async for said in reader.entries_of_kind(log, KINDS[:1]):
            if said.payload is not None:
                last = said.time, Policy.model_validate(said.payload["policy"])
        newest += [] if last is None else [last]
    if not newest:
        return None
    policies = [policy for _, policy in sorted(newest, key=lambda item: item[0])]
    metrics = {name: m for p in policies for name, m in p.catalog.metrics.items()}
    subsystems = {name: s for p in policies for name, s in p.subsystems.subsystems.items()}
    return Configuration(
        governance=policies[-1].governance,
        catalog=Catalog(metrics=metrics),
        subsystems=Subsystems(subsystems=subsystems),
    )


def _proposal(file: Path, known: Configuration | None) -> Proposal:
    """Read the rules to try: a repository's file by its name, else a floor."""
    policy = checked(file, NAMES.get(file.name, PolicyKind.GOVERNANCE), known)
    if isinstance(policy, Governance):
        return Proposal(governance=policy)
    return Proposal(repository=policy)


async def _feed(reader: StoreReader, simulation: Simulation, logs: list[str]) -> None:
    """Stream the ledger through; from its beginning, since evidence lies before verdicts."""
    console = Console(stderr=True)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as progress:
        for log in logs:
            head = await reader.head(log)
            task = progress.add_task(log, total=head.seq if head is not None else 0)
            shown = 0
            async for said in reader.entries_of_kind(log, KINDS):
                simulation.feed(said.kind, said.mission, said.payload, said.time)
                if said.seq >= shown + STEP:
                    shown = said.seq
                    progress.update(task, completed=shown)
        simulation.finish()


async def _logs(reader: StoreReader, repository: str | None) -> list[str]:
    """List the logs of repositories, or the one of that name, which its first entry tells."""
    logs = [log for log in await reader.logs() if log != OWN_LOG]
    if repository is None:
        return logs
    found = []
    for log in logs:
        (first,) = await reader.entries(log, 0, 1)
        named = str((first.payload or {}).get("repository", ""))
        if repository.lower() in {named.lower(), log}:
            found.append(log)
    if not found:
        typer.echo(f"the store has no ledger of {repository}", err=True)
        raise typer.Exit(2)
    return found


def document(simulation: Simulation, since: datetime) -> dict[str, object]:
    """Write what came out, for programs."""
    verdicts = {
        "reproduced": simulation.reproduced,
        "different": simulation.different,
        "unreadable": simulation.unreadable,
    }
    found: dict[str, object] = {"since": since.isoformat(), "verdicts": verdicts}
    if simulation.proposal is not None:
        held, freed = by_rule(simulation.changes)
        found["missions"] = len(simulation.changes)
        found["changes"] = [c.model_dump(mode="json") for c in simulation.changes if c.changed]
        found["by_rule"] = {"would_hold": held, "no_longer_holds": freed}
    return found


def by_rule(changes: Iterable[Change]) -> tuple[dict[str, int], dict[str, int]]:
    """Count, by rule, the missions that it would hold, and those that it holds no longer."""
    known = list(changes)
    counts = []
    for some in (tightened(known), loosened(known)):
        names = (name for c in some for name in sorted({each.name for each in c.held}))
        counts.append(dict(Counter(names).most_common()))
    return counts[0], counts[1]


def _print(simulation: Simulation, since: datetime) -> None:
    count = simulation.reproduced + len(simulation.different) + len(simulation.unreadable)
    what = "verdict" if simulation.proposal is None else "deciding verdict"
    typer.echo(
        f"{_count(count, what)} since {since:%Y-%m-%d %H:%M} UTC: "
        f"{simulation.reproduced} reproduced, {len(simulation.different)} different, "
        f"{len(simulation.unreadable)} unreadable"
    )
    for word, names in (("different", simulation.different), ("unreadable", simulation.unreadable)):
        for name in names[:SHOWN]:
            typer.echo(f"{word}: {name}")
        if len(names) > SHOWN:
            typer.echo(f"{word}: and {len(names) - SHOWN} more; --json lists all")
    if simulation.proposal is not None:
        _print_changes(simulation.changes)


def _print_changes(changes: list[Change]) -> None:
    console = Console()
    held, freed = list(tightened(changes)), list(loosened(changes))
    for title, some in (
        ("passed, and would have been held", held),
        ("was held, and would have passed", freed),
    ):
        if some:
            console.print(_table(title, some))
    same = len(changes) - len(held) - len(freed)
    typer.echo(
        f"{_count(len(changes), 'mission')}: {len(held)} would have been held, "
        f"{len(freed)} would have passed, {same} the same"
    )
    if held or freed:
        console.print(_totals(changes))


def _table(title: str, changes: list[Change]) -> Table:
    more = f" (the first {SHOWN} of {len(changes)}; --json lists all)"
    table = Table(box=None, title=title + (more if len(changes) > SHOWN else ""))
    table.title_justify = "left"
    for column in ("mission", "decided", "ended"):
        table.add_column(column, no_wrap=True)
    for column in ("held by", "what", "changed by"):
        table.add_column(column, overflow="fold")
    for change in changes[:SHOWN]:
        ended = change.outcome or ("merged" if change.merged else "open")
        for i, each in enumerate(change.held):
            mission = (change.mission, f"{change.at:%Y-%m-%d %H:%M}", ended)
            first = mission if i == 0 else ("", "", "")
            told = f"{each.condition}: {each.reason}"
            words = (*first, f"{each.origin}: {each.name}", told, each.who)
            table.add_row(*(escape(one_line(word, 300)) for word in words))
    return table


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _totals(changes: list[Change]) -> Table:
    held, freed = by_rule(changes)
    table = Table("gate or rule", "would hold", "holds no longer", box=None)
    for name in [*held, *(n for n in freed if n not in held)]:
        numbers = (str(held.get(name, 0)), str(freed.get(name, 0)))
        table.add_row(escape(one_line(name, 100)), *numbers)
    return table

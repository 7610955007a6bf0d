"""`grace policy`: check rules, explain a verdict by them, lay them out."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from grace.adapters.config import PolicyKind
from grace.adapters.sqlite.reader import StoreReader
from grace.cli.policy_files import Config, checked, configured, kind_of
from grace.cli.reading import DEFAULT, Data, Name, read, unknown
from grace.cli.simulate import simulate
from grace.domain.ledger import Entry
from grace.domain.mission import Mission
from grace.domain.phase import Severity
from grace.domain.policy import Governance
from grace.domain.render import ICON, one_line, tree
from grace.domain.render import why as why_text
from grace.domain.rules.language import RepositoryPolicy
from grace.domain.rules.matrix import Row
from grace.domain.rules.matrix import matrix as lay_out
from grace.domain.rules.standings import standings
from grace.domain.simulation import decides
from grace.domain.verdict import Condition, Verdict

app = typer.Typer(no_args_is_help=True)
app.command("simulate")(simulate)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="governance.yaml, or mission-control.yml.")],
    kind: Annotated[
        PolicyKind | None, typer.Option("--kind", help="Which of the two; unset: by its name.")
    ] = None,
    config: Config = None,
) -> None:
    """Find everything that is wrong with a policy, by line."""
    chosen = kind or kind_of(file)
    policy = checked(file, chosen, None if config is None else configured(config))
    count = len(policy.rules)
    typer.echo(f"{file}: no problem; {count} rule{'' if count == 1 else 's'}")


@app.command()
def matrix(
    config: Config = None,
    repository: Annotated[
        Path | None, typer.Option("--repository", help="A repository's mission-control.yml.")
    ] = None,
    *,
    as_json: Json = False,
) -> None:
    """Lay out severity against gate: what each asks for."""
    configuration = configured(config)
    own: RepositoryPolicy | None = None
    if repository is not None:
        known = None if config is None else configuration
        found = checked(repository, PolicyKind.REPOSITORY, known)
        own = found if isinstance(found, RepositoryPolicy) else None
    rows = lay_out(configuration.governance, own)
    if as_json:
        typer.echo(json.dumps([row.model_dump(mode="json") for row in rows], indent=2))
        return
    Console().print(_matrix(rows))
    for line in _beside(configuration.governance, own, rows):
        typer.echo(line)


def _matrix(rows: tuple[Row, ...]) -> Table:
    table = Table(box=None)
    for column in ("", "gate or rule", *Severity):
        table.add_column(str(column), overflow="fold")
    for row in rows:
        cells = (row.cells[severity].told() for severity in Severity)
        table.add_row(row.origin, escape(one_line(row.name, 300)), *map(escape, cells))
    return table


def _beside(
    governance: Governance, own: RepositoryPolicy | None, rows: tuple[Row, ...]
) -> list[str]:
    """Say what holds beside the gates, and where each applies."""
    lines = ["", "needed: asked for. skipped: not asked for. maybe: depends on more than severity."]
    if governance.shadow or (own is not None and own.shadow):
        lines.append("Shadow mode: everything is decided and shown, and nothing is merged.")
    applies = [one_line(f"  {r.name}: when {r.when}", 500) for r in rows if r.when]
    return [*lines, *(["", *applies] if applies else [])]


@app.command()
def explain(
    name: Name,
    data: Data = DEFAULT,
    *,
    controls: Annotated[
        bool, typer.Option("--controls", help="Name the controls each condition is evidence of.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show a mission's verdict as a tree: what each rule waits for, and whom."""

    async def work(
        reader: StoreReader,
    ) -> tuple[Mission, Verdict | None, Verdict | None] | None:
        found = await reader.find(name)
        if found is None:
            return None
        mission, _, verdict, _ = found
        entries: list[Entry] = list(await reader.mission_entries(mission.ref.log, name))
        now = None if verdict is None else Verdict.model_validate(verdict)
        return mission, now, deciding(entries)

    found = read(data, work)
    if found is None:
        unknown(name)
    mission, now, decided = found
    shown = decided if decided is not None and not _is_judged(mission) else now
    if shown is None:
        typer.echo(f"{mission.name}: {mission.phase.value}, not evaluated yet")
        return
    if as_json:
        typer.echo(json.dumps(_document(mission, now, shown), indent=2))
        return
    _print(mission, now, shown, controls=controls)


def deciding(entries: list[Entry]) -> Verdict | None:
    """Return the last verdict on a merge that the ledger has."""
    for entry in reversed(entries):
        said = entry.payload
        if entry.envelope.kind == "mission.verdict" and said is not None and decides(said):
            return Verdict.model_validate(
                {
                    "root": said["tree"],
                    "at": entry.envelope.time,
                    **{k: said[k] for k in ("facts_hash", "policy_hash", "evaluator")},
                }
            )
    return None


def _is_judged(mission: Mission) -> bool:
    """Tell whether the newest verdict is one on the merge itself."""
    return mission.phase.value in {"testing", "gating"}


def _document(mission: Mission, now: Verdict | None, shown: Verdict) -> dict[str, Any]:
    return {
        "mission": mission.name,
        "phase": mission.phase.value,
        "status": mission.status.value,
        "outcome": mission.outcome.value if mission.outcome is not None else None,
        "now": None if now is None else why_text(now.root),
        "verdict": shown.model_dump(mode="json"),
        "rules": [each.model_dump(mode="json") for each in standings(shown.root)],
    }


def _print(mission: Mission, now: Verdict | None, shown: Verdict, *, controls: bool) -> None:
    typer.echo(f"{mission.name}: {mission.phase.value}, {mission.status.value}")
    if not mission.live:
        typer.echo(one_line(f"closed as {mission.outcome}: {mission.reason}", 600))
    elif now is not None:
        typer.echo(why_text(now.root))
    which = "the verdict" if shown is now else "the verdict that decided it,"
    typer.echo(f"{which} of {shown.at:%Y-%m-%d %H:%M:%S} UTC, evaluator {shown.evaluator}")
    typer.echo(f"policy {shown.policy_hash}")
    typer.echo(f"facts  {shown.facts_hash}")
    typer.echo("")
    typer.echo(tree(shown.root, text=one_line).replace("**", ""))
    typer.echo("")
    Console().print(_waiting(shown.root))
    if controls:
        typer.echo("")
        Console().print(_evidence(shown.root))


def _waiting(root: Condition) -> Table:
    table = Table(box=None)
    for column in ("", "gate or rule", "is", "by", "changed by"):
        table.add_column(column, overflow="fold")
    for each in standings(root):
        told = f"{each.condition}: {each.reason}" if each.condition != each.name else each.reason
        words = (each.origin, each.name, ICON[each.result], told, each.who)
        table.add_row(*(escape(one_line(word, 300)) for word in words))
    return table


def _evidence(root: Condition) -> Table:
    table = Table(box=None)
    for column in ("condition", "is", "controls"):
        table.add_column(column, overflow="fold")
    for part in _walk(root):
        if part.controls:
            cells = (part.name, ICON[part.result], ", ".join(part.controls))
            table.add_row(*(escape(one_line(cell, 300)) for cell in cells))
    return table


def _walk(part: Condition) -> list[Condition]:
    return [part, *(found for child in part.children for found in _walk(child))]

"""`grace playbook`: read, check, plan, run and take back playbooks on the target's machine."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from grace.adapters.config import ConfigError, load_playbooks, read_playbook
from grace.cli.runner import DEFAULT, ConfigOption, Opened, fail, open_runner
from grace.domain.playbooks.planning import needs, plan
from grace.domain.playbooks.playbook import Playbook
from grace.domain.playbooks.run import RunOrder, RunReport, RunState
from grace.domain.playbooks.specs import ACTIONS
from grace.runner.by_hand import (
    Standing,
    following,
    order_of,
    standing_named,
    standings,
    undoing,
)
from grace.runner.carry import ByHand, Errand, carry_out, said_of
from grace.runner.errors import RunnerError

app = typer.Typer(no_args_is_help=True)

Folder = Annotated[
    Path | None, typer.Option("--playbooks", help="A folder of playbooks; unset: those that ship.")
]
Named = Annotated[str, typer.Argument(metavar="NAME", help="A playbook's name, or its file.")]
RunId = Annotated[str, typer.Argument(metavar="RUN", help="As `grace playbook runs` shows it.")]
Approvals = Annotated[
    list[str] | None,
    typer.Option("--approve", help="STEP=LOGIN: who agrees to a step; may be repeated."),
]
_WELL: Final = frozenset({RunState.HEALED, RunState.UNDONE})
_PERSON: Final = 3


@app.command("list")
def list_playbooks(playbooks: Folder = None) -> None:
    """List playbooks: for which trouble each is, and what it needs."""
    table = Table(box=None)
    for column in ("name", "target", "risk", "touches", "for"):
        table.add_column(column, overflow="fold")
    for each in _loaded(playbooks):
        found = needs(each)
        person = f"; {', '.join(found.persons)}: a named person" if found.persons else ""
        table.add_row(
            f"{each.name} v{each.version}",
            each.target.value,
            found.risk.value + person,
            found.radius.value,
            escape(each.description),
        )
    Console().print(table)


@app.command()
def actions(
    kind: Annotated[str | None, typer.Argument(help="Of this kind of target alone.")] = None,
) -> None:
    """List the actions that a step can name, with their parameters."""
    table = Table(box=None)
    for column in ("action", "targets", "risk", "what it does", "parameters"):
        table.add_column(column, overflow="fold")
    for spec in ACTIONS.values():
        kinds = [each.value for each in spec.kinds]
        if kind is None or kind in kinds:
            params = ", ".join(f"{p.name}={p.default}" for p in spec.params)
            person = ", a named person" if spec.person else ""
            risk = f"{spec.risk.value}{person}"
            table.add_row(spec.name, ", ".join(kinds), risk, escape(spec.words), escape(params))
    Console().print(table)


@app.command()
def lint(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Playbook files; none: those of the folder.")
    ] = None,
    playbooks: Folder = None,
) -> None:
    """Check playbooks: form, actions, parameters, risk, order; each problem with its line."""
    problems: list[str] = []
    for file in files or ():
        try:
            read_playbook(file)
        except ConfigError as error:
            problems += map(str, error.problems)
    checked = len(files) if files else len(_loaded(playbooks))
    for problem in problems:
        typer.echo(problem, err=True)
    if problems:
        raise typer.Exit(1)
    typer.echo(f"{checked} playbooks are well formed")


@app.command("plan")
def show_plan(name: Named, playbooks: Folder = None) -> None:
    """Show what a playbook would do, step by step, and who must agree to it."""
    playbook = _playbook(name, playbooks)
    found = needs(playbook)
    typer.echo(f"{playbook.name} v{playbook.version}, for {playbook.target.value}:")
    typer.echo(f"  {playbook.description}")
    table = Table(box=None)
    for column in ("step", "action", "when", "risk", "touches", "undo", "at most", "what"):
        table.add_column(column, overflow="fold")
    for step in plan(playbook):
        risk = step.risk.value + (", a named person" if step.person else "")
        table.add_row(
            step.step,
            step.action,
            step.when,
            risk,
            step.radius.value,
            "yes" if step.undo else "no",
            f"{step.timeout_seconds:g} s",
            escape(step.words),
        )
    Console().print(table)
    typer.echo(f"It is {found.risk.value} and touches {found.radius.value} at most.")


@app.command()
def run(  # noqa: PLR0913 - a command's options
    name: Named,
    target: Annotated[str, typer.Option("--target", help="A target of the runner's file.")],
    config: ConfigOption = DEFAULT,
    playbooks: Folder = None,
    approve: Approvals = None,
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Look what each step would do; change nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before it begins.")] = False,
) -> None:
    """Run a playbook on a target of this machine, without the bot; journalled all the same."""
    playbook = _playbook(name, playbooks)
    opened = open_runner(config)
    found = opened.targets.get(target)
    if found is None:
        fail(f"{config} has no target {target}; it has: {', '.join(sorted(opened.targets))}")
    agreed = _approved(approve or (), [s.id for s in playbook.steps])
    if not dry_run and not yes:
        risk = needs(playbook).risk.value
        typer.confirm(f"Run {playbook.name} ({risk}) on {target}?", abort=True)
    _carry(opened, order_of(playbook, found, datetime.now(UTC), agreed, dry=dry_run))


@app.command()
def resume(run: RunId, config: ConfigOption = DEFAULT, approve: Approvals = None) -> None:
    """Go on with a run that was cut off, or that waits for a named person."""
    opened = open_runner(config)
    standing = _found(opened, run)
    agreed = _approved(approve or (), [s.id for s in standing.order.playbook.steps])
    try:
        order = following(standing, agreed)
    except RunnerError as error:
        fail(error.sentence)
    _carry(opened, order)


@app.command()
def undo(run: RunId, config: ConfigOption = DEFAULT) -> None:
    """Take back what a run did, the last step first, where its actions can."""
    opened = open_runner(config)
    try:
        order = undoing(_found(opened, run))
    except RunnerError as error:
        fail(error.sentence)
    _carry(opened, order)


@app.command()
def runs(config: ConfigOption = DEFAULT) -> None:
    """List the runs that this runner knows, by hand and by the bot."""
    table = Table(box=None)
    for column in ("run", "playbook", "target", "state", "what"):
        table.add_column(column, overflow="fold")
    for each in standings(open_runner(config).bench.state):
        over = each.over
        table.add_row(
            each.order.id,
            each.order.playbook.name,
            each.order.target,
            "cut off" if over is None else said_of(over.state),
            "" if over is None else escape(over.sentence),
        )
    Console().print(table)


def _carry(opened: Opened, order: RunOrder) -> None:
    """Carry an order out to its end, and end with the code that says how it went."""

    async def untold(_report: RunReport) -> None:
        """Report to nobody: it is said as it goes."""

    typer.echo(f"run {order.id}")
    errand = Errand(order, ByHand(), untold)
    try:
        report = asyncio.run(carry_out(opened.bench, errand, opened.targets.get(order.target)))
    except RunnerError as error:
        fail(error.sentence)
    assert report is not None  # nobody takes it away
    if report.state is RunState.REFUSED:
        fail(report.sentence)
    if report.diff is not None:
        typer.echo(report.diff)
    if report.state is RunState.NEEDS_PERSON:
        typer.echo(f"grace playbook resume {order.id} --approve {report.waiting_for}=LOGIN")
        raise typer.Exit(_PERSON)
    if report.state not in _WELL and order.mode != "dry_run":
        raise typer.Exit(1)


def _found(opened: Opened, run_id: str) -> Standing:
    try:
        return standing_named(opened.bench.state, run_id)
    except RunnerError as error:
        fail(error.sentence)


def _approved(given: Sequence[str], steps: Sequence[str]) -> dict[str, str]:
    """Read STEP=LOGIN; `BadParameter` for a step that there is not."""
    found = {}
    for each in given:
        step, _, login = each.partition("=")
        if step not in steps or not login.strip():
            raise typer.BadParameter(
                f"{each}: write STEP=LOGIN, with one of {', '.join(steps)}", param_hint="--approve"
            )
        found[step] = login.strip()
    return found


def _loaded(folder: Path | None) -> tuple[Playbook, ...]:
    try:
        return load_playbooks(folder).playbooks
    except ConfigError as error:
        fail(str(error), 1)


def _playbook(name: str, folder: Path | None) -> Playbook:
    if name.endswith(".yaml"):
        try:
            return read_playbook(Path(name))
        except ConfigError as error:
            fail(str(error), 1)
    known = {each.name: each for each in _loaded(folder)}
    if name not in known:
        fail(f"there is no playbook {name}; there are: {', '.join(sorted(known)) or 'none'}")
    return known[name]

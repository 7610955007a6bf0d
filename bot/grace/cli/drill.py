"""`grace drill`."""

import asyncio
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from grace.app.observe import configure_logs
from grace.cli.demo import Teller, prepare
from grace.demo.deployer import DeployError
from grace.demo.drill_scene import DrillRules
from grace.demo.drills import Drill, Drilled, DrillFailed
from grace.demo.faults import FAULTS, Fault
from grace.demo.remote_git import GitFailed
from grace.demo.stage import free_port, set_up
from grace.demo.tools import ToolMissing

REPOSITORY = "drill"
_NAMES = ", ".join(fault.name for fault in FAULTS)


def drill(
    *,
    name: Annotated[str, typer.Argument(help=f"Which fault: {_NAMES}.")],
    every: Annotated[
        float, typer.Option(min=1, max=15, help="Seconds between two looks at the metrics.")
    ] = 5.0,
    seed: Annotated[int, typer.Option(help="Seed of the noise that is made meanwhile.")] = 1,
    by_hand: Annotated[
        bool,
        typer.Option("--by-hand", help="Trust no remedy: people start and approve the fix."),
    ] = False,
    keep: Annotated[
        Path | None, typer.Option(help="Leave drill.json, forge and store in this new folder.")
    ] = None,
) -> None:
    """Break the demo's service, and time its detection, mission, fix and recovery."""
    configure_logs(json=False, level="ERROR")
    fault = _fault(name)
    rules = DrillRules(every=every, probe_port=free_port(), by_hand=by_hand)
    say = Teller(Console(highlight=False))
    try:
        if keep is not None:
            prepare(keep)
            drilled = asyncio.run(_play(keep.resolve(), fault, rules, say, seed))
        else:
            with tempfile.TemporaryDirectory(prefix="grace-drill-") as folder:
                drilled = asyncio.run(_play(Path(folder), fault, rules, say, seed))
    except (DrillFailed, DeployError, GitFailed, ToolMissing) as error:
        typer.echo(f"the drill failed: {error}", err=True)
        raise typer.Exit(1) from error
    for line in _timeline(drilled):
        say.console.print(line, markup=False, soft_wrap=True)
    if not drilled.ok:
        typer.echo(f"the drill failed: {drilled.problem}", err=True)
        raise typer.Exit(1)


def _fault(name: str) -> Fault:
    for fault in FAULTS:
        if fault.name == name:
            return fault
    raise typer.BadParameter(f"there is no drill {name!r}; there are: {_NAMES}")


async def _play(workdir: Path, fault: Fault, rules: DrillRules, say: Teller, seed: int) -> Drilled:
    async with set_up(workdir, (REPOSITORY,), say, rules.scene()) as stage:
        say(f"forge at {stage.forge.url}, bot at {stage.bot_url}")
        drilled = await Drill(stage, fault, rules, say).run(seed)
    report = json.dumps(drilled.as_json(), indent=2)
    await asyncio.to_thread((workdir / "drill.json").write_text, report + "\n")
    return drilled


def _timeline(drilled: Drilled) -> Iterator[str]:
    """Write what happened when, and who had to act."""
    rows = (
        ("detected", drilled.detected, drilled.sentence),
        ("mission open", drilled.opened, f"{drilled.mission} {drilled.issue}"),
        ("fix merged", drilled.merged, ""),
        ("fix live", drilled.deployed, ""),
        ("recovered", drilled.recovered, f"its window passed: {drilled.outcome}"),
    )
    yield f"drill {drilled.fault}: seconds after the fault was live"
    for what, seconds, more in rows:
        told = f"{'never' if seconds is None else f'{seconds:.1f} s':>8}"
        yield f"  {what:12} {told}  {'' if seconds is None else more}".rstrip()
    people = "; ".join(drilled.people) or "nobody had to act"
    yield f"  {'people':12} {len(drilled.people):>8}  {people}"

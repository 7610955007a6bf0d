"""`grace demo`."""

import asyncio
import json
import tempfile
import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated, assert_never

import typer
from rich.console import Console
from rich.table import Table

from grace.adapters.keys import raw_line
from grace.app.observe import configure_logs
from grace.demo.healing import HealPlay, story_scene
from grace.demo.play import IssuePlay, Play, Result, StoryFailed, leave_repositories
from grace.demo.scenes import subsystem_of
from grace.demo.stage import (
    OWNER,
    REPORTER,
    REVIEWER,
    ROLLING_MINUTES,
    WINDOW_MINUTES,
    Stage,
    set_up,
)
from grace.demo.stories import STORIES, YOURS, Alarm, Story
from grace.demo.tools import ToolMissing


class Which(StrEnum):
    """Which stories to play."""

    ALL = "all"
    RESOLVE = "resolve"
    ROLLBACK = "rollback"
    WEAKEN = "weaken"
    REPAIR = "repair"
    HEAL = "heal"


def demo(
    *,
    story: Annotated[Which, typer.Option(help="Which story to play.")] = Which.ALL,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave forge and bot up afterwards, until Ctrl-C.")
    ] = False,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Print the report as JSON on stdout, the story on stderr."),
    ] = False,
    workdir: Annotated[
        Path | None,
        typer.Option(help="Leave report.json, key.pub and the bare repositories (*.git) here."),
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", help="Show the bot's log too.")] = False,
) -> None:
    """Play missions that are resolved, rolled back, held, repaired and healed."""
    configure_logs(json=False, level="INFO" if verbose else "ERROR")
    stories = tuple(s for s in STORIES if story in {Which.ALL, s.name})
    say = Teller(Console(stderr=as_json, highlight=False))
    try:
        if workdir is not None:
            prepare(workdir)
            results = asyncio.run(_play(workdir.resolve(), stories, say, keep=keep))
        else:
            with tempfile.TemporaryDirectory(prefix="grace-demo-") as folder:
                results = asyncio.run(_play(Path(folder), stories, say, keep=keep))
    except (StoryFailed, ToolMissing) as error:
        typer.echo(f"the demo failed: {error}", err=True)
        raise typer.Exit(1) from error
    if as_json:
        typer.echo(json.dumps([r.as_json() for r in results], indent=2))
    if not results or not all(r.ok for r in results):
        raise typer.Exit(1)


def prepare(workdir: Path) -> None:
    """Make the folder for what is left behind; one with something in it is refused."""
    if workdir.exists() and any(workdir.iterdir()):
        raise typer.BadParameter(f"{workdir} is not empty; name a new folder")
    workdir.mkdir(parents=True, exist_ok=True)


class Teller:
    """Print lines with the seconds since the start."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._started = time.monotonic()

    def __call__(self, words: str) -> None:
        at = time.monotonic() - self._started
        self.console.print(f"{at:6.1f} s  {words}", markup=False, soft_wrap=True)


async def _play(
    workdir: Path, stories: tuple[Story | Alarm, ...], say: Teller, *, keep: bool
) -> list[Result]:
    results: list[Result] = []
    names = [s.name for s in (*stories, *([YOURS] if keep else []))]
    async with set_up(workdir, names, say, story_scene()) as stage:
        say(f"forge at {stage.forge.url}, bot at {stage.bot_url}")
        try:
            for story in stories:
                say.console.rule(f"{story.name}: {story.title}", characters="-")
                results.append(await _play_of(stage, story, say).run())
        finally:
            _leave(stage, results)
        _summary(say.console, results)
        if keep:
            async with stage.production(YOURS.name):
                await _stay(stage, say)
    return results


def _play_of(stage: Stage, story: Story | Alarm, say: Teller) -> Play:
    match story:
        case Story():
            return IssuePlay(stage, story, say)
        case Alarm():
            return HealPlay(stage, story, say)
        case _ as never:
            assert_never(never)


def _leave(stage: Stage, results: list[Result]) -> None:
    """Leave report, public key and repositories in the work folder."""
    report = json.dumps([r.as_json() for r in results], indent=2)
    (stage.workdir / "report.json").write_text(report + "\n")
    (stage.workdir / "key.pub").write_text(raw_line(stage.system.signer.public) + "\n")
    leave_repositories(stage)


async def _stay(stage: Stage, say: Teller) -> None:
    """Say how to do the main job by hand, and wait."""
    repository = f"{stage.forge.url}/{stage.repositories[YOURS.name].full_name}"
    to_type = stage.workdir / "mission.txt"
    await asyncio.to_thread(to_type.write_text, _to_type())
    say("do it yourself in a browser; one click makes you anybody, there are no passwords")
    say(f"1. file a mission as {REPORTER}: {repository}/issues/new?template=mission.yml")
    say(f"   what to type there: {to_type}")
    say(f"2. follow it, signed in through the forge: {stage.bot_url}/ (operator: {OWNER})")
    say(f"3. approve its pull request as {REVIEWER}: {repository}/pulls")
    say(f"the forge: {stage.forge.url}/, its API: {stage.forge.api_url}")
    for login, token in stage.people.tokens.items():
        say(f"token of {login}: {token}")
    say(f"look at missions: grace mission list --data {stage.settings.data_dir}")
    say("Ctrl-C ends it")
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        say("stopped")


def _to_type() -> str:
    """Write what goes into each field of the issue form."""
    typed = YOURS.answers(
        subsystem=subsystem_of(YOURS.name),
        window_minutes=WINDOW_MINUTES,
        rolling_minutes=ROLLING_MINUTES,
    )
    fields = {"Title": YOURS.title, **typed}
    return "\n\n".join(f"[ {label} ]\n{text}" for label, text in fields.items() if text) + "\n"


def _summary(console: Console, results: list[Result]) -> None:
    calls = Table("forge API call", *(r.story for r in results), title="where each call went")
    for name in sorted({name for r in results for name in r.calls}):
        calls.add_row(name, *(str(r.calls.get(name, 0)) for r in results))
    console.print(calls)
    table = Table("", *(r.story for r in results), title="summary")
    rows = {
        "mission": [r.mission for r in results],
        "outcome": [r.outcome for r in results],
        "time": [f"{r.seconds:.1f} s" for r in results],
        "forge API calls": [str(r.total_calls) for r in results],
        "pushes": [f"{r.pushes} (+ {r.ledger_pushes} ledger)" for r in results],
        "ledger entries": [str(r.entries) for r in results],
        "signatures verified": [str(r.signatures) for r in results],
        "as it should": ["yes" if r.ok else "NO" for r in results],
    }
    for name, cells in rows.items():
        table.add_row(name, *cells)
    console.print(table)
    for result in results:
        for line in result.problems:
            console.print(f"{result.story}: {line}", markup=False)

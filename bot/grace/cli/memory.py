"""`grace memory`: what ended missions left, found, looked at, kept and forgotten."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, NoReturn, TypeVar

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from grace.adapters.keys import Ed25519Key, KeyMaterialError
from grace.adapters.memory.sqlite import SqliteMemory
from grace.adapters.sqlite.errors import StoreError, StoreLocked
from grace.adapters.sqlite.store import SqliteStore
from grace.cli.reading import DEFAULT, Data, Name, read
from grace.domain.memory import words
from grace.domain.memory.question import question_about
from grace.domain.memory.recollection import Trial
from grace.domain.memory.remembered import Lesson, Remembered
from grace.domain.mission import MissionRef
from grace.domain.render import one_line
from grace.ports.memory import MemoryUnavailable

app = typer.Typer(no_args_is_help=True)

T = TypeVar("T")
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
By = Annotated[str, typer.Option("--by", help="Your name, for the ledger.")]
Key = Annotated[
    Path | None,
    typer.Option("--key", help="The signing key's file.", envvar="GRACE_SIGNING_KEY_FILE"),
]
NOBODY = MissionRef(host="nowhere", repository_id=0, repository="nobody/nothing")


@app.command()
def search(
    text: Annotated[str, typer.Argument(help="What is wrong; its first line weighs most.")],
    data: Data = DEFAULT,
    limit: Annotated[int, typer.Option("--limit", min=1, max=100)] = 10,
    *,
    as_json: Json = False,
) -> None:
    """Find missions like a text, in every repository of this store."""
    read(data, lambda _: asyncio.sleep(0))  # the store is there, and of this version
    memory = SqliteMemory(data / "grace.db", everywhere=True)
    try:
        found = asyncio.run(memory.similar(question_about(text, NOBODY), limit))
    except MemoryUnavailable as error:
        typer.echo(error.sentence, err=True)
        raise typer.Exit(2) from error
    if as_json:
        rows = [{"score": e.score, **e.found.model_dump(mode="json")} for e in found.alike]
        typer.echo(json.dumps(rows, indent=2))
        return
    if not found.alike:
        typer.echo(words.NOTHING_ALIKE)
        return
    table = Table(box=None)
    for column in ("score", "mission", "repository", "ended", "outcome", "tried", "about"):
        table.add_column(column, overflow="fold")
    for each in found.alike:
        left = each.found
        table.add_row(
            f"{each.score:.2f}",
            left.mission,
            escape(left.repository),
            f"{left.closed_at:%Y-%m-%d}",
            _outcome(left),
            escape("; ".join(_tried(trial) for trial in left.tried) or "nothing"),
            escape(one_line(left.summary, 80)),
        )
    Console().print(table)


@app.command()
def show(mission: Name, data: Data = DEFAULT, *, as_json: Json = False) -> None:
    """Show what one ended mission left."""
    left = read(data, lambda reader: reader.remembered(mission))
    if left is None:
        _unknown(mission)
    if as_json:
        typer.echo(left.model_dump_json(indent=2))
        return
    for line in lines(left):
        typer.echo(line)


@app.command()
def proposals(data: Data = DEFAULT, *, as_json: Json = False) -> None:
    """List the missions whose patch waits for a person's word to be tried again."""
    found = read(data, lambda reader: reader.lesson_proposals())
    if as_json:
        rows = [left.model_dump(mode="json") for left in found]
        typer.echo(json.dumps(rows, indent=2))
        return
    if not found:
        typer.echo("no lesson waits for a word")
        return
    table = Table(box=None)
    for column in ("mission", "repository", "ended", "remedy", "patch", "about"):
        table.add_column(column, overflow="fold")
    for left in found:
        patch = left.patch
        table.add_row(
            left.mission,
            escape(left.repository),
            f"{left.closed_at:%Y-%m-%d}",
            escape(patch.remedy if patch else ""),
            escape(patch.name if patch else ""),
            escape(one_line(left.summary, 80)),
        )
    Console().print(table)


@app.command()
def approve(mission: Name, data: Data = DEFAULT, by: By = "operator", key: Key = None) -> None:
    """Let memory offer a mission's patch again; the bot must not run on this store."""
    left = _write(data, key, lambda store: store.keep_lesson(mission, by, datetime.now(UTC)))
    if left is None:
        _unknown(mission)
    if left.lesson is not Lesson.KEPT:
        typer.echo(f"{mission} has no lesson that waits: it is {left.lesson}", err=True)
        raise typer.Exit(1)
    typer.echo(f"{mission}: its patch may be tried again, says {left.lesson_by or 'its contract'}")


@app.command()
def forget(
    mission: Name,
    reason: Annotated[str, typer.Option("--reason", help="Why; the ledger keeps it.")],
    data: Data = DEFAULT,
    by: By = "operator",
    key: Key = None,
) -> None:
    """Take a mission out of what is found and offered; the bot must not run on this store."""
    now = datetime.now(UTC)
    left = _write(data, key, lambda store: store.forget_mission(mission, by, reason, now))
    if left is None:
        _unknown(mission)
    typer.echo(f"{mission} is forgotten; the ledger keeps it, and its outcome still counts")


@app.command()
def rebuild(data: Data = DEFAULT, key: Key = None) -> None:
    """Fold memory anew from the ledger; the bot must not run on this store."""
    count = _write(data, key, lambda store: store.rebuild_memory())
    typer.echo(f"memory holds {count} missions")


def lines(left: Remembered) -> list[str]:
    """Say in lines of text what a mission left."""
    where = f"{left.repository}, {left.subsystem or 'no subsystem'}, {left.severity}"
    found = [
        f"{left.mission} in {where}: {_outcome(left)}, {left.closed_at:%Y-%m-%d %H:%M} UTC",
        f"  about: {one_line(left.summary)}",
        f"  signature: {left.signature or 'none'}",
        *(f"  tried {_tried(trial)}{_why(trial)}" for trial in left.tried),
    ]
    if left.patch is not None:
        found.append(
            f"  patch {left.patch.name} landed as {left.patch.sha[:10]}, "
            f"ledger entry {left.entry}{words.LESSONS[left.lesson]}"
        )
    if left.recurred is not None:
        found.append(f"  the problem came back in {left.recurred}")
    if left.capa is not None:
        found.append(f"  CAPA issue #{left.capa}, {'open' if left.capa_open else 'closed'}")
    if left.forgotten:
        found.append(f"  forgotten, by {left.lesson_by}")
    return found


def _outcome(left: Remembered) -> str:
    if left.effective is False:
        return "fixed, and came back"
    return f"{left.outcome.value}, reverted" if left.reverted else left.outcome.value


def _tried(trial: Trial) -> str:
    return f"{trial.remedy}: {words.RESULTS[trial.result]}"


def _why(trial: Trial) -> str:
    return f" ({one_line(trial.why)})" if trial.why else ""


def _unknown(mission: str) -> NoReturn:
    typer.echo(f"memory has no mission {mission}: it has not ended, or there is none", err=True)
    raise typer.Exit(1)


def _write(data: Path, key: Path | None, work: Callable[[SqliteStore], Awaitable[T]]) -> T:
    """Open the store for writing, with the key that signs its ledger, and close it again."""

    async def run(signer: Ed25519Key) -> T:
        store = await SqliteStore.open(data / "grace.db", signer)
        try:
            return await work(store)
        finally:
            await store.close()

    read(data, lambda _: asyncio.sleep(0))  # the store is there, and of this version
    try:
        return asyncio.run(run(Ed25519Key.load(key or data / "signing.key")))
    except StoreLocked as error:
        way = "while the bot runs, say `/grace remember` or `/grace forget REASON` on the mission"
        typer.echo(f"{error}; {way}", err=True)
        raise typer.Exit(2) from error
    except (StoreError, KeyMaterialError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error

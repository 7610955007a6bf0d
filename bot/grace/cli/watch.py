"""`grace watch`: what happens, in a terminal, each entry verified before it is shown."""

import asyncio
import json
import os
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.text import Text

from grace.adapters.keys import Ed25519Key, KeyMaterialError, PublicKeys
from grace.adapters.sqlite.errors import StoreError
from grace.cli.reading import DEFAULT, Data
from grace.cli.watching import Bot, CannotWatch, Line, Wanted, stored
from grace.domain.following import Following, Heard
from grace.domain.narration import Tone, sentence, tone
from grace.domain.render import one_line
from grace.domain.topics import EVERYTHING, well_formed

_STYLE: Final = {Tone.GOOD: "green", Tone.BAD: "red", Tone.WAIT: "yellow", Tone.PLAIN: ""}


def watch(  # noqa: PLR0913 - a command's options
    *,
    url: Annotated[
        str | None,
        typer.Option("--url", help="A running bot. Without it the store of --data is read."),
    ] = None,
    token_file: Annotated[
        Path | None, typer.Option("--token-file", help="A file with the token; else GRACE_TOKEN.")
    ] = None,
    pattern: Annotated[
        list[str] | None,
        typer.Option("--pattern", help="mission.*, crypto.log_opened, *; may be repeated."),
    ] = None,
    mission: Annotated[
        str | None, typer.Option("--mission", help="Of this mission alone: mission_YYYYMMDD_NNN.")
    ] = None,
    after: Annotated[
        int | None,
        typer.Option("--after", min=0, help="From behind this position; 0: from the beginning."),
    ] = None,
    count: Annotated[
        int | None, typer.Option("--count", min=1, help="Stop after so many entries.")
    ] = None,
    key: Annotated[
        Path | None,
        typer.Option("--key", help="The bot's public key; else the bot is asked for it."),
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    data: Data = DEFAULT,
) -> None:
    """Show what happens while it happens; every entry is verified before it is shown."""
    wanted = Wanted(tuple(pattern or (EVERYTHING,)), mission, after)
    wrong = [p for p in wanted.patterns if not well_formed(p)]
    if wrong:
        raise typer.BadParameter(f"{wrong[0]!r} is no pattern: mission.*, mission.held or *")
    screen = Screen(as_json=json_, left=count)
    try:
        given = os.environ.get("GRACE_TOKEN", "")
        token = given if token_file is None else token_file.read_text("utf-8").strip()
        bot = None if url is None else Bot(url, token, _aside)
        asyncio.run(_watch(screen, bot, wanted, data, key))
    except KeyboardInterrupt:
        pass  # the way to end it
    except (CannotWatch, StoreError, KeyMaterialError, OSError, UnicodeDecodeError) as error:
        typer.echo(f"cannot watch: {error}", err=True)
        raise typer.Exit(2) from error
    if screen.bad:
        raise typer.Exit(1)


async def _watch(
    screen: "Screen", bot: Bot | None, wanted: Wanted, data: Path, key: Path | None
) -> None:
    if key is not None:
        keys = PublicKeys.load(key)
    elif bot is not None:
        keys = await bot.keys()
    else:
        keys = PublicKeys(Ed25519Key.load(data / "signing.key").public)
    source: AsyncGenerator[Line, None] = (
        stored(data / "grace.db", wanted) if bot is None else bot.lines(wanted)
    )
    following = Following(keys, whole=wanted.whole)
    async with aclosing(source) as lines:
        async for position, line in lines:
            if not screen.show(following.hear(position, line), line):
                return


def _aside(words: str) -> None:
    typer.echo(words, err=True)


class Screen:
    """Write entries down, one a line; `left`: how many may still come, None: any number."""

    def __init__(self, *, as_json: bool, left: int | None) -> None:
        self._as_json = as_json
        self._left = left
        self._console = Console(soft_wrap=True, highlight=False)
        self.bad = 0

    def show(self, heard: Heard, line: bytes) -> bool:
        """Show one entry; False: it was the last."""
        self.bad += heard.finding is not None
        if self._as_json:
            typer.echo(as_json(heard, line))
        else:
            self._console.print(as_text(heard))
        self._left = None if self._left is None else self._left - 1
        return self._left != 0


def as_json(heard: Heard, line: bytes) -> str:
    """Write an entry with what verifying it gave, as JSON on one line."""
    try:
        record = json.loads(line)
    except ValueError:
        record = None
    problem = None if heard.finding is None else str(heard.finding)
    return json.dumps(
        {
            "position": heard.position,
            "verified": heard.finding is None,
            "problem": problem,
            "entry": record,
        }
    )


def as_text(heard: Heard) -> Text:
    """Write an entry for people; of a bad one nothing is told but that, and why."""
    entry = heard.entry
    if entry is None or heard.finding is not None:
        where = "" if entry is None else f"{entry.envelope.log} "
        words = one_line(f"position {heard.position}: {where}{heard.finding}", 400)
        return Text.assemble(("BAD ", "bold white on red"), (f" {words}", "red"))
    said = entry.envelope
    words = sentence(said.kind, said.actor, entry.payload, said.mission)
    place = f"{said.log} #{said.seq}"
    return Text.assemble(
        (f"{said.time[:19].replace('T', ' ')}  ", "dim"),
        (f"{place:<24}  ", "dim"),
        f"{said.mission or '-':<20}  ",
        (words, _STYLE[tone(said.kind, entry.payload)]),
    )

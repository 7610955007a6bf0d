"""Reading the store beside a running bot: what the commands that look have in common."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, NoReturn, TypeVar

import typer

from grace.adapters.sqlite.errors import StoreError
from grace.adapters.sqlite.reader import StoreReader

T = TypeVar("T")
Data = Annotated[
    Path, typer.Option("--data", help="The bot's data folder.", envvar="GRACE_DATA_DIR")
]
DEFAULT = Path("grace-data")
Name = Annotated[str, typer.Argument(metavar="ID", help="mission_YYYYMMDD_NNN")]


def read(data: Path, work: Callable[[StoreReader], Awaitable[T]]) -> T:
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


def unknown(name: str) -> NoReturn:
    """Say that there is no such mission, and end."""
    typer.echo(f"there is no mission {name}; `grace mission list` lists them", err=True)
    raise typer.Exit(1)

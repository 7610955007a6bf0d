"""`grace forge`: the local forge alone."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from grace.demo.tools import make_runner
from grace.localforge.forge import ForgeConfig
from grace.localforge.serve import serve as run

app = typer.Typer(no_args_is_help=True)


@app.callback()
def group() -> None:
    """Keep `serve` a command of its own."""


@app.command()
def serve(
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; 0 takes a free one.")] = 3000,
    data: Annotated[Path, typer.Option(help="Where repositories and the database lie.")] = Path(
        "forge-data"
    ),
) -> None:
    """Serve the local forge on loopback; it is not a host for the public."""
    config = ForgeConfig(data=data, port=port)
    asyncio.run(run(config, make_runner(hidden=(data,)), say=typer.echo))

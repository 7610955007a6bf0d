"""`grace serve` and `grace kill-switch`."""

import asyncio
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import httpx
import typer

from grace.adapters.config import ConfigError
from grace.adapters.keys import KeyMaterialError
from grace.adapters.sqlite.errors import StoreError
from grace.app import settings as settings_
from grace.app.boot import serve as run
from grace.app.observe import configure_logs


def serve(
    config: Annotated[
        Path | None,
        typer.Option("--config", help="bot.yaml; the environment (GRACE_*) wins over it."),
    ] = None,
    poll: Annotated[
        bool,
        typer.Option("--poll", help="Ask GitHub for news; needs no public URL and no webhook."),
    ] = False,
) -> None:
    """Run the bot until SIGTERM."""
    given = {"poll": True} if poll else {}
    try:
        settings = settings_.load(config, **given)
        configure_logs(json=settings.log_json, level=settings.log_level)
        asyncio.run(run(settings, typer.echo))
    except (settings_.SettingsError, ConfigError, StoreError, KeyMaterialError) as error:
        typer.echo(f"grace does not start:\n{error}", err=True)
        raise typer.Exit(2) from error
    except OSError as error:
        typer.echo(f"grace does not start: {error}", err=True)
        raise typer.Exit(2) from error


class Position(StrEnum):
    """Where the kill switch is put."""

    ON = "on"
    OFF = "off"


def kill_switch(
    position: Annotated[Position, typer.Argument(help="on: no forward effect, no revert lands.")],
    url: Annotated[str, typer.Option(help="The running bot.")] = "http://127.0.0.1:8080",
    token: Annotated[
        str, typer.Option(envvar="GRACE_OPERATOR_TOKEN", help="The operator's token.")
    ] = "",
) -> None:
    """Stop all forward work of a running bot, or let it go on."""
    try:
        answer = httpx.put(
            f"{url}/kill-switch",
            json={"on": position is Position.ON},
            headers={"Authorization": f"Bearer {token}"},
            timeout=10,
        )
    except httpx.HTTPError as error:
        typer.echo(f"the bot at {url} does not answer: {error}", err=True)
        raise typer.Exit(2) from error
    typer.echo(answer.text)
    if answer.is_error:
        raise typer.Exit(1)

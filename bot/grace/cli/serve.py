"""`grace serve` and `grace kill-switch`."""

import asyncio
import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import httpx
import typer

from grace.adapters.access.errors import AccessError
from grace.adapters.config import ConfigError
from grace.adapters.keys import KeyMaterialError
from grace.adapters.sqlite.errors import StoreError
from grace.app import settings as settings_
from grace.app.boot import serve as run
from grace.app.observe import configure_logs
from grace.app.settings import Settings
from grace.cli.github import NAME, app_request, serve_setup
from grace.setup.app_files import SetupError, Site, refuse_configured

SETUP = (
    "data_dir",
    "listen_host",
    "listen_port",
    "forge_host",
    "forge_api_url",
    "forge_web_url",
)


def serve(
    config: Annotated[
        Path | None,
        typer.Option("--config", help="bot.yaml; the environment (GRACE_*) wins over it."),
    ] = None,
    poll: Annotated[
        bool,
        typer.Option("--poll", help="Ask GitHub for news; needs no public URL and no webhook."),
    ] = False,
    make_app: Annotated[
        str | None,
        typer.Option(
            "--make-app", help="There is no App yet: make it first. URL: where GitHub reaches us."
        ),
    ] = None,
    org: Annotated[
        str | None, typer.Option("--org", help="With --make-app: the organisation that owns it.")
    ] = None,
) -> None:
    """Run the bot until SIGTERM."""
    given = {"poll": True} if poll else {}
    try:
        if make_app is not None:
            config = first_make(make_app, org)
        settings = settings_.load(config, **given)
        configure_logs(json=settings.log_json, level=settings.log_level)
        asyncio.run(run(settings, typer.echo))
    except (
        settings_.SettingsError,
        AccessError,
        ConfigError,
        StoreError,
        KeyMaterialError,
        SetupError,
    ) as error:
        typer.echo(f"grace does not start:\n{error}", err=True)
        raise typer.Exit(2) from error
    except OSError as error:
        typer.echo(f"grace does not start: {error}", err=True)
        raise typer.Exit(2) from error


def first_make(url: str, org: str | None) -> Path:
    """Serve the manifest flow on the bot's own address until the App is made; return its settings.

    Address, folder and forge are the bot's own, from the environment. Where the folder has an App
    already, it is taken.
    """
    known = Settings.model_fields
    given = {name: os.environ.get(f"GRACE_{name.upper()}", known[name].default) for name in SETUP}
    data = Path(given["data_dir"])
    config = data / "bot.yaml"
    if config.exists():
        typer.echo(f"{config} is there already: no App is made")
        return config
    site = Site(given["forge_host"], given["forge_api_url"], given["forge_web_url"])
    listen = (str(given["listen_host"]), int(given["listen_port"]))
    refuse_configured(data, os.environ)
    made = asyncio.run(serve_setup(app_request(url, NAME, org), site, data, listen, typer.echo))
    typer.echo(f"{made.slug} is made; install it: {made.html_url}/installations/new")
    return config


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
    reason: Annotated[str, typer.Option(help="Why; the ledger and every verdict say it.")] = "",
    by: Annotated[str, typer.Option(help="Your name, for the ledger.")] = "operator",
) -> None:
    """Stop all forward work of a running bot, or let it go on."""
    try:
        answer = httpx.put(
            f"{url}/kill-switch",
            json={"on": position is Position.ON, "reason": reason, "actor": by},
            headers={"Authorization": f"Bearer {token}"},
            timeout=10,
        )
    except httpx.HTTPError as error:
        typer.echo(f"the bot at {url} does not answer: {error}", err=True)
        raise typer.Exit(2) from error
    typer.echo(answer.text)
    if answer.is_error:
        raise typer.Exit(1)

"""`grace notify`: see whether channels work."""

import asyncio
import os
from pathlib import Path
from typing import Annotated

import typer

from grace.adapters.config import ConfigError, Given, given, load_configuration
from grace.adapters.notify import AppriseChannels, ChannelUnusable
from grace.app.notifier import TEST

app = typer.Typer(no_args_is_help=True)


@app.callback()
def notify() -> None:
    """See whether people are reached."""


@app.command("test")
def send_test(
    channel: Annotated[str, typer.Argument(help="A channel of notifications.yaml.")],
    config: Annotated[
        Path | None,
        typer.Option("--config-dir", envvar="GRACE_CONFIG_DIR", help="The configuration files."),
    ] = None,
) -> None:
    """Send a test message to a channel."""
    try:
        url = _url(channel, config)
        error = asyncio.run(_send(channel, url))
    except (ConfigError, ChannelUnusable) as wrong:
        typer.echo(f"grace notify: {wrong}", err=True)
        raise typer.Exit(2) from wrong
    if error is not None:
        typer.echo(f"grace notify: {channel}: {error}", err=True)
        raise typer.Exit(1)
    typer.echo(f"{channel} took the message")


def _url(channel: str, config: Path | None) -> str:
    notifications = load_configuration(config).notifications
    if channel not in notifications.channels:
        known = ", ".join(notifications.channels) or "none"
        typer.echo(f"grace notify: there is no channel {channel}; there are: {known}", err=True)
        raise typer.Exit(2)
    alone = notifications.model_copy(
        update={"channels": {channel: notifications.channels[channel]}, "webhooks": {}}
    )
    found: Given = given(alone, os.environ)
    return found.channels[channel]


async def _send(channel: str, url: str) -> str | None:
    channels = AppriseChannels.open({channel: url})
    try:
        return await channels.send(channel, TEST)
    finally:
        channels.close()

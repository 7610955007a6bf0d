"""`grace doctor`: what is wrong with an installation, and what to do about it."""

import asyncio
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import httpx
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from grace.adapters.config import ConfigError, load_configuration
from grace.app import settings as settings_
from grace.setup.examine import Bot, Tools, examine
from grace.setup.findings import Finding, Level, fail

TIMEOUT_S = 15.0
COLOURS = {Level.PASS: "green", Level.WARN: "yellow", Level.FAIL: "bold red"}


class SystemClock:
    """The machine's clock, in UTC."""

    def now(self) -> datetime:
        return datetime.now(UTC)


def doctor(
    config: Annotated[
        Path | None,
        typer.Option("--config", help="bot.yaml; the environment (GRACE_*) wins over it."),
    ] = None,
    repo: Annotated[
        str | None, typer.Option("--repo", help="Look at this OWNER/NAME alone.")
    ] = None,
    url: Annotated[
        str | None, typer.Option("--url", help="Where GitHub should reach the bot: https://...")
    ] = None,
) -> None:
    """Check settings, App, webhook, repositories, metrics and ledger; say what to mend."""
    if repo is not None and not re.fullmatch(r"[\w.-]+/[\w.-]+", repo):
        raise typer.BadParameter("write OWNER/NAME", param_hint="--repo")
    findings = findings_of(config, repo, url)
    Console().print(table(findings))
    counts = {level: sum(f.level is level for f in findings) for level in Level}
    typer.echo(", ".join(f"{count} {level}" for level, count in counts.items()))
    if counts[Level.FAIL]:
        raise typer.Exit(1)


def findings_of(config: Path | None, repo: str | None, url: str | None) -> list[Finding]:
    """Make all checks. Settings that cannot work are findings, and end the examination."""
    try:
        settings = settings_.load(config)
        bot = bot_of(settings, url)
    except settings_.SettingsError as error:
        mend = "set it in the environment or in bot.yaml"
        return [fail("settings", line, mend) for line in str(error).splitlines()]
    except ConfigError as error:
        mend = "mend the file in config_dir"
        return [fail("configuration", line, mend) for line in str(error).splitlines()]
    return asyncio.run(_all(bot, repo))


def bot_of(settings: settings_.Settings, url: str | None) -> Bot:
    """Take from the settings what is examined."""
    if settings.app_id is None:
        raise settings_.SettingsError(
            "forge_token: the doctor examines a GitHub App, and a token has none; "
            "try the bot itself: `grace serve` says what the token lacks"
        )
    signing, secret = settings.signing_key, settings.webhook_secret
    return Bot(
        configuration=load_configuration(settings.config_dir, settings.playbooks_dir),
        data=settings.data_dir,
        host=settings.forge_host,
        api_url=settings.forge_api_url,
        app_id=settings.app_id,
        app_key=settings.private_key(),
        app_key_file=None if settings.app_key is not None else settings.app_key_file,
        webhook_secret=None if secret is None else secret.get_secret_value(),
        signing_key=None if signing is None else signing.get_secret_value(),
        signing_key_path=settings.signing_key_path,
        oidc_issuer=settings.oidc_issuer,
        url=url,
    )


def table(findings: list[Finding]) -> Table:
    """Show findings; strangers' words in them are no markup."""
    shown = Table(box=None)
    for column in ("", "check", "found", "what to do"):
        shown.add_column(column, overflow="fold")
    for each in findings:
        mark = f"[{COLOURS[each.level]}]{each.level}[/]"
        shown.add_row(mark, escape(each.check), escape(each.found), escape(each.mend))
    return shown


async def _all(bot: Bot, repo: str | None) -> list[Finding]:
    async with httpx.AsyncClient(timeout=TIMEOUT_S) as client:
        return [each async for each in examine(bot, Tools(client, SystemClock()), repo)]

"""`grace github`: the App's manifest, and the App made from it."""

import asyncio
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import httpx
import typer
from aiohttp import web

from grace.setup.app_files import (
    NewApp,
    Setting,
    SetupError,
    Site,
    exchange,
    refuse_configured,
)
from grace.setup.app_manifest import (
    START_PATH,
    AppRequest,
    ManifestError,
    form_address,
    manifest_json,
)
from grace.web.manifest import Made, ManifestFlow, NotMade, form, make_manifest_app, page

app = typer.Typer(no_args_is_help=True)

NAME = "Grace Mission Control"
TIMEOUT_S = 20.0
Url = Annotated[str, typer.Option("--url", help="Where GitHub reaches the bot: https://...")]
Name = Annotated[str, typer.Option("--name", help="The App's name; unique at GitHub.")]
Org = Annotated[
    str | None, typer.Option("--org", help="The organisation that owns it; unset: yourself.")
]
WebUrl = Annotated[
    str, typer.Option("--web-url", envvar="GRACE_FORGE_WEB_URL", help="The forge's pages.")
]


class SystemClock:
    """The machine's clock, in UTC."""

    def now(self) -> datetime:
        return datetime.now(UTC)


@app.command()
def manifest(
    url: Url,
    name: Name = NAME,
    org: Org = None,
    web_url: WebUrl = Site().web_url,
    *,
    html: Annotated[bool, typer.Option("--html", help="Print a page with the form.")] = False,
) -> None:
    """Print the App's manifest, or a page that posts it to GitHub."""
    request = app_request(url, name, org)
    address, text = form_address(request, web_url), manifest_json(request)
    if html:
        typer.echo(page("Create the GitHub App", form(address, text)))
        return
    typer.echo(text)
    typer.echo(
        f"\nPost it as the form field `manifest` to {address}\n"
        "(--html prints a page that does), or let `grace github setup` do all of it.",
        err=True,
    )


@app.command()
def setup(  # noqa: PLR0913 - a command's options
    *,
    url: Url,
    name: Name = NAME,
    org: Org = None,
    listen: Annotated[
        str, typer.Option("--listen", help="HOST:PORT; the address of --url must lead here.")
    ] = "127.0.0.1:8080",
    data: Annotated[
        Path, typer.Option("--data", envvar="GRACE_DATA_DIR", help="Where key and settings go.")
    ] = Path("grace-data"),
    host: Annotated[
        str, typer.Option("--host", envvar="GRACE_FORGE_HOST", help="The forge's name.")
    ] = Site().host,
    api_url: Annotated[
        str, typer.Option("--api-url", envvar="GRACE_FORGE_API_URL", help="The forge's REST API.")
    ] = Site().api_url,
    web_url: WebUrl = Site().web_url,
) -> None:
    """Serve the manifest flow until the App is made; write its key and settings."""
    request, site = app_request(url, name, org), Site(host, api_url, web_url)
    address, _, port = listen.rpartition(":")
    if not address or not port.isdigit() or int(port) >= 1 << 16:
        raise typer.BadParameter("write HOST:PORT", param_hint="--listen")
    try:
        refuse_configured(data, os.environ)
        made = asyncio.run(serve_setup(request, site, data, (address, int(port)), typer.echo))
    except (SetupError, OSError) as error:
        typer.echo(f"grace github setup: {error}", err=True)
        raise typer.Exit(2) from error
    typer.echo(
        f"{made.slug} (id {made.id}) is made.\n"
        f"  {data / 'app.pem'}: its private key, for its owner alone\n"
        f"  {data / 'bot.yaml'}: settings with its secrets, for its owner alone\n"
        f"Install it: {made.html_url}/installations/new\n"
        f"Start the bot: grace serve --config {data / 'bot.yaml'}"
    )


async def serve_setup(
    request: AppRequest,
    site: Site,
    data: Path,
    listen: tuple[str, int],
    say: Callable[[str], None],
) -> NewApp:
    """Serve the two pages until the App is made and its files are written; return it."""
    found: list[NewApp] = []
    setting = Setting(site, data, request.public_url)
    async with httpx.AsyncClient(timeout=TIMEOUT_S) as client:

        async def convert(code: str) -> Made:
            try:
                new = await exchange(client, setting, code)
            except SetupError as error:
                say(f"no App yet: {error}")
                raise NotMade(str(error)) from error
            found.append(new)
            return Made(new.slug, new.html_url)

        flow = ManifestFlow(
            manifest=manifest_json(request),
            address=lambda state: form_address(request, site.web_url, state),
            exchange=convert,
            clock=SystemClock(),
            secure=request.url.startswith("https:"),
        )
        runner = web.AppRunner(make_manifest_app(flow), access_log=None, shutdown_timeout=5)
        await runner.setup()
        try:
            await web.TCPSite(runner, *listen).start()
            host, port = runner.addresses[0][:2]
            say(f"listening on {host}:{port}; open this address, once, in your browser:")
            say(f"{request.base}{START_PATH}?token={flow.token}")
            await flow.made.wait()
        finally:
            await runner.cleanup()
    return found[0]


def app_request(url: str, name: str, org: str | None) -> AppRequest:
    """Check what is asked for; BadParameter says what is wrong."""
    try:
        return AppRequest(url, name, org)
    except ManifestError as error:
        raise typer.BadParameter(str(error)) from error

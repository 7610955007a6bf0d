"""`grace token`: make, list and revoke the tokens that API, page and live events take."""

import asyncio
import json
import os
import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final, TypeVar

import httpx
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from grace.adapters.access.errors import AccessError
from grace.adapters.access.store import SqliteAccess
from grace.adapters.sqlite.reader import StoreReader
from grace.cli.reading import DEFAULT, Data, read
from grace.domain.access import Scope
from grace.domain.ledger import LOG_OPENED
from grace.ports.access import TokenDraft
from grace.ports.hub import Token

app = typer.Typer(no_args_is_help=True)

T = TypeVar("T")
_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days"}
_LONGEST: Final = timedelta(days=366)
_LOG: Final = re.compile(r"[\w.:-]+/[0-9]+", re.ASCII)
_LOGIN: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,98})(?:\[bot\])?")
_TARGET: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}", re.ASCII)
_TIMEOUT_S: Final = 15.0


@app.command()
def create(  # noqa: PLR0913 - a command's options
    *,
    name: Annotated[str, typer.Option("--name", help="What it is for, as lists show it.")],
    scope: Annotated[
        list[Scope], typer.Option("--scope", help="What it may be used for; may be repeated.")
    ],
    login: Annotated[
        str | None,
        typer.Option("--login", help="Whose token: it may what the forge lets this person do."),
    ] = None,
    user_id: Annotated[
        int | None,
        typer.Option("--user-id", min=1, help="The id of --login; unset: the forge is asked."),
    ] = None,
    repository: Annotated[
        list[str] | None,
        typer.Option(
            "--repository", help="Good for this one alone: OWNER/NAME or HOST/ID; may be repeated."
        ),
    ] = None,
    target: Annotated[
        list[str] | None,
        typer.Option("--target", help="What a runner's token is for; may be repeated."),
    ] = None,
    expires: Annotated[
        str, typer.Option("--expires", help="How long it is good: 30m, 12h, 90d.")
    ] = "90d",
    data: Data = DEFAULT,
    api_url: Annotated[
        str,
        typer.Option("--api-url", envvar="GRACE_FORGE_API_URL", help="The forge's REST API."),
    ] = "https://api.github.com",
) -> None:
    """Make a token and print it, this once; nobody can read it again."""
    if not name.strip() or len(name) > 100 or not name.isprintable():  # noqa: PLR2004 - a line
        raise typer.BadParameter("give 1 to 100 printable characters", param_hint="--name")
    if user_id is not None and login is None:
        raise typer.BadParameter("is the id of a --login; give both", param_hint="--user-id")
    require_one_use(frozenset(scope), target or ())
    now = datetime.now(UTC)
    draft = TokenDraft(
        name=name.strip(),
        scopes=frozenset(scope),
        expires_at=now + lasts(expires),
        created_by=os.environ.get("USER") or "operator",
        login=login,
        user_id=user_id or (0 if login is None else id_of(api_url, login)),
        logs=frozenset(logs_of(data, repository)) if repository else None,
        targets=frozenset(target or ()),
    )
    token, text = _with(data, lambda store: store.create_token(draft, now))
    typer.echo(text)
    typer.echo(
        f"{token.id} ({token.name}) is good until {token.expires_at:%Y-%m-%d %H:%M} UTC. It is "
        f"not shown again; `grace token revoke {token.id}` ends it.",
        err=True,
    )


@app.command("list")
def list_tokens(
    data: Data = DEFAULT,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List tokens: what each may, whose it is, when it was used last; never the secret."""
    found, now = _with(data, SqliteAccess.tokens), datetime.now(UTC)
    if as_json:
        typer.echo(json.dumps([_document(token, now) for token in found], indent=2))
        return
    if not found:
        typer.echo("there is no token; `grace token create` makes one")
        return
    table = Table(box=None)
    table.add_column("id", no_wrap=True)
    for column in ("name", "scopes", "login", "repositories", "secret", "until", "last used"):
        table.add_column(column, overflow="fold")
    table.add_column("state", no_wrap=True)
    for token in found:
        table.add_row(
            token.id,
            escape(token.name),
            ", ".join(sorted(token.scopes)),
            escape(token.login or "nobody"),
            _good_for(token),
            f"...{token.hint}",
            f"{token.expires_at:%Y-%m-%d}",
            "never" if token.last_used_at is None else f"{token.last_used_at:%Y-%m-%d %H:%M}",
            _state(token, now),
        )
    Console().print(table)


@app.command()
def revoke(
    token_id: Annotated[str, typer.Argument(metavar="ID", help="As `grace token list` shows it.")],
    data: Data = DEFAULT,
) -> None:
    """End a token at once."""
    now = datetime.now(UTC)
    actor = os.environ.get("USER") or "operator"
    token = _with(data, lambda store: store.revoke_token(token_id, actor, now))
    if token is None:
        typer.echo(f"there is no token {token_id}; `grace token list` lists them", err=True)
        raise typer.Exit(1)
    fresh = token.ended == now
    typer.echo(f"{token.id} ({token.name}) {'is revoked' if fresh else 'was revoked before'}")


def require_one_use(scopes: frozenset[Scope], targets: Sequence[str]) -> None:
    """Refuse a runner's token without targets, or with any other use; and targets of others."""
    runs = Scope.RUNNER in scopes
    if runs and len(scopes) > 1:
        raise typer.BadParameter("runner stands alone; make two tokens", param_hint="--scope")
    if runs and not targets:
        told = "name each target that the runner acts on, as subsystems.yaml calls it"
        raise typer.BadParameter(told, param_hint="--target")
    if targets and not runs:
        raise typer.BadParameter("is for --scope runner alone", param_hint="--target")
    for name in targets:
        if not _TARGET.fullmatch(name):
            raise typer.BadParameter(f"{name!r} cannot be a target", param_hint="--target")


def lasts(text: str) -> timedelta:
    """Read how long a token is good; BadParameter says how to write it."""
    found = re.fullmatch(r"([1-9][0-9]{0,6})([mhd])", text, re.ASCII)
    time = timedelta(**{_UNITS[found[2]]: int(found[1])}) if found else None
    if time is None or time > _LONGEST:
        raise typer.BadParameter("write 30m, 12h or 90d, a year at most", param_hint="--expires")
    return time


def id_of(api_url: str, login: str) -> int:
    """Ask the forge who a login is: a name may be given up and taken by somebody else."""
    if not _LOGIN.fullmatch(login):
        raise typer.BadParameter(f"{login!r} cannot be a login", param_hint="--login")
    way = "give --user-id, and the forge is not asked"
    try:
        answer = httpx.get(f"{api_url.rstrip('/')}/users/{login}", timeout=_TIMEOUT_S)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise typer.BadParameter(
            f"{api_url} does not answer ({type(error).__name__}); {way}", param_hint="--login"
        ) from error
    if answer.status_code == httpx.codes.NOT_FOUND:
        raise typer.BadParameter(f"{api_url} knows nobody called {login}", param_hint="--login")
    try:
        found = int(answer.json()["id"]) if answer.is_success else 0
    except (ValueError, KeyError, TypeError):
        found = 0
    if found <= 0:
        raise typer.BadParameter(
            f"{api_url} answered {answer.status_code} to who {login} is; {way}",
            param_hint="--login",
        )
    return found


def logs_of(data: Path, repositories: Sequence[str]) -> Sequence[str]:
    """Name the logs of repositories; those given by name are looked up in the bot's store."""
    names = [each for each in repositories if not _LOG.fullmatch(each)]
    known = read(data, _names) if names else {}
    for name in names:
        if name.lower() not in known:
            listed = ", ".join(sorted(known)) or "none"
            raise typer.BadParameter(
                f"{name}: no log of it in {data}; known are {listed}; HOST/ID needs no log",
                param_hint="--repository",
            )
    return [known.get(each.lower(), each) for each in repositories]


async def _names(store: StoreReader) -> dict[str, str]:
    """Read which log is whose: as it was opened, and as its newest mission calls it."""
    found: dict[str, str] = {}
    for log in await store.logs():
        for entry in await store.entries(log, 0, 1):
            if entry.envelope.kind == LOG_OPENED and entry.payload is not None:
                found[str(entry.payload["repository"]).lower()] = log
    for mission in await store.missions():
        found[mission.ref.repository.lower()] = mission.ref.log
    found.pop("", None)  # the bot's own log is of no repository
    return found


def _with(data: Path, work: Callable[[SqliteAccess], Awaitable[T]]) -> T:
    """Open the file of tokens, beside a running bot, and close it again."""

    async def run() -> T:
        store = await SqliteAccess.open(data / "access.db")
        try:
            return await work(store)
        finally:
            await store.close()

    try:
        return asyncio.run(run())
    except AccessError as error:
        typer.echo(error.sentence, err=True)
        raise typer.Exit(2) from error


def _state(token: Token, now: datetime) -> str:
    if token.ended is not None:
        return "revoked"
    return "expired" if token.expires_at <= now else "in force"


def _good_for(token: Token) -> str:
    """Say which repositories a token is for; of a runner's, which targets."""
    if token.targets:
        return escape(", ".join(sorted(token.targets)))
    return "all" if token.logs is None else escape(", ".join(sorted(token.logs)))


def _document(token: Token, now: datetime) -> dict[str, object]:
    return {
        "id": token.id,
        "name": token.name,
        "hint": token.hint,
        "scopes": sorted(token.scopes),
        "login": token.login,
        "user_id": token.user_id or None,
        "logs": None if token.logs is None else sorted(token.logs),
        "targets": sorted(token.targets),
        "created_at": token.created_at.isoformat(),
        "expires_at": token.expires_at.isoformat(),
        "last_used_at": None if token.last_used_at is None else token.last_used_at.isoformat(),
        "state": _state(token, now),
    }

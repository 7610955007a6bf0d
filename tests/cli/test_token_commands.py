"""`grace token`: the secret is shown once, lists never show it, and mistakes are named."""

import asyncio
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
import respx
from click.testing import Result
from typer.testing import CliRunner

from grace.adapters.access.store import SqliteAccess
from grace.cli.main import app
from grace.domain.access import Scope
from grace.ports.hub import Token
from support.past import waiting, write_past

API = "https://api.forge.test"


def grace(data: Path, *args: str) -> Result:
    env = {"COLUMNS": "200", "USER": "olga", "GRACE_DATA_DIR": str(data)}
    return CliRunner().invoke(app, ["token", *args], env=env)


def found(data: Path, text: str) -> Token | None:
    async def look() -> Token | None:
        store = await SqliteAccess.open(data / "access.db")
        try:
            return await store.token_of(text, datetime.now(UTC))
        finally:
            await store.close()

    return asyncio.run(look())


def test_create_prints_the_secret_alone_and_the_rest_aside(tmp_path: Path) -> None:
    said = grace(tmp_path, "create", "--name", "ci", "--scope", "viewer", "--scope", "agent")
    assert said.exit_code == 0, said.output
    assert re.fullmatch(r"grace_[A-Za-z0-9]{43}\n", said.stdout)
    token = found(tmp_path, said.stdout.strip())
    assert token is not None
    assert token.scopes == {Scope.VIEWER, Scope.AGENT}
    assert (token.login, token.logs) == (None, None)
    assert abs(token.expires_at - token.created_at - timedelta(days=90)) < timedelta(seconds=1)
    assert token.id in said.stderr
    assert said.stdout.strip() not in said.stderr


def test_list_shows_everything_but_the_secret_and_revoke_ends_it_once(tmp_path: Path) -> None:
    assert "there is no token" in grace(tmp_path, "list").stdout
    args = ("create", "--name", "[red]x", "--scope", "admin", "--repository", "forge.test/7")
    text = grace(tmp_path, *args).stdout.strip()
    (token,) = json.loads(grace(tmp_path, "list", "--json").stdout)
    assert token["state"] == "in force"
    assert token["logs"] == ["forge.test/7"]
    shown = grace(tmp_path, "list").stdout
    row = shown.splitlines()[-1]
    for words in (token["id"], "[red]x", "admin", "nobody", "forge.test/7", f"...{text[-4:]}"):
        assert words in row
    assert "never" in row
    assert text not in shown
    assert found(tmp_path, text) is not None
    assert grace(tmp_path, "revoke", token["id"]).stdout.endswith("is revoked\n")
    assert found(tmp_path, text) is None
    assert grace(tmp_path, "revoke", token["id"]).stdout.endswith("was revoked before\n")
    assert "revoked" in grace(tmp_path, "list").stdout.splitlines()[-1]
    unknown = grace(tmp_path, "revoke", "t_nothing")
    assert (unknown.exit_code, unknown.stdout) == (1, "")
    assert "grace token list" in unknown.stderr


def test_an_expired_token_is_listed_as_that(tmp_path: Path) -> None:
    assert grace(tmp_path, "create", "--name", "a", "--scope", "viewer").exit_code == 0

    async def age() -> None:
        store = await SqliteAccess.open(tmp_path / "access.db")
        store._connection.execute("UPDATE tokens SET expires_at = created_at")
        await store.close()

    asyncio.run(age())
    (token,) = json.loads(grace(tmp_path, "list", "--json").stdout)
    assert token["state"] == "expired"


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("--scope", "viewer"), "--name"),
        (("--name", "x"), "--scope"),
        (("--name", "x", "--scope", "root"), "root"),
        (("--name", " ", "--scope", "viewer"), "printable"),
        (("--name", "a\x1b[2Jb", "--scope", "viewer"), "printable"),
        (("--name", "x", "--scope", "viewer", "--expires", "soon"), "30m, 12h or 90d"),
        (("--name", "x", "--scope", "viewer", "--expires", "0d"), "30m, 12h or 90d"),
        (("--name", "x", "--scope", "viewer", "--expires", "367d"), "a year at most"),
        (("--name", "x", "--scope", "viewer", "--user-id", "5"), "--login"),
        (("--name", "x", "--scope", "viewer", "--login", "../x"), "cannot be a login"),
    ],
)
def test_a_mistake_is_named_and_makes_no_token(
    tmp_path: Path, args: tuple[str, ...], says: str
) -> None:
    said = grace(tmp_path, "create", *args)
    assert said.exit_code == 2
    assert says in said.stderr
    assert said.stdout == ""
    assert not (tmp_path / "access.db").exists()


def test_a_login_is_looked_up_at_the_forge(tmp_path: Path, respx_mock: respx.MockRouter) -> None:
    respx_mock.get(f"{API}/users/rita").respond(json={"login": "rita", "id": 5})
    args = ("create", "--name", "x", "--scope", "agent", "--login", "rita", "--api-url", API)
    token = found(tmp_path, grace(tmp_path, *args).stdout.strip())
    assert token is not None
    assert (token.login, token.user_id) == ("rita", 5)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (httpx.Response(404), "knows nobody called rita"),
        (httpx.Response(401), "give --user-id"),
        (httpx.Response(200, text="<html>"), "give --user-id"),
        (httpx.Response(200, json={"id": None}), "give --user-id"),
        (httpx.ConnectError("no"), "does not answer"),
    ],
)
def test_a_login_that_nobody_vouches_for_gets_no_token(
    tmp_path: Path, respx_mock: respx.MockRouter, answer: httpx.Response | Exception, says: str
) -> None:
    route = respx_mock.get(f"{API}/users/rita")
    if isinstance(answer, Exception):
        route.mock(side_effect=answer)
    else:
        route.mock(return_value=answer)
    args = ("create", "--name", "x", "--scope", "agent", "--login", "rita", "--api-url", API)
    said = grace(tmp_path, *args)
    assert said.exit_code == 2
    assert says in " ".join(said.stderr.replace("│", " ").split())
    given = grace(tmp_path, *args, "--user-id", "5")
    token = found(tmp_path, given.stdout.strip())
    assert token is not None
    assert token.user_id == 5


def test_a_repository_is_found_by_its_name_in_the_ledger(tmp_path: Path) -> None:
    asyncio.run(write_past(tmp_path / "grace.db", (waiting,)))
    base = ("create", "--name", "x", "--scope", "viewer", "--repository")
    said = grace(tmp_path, *base, "Acme/Mesh")
    assert said.exit_code == 0, said.output
    token = found(tmp_path, said.stdout.strip())
    assert token is not None
    assert token.logs is not None
    (log,) = token.logs
    assert re.fullmatch(r"[a-z.]+/[0-9]+", log)
    unknown = grace(tmp_path, *base, "acme/other")
    assert unknown.exit_code == 2
    assert "acme/mesh" in unknown.stderr
    nowhere = grace(tmp_path / "empty", *base, "acme/mesh")
    assert (nowhere.exit_code, "is not there" in nowhere.stderr) == (2, True)

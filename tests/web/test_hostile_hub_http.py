"""What HTTP can be made to carry, and how much: over the whole server as it is composed."""

import asyncio
import gzip
import json
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from grace.adapters.sqlite.capa_rows import MOST_AN_HOUR
from grace.domain.access import Scope
from grace.domain.people import Permission
from grace.ports import ForgeUnavailable
from support.hostile_routes import CAPA, HTML, PAGES, WRITES, filled, routes
from support.hostile_world import HIDDEN, MESH, SECRET, Hostile, hostile
from support.hub_world import Past, write_hub_past

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Past:
    return asyncio.run(write_hub_past(tmp_path_factory.mktemp("hostile") / "grace.db"))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def seen(past: Past, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Hostile]:
    """Serve a world that is looked at and not changed."""
    async with hostile(past, tmp_path_factory.mktemp("hostile-seen")) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module")
async def world(past: Past, tmp_path: Path) -> AsyncIterator[Hostile]:
    async with hostile(past, tmp_path) as made:
        yield made


HOSTS = (
    "evil.example",
    "localhost/evil.example",
    "localhost:x/../evil",
    "evil.example:1@localhost",
    "localhost@evil.example",
    "localhost#.evil.example",
    "localhost?.evil.example",
    "localhost, evil.example",
    "localhost\\evil",
)


@pytest.mark.parametrize("host", HOSTS)
async def test_a_name_with_more_in_it_is_not_ours(seen: Hostile, host: str) -> None:
    for path in ("/sign-in/start", "/mission-control/keys", "/"):
        answer = await seen.caller({"Host": host}).get(path)
        assert answer.status_code == 421, path
        assert "location" not in answer.headers


@pytest.mark.parametrize("path", ["/mission-control/missions", "/hooks/github", "/sign-out"])
@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd"])
async def test_a_body_that_is_not_what_it_says_is_the_senders_fault(
    seen: Hostile, path: str, encoding: str
) -> None:
    client = seen.caller({})
    if path != "/hooks/github":
        client = await seen.person("alice")
    headers = {"Content-Encoding": encoding, "Content-Type": "application/json"}
    answer = await client.post(path, content=b"{not compressed}", headers=headers)
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.headers["Content-Type"].startswith(("application/problem+json", "text/plain"))


async def test_a_small_body_that_unpacks_to_a_large_one_is_refused(seen: Hostile) -> None:
    bomb = gzip.compress(b" " * (8 << 20))
    client = await seen.client(Scope.ADMIN, login="boss")
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    answer = await client.post("/mission-control/missions", content=bomb, headers=headers)
    assert answer.status_code == 413


TEXTS = (
    b"[" * 100_000,
    b'{"a":' * 50_000,
    b'{"subsystem_id": "\\ud800"}',
    b'{"subsystem_id": "a\xff"}',
    b'{"severity": NaN}',
    b'{"severity": ' + b"9" * 5000 + b"}",
    b"",
    b"null",
    b"\xef\xbb\xbf{}",
)


@pytest.mark.parametrize("text", TEXTS, ids=lambda t: repr(t[:20]))
async def test_a_body_that_is_hardly_json_is_a_problem(seen: Hostile, text: bytes) -> None:
    client = await seen.client(Scope.ADMIN, login="boss")
    for method, path, _ in WRITES[:4]:
        answer = await client.request(
            method,
            filled(seen, path, seen.names),
            content=text,
            headers={"Content-Type": "application/json"},
        )
        assert answer.status_code in {415, 422}, (path, answer.text)


ODD = (
    "%00",
    "%ff",
    "%ed%a0%80",
    "a%0d%0aX:1",
    "%C0%AF",
    "'\"<x>",
    "{}",
    "1e400",
    "9" * 30,
    "a" * 3000,
)
PARAMETERS = ("after", "before", "limit", "text", "pattern", "mission", "status", "log", "agent")


@pytest.mark.parametrize("odd", ODD, ids=lambda o: o[:12])
async def test_an_odd_address_is_no_fault_of_ours(seen: Hostile, odd: str) -> None:
    boss = await seen.client(Scope.ADMIN, login="boss")
    query = [f"{name}={odd}" for name in PARAMETERS]
    for method, path in routes(seen):
        if method != "GET" or not path.startswith(("/", "/mission-control")) or path == "/ws":
            continue
        if path in PAGES or "{" in path:
            urls = [re.sub(r"{\w+}", odd, path)] if "{" in path else [f"{path}?{q}" for q in query]
        elif path in {"/mission-control/missions", "/mission-control/activity", "/sign-in"}:
            urls = [f"{path}?{q}" for q in query]
        else:
            continue
        for url in urls:
            answer = await boss.get(url, headers=HTML)
            assert answer.status_code < 500, (url, answer.text)
            if answer.headers.get("Content-Type", "").startswith("text/html"):
                assert "<x>" not in answer.text


@pytest.mark.parametrize(
    "at", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "9999-12-31T23:59:59Z"]
)
@pytest.mark.parametrize("name", ["due_at", "check_at"])
async def test_no_date_breaks_the_register(seen: Hostile, name: str, at: str) -> None:
    tara, alice = await seen.person("tara"), await seen.person("alice")
    opened = await tara.post("/mission-control/capa", json={**CAPA, name: at})
    assert opened.status_code == 422
    assert opened.json()["errors"][0]["field"] == name
    url = f"/mission-control/capa/{seen.names['capa']}"
    assert (await alice.patch(url, json={name: at})).status_code == 422
    assert (await tara.get("/capa", headers=HTML)).status_code == 200


async def test_capas_are_bounded_by_the_hour_for_each_repository(world: Hostile) -> None:
    """Each has its issue filed by the bot, out of what its installation may write."""
    tara = await world.person("tara")
    answers = [await tara.post("/mission-control/capa", json=CAPA) for _ in range(MOST_AN_HOUR)]
    codes = [answer.status_code for answer in answers]
    # One stands there already, and those of missions count too.
    assert codes[0] == 201
    assert codes[-1] == 422
    assert json.loads(answers[-1].text)["errors"][0]["field"] == "subsystem_id"
    boss = await world.person("boss")
    elsewhere = {**CAPA, "subsystem_id": f"{SECRET}_core"}
    assert (await boss.post("/mission-control/capa", json=elsewhere)).status_code == 201


async def test_one_installations_limit_blinds_nobody_elsewhere(world: Hostile) -> None:
    alice, boss = await world.person("alice"), await world.person("boss")
    assert (await boss.get("/", headers=HTML)).status_code == 200
    silent = ForgeUnavailable(f"{SECRET} is out of its limit")
    for login in ("alice", "boss"):
        world.table.said[HIDDEN.log, login] = silent
    answer = await alice.get("/mission-control/missions")
    assert answer.status_code == 200
    assert len(answer.json()["missions"]) > 1
    # Whoever read it is told that nobody can say, and not that it is gone.
    world.clock.at += timedelta(minutes=6)
    assert (await boss.get("/mission-control/missions")).status_code == 503
    world.table.said[MESH.log, "mallory"] = Permission.NONE
    assert (await alice.get("/mission-control/missions")).status_code == 200


async def test_looking_at_a_stream_by_head_opens_none(seen: Hostile) -> None:
    boss = await seen.client(Scope.ADMIN, login="boss")
    for path in ("/events", "/ws"):
        assert (await boss.head(path)).status_code == 405
    assert seen.live.figures().listeners == 0

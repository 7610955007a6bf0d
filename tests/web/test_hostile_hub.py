"""The usual attempts over the whole server as it is composed: pages, API and live events."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
import pytest_asyncio

from grace.domain.access import Scope
from grace.domain.people import Permission
from grace.web.access.headers import POLICY
from grace.web.alerts import NAMED
from support.hostile_routes import (
    CAPA,
    HTML,
    MISSION,
    PAGES,
    WRITES,
    asked,
    content,
    filled,
    routes,
)
from support.hostile_world import HIDDEN, MESH, SECRET, Hostile, hostile, unknown
from support.hub_world import Past, write_hub_past

pytestmark = pytest.mark.asyncio(loop_scope="module")
# Whom the door does not ask who they are: machines with proofs of their own, and what is public.
PUBLIC = {
    *("GET /healthz", "GET /readyz", "GET /metrics", "GET /sign-in", "GET /sign-in/start"),
    *("GET /mission-control/keys", "GET /openapi.json", "GET /api", "GET /static/{name}"),
    *("POST /sign-out",),
}
PROVEN = {
    *("POST /hooks/github", "POST /ci/results", "PUT /kill-switch"),
    *(f"POST /alerts/{name}" for name in (*NAMED, "custom/{name}")),
    "GET /sign-in/callback",
}


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


async def test_the_door_stands_before_every_route(seen: Hostile) -> None:
    nobody = seen.caller({})
    for method, path in routes(seen):
        url = filled(seen, path, seen.names)
        answer = await nobody.request(method, url)
        name = f"{method} {path}"
        if name in PROVEN:
            assert answer.status_code in {401, 403, 422}, name
        elif name in PUBLIC:
            assert answer.status_code in {200, 303}, name
        else:
            assert answer.status_code == 401, name
            assert SECRET not in answer.text
    for path in PAGES:
        answer = await nobody.get(path, headers=HTML)
        assert answer.status_code == 303
        assert answer.headers["Location"].startswith("/sign-in?next=%2F")


async def test_every_answer_has_the_security_headers(seen: Hostile) -> None:
    boss, nobody = await seen.client(Scope.ADMIN, login="boss"), seen.caller({})
    for method, path in [*routes(seen), ("GET", "/nowhere"), ("TRACE", "/"), ("OPTIONS", "/capa")]:
        if path in {"/ws", "/events"}:
            continue
        url = filled(seen, path, seen.names)
        for client, headers in ((boss, {}), (nobody, {}), (nobody, HTML), (boss, HTML)):
            answer = await client.request(
                "GET" if method == "GET" else method, url, headers=headers
            )
            assert answer.status_code < 500, (method, url, answer.text)
            assert answer.headers["Content-Security-Policy"] == POLICY, (method, url)
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["X-Frame-Options"] == "DENY"
            assert "Access-Control-Allow-Origin" not in answer.headers
            if not url.startswith(("/static/", "/api", "/openapi")):
                assert answer.headers["Cache-Control"] == "no-store", (method, url)


async def test_looking_changes_nothing(world: Hostile) -> None:
    boss = await world.client(Scope.ADMIN, login="boss")
    before = content(world)
    for method, path in routes(world):
        if method != "GET" or path in {"/ws", "/events"}:
            continue
        url = filled(world, path, world.names)
        query = {"on": "true", "state": "closed", "agent_id": "x", "agent_role": "y", "sha": "0"}
        for each in (url, f"{url}?{httpx.QueryParams(query)}"):
            for accept in ("application/json", "text/html"):
                await boss.get(each, headers={"Accept": accept, "Idempotency-Key": "k"})
        await boss.request("OPTIONS", url)
        await boss.head(url, headers=HTML)
    assert content(world) == before
    await boss.post("/mission-control/capa", json=CAPA)
    assert content(world) != before, "the measure itself sees a change"


READERS = [
    ("a person's", (Scope.VIEWER,), {"login": "mallory"}),
    ("everything's", tuple(Scope), {"login": "alice"}),
    ("a bound nobody's", (Scope.ADMIN,), {"logs": frozenset({MESH.log})}),
    (
        "one bound to what its person does not see",
        (Scope.ADMIN,),
        {"login": "mallory", "logs": frozenset({MESH.log, HIDDEN.log})},
    ),
]


@pytest.mark.parametrize(("scopes", "more"), [r[1:] for r in READERS], ids=[r[0] for r in READERS])
async def test_what_is_hidden_is_nowhere(
    seen: Hostile, scopes: tuple[Scope, ...], more: dict[str, object]
) -> None:
    reader = await seen.client(*scopes, **more)  # type: ignore[arg-type]
    boss = await seen.client(Scope.ADMIN, login="boss")
    shown = 0
    for url in asked(seen):
        accepts = (
            ("application/json", "application/x-ndjson") if "entries" in url else ("text/html",)
        )
        for accept in accepts:
            answer = await reader.get(url, headers={"Accept": accept})
            # What the reader wrote into the address may come back, and nothing more.
            told = answer.text.replace(urlsplit(url).query, "").replace(f"{SECRET}-agent", "")
            assert SECRET not in told, (url, told[max(0, told.find(SECRET) - 200) :][:300])
            shown += SECRET in (await boss.get(url, headers={"Accept": accept})).text
    assert shown > 10, "whoever may see it does"


async def test_what_is_hidden_is_answered_like_what_never_was(seen: Hostile) -> None:
    clients = [await seen.person("mallory"), await seen.client(*Scope, login="alice")]
    hidden, never = {**seen.hidden, "log": HIDDEN.log}, unknown()
    for method, path in routes(seen):
        if "{" not in path or path.startswith(("/static", "/mission-control/webhooks")):
            continue
        for client in clients:
            both = []
            for names in (hidden, never):
                url = filled(seen, path, names)
                for body in (None, {"agent_id": "x", "agent_role": "y"}, {"state": "closed"}):
                    answer = await client.request(method, url, json=body, headers=HTML)
                    told = answer.text.replace(url, "")
                    headers = {k: v for k, v in answer.headers.items() if k != "date"}
                    headers.pop("content-length", None)
                    for name in names.values():
                        told = told.replace(name, "")
                    both.append((answer.status_code, told, headers, body))
            half = len(both) // 2
            if path != "/mission-control/trust-scores/{agent_id}":
                assert both[:half] == both[half:], (method, path)


@pytest.mark.parametrize(
    ("scopes", "more", "may"),
    [
        ((Scope.VIEWER,), {"login": "alice"}, ()),
        ((Scope.VIEWER,), {}, ()),
        ((Scope.OPERATOR,), {}, ("kill-switch",)),
        ((Scope.OPERATOR,), {"logs": frozenset({MESH.log})}, ()),
        ((Scope.AGENT,), {}, ("claim", "release")),
        ((Scope.AGENT,), {"login": "mallory"}, ("claim", "release")),
        ((Scope.AGENT,), {"login": "alice"}, ("missions", "execute", "claim", "release")),
        ((Scope.OPERATOR,), {"login": "stranger"}, ("kill-switch",)),
        ((Scope.ADMIN,), {"login": "stranger", "logs": frozenset({MESH.log})}, ()),
    ],
)
async def test_a_token_does_what_its_scopes_and_its_person_may(
    world: Hostile, scopes: tuple[Scope, ...], more: dict[str, object], may: tuple[str, ...]
) -> None:
    client = await world.client(*scopes, **more)  # type: ignore[arg-type]
    before = content(world)
    for method, path, body in WRITES:
        url = filled(world, path, world.names)
        answer = await client.request(method, url, json=body)
        name = url.rpartition("/")[2]
        if name in may:
            # 403 and 409 by the register itself: another agent's name, nothing to give back.
            assert answer.status_code in {200, 201, 202, 403, 409}, (url, answer.text)
        else:
            assert answer.status_code in {403, 404, 422}, (url, answer.text)
    if not set(may) - {"claim", "release"}:
        assert content(world) == before


async def test_a_session_writes_nothing_without_its_own_page(world: Hostile) -> None:
    good, other = await world.person("alice"), await world.person("boss")
    before = content(world)
    for headers in (
        {"X-CSRF-Token": ""},
        {"X-CSRF-Token": other.headers["X-CSRF-Token"]},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ):
        for method, path, body in WRITES:
            url = filled(world, path, world.names)
            answer = await good.request(method, url, json=body, headers=headers)
            assert answer.status_code == 403, (url, headers)
    assert content(world) == before
    assert (await good.post("/mission-control/capa", json=CAPA)).status_code == 201


async def test_an_answer_under_a_key_is_of_whom_it_was_given_to(world: Hostile) -> None:
    alice, tara = await world.person("alice"), await world.person("tara")
    key = {"Idempotency-Key": "the-same"}
    first = await alice.post("/mission-control/missions", json=MISSION, headers=key)
    assert first.status_code == 201, first.text
    second = await tara.post("/mission-control/missions", json=MISSION, headers=key)
    assert second.status_code == 201
    assert second.json()["mission_id"] != first.json()["mission_id"]
    assert (second.json()["requester"], first.json()["requester"]) == ("tara", "alice")


async def test_an_answer_under_a_key_is_gone_with_its_repository(world: Hostile) -> None:
    alice = await world.person("alice")
    asked_for = {"/mission-control/missions": MISSION, "/mission-control/capa": CAPA}
    for path, body in asked_for.items():
        key = {"Idempotency-Key": path}
        assert (await alice.post(path, json=body, headers=key)).status_code == 201
        assert (await alice.post(path, json=body, headers=key)).status_code == 201
    world.table.said[MESH.log, "alice"] = Permission.NONE
    world.clock.at += timedelta(minutes=2)
    for path, body in asked_for.items():
        answer = await alice.post(path, json=body, headers={"Idempotency-Key": path})
        assert (answer.status_code, "mission_2" in answer.text) == (403, False), path

"""A small server behind the real door, with a clock and a forge that a test holds."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
from aiohttp import web

from grace.adapters.access.store import SqliteAccess
from grace.domain.access import Scope
from grace.domain.people import Actor
from grace.ports.access import SignInFailed, TokenDraft
from grace.web.access.door import guard
from grace.web.access.entrance import ACCESS, Access
from grace.web.access.forgery import csrf_token
from grace.web.access.rates import Rates
from grace.web.access.recognise import still_known
from grace.web.access.seal import Seal
from grace.web.access.sign_in import add_routes
from grace.web.access.site import Site
from grace.web.hub import principal_of
from grace.web.problems import Refused, problem

START = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
KEY = b"a key of tests that has more than 32 bytes"
ALICE = Actor(login="alice", id=11)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class HeldClock:
    """Time that goes on when a test says so."""

    at: datetime = START

    def now(self) -> datetime:
        return self.at

    def seconds(self) -> float:
        return self.at.timestamp()

    def go(self, **by: float) -> None:
        self.at += timedelta(**by)


@dataclass
class FakeForge:
    """A forge at which everybody is who the code says: `code-alice`, once."""

    spent: list[str] = field(default_factory=list)
    proven: list[tuple[str, str]] = field(default_factory=list)
    people: dict[str, Actor] = field(default_factory=lambda: {"code-alice": ALICE})

    def address(self, state: str, challenge: str, redirect_uri: str) -> str:
        return f"https://forge.test/authorize?state={state}&c={challenge}&to={redirect_uri}"

    async def person(self, code: str, verifier: str, redirect_uri: str) -> Actor:
        if code in self.spent or code not in self.people:
            raise SignInFailed("forge.test did not let you in: <its code was used>")
        self.spent.append(code)
        self.proven.append((verifier, redirect_uri))
        return self.people[code]


@dataclass
class Door:
    """A server that listens, and what stands behind it."""

    url: str
    access: Access
    store: SqliteAccess
    clock: HeldClock
    forge: FakeForge
    client: httpx.AsyncClient

    @property
    def netloc(self) -> str:
        return urlsplit(self.url).netloc

    async def token(self, *scopes: Scope, **fields: object) -> str:
        """Make a token that is good for a day; return its text."""
        draft = TokenDraft("test", frozenset(scopes or {Scope.VIEWER}), START, "root")
        given: dict[str, object] = {"expires_at": self.clock.now() + timedelta(days=1), **fields}
        _, text = await self.store.create_token(replace(draft, **given), self.clock.now())
        return text

    async def cookie(self, person: Actor = ALICE) -> tuple[str, str]:
        """Begin a session without the forge; return its header `Cookie` and its CSRF token."""
        now = self.clock.now()
        session = await self.store.begin_session(person, now, now + self.access.life)
        seal = self.access.seal
        return f"{self.access.session_cookie}={seal.session(session)}", seal.csrf(session)

    async def begin(self, onward: str = "/", cookie: str = "") -> tuple[str, str]:
        """Begin to sign in; return the state, and the browser's header `Cookie`."""
        headers = {"Cookie": cookie} if cookie else {}
        answer = await self.client.get("/sign-in/start", params={"next": onward}, headers=headers)
        assert answer.status_code == 303, answer.text
        (state,) = parse_qs(urlsplit(answer.headers["Location"]).query)["state"]
        jar = set_cookies(answer)
        return state, f"{self.access.sign_in_cookie}={jar[self.access.sign_in_cookie][0]}"

    async def come_back(
        self, state: str, cookie: str, code: str = "code-alice", **more: str
    ) -> httpx.Response:
        """Bring the forge's answer to the callback."""
        params = {"code": code, "state": state, **more}
        return await self.client.get("/sign-in/callback", params=params, headers={"Cookie": cookie})


def set_cookies(answer: httpx.Response) -> dict[str, tuple[str, str]]:
    """Read `Set-Cookie` headers: value and attributes by name."""
    found = {}
    for header in answer.headers.get_list("set-cookie"):
        pair, _, attributes = header.partition(";")
        name, _, value = pair.partition("=")
        found[name] = (value.strip('"'), attributes)
    return found


@web.middleware
async def refusals(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except Refused as refused:
        return problem(refused.status, refused.sentence, refused.errors)


async def who(request: web.Request) -> web.Response:
    """Answer who asks, and what was sent."""
    said = json.loads(principal_of(request).model_dump_json())
    sent = (await request.read()).decode("utf-8", "replace")
    return web.json_response({**said, "sent": sent, "csrf": csrf_token(request)})


async def anybody(request: web.Request) -> web.Response:
    return web.json_response({"sent": (await request.read()).decode()})


async def page(request: web.Request) -> web.Response:
    """Show a form as pages have them."""
    text = (
        f'<!doctype html><title>Page</title><p id="who">{principal_of(request).login}</p>'
        f'<form method="post" action="/sign-out"><input type="hidden" name="csrf_token" '
        f'value="{csrf_token(request)}"><button>Sign out</button></form>'
    )
    return web.Response(text=text, content_type="text/html")


async def socket(request: web.Request) -> web.StreamResponse:
    """Say, as often as asked, who this is now."""
    principal_of(request)
    made = web.WebSocketResponse()
    await made.prepare(request)
    async for _ in made:
        now = await still_known(request)
        await made.send_str("nobody" if now is None else now.id)
    return made


def make_app(access: Access) -> web.Application:
    app = web.Application(client_max_size=25 << 20, middlewares=[refusals])
    app[ACCESS] = access
    guard(app)
    add_routes(app)
    app.router.add_route("*", "/who", who)
    app.router.add_post("/hooks/github", anybody)
    app.router.add_get("/static/x.css", anybody)
    app.router.add_get("/open", anybody)
    app.router.add_get("/page", page)
    app.router.add_get("/ws", socket)
    return app


@asynccontextmanager
async def opened(
    folder: Path, public_url: str | None = None, per_minute: int = 600, **changed: object
) -> AsyncIterator[Door]:
    """Serve behind the door; `changed` are fields of `Access`."""
    clock, forge = HeldClock(), FakeForge()
    store = await SqliteAccess.open(folder / "access.db")
    made = Access(
        store=store,
        clock=clock,
        seal=Seal(KEY),
        site=Site(public_url),
        rates=Rates(per_minute, clock.seconds),
        forge=forge,
        forge_host="forge.test",
        operators=frozenset({"olga"}),
    )
    access = replace(made, **changed)
    runner = web.AppRunner(make_app(access), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        async with httpx.AsyncClient(base_url=url, timeout=20, verify=False) as client:
            yield Door(url, access, store, clock, forge, client)
    finally:
        await runner.cleanup()
        await store.close()

"""A store that is followed live: real SQLite, a real mesh, real sockets; who asks is a header."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import aiohttp
from aiohttp import web

from grace.adapters.keys import Ed25519Key, PublicKeys, raw_line
from grace.adapters.sqlite.store import SqliteStore
from grace.app.mesh import Bell, TriggerMesh
from grace.domain.access import Principal, Reach, Scope
from grace.domain.decision import Note
from grace.domain.mission import MissionRef
from grace.ports import ForgeError
from grace.web.hub import HUB, PRINCIPAL, About, Hub, principal_of
from grace.web.live import LIVE, Live, LiveLimits, add_routes
from grace.web.problems import Refused, problem

KEY = Ed25519Key(bytes(range(32)))
KEYS = PublicKeys(KEY.public)
NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
MESH, SHOP = (
    MissionRef(host="forge.test", repository_id=n, repository=name)
    for n, name in ((1, "acme/mesh"), (2, "acme/shop"))
)
EVERYTHING = Reach(logs=None, own=True)
WHO = "X-Who"


@dataclass
class Doorman:
    """Who may see what; a test changes it while somebody follows."""

    reaches: dict[str, Reach] = field(default_factory=lambda: {"ann": EVERYTHING})
    silent: bool = False
    asked: int = 0

    async def recognise(self, request: web.Request) -> Principal | None:
        bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
        name = request.headers.get(WHO) or bearer or request.cookies.get("who", "")
        if name not in self.reaches:
            return None
        return Principal(kind="person", id=name, login=name, scopes=frozenset({Scope.VIEWER}))

    async def reach(self, principal: Principal) -> Reach:
        self.asked += 1
        if self.silent:
            raise ForgeError("the forge is silent")
        return self.reaches[principal.id]


@dataclass
class Followed:
    """A store with its mesh, and a server that shows it live."""

    store: SqliteStore
    mesh: TriggerMesh
    live: Live
    door: Doorman
    runner: web.AppRunner
    session: aiohttp.ClientSession

    @property
    def url(self) -> str:
        return address(self.runner)

    def connections(self) -> int:
        """Count the connections that the server holds open."""
        return 0 if self.runner.server is None else len(self.runner.server.connections)

    async def tell(
        self, count: int = 1, ref: MissionRef = MESH, kind: str = "mission.held"
    ) -> None:
        """Append entries, one commit each."""
        for _ in range(count):
            note = Note(kind=kind, actor="grace", payload={"reason": "why"})
            await self.store.record(note, NOW, ref=ref)

    @asynccontextmanager
    async def socket(
        self, query: str = "", who: str = "ann"
    ) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        async with self.session.ws_connect(f"{self.url}/ws{query}", headers={WHO: who}) as opened:
            yield opened


async def hello(socket: aiohttp.ClientWebSocketResponse) -> dict[str, object]:
    """Read the greeting."""
    said = json.loads(await socket.receive_str(timeout=5))
    return cast("dict[str, object]", said["hello"])


async def frames(socket: aiohttp.ClientWebSocketResponse, count: int) -> list[str]:
    """Read so many frames as they came."""
    return [await socket.receive_str(timeout=5) for _ in range(count)]


def positions(texts: list[str]) -> list[int]:
    return [json.loads(text)["position"] for text in texts]


async def until(holds: Callable[[], bool], seconds: float = 10) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 - a test looks from outside
            await asyncio.sleep(0.01)


@web.middleware
async def problems(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    try:
        return await handler(request)
    except Refused as refused:
        return problem(refused.status, refused.sentence, refused.errors)


def make_app(store: SqliteStore, live: Live, door: Doorman) -> web.Application:
    """Build a server of live events alone, in which a header says who asks."""

    @web.middleware
    async def known(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        principal = await door.recognise(request)
        if principal is not None:
            request[PRINCIPAL] = principal
        return await handler(request)

    app = web.Application(middlewares=[problems, known])
    about = About.model_construct(keys={KEY.key_id: raw_line(KEY.public)})
    # Live events need no more of the hub than this.
    parts = dict.fromkeys(Hub.__dataclass_fields__)
    app[HUB] = Hub(**{**parts, "about": about, "store": store, "rights": door})  # type: ignore[arg-type]
    app[LIVE] = live
    add_routes(app)
    app.router.add_get("/mission-control/keys", keys)
    return app


async def keys(request: web.Request) -> web.Response:
    """Answer the ledger's keys as the API does."""
    principal_of(request)
    listed = [{"key_id": k, "public_key": v} for k, v in request.app[HUB].about.keys.items()]
    return web.json_response({"keys": listed})


@asynccontextmanager
async def running(app: web.Application) -> AsyncIterator[web.AppRunner]:
    """Serve on a free port."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield runner
    finally:
        await runner.cleanup()


def address(runner: web.AppRunner) -> str:
    return f"http://127.0.0.1:{runner.addresses[0][1]}"


@asynccontextmanager
async def served(app: web.Application) -> AsyncIterator[str]:
    """Serve on a free port; yield the address."""
    async with running(app) as runner:
        yield address(runner)


@asynccontextmanager
async def followed(path: Path, limits: LiveLimits | None = None) -> AsyncIterator[Followed]:
    """Open a store, follow it, and serve it live."""
    bell = Bell()
    store = await SqliteStore.open(path / "grace.db", KEY, on_append=bell.ring)
    try:
        mesh = await TriggerMesh.open(store, bell, own_log(store), lambda _: None)
        door = Doorman()
        live = Live(store, await store.feed_end(), door.recognise, limits)
        mesh.subscribe("live", ["*"], live.deliver, after=live.end)
        following = asyncio.create_task(mesh.run())
        try:
            app = make_app(store, live, door)
            async with running(app) as runner, aiohttp.ClientSession() as session:
                yield Followed(store, mesh, live, door, runner, session)
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
    finally:
        await store.close()


def own_log(store: SqliteStore) -> Callable[[Note], Awaitable[None]]:
    async def record(note: Note) -> None:
        await store.record(note, NOW)

    return record

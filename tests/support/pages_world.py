"""The hub's pages over a real store, served on a real socket; who asks, and what they may, is set.

A `PagesWorld` is the world of one test: a store with a past, a person, and the application with
pages, API and live events. `add` appends to the ledger as the bot would.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from aiohttp import web

from grace.adapters.keys import Ed25519Key
from grace.adapters.sqlite.store import SqliteStore
from grace.domain.access import Principal, Reach, Scope
from grace.domain.capa import Capa, CapaRequest, CapaState
from grace.domain.decision import Note
from grace.domain.health import Health, HealthPart, HealthState
from grace.domain.mission import MissionRef
from grace.domain.people import Permission
from grace.domain.policy import Policy
from grace.ports import Delivery
from grace.ports.hub import FeedEntry
from grace.web import api, live, pages
from grace.web.access.entrance import SIGN_IN_PAGE, SignInView
from grace.web.access.headers import POLICY
from grace.web.api.calling import api_problems
from grace.web.hub import HUB, PRINCIPAL, Hub
from grace.web.live import LIVE, Live
from grace.web.pages import errors_as_pages
from grace.web.problems import Refused, problem
from support.abouts import about
from support.past import KEY
from support.world import make_policy

REF = MissionRef(host="forge.test", repository_id=1, repository="acme/mesh")
HIDDEN = MissionRef(host="forge.test", repository_id=66, repository="acme/hidden")
OPERATOR = Principal(
    kind="person",
    id="1",
    name="Rita",
    login="rita",
    user_id=2,
    scopes=frozenset({Scope.VIEWER, Scope.OPERATOR}),
)
VIEWER = Principal(kind="token", id="t1", name="looker", scopes=frozenset({Scope.VIEWER}))
SIGN_IN = SignInView(forge="forge.test", start="/sign-in/start?next=%2F")
SUBSYSTEMS = (
    ("forge_api", "Forge API", ("rate_budget", "outbox", "reconciliation", "policy")),
    ("rate_budget", "Rate budget", ("outbox",)),
    ("webhook_intake", "Webhook intake", ("inbox", "ci", "alert_sources")),
    ("reconciliation", "Reconciliation", ("inbox",)),
    ("ci", "CI", ("webhook_intake", "forge_api")),
    ("metric_sources", "Metric sources", ("worker",)),
    ("alert_sources", "Alert sources", ("webhook_intake",)),
    ("inbox", "Inbox", ("worker", "store")),
    ("worker", "Worker", ("outbox", "deadlines", "policy", "memory")),
    ("outbox", "Outbox", ("forge_api", "store")),
    ("deadlines", "Deadlines", ("worker", "store")),
    ("agents", "Agents", ("worker", "memory")),
    ("playbooks", "Playbooks", ("worker", "memory")),
    ("store", "Store", ("ledger", "memory")),
    ("ledger", "Ledger", ("keys", "live_feed")),
    ("keys", "Keys", ("ledger",)),
    ("memory", "Memory", ("ledger",)),
    ("policy", "Policy", ("worker", "forge_api")),
    ("brakes", "Brakes", ("worker", "policy")),
    ("live_feed", "Live feed", ("ledger", "notifications")),
    ("notifications", "Notifications", ("live_feed",)),
    ("capa", "CAPA register", ("forge_api", "store", "memory")),
)


@dataclass
class Clock:
    """A clock that stands, or goes where it is put."""

    at: datetime

    def now(self) -> datetime:
        return self.at


@dataclass
class Sight:
    """What exists for whom: `grace.ports.hub.Rights`, as a test sets it."""

    reaches: Reach = field(default_factory=lambda: Reach(logs=None, own=True))

    async def reach(self, principal: Principal) -> Reach:
        return self.reaches

    async def permission(self, ref: MissionRef, login: str, _id: int = 0) -> Permission:
        return Permission.ADMIN


@dataclass
class Board:
    """The findings of probes that a test made up."""

    found: list[Health]

    def health(self) -> Sequence[Health]:
        return self.found


@dataclass
class Register:
    """CAPAs in a list, newest first."""

    capas: list[Capa] = field(default_factory=list)

    async def open(
        self, request: CapaRequest, ref: MissionRef, actor: str, uid: UUID | None = None
    ) -> Capa:
        number = len(self.capas) + 1
        made = Capa(
            **request.model_dump(),
            capa_id=f"capa_20261122_{number:03}",
            ref=ref,
            opened_at=datetime.fromisoformat("2026-11-22T10:00:00+00:00"),
            opened_by=actor,
        )
        self.capas.insert(0, made)
        return made

    async def change(self, capa_id: str, changes: dict[str, object], actor: str) -> Capa | None:
        for number, capa in enumerate(self.capas):
            if capa.capa_id == capa_id:
                self.capas[number] = capa.model_copy(update=changes)
                return self.capas[number]
        return None

    async def get(self, capa_id: str) -> Capa | None:
        return next((c for c in self.capas if c.capa_id == capa_id), None)

    async def page(
        self,
        logs: frozenset[str] | None,
        *,
        state: CapaState | None = None,
        overdue: bool | None = None,
        after: str | None = None,
        limit: int = 50,
    ) -> tuple[Sequence[Capa], str | None]:
        seen = [c for c in self.capas if logs is None or c.ref.log in logs]
        return [c for c in seen if state in {None, c.state}][:limit], None


def healthy(now: datetime) -> list[Health]:
    """Make up findings: all is well, but the forge is slow for one repository."""
    found = [
        Health(
            name=name,
            title=title,
            state=HealthState.HEALTHY,
            sentence="",
            checked_at=now,
            last_good_at=now,
            latency_ms=1.4,
            critical=name in {"store", "ledger", "keys", "worker"},
            ties=ties,
        )
        for name, title, ties in SUBSYSTEMS
    ]
    found[0] = found[0].model_copy(
        update={
            "state": HealthState.DEGRADED,
            "sentence": "1 of 2 answers took more than 2 s: look at the forge's status page.",
            "last_good_at": now - timedelta(minutes=4),
            "latency_ms": 2310.0,
            "parts": (
                HealthPart(
                    name="acme/mesh",
                    state=HealthState.DEGRADED,
                    sentence="slow",
                    log=REF.log,
                ),
                HealthPart(
                    name="acme/hidden", state=HealthState.HEALTHY, sentence="", log=HIDDEN.log
                ),
            ),
        }
    )
    return found


@dataclass
class PagesWorld:
    """One served world. `hear` wraps what comes out of the socket, for tests that tamper."""

    store: SqliteStore
    hub: Hub
    app: web.Application
    sight: Sight
    board: Board
    capas: Register
    clock: Clock
    live: Live
    principal: Principal | None = OPERATOR
    sign_in: SignInView = SIGN_IN
    submitted: list[Delivery] = field(default_factory=list)
    url: str = ""

    async def add(self, kind: str, ref: MissionRef | None = REF, **payload: object) -> FeedEntry:
        """Append an entry that is of no mission, and hand it to who follows live."""
        after = await self.store.feed_end()
        note = Note(kind=kind, actor="grace", payload=payload)
        await self.store.record(note, self.clock.now(), ref=ref)
        entries = await self.store.feed(after)
        await self.live.deliver(entries)
        return entries[-1]


def make_world(
    store: SqliteStore,
    key: Ed25519Key,
    now: datetime,
    policy: Policy,
    *,
    start: int,
    programs: bool,
) -> PagesWorld:
    """Put the application together around a store."""
    clock, sight = Clock(now), Sight()
    board, capas = Board(healthy(now)), Register()
    submitted: list[Delivery] = []

    async def submit(delivery: Delivery) -> bool:
        submitted.append(delivery)
        return True

    hub = Hub(
        about=about(key),
        store=store,
        clock=clock,
        rights=sight,
        submit=submit,
        catalog=policy.catalog,
        subsystems=policy.subsystems,
        policy=lambda: policy,
        refs={"trigger_mesh": REF},
        board=board,
        capas=capas,
        runs=store.runs,
        wake=lambda: None,
    )

    async def sign_in(request: web.Request) -> web.StreamResponse:
        return app[SIGN_IN_PAGE](request, world.sign_in)

    async def who(request: web.Request) -> Principal | None:
        return world.principal

    app = web.Application(middlewares=[as_problems, knowing(who), api_problems, errors_as_pages])
    app[HUB] = hub
    app[LIVE] = Live(store, start, who)
    app.on_response_prepare.append(with_policy)
    if programs:
        api.add_routes(app)
        live.add_routes(app)
    pages.add_routes(app)
    app.router.add_get("/sign-in", sign_in)
    world = PagesWorld(
        store=store,
        hub=hub,
        app=app,
        sight=sight,
        board=board,
        capas=capas,
        clock=clock,
        live=app[LIVE],
        submitted=submitted,
    )
    return world


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def as_problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer what is refused with a problem, as the bot's outermost layer does."""
    try:
        return await handler(request)
    except Refused as refused:
        return problem(refused.status, refused.sentence, refused.errors)


def knowing(who: Callable[[web.Request], Awaitable[Principal | None]]) -> Handler:
    """Let everybody be the person whom the world names."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        principal = await who(request)
        if principal is not None:
            request[PRINCIPAL] = principal
        return await handler(request)

    return middleware


async def with_policy(_request: web.Request, answer: web.StreamResponse) -> None:
    """Set the content security policy that the door sets."""
    answer.headers.setdefault("Content-Security-Policy", POLICY)


@asynccontextmanager
async def open_world(
    path: Path,
    now: datetime,
    *,
    key: Ed25519Key = KEY,
    policy: Policy | None = None,
    port: int = 0,
    programs: bool = True,
) -> AsyncIterator[PagesWorld]:
    """Serve the pages over the store of a file, on loopback; `programs`: API and live events too."""
    store = await SqliteStore.open(path, key)
    try:
        start = await store.feed_end()
        rules = policy or make_policy()
        world = make_world(store, key, now, rules, start=start, programs=programs)
        runner = web.AppRunner(world.app, access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", port)
            await site.start()
            host, bound = runner.addresses[0][:2]
            world.url = f"http://{host}:{bound}"
            yield world
        finally:
            await runner.cleanup()
    finally:
        await store.close()

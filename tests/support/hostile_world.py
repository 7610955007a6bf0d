"""The whole server as it is composed, over two repositories of which a stranger reads only one.

`Hostile` has the real door, API, live events and pages before a real store; the forge behind the
rights is a table. Everything of the hidden repository has `SECRET` in it.
"""

import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import cast
from uuid import UUID, uuid4

import httpx
from aiohttp import web

from grace.adapters.access.store import SqliteAccess
from grace.adapters.sqlite.store import SqliteStore
from grace.app.capas import Capas, Office
from grace.app.inlets import from_api
from grace.app.rights import ForgeRights
from grace.app.router import Readers, Router
from grace.app.worker import rule
from grace.domain.access import Scope
from grace.domain.capa import CapaRequest
from grace.domain.catalog import MetricDefinition, PrometheusText, Subsystem, Subsystems
from grace.domain.events import IssueSeen
from grace.domain.health import Health, HealthPart, HealthState
from grace.domain.lease import Lease
from grace.domain.mission import MissionRef
from grace.domain.people import Actor, Permission
from grace.domain.phase import Severity
from grace.domain.policy import Policy
from grace.ports import Delivery, Forge, ForgeError, Routed, Target, Translated
from grace.ports.access import TokenDraft
from grace.web.access.entrance import Access
from grace.web.access.rates import Rates
from grace.web.access.recognise import still_known
from grace.web.access.seal import Seal
from grace.web.access.site import Site
from grace.web.alerts import AlertCall, TakenAlerts
from grace.web.api.outgoing import Desks
from grace.web.hub import Hub
from grace.web.intake import Claims, Intake
from grace.web.live import Live
from grace.web.problems import Refused
from grace.web.server import Served, make_app
from support.abouts import about
from support.doors import FakeForge
from support.hub_world import Past
from support.past import KEY
from support.world import issue_body, make_policy

MESH = MissionRef(host="forge.test", repository_id=1, repository="acme/mesh")
SECRET = "sesame"
HIDDEN = MissionRef(host="forge.test", repository_id=66, repository=f"acme/{SECRET}")
SEAL = b"a key of tests that has more than 32 bytes"
Caller = httpx.AsyncClient
PEOPLE = {"alice": 11, "mallory": 12, "tara": 13, "boss": 14, "stranger": 15}


@dataclass
class Clock:
    at: datetime

    def now(self) -> datetime:
        return self.at


@dataclass
class Table:
    """What the forge says of whom: `alice` and the rest know one repository, `boss` both."""

    said: dict[tuple[str, str], Permission | ForgeError] = field(
        default_factory=lambda: {
            (MESH.log, "alice"): Permission.WRITE,
            (MESH.log, "tara"): Permission.TRIAGE,
            (MESH.log, "mallory"): Permission.READ,
            (MESH.log, "boss"): Permission.ADMIN,
            (HIDDEN.log, "boss"): Permission.ADMIN,
        }
    )

    async def permission(self, ref: MissionRef, login: str, _id: int = 0) -> Permission:
        found = self.said.get((ref.log, login), Permission.NONE)
        if isinstance(found, ForgeError):
            raise found
        return found


@dataclass
class Board:
    found: list[Health]

    def health(self) -> Sequence[Health]:
        return self.found


class NoDesk:
    """Nobody outside is told of anything."""

    async def webhooks(self) -> Sequence[object]:
        return ()

    def channels(self) -> Sequence[str]:
        return ()


@dataclass
class Hostile:
    """A served hub; `names` are what is there, `hidden` what is of the hidden repository."""

    app: web.Application
    hub: Hub
    store: SqliteStore
    access: SqliteAccess
    live: Live
    capas: Capas
    clock: Clock
    table: Table
    policy: Policy
    names: dict[str, str]
    path: Path
    hidden: dict[str, str] = field(default_factory=dict)
    uids: dict[str, UUID] = field(default_factory=dict)
    url: str = ""
    clients: list[httpx.AsyncClient] = field(default_factory=list)

    async def bearer(self, *scopes: Scope, login: str | None = None, **more: object) -> str:
        """Make a token; return its text."""
        draft = TokenDraft(
            name=f"test-{login or 'nobody'}",
            scopes=frozenset(scopes),
            expires_at=self.clock.at + timedelta(days=1),
            created_by="root",
            login=login,
            user_id=PEOPLE.get(login or "", 0),
            **more,  # type: ignore[arg-type]
        )
        return (await self.access.create_token(draft, self.clock.at))[1]

    async def client(self, *scopes: Scope, login: str | None = None, **more: object) -> Caller:
        """Make a client with a token of its own."""
        text = await self.bearer(*scopes, login=login, **more)
        return self.caller({"Authorization": f"Bearer {text}"})

    async def person(self, login: str) -> Caller:
        """Make a client with a session of its own."""
        now = self.clock.at
        actor = Actor(login=login, id=PEOPLE[login])
        session = await self.access.begin_session(actor, now, now + timedelta(hours=12))
        seal = Seal(SEAL)
        headers = {
            "Cookie": f"grace_session={seal.session(session)}",
            "X-CSRF-Token": seal.csrf(session),
        }
        return self.caller(headers)

    def caller(self, headers: dict[str, str]) -> Caller:
        made = httpx.AsyncClient(
            base_url=self.url, headers=headers, timeout=20, trust_env=False, verify=False
        )
        self.clients.append(made)
        return made

    async def submit(self, delivery: Delivery) -> bool:
        fresh = await self.store.accept(delivery)
        await self.work()
        return fresh

    async def work(self) -> None:
        """Route what waits, and decide each mission that got something."""
        await Router(self.store, self.clock, Readers(translators={"api": from_api})).drain()
        for uid in await self.store.due(self.clock.at, 100):
            turn = await self.store.turn(uid)
            if turn is not None and turn.events:
                await self.store.commit(turn, rule(turn, self.policy, self.clock.at), self.clock.at)

    async def file(self, ref: MissionRef, number: int, title: str, body: str) -> str:
        """Let somebody file a mission as an issue; return its name."""
        actor = Actor(login=f"{SECRET}-author" if ref == HIDDEN else "mallory", id=900 + number)
        seen = IssueSeen(
            number=number,
            title=title,
            body=body,
            author=actor,
            sender=actor,
            updated_at=self.clock.at,
        )
        assert await self.store.accept(
            Delivery("test", f"{ref.log}-{number}", "issues", b"{}", self.clock.at)
        )
        (stored,) = await self.store.unrouted(10)
        routed = Routed(target=Target(ref=ref, issue=number, create=True), event=seen)
        await self.store.route(stored.id, Translated([routed], "routed"), self.clock.at)
        await self.work()
        found = next(m for m in await self.store.missions() if (m.ref, m.issue) == (ref, number))
        self.uids[found.name] = found.uid
        return found.name


def policy_of_two() -> Policy:
    """Make the rules of both repositories."""
    plain = make_policy()
    hidden = Subsystem(
        host=HIDDEN.host,
        repository=HIDDEN.repository,
        reviewers=(f"{SECRET}-reviewer",),
        description=f"the {SECRET} service",
    )
    metric = MetricDefinition(
        target=1,
        comparator="<",
        unit="ms",
        source=PrometheusText(url=f"http://{SECRET}.internal:9100/metrics", series="x"),
    )
    return plain.model_copy(
        update={
            "subsystems": Subsystems(
                subsystems={**plain.subsystems.subsystems, f"{SECRET}_core": hidden}
            ),
            "catalog": plain.catalog.model_copy(
                update={"metrics": {**plain.catalog.metrics, "far.latency": metric}}
            ),
        }
    )


@asynccontextmanager
async def hostile(past: Past, folder: Path, per_minute: int = 100_000) -> AsyncIterator[Hostile]:
    """Serve the composed application over a copy of a past, and a second repository."""
    path = folder / "grace.db"
    shutil.copy(past.path, path)
    store = await SqliteStore.open(path, KEY)
    access = await SqliteAccess.open(folder / "access.db")
    try:
        world = await _made(store, access, past, path, per_minute)
        await _hide(world)
        runner = web.AppRunner(world.app, access_log=None, shutdown_timeout=0.2)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            world.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            yield world
        finally:
            for client in world.clients:
                await client.aclose()
            await runner.cleanup()
    finally:
        await access.close()
        await store.close()


async def _made(
    store: SqliteStore, access: SqliteAccess, past: Past, path: Path, per_minute: int
) -> Hostile:
    policy, clock, table = policy_of_two(), Clock(past.end), Table()
    refs = {"trigger_mesh": MESH, f"{SECRET}_core": HIDDEN}
    office = Office(
        store=store, forge=cast(Forge, None), clock=clock, wake=lambda: None, fault=lambda _: None
    )
    capas, live = Capas(office), Live(store, await store.feed_end(), still_known)
    world: Hostile

    async def submit(delivery: Delivery) -> bool:
        return await world.submit(delivery)

    hub = Hub(
        about=about(KEY),
        store=store,
        clock=clock,
        rights=ForgeRights(table, refs, clock),
        submit=submit,
        catalog=policy.catalog,
        subsystems=policy.subsystems,
        policy=lambda: policy,
        refs=refs,
        board=Board(_findings(past.end)),
        capas=capas,
        runs=store.runs,
        wake=lambda: None,
    )
    door = Access(
        store=access,
        clock=clock,
        seal=Seal(SEAL),
        site=Site(None),
        rates=Rates(per_minute),
        forge=FakeForge(),
        forge_host="forge.test",
        operators=frozenset({"boss"}),
    )
    app = make_app(
        Served(
            intake=_intake(store, clock),
            take_alerts=_take,
            readiness=_ready,
            exposition=lambda: (b"# none\n", "text/plain; version=0.0.4"),
            hub=hub,
            access=door,
            live=live,
            desks=Desks(NoDesk(), NoDesk()),  # type: ignore[arg-type]
        )
    )
    world = Hostile(
        app, hub, store, access, live, capas, clock, table, policy, dict(past.names), path
    )
    return world


def _take(_call: AlertCall) -> TakenAlerts:
    raise Refused(401, "no")


async def _ready() -> dict[str, str]:
    return {}


def _intake(store: SqliteStore, clock: Clock) -> Intake:
    async def no_token(_token: str) -> Claims:
        raise Refused(401, "no")

    def no_webhook(_headers: dict[str, str], _body: bytes) -> tuple[str, str]:
        raise Refused(401, "no")

    return Intake(
        store=store,
        clock=clock,
        count=lambda _origin, _answer: None,
        wake=lambda: None,
        webhook=no_webhook,
        token=no_token,
        workflows=(),
        bases=frozenset(),
        operator_token="operator-token-of-tests",
    )


def _findings(now: datetime) -> list[Health]:
    parts = tuple(
        HealthPart(name=ref.repository, state=HealthState.DEGRADED, sentence="slow", log=ref.log)
        for ref in (MESH, HIDDEN)
    )
    return [
        Health(
            name="forge_api",
            title="Forge API",
            state=HealthState.DEGRADED,
            sentence="the forge answers slowly",
            checked_at=now,
            parts=parts,
        )
    ]


async def _hide(world: Hostile) -> None:
    """Fill the hidden repository: a mission, a claim on it, a CAPA, and an entry of its log."""
    body = issue_body().replace("trigger_mesh", f"{SECRET}_core")
    name = await world.file(HIDDEN, 1, f"{SECRET} is slow", body)
    world.hidden["mission"] = name
    world.names["visible"] = await world.file(MESH, 77, "seen", issue_body())
    for story in ("gating", "rolled_back", "fresh"):
        found = await world.store.find(world.names[story])
        assert found is not None
        world.uids[world.names[story]] = found[0].uid
    lease = Lease(
        mission_id=name,
        agent_id=f"{SECRET}-agent",
        agent_role="developer",
        holder="token:x",
        since=world.clock.at,
        until=world.clock.at + timedelta(hours=1),
    )
    await world.store.claim(lease, world.clock.at)
    for ref, words, key in ((MESH, "seen", "visible"), (HIDDEN, SECRET, "hidden")):
        subsystem = "trigger_mesh" if ref == MESH else f"{SECRET}_core"
        asked = CapaRequest(
            subsystem_id=subsystem, severity=Severity.LOW, title=words, description=words
        )
        opened = await world.capas.open(asked, ref, f"{words}-person")
        (world.names if key == "visible" else world.hidden)["capa"] = opened.capa_id
    world.hidden["submission"] = str(world.uids[name])


def unknown() -> dict[str, str]:
    """Name what was never there, in the shapes of what is."""
    return {
        "mission": "mission_20200101_001",
        "capa": "capa_20200101_001",
        "submission": str(uuid4()),
        "log": "forge.test/999",
    }

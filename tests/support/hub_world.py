"""A hub over a real store with a past, and a worker that decides at once; no forge behind it."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import cast
from uuid import UUID

import httpx
from aiohttp import web

from grace.adapters.sqlite.store import SqliteStore
from grace.app.capas import Capas, Office
from grace.app.inlets import from_api
from grace.app.router import Readers, Router
from grace.app.worker import rule
from grace.domain.access import Principal, Reach, Scope
from grace.domain.capa import CapaRequest
from grace.domain.events import IssueSeen
from grace.domain.health import Health, HealthPart, HealthState
from grace.domain.mission import MissionRef
from grace.domain.people import Actor, Permission
from grace.domain.phase import Severity
from grace.domain.policy import Policy
from grace.ports import Delivery, Forge, ForgeError, Routed, Target, Translated
from grace.web.api import add_routes
from grace.web.api.calling import api_problems
from grace.web.api.filing import PATIENCE
from grace.web.hub import HUB, PRINCIPAL, Hub
from support.abouts import about
from support.past import KEY, resolved, rolled_back, waiting, write_past
from support.world import World, issue_body, make_policy

REF = MissionRef(host="forge.test", repository_id=1, repository="acme/mesh")
OTHER_REF = MissionRef(host="forge.test", repository_id=2, repository="acme/other")
LOG, ELSEWHERE = REF.log, OTHER_REF.log
HOSTILE = "<script>alert(1)</script> ``` @octo {{7*7}} '; DROP TABLE missions; --"


def token(
    name: str, *scopes: Scope, login: str | None = None, logs: str | None = None
) -> Principal:
    return Principal(
        kind="token",
        id=f"id-{name}",
        name=name,
        login=login,
        scopes=frozenset(scopes),
        logs=None if logs is None else frozenset({logs}),
    )


def person(login: str) -> Principal:
    scopes = frozenset({Scope.VIEWER})
    return Principal(kind="person", id=f"user-{login}", name=login, login=login, scopes=scopes)


# What follows `Bearer ` in the tests, and whom it makes of a request.
KNOWN = {
    "viewer": token("viewer", Scope.VIEWER),
    "operator": token("operator", Scope.OPERATOR, login="alice"),
    "agent": token("candidate", Scope.AGENT, login="alice"),
    "admin": token("admin", Scope.ADMIN, login="max"),
    "nobodys": token("nobodys", Scope.OPERATOR, Scope.AGENT),
    "restricted": token("restricted", Scope.VIEWER, logs=ELSEWHERE),
    "elsewhere": token("elsewhere", Scope.ADMIN, login="max", logs=ELSEWHERE),
    "alice": person("alice"),
    "mallory": person("mallory"),
    "stranger": person("stranger"),
}
PERMISSIONS = {
    "alice": Permission.WRITE,
    "max": Permission.ADMIN,
    "mallory": Permission.READ,
    "tara": Permission.TRIAGE,
}


@dataclass
class Clock:
    at: datetime

    def now(self) -> datetime:
        return self.at


@dataclass
class FixedRights:
    """Who sees what, and may do what; `silent`: the forge does not answer.

    `gate`: until it is set nobody is told what he may do; `waiting`: how many wait.
    """

    permissions: dict[str, Permission] = field(default_factory=lambda: dict(PERMISSIONS))
    silent: bool = False
    gate: asyncio.Event | None = None
    waiting: int = 0

    async def reach(self, principal: Principal) -> Reach:
        if self.silent:
            raise ForgeError("no answer")
        own = bool({Scope.OPERATOR, Scope.ADMIN} & principal.scopes)
        if principal.kind == "person":
            mine = principal.login in self.permissions
            return Reach(logs=frozenset({LOG} if mine else ()), own=own)
        return Reach(logs=principal.logs, own=own)

    async def permission(self, _ref: MissionRef, login: str, _id: int = 0) -> Permission:
        if self.silent:
            raise ForgeError("no answer")
        self.waiting += 1
        if self.gate is not None:
            await self.gate.wait()
        return self.permissions.get(login, Permission.NONE)


@dataclass
class Board:
    findings: list[Health]

    def health(self) -> Sequence[Health]:
        return self.findings


@dataclass
class HubWorld:
    """A hub, what it was asked to do, and the names of the missions in it.

    `awake`: what is submitted is decided at once, as a worker would.
    """

    hub: Hub
    store: SqliteStore
    clock: Clock
    rights: FixedRights
    policy: Policy
    missions: dict[str, str]
    uid: UUID
    submitted: list[Delivery] = field(default_factory=list)
    awake: bool = True
    patience: float = 5.0

    async def submit(self, delivery: Delivery) -> bool:
        self.submitted.append(delivery)
        fresh = await self.store.accept(delivery)
        if self.awake:
            await self.work()
        return fresh

    async def work(self) -> None:
        """Route what waits, and decide each mission that got something."""
        router = Router(self.store, self.clock, Readers(translators={"api": from_api}))
        await router.drain()
        for uid in await self.store.due(self.clock.at, 100):
            turn = await self.store.turn(uid)
            if turn is not None and turn.events:
                ruling = rule(turn, self.policy, self.clock.at)
                await self.store.commit(turn, ruling, self.clock.at)

    def app(self, behind: web.Application | None = None) -> web.Application:
        """Serve the API, behind whatever lets people in."""
        made = behind or web.Application(middlewares=[recognised])
        made.middlewares.append(api_problems)
        made[PATIENCE] = self.patience
        made[HUB] = self.hub
        add_routes(made)
        return made


@web.middleware
async def recognised(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Stand in for tokens and sessions."""
    name = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if name in KNOWN:
        request[PRINCIPAL] = KNOWN[name]
    return await handler(request)


def fresh(world: World) -> None:
    """Wait for a start: somebody without write permission filed it."""
    world.file(issue_body(extra="### Required trust score\n\n0\n"), author="mallory")


def invalid(world: World) -> None:
    """Do not parse."""
    world.file("### Subsystem\n\nunheard_of\n\n### Severity\n\nhigh\n")


STORIES = {
    "resolved": resolved,
    "rolled_back": rolled_back,
    "gating": waiting,
    "fresh": fresh,
    "invalid": invalid,
}


@dataclass(frozen=True)
class Past:
    """A store's file, the names of the missions in it by story, and when the last one happened."""

    path: Path
    names: dict[str, str]
    end: datetime


async def write_hub_past(path: Path) -> Past:
    """Write one mission of each story, once for many tests."""
    worlds = await write_past(path, list(STORIES.values()), policy=make_policy())
    names = dict(zip(STORIES, (w.mission.name for w in worlds), strict=True))
    return Past(path, names, worlds[-1].now + timedelta(minutes=1))


@asynccontextmanager
async def hub_world(past: Past, folder: Path) -> AsyncIterator[HubWorld]:
    """Open a hub over a copy of a past, with a CAPA."""
    path = folder / "grace.db"
    shutil.copy(past.path, path)
    store = await SqliteStore.open(path, KEY)
    try:
        yield await _made(store, make_policy(), past.end, dict(past.names))
    finally:
        await store.close()


async def _made(
    store: SqliteStore, policy: Policy, now: datetime, names: dict[str, str]
) -> HubWorld:
    clock, rights = Clock(now), FixedRights()
    office = Office(
        store=store, forge=cast(Forge, None), clock=clock, wake=lambda: None, fault=lambda _: None
    )
    capas = Capas(office)
    made: HubWorld

    async def submit(delivery: Delivery) -> bool:
        return await made.submit(delivery)

    hub = Hub(
        about=about(KEY),
        store=store,
        clock=clock,
        rights=rights,
        submit=submit,
        catalog=policy.catalog,
        subsystems=policy.subsystems,
        policy=lambda: policy,
        refs={"trigger_mesh": REF},
        board=Board([health(now)]),
        capas=capas,
        runs=store.runs,
        wake=lambda: None,
    )
    found = await store.find(names["gating"])
    assert found is not None
    made = HubWorld(hub, store, clock, rights, policy, names, found[0].uid)
    opened = await capas.open(
        CapaRequest(
            subsystem_id="trigger_mesh",
            severity=Severity.HIGH,
            title="Deliveries slow down",
            description=HOSTILE,
            mission_id=names["rolled_back"],
        ),
        REF,
        "alice",
    )
    made.missions["capa"] = opened.capa_id
    return made


def health(now: datetime) -> Health:
    part = HealthPart(name="acme/mesh", state=HealthState.DEGRADED, sentence="slow", log=LOG)
    return Health(
        name="forge_api",
        title="Forge API",
        state=HealthState.DEGRADED,
        sentence="the forge answers slowly",
        checked_at=now,
        parts=(part,),
    )


async def file_issue(
    made: HubWorld, number: int, body: str, author: str = "mallory", ref: MissionRef = REF
) -> str:
    """Let somebody file a mission as an issue; return its name."""
    actor = Actor(login=author)
    seen = IssueSeen(
        number=number,
        title=HOSTILE,
        body=body,
        author=actor,
        sender=actor,
        updated_at=made.clock.at,
    )
    delivery = Delivery("test", f"issue-{number}", "issues", b"{}", made.clock.at)
    assert await made.store.accept(delivery)
    (stored,) = await made.store.unrouted(10)
    routed = Routed(target=Target(ref=ref, issue=number, create=True), event=seen)
    await made.store.route(stored.id, Translated([routed], "routed"), made.clock.at)
    await made.work()
    return next(m.name for m in await made.store.missions() if m.issue == number)


@dataclass
class Served:
    """A hub behind a real socket. Calling it gives a client with a token, by its name in `KNOWN`."""

    world: HubWorld
    url: str
    clients: dict[str | None, httpx.AsyncClient] = field(default_factory=dict)

    def __call__(self, name: str | None) -> httpx.AsyncClient:
        if name not in self.clients:
            headers = {} if name is None else {"Authorization": f"Bearer {name}"}
            self.clients[name] = httpx.AsyncClient(
                base_url=self.url, headers=headers, timeout=20, trust_env=False, verify=False
            )
        return self.clients[name]


@asynccontextmanager
async def served(
    past: Past, folder: Path, patience: float = 5.0, new_an_hour: int = 60
) -> AsyncIterator[Served]:
    """Serve a hub over a copy of a past."""
    async with hub_world(past, folder) as world:
        world.patience = patience
        world.hub = replace(world.hub, new_an_hour=new_an_hour)
        runner = web.AppRunner(world.app(), access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        made = Served(world, f"http://127.0.0.1:{runner.addresses[0][1]}")
        try:
            yield made
        finally:
            for client in made.clients.values():
                await client.aclose()
            await runner.cleanup()

"""schemathesis over the API's own document, against a hub in a thread of its own."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import schemathesis
from aiohttp import web
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema

from grace.adapters.access.store import SqliteAccess
from grace.domain.access import Principal
from grace.ports.access import TokenDraft
from grace.web.access.door import guard
from grace.web.access.entrance import ACCESS, Access
from grace.web.access.rates import Rates
from grace.web.access.seal import Seal
from grace.web.access.site import Site
from support.doors import KEY, refusals
from support.hub_world import KNOWN, HubWorld, Past, hub_world

ENOUGH = 10_000_000  # requests a minute
METHODS = ["DELETE", "TRACE"]


@dataclass
class Heard:
    """What schemathesis found; `answers`: statuses by operation, `bodies`: all that was answered."""

    failures: list[str] = field(default_factory=list)
    answers: dict[str, set[int]] = field(default_factory=dict)
    bodies: list[str] = field(default_factory=list)
    requests: int = 0


@dataclass(frozen=True)
class Behind:
    """A hub behind the real door, and the tokens of those who are known, by name."""

    world: HubWorld
    url: str
    tokens: dict[str, str]


@asynccontextmanager
async def behind_the_door(past: Past, folder: Path) -> AsyncIterator[Behind]:
    """Serve a hub with tokens, limits and headers as the bot has them."""
    async with hub_world(past, folder) as world:
        world.patience = 0.2
        store = await SqliteAccess.open(folder / "access.db")
        site = Site(None)
        app = web.Application(middlewares=[refusals])
        guard(app)
        app[ACCESS] = Access(store, world.clock, Seal(KEY), site, Rates(ENOUGH))
        runner = web.AppRunner(world.app(app), access_log=None)
        try:
            tokens = {name: await _token(store, who, world) for name, who in KNOWN.items()}
            await runner.setup()
            listening = web.TCPSite(runner, "127.0.0.1", 0)
            await listening.start()
            yield Behind(world, f"http://127.0.0.1:{runner.addresses[0][1]}", tokens)
        finally:
            await runner.cleanup()
            await store.close()


async def _token(store: SqliteAccess, who: Principal, world: HubWorld) -> str:
    now = world.clock.now()
    draft = TokenDraft(
        name=who.name,
        scopes=who.scopes,
        expires_at=now + timedelta(days=1),
        created_by="root",
        login=who.login,
        logs=who.logs,
    )
    return (await store.create_token(draft, now))[1]


@contextmanager
def serving(past: Past, folder: Path) -> Iterator[Behind]:
    """Serve a hub from another thread."""
    loop = asyncio.new_event_loop()
    ready: list[Behind] = []
    told, done = threading.Event(), asyncio.Event()

    async def serve() -> None:
        async with behind_the_door(past, folder) as made:
            ready.append(made)
            told.set()
            await done.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    assert told.wait(30)
    try:
        yield ready[0]
    finally:
        loop.call_soon_threadsafe(done.set)
        thread.join(30)
        loop.close()


@dataclass(frozen=True)
class Plan:
    """What is tried: every operation by its examples, and those of `covered` by all edge cases.

    `left_out`: operations that are not tried. `fuzzed`: random examples an operation; 0: none.
    """

    covered: frozenset[str]
    left_out: frozenset[str] = frozenset()
    fuzzed: int = 0

    def config(self, operations: Sequence[str], world: HubWorld) -> dict[str, Any]:
        bare = [n for n in operations if n not in self.covered | self.left_out]
        off = [{"include-operation-id": sorted(self.left_out), "enabled": False}]
        by_example = {"phases": {"coverage": {"enabled": False}}}
        return {
            "seed": 1,
            "continue-on-failure": True,
            "request-timeout": 20.0,
            # Not every text that fits is a cursor, a subsystem or a contract that can be kept.
            "checks": {"positive_data_acceptance": {"enabled": False}},
            "parameters": {
                "path.mission_id": world.missions["fresh"],
                "path.capa_id": world.missions["capa"],
                "path.host": "forge.test",
                "path.repository_id": "1",
                "path.agent_id": "candidate:alice",
                "path.submission_id": str(world.uid),
            },
            "phases": {
                "examples": {"enabled": True, "fill-missing": True},
                "coverage": {"enabled": True, "unexpected-methods": METHODS},
                "fuzzing": {"enabled": self.fuzzed > 0},
                "stateful": {"enabled": False},
            },
            "generation": {"database": "none", "max-examples": max(1, self.fuzzed)},
            "operations": [
                *([{"include-operation-id": bare, **by_example}] if bare else []),
                *(off if self.left_out else []),
            ],
        }


def fuzz(document: dict[str, Any], behind: Behind, who: str | None, plan: Plan) -> Heard:
    """Run schemathesis as somebody."""
    found = [o for path in document["paths"].values() for o in path.values()]
    config = plan.config([o["operationId"] for o in found], behind.world)
    headers = {} if who is None else {"Authorization": f"Bearer {behind.tokens[who]}"}
    if who is None:
        # Whoever is not known and wants to do more than look is asked who it is, whatever it is.
        config["checks"]["unsupported_method"] = {"enabled": False}
    config |= {"base-url": behind.url, "headers": headers}
    schema = schemathesis.openapi.from_dict(document, config=SchemathesisConfig.from_dict(config))
    heard = Heard()
    for event in from_schema(schema).execute():
        if isinstance(event, events.ScenarioFinished):
            _take(heard, event)
        elif isinstance(event, events.NonFatalError):
            heard.failures.append(f"{event.label}: {event.value}")
        elif isinstance(event, events.FatalError):
            raise event.exception
    return heard


def _take(heard: Heard, event: events.ScenarioFinished) -> None:
    """Keep what was answered, and what was wrong with it."""
    recorder = event.recorder
    for case_id, node in recorder.interactions.items():
        response, request = node.response, node.request
        heard.requests += 1
        if response is not None:
            heard.answers.setdefault(recorder.label, set()).add(response.status_code)
            heard.bodies.append(response.text)
        for check in recorder.checks.get(case_id, []):
            if check.failure_info is not None:
                failure = check.failure_info.failure
                heard.failures.append(
                    f"{recorder.label}: {check.name}: {failure.title}: {failure.message}\n"
                    f"{request.method} {request.uri} {str(request.body)[:300]}"
                )

"""schemathesis over the API's own document, against a hub in a thread of its own."""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema

from support.hub_world import HubWorld, Past, served

METHODS = ["DELETE", "TRACE"]


@dataclass
class Heard:
    """What schemathesis found; `answers`: statuses by operation, `bodies`: all that was answered."""

    failures: list[str] = field(default_factory=list)
    answers: dict[str, set[int]] = field(default_factory=dict)
    bodies: list[str] = field(default_factory=list)
    requests: int = 0


@contextmanager
def serving(past: Past, folder: Path) -> Iterator[tuple[HubWorld, str]]:
    """Serve a hub from another thread."""
    loop = asyncio.new_event_loop()
    ready: list[tuple[HubWorld, str]] = []
    told, done = threading.Event(), asyncio.Event()

    async def serve() -> None:
        async with served(past, folder, patience=0.2) as hub:
            ready.append((hub.world, hub.url))
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


def fuzz(document: dict[str, Any], url: str, who: str | None, world: HubWorld, plan: Plan) -> Heard:
    """Run schemathesis as somebody."""
    found = [o for path in document["paths"].values() for o in path.values()]
    config = plan.config([o["operationId"] for o in found], world)
    headers = {} if who is None else {"Authorization": f"Bearer {who}"}
    config |= {"base-url": url, "headers": headers}
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

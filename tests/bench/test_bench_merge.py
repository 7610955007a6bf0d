"""From "last gate green" to "merge requested": the bot's own time, against its bound of 250 ms.

The review that completes the gates is delivered; the clock stops when the forge's merge is called.
In between lie routing, two decisions, two effects, the signed ledger entries and their commits to
disk. The forge answers at once, so nothing else is in the figure.
"""

import asyncio
import statistics
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import TypeVar

import pytest
import structlog
from pydantic import TypeAdapter

from bench.figures import percentile, tell
from bench.stub_world import NoMetrics, StubForge, StubRepositories, SystemClock
from grace.adapters.attestations import SigstoreVerifier, embedded_root
from grace.adapters.config import RuleFiles
from grace.adapters.keys import Ed25519Key
from grace.adapters.sqlite.store import SqliteStore
from grace.app.courtesies import Courtesies
from grace.app.interpreter import Interpreter, World
from grace.app.observe import Measures, configure_logs
from grace.app.router import Readers, Router, Translation
from grace.app.worker import Parts, Worker
from grace.domain import events as ev
from grace.domain.mission import Mission, MissionRef
from grace.domain.phase import Phase
from grace.domain.policy import Policy
from grace.ports import Delivery, Routed, Target
from support.world import issue_body, make_policy, make_report

pytestmark = pytest.mark.bench

BOUND_MS = 250.0
ALONE = 30
TOGETHER = 16
ROUTED: TypeAdapter[list[Routed]] = TypeAdapter(list[Routed])
REF = MissionRef(host="forge.test", repository_id=1, repository="acme/mesh", installation_id=1)
CI_APP = 15
T = TypeVar("T")


def read(delivery: Delivery) -> Translation:
    return ROUTED.validate_json(delivery.body), ""


@dataclass
class Bench:
    """A running bot with a real store, worker and interpreter between stubs."""

    store: SqliteStore
    worker: Worker
    forge: StubForge
    policy: Policy
    delivered: int = 0

    async def deliver(self, target: Target, event: ev.Event) -> None:
        """Store one delivery and tell the worker, as the HTTP intake does."""
        self.delivered += 1
        body = ROUTED.dump_json([Routed(target=target, event=event)])
        await self.store.accept(
            Delivery("bench", str(self.delivered), event.kind, body, datetime.now(UTC))
        )
        self.worker.wake()

    async def mission(self, issue: int) -> Mission | None:
        missions = await self.store.missions()
        return next((m for m in missions if m.issue == issue), None)

    async def idle(self) -> bool:
        now = datetime.now(UTC)
        waiting = await self.store.unrouted(1), await self.store.due(now, 1)
        return not any(waiting) and not self.worker.busy and not await self.store.jobs(now, 1)

    async def prepare(self, issue: int) -> Mission:
        """Bring a mission to where only a review is missing."""
        alice = ev.Actor(login="alice")
        body = issue_body().replace("mesh.py", f"mesh_{issue}.py")
        seen = ev.IssueSeen(
            number=issue,
            title="slow",
            body=body,
            author=alice,
            sender=alice,
            updated_at=datetime.now(UTC),
        )
        await self.deliver(Target(ref=REF, issue=issue, create=True), seen)

        async def in_phase(phase: Phase) -> Mission | None:
            mission = await self.mission(issue)
            return mission if mission is not None and mission.phase is phase else None

        mission = await until(lambda: in_phase(Phase.TESTING))
        attempt = mission.attempt
        assert attempt is not None
        assert attempt.head is not None
        target = Target(ref=REF, branch=mission.branch)
        for name in ("unit", "integration", "stress"):
            check = ev.CheckSeen(
                id=f"{name}-{issue}",
                name=name,
                sha=attempt.head,
                app_id=CI_APP,
                conclusion="success",
                at=datetime.now(UTC),
            )
            await self.deliver(target, check)
        report = make_report(attempt.head, attempt.tree or "")
        await self.deliver(target, ev.ResultsReported(report=report))
        mission = await until(lambda: in_phase(Phase.GATING))
        await until(self.idle)
        return mission

    async def approve(self, mission: Mission) -> float:
        """Deliver the approval; return the milliseconds until the merge was requested."""
        assert mission.pull is not None
        assert mission.attempt is not None
        review = ev.ReviewSeen(
            id=f"review-{mission.issue}",
            pull=mission.pull.number,
            state=ev.ReviewState.APPROVED,
            sha=mission.attempt.head or "",
            actor=ev.Actor(login="rita"),
            at=datetime.now(UTC),
        )
        started = perf_counter()
        await self.deliver(Target(ref=REF, branch=mission.branch), review)
        return 1000 * (await self.forge.asked_to_merge(mission.pull.number) - started)


async def until(look: Callable[[], Awaitable[T | None]]) -> T:
    """Look until there is something to see."""
    async with asyncio.timeout(60):
        while not (found := await look()):  # noqa: ASYNC110 - a store tells nobody what it holds
            await asyncio.sleep(0.002)
    return found


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Log warnings alone."""
    configure_logs(json=True, level="WARNING")
    yield
    structlog.reset_defaults()


async def nothing_stops(ref: MissionRef) -> None:
    """Tell that no kill switch is on."""


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Bench]:
    key, clock, measures = Ed25519Key(bytes(range(32))), SystemClock(), Measures()
    policy = make_policy(max_parallel=100)
    repositories = StubRepositories()
    forge = StubForge(repositories)
    store = await SqliteStore.open(folder / "grace.db", key)
    world = World(
        forge=forge,
        repositories=repositories,
        metrics=NoMetrics(),
        store=store,
        signer=key,
        policy=policy,
        clock=clock,
        rules=RuleFiles(policy.governance, policy.catalog, policy.subsystems),
        attestations=SigstoreVerifier(embedded_root()),
        stopped=nothing_stops,
    )
    router = Router(store, clock, Readers({"bench": read}))
    courtesies = Courtesies(store, forge, clock)
    interpreter = Interpreter(world)
    worker = Worker(Parts(store, router, interpreter, courtesies, policy, clock, measures))
    work = asyncio.create_task(worker.run())
    try:
        yield Bench(store, worker, forge, policy)
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        await store.close()


async def test_merge_is_requested_soon_after_the_last_gate_is_green(tmp_path: Path) -> None:
    async with running(tmp_path) as bench:
        alone = []
        for issue in range(1, ALONE + 1):
            mission = await bench.prepare(issue)
            alone.append(await bench.approve(mission))
            await until(bench.idle)
        crowd = [await bench.prepare(ALONE + n) for n in range(1, TOGETHER + 1)]
        together = await asyncio.gather(*(bench.approve(mission) for mission in crowd))
        await until(bench.idle)
        landed = [m for m in await bench.store.missions() if m.landing is not None]

    p50, p95 = statistics.median(alone), percentile(alone, 0.95)
    tell(
        "last gate green to merge requested, the bot's own time",
        f"one at a time, {ALONE} missions: p50 {p50:.1f} ms, p95 {p95:.1f} ms"
        f" (bound {BOUND_MS:.0f} ms: {100 * p95 / BOUND_MS:.0f} % of it)",
        f"{TOGETHER} at once: p50 {statistics.median(together):.1f} ms,"
        f" p95 {percentile(together, 0.95):.1f} ms",
        f"ratio of p95, together to alone: {percentile(together, 0.95) / p95:.2f}",
    )
    assert len(landed) == ALONE + TOGETHER
    assert p50 < BOUND_MS

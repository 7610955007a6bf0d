"""The durable worker: inbox to missions, missions to decisions, decisions to the world.

Three loops over the store, each level-triggered: whatever was in flight when the process died is
found again by its row. No loop holds a lock while it waits for the world.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from grace.app.courtesies import Courtesies
from grace.app.interpreter import Interpreter
from grace.app.observe import Measures
from grace.app.router import Router
from grace.domain.decision import Note
from grace.domain.effects import Effect
from grace.domain.events import AlertSeen, EffectFailed, Event, Ticked
from grace.domain.lifecycle import decide
from grace.domain.policy import Policy
from grace.domain.verdict import Verdict
from grace.ports import (
    Clock,
    ForgeUnavailable,
    Job,
    Ruling,
    Store,
    Turn,
)

MAX_SLEEP = timedelta(seconds=30)
COOLING = timedelta(seconds=30)
FIRST_RETRY_S = 1.0
LAST_RETRY_S = 60.0
BATCH = 50
MAX_FAULTS = 8


@dataclass(frozen=True, slots=True)
class Parts:
    """What a worker works with; `parallel` bounds the effects carried out at once."""

    store: Store
    router: Router
    interpreter: Interpreter
    courtesies: Courtesies
    policy: Policy
    clock: Clock
    measures: Measures
    parallel: int = 8


class Worker:
    """Run missions: several at once, the most urgent first, each one step at a time."""

    def __init__(self, parts: Parts) -> None:
        self._store = parts.store
        self._router = parts.router
        self._interpreter = parts.interpreter
        self._courtesies = parts.courtesies
        self._policy = parts.policy
        self._clock = parts.clock
        self._measures = parts.measures
        self._parallel = parts.parallel
        self._news = asyncio.Event()
        self._cooling: dict[UUID, datetime] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._log = structlog.get_logger("worker")
        self.failures: dict[str, str] = {}

    @property
    def busy(self) -> bool:
        """Tell whether an effect is being carried out now."""
        return bool(self._running)

    def wake(self) -> None:
        """Tell the worker that something came in."""
        self._news.set()

    async def run(self) -> None:
        """Work until cancelled; effects that are under way end first."""
        try:
            while True:
                self._news.clear()
                busy = await self._guarded("inbox", self._router.drain)
                busy += await self._guarded("missions", self._turns)
                busy += await self._guarded("outbox", self._start_jobs)
                busy += await self._guarded("courtesies", self._start_courtesies)
                if not busy:
                    await self._sleep()
        finally:
            for task in self._running:
                task.cancel()
            await asyncio.gather(*self._running, return_exceptions=True)

    async def _guarded(self, what: str, work: Callable[[], Awaitable[int]]) -> int:
        """Be the one boundary of the process: log a fault with its context, and go on."""
        try:
            done = await work()
        except Exception as error:  # noqa: BLE001 - the boundary: logged, counted, shown in /readyz
            self._log.exception("failed", loop=what)
            self._measures.faults.labels(loop=what).inc()
            self.failures[what] = f"{type(error).__name__}: {error}"
            await asyncio.sleep(FIRST_RETRY_S)
            return 0
        self.failures.pop(what, None)
        return done

    async def _sleep(self) -> None:
        """Wait for news or the next deadline."""
        wake_at = await self._store.next_wake()
        limit = MAX_SLEEP
        if wake_at is not None:
            limit = max(timedelta(0), min(limit, wake_at - self._clock.now()))
        if not limit and (self._running or self._cooling):
            limit = timedelta(milliseconds=20)
        try:
            async with asyncio.timeout(limit.total_seconds()):
                await self._news.wait()
        except TimeoutError:
            return

    async def _turns(self) -> int:
        """Give every mission that waits its turn."""
        now = self._clock.now()
        due = await self._store.due(now, BATCH + len(self._cooling))
        done = 0
        for uid in due:
            if self._cooling.get(uid, now) > now:
                continue
            try:
                done += await self.turn(uid)
            except Exception as error:  # noqa: BLE001 - one mission's fault is not another's
                self._log.exception("turn failed", mission=str(uid))
                self._measures.faults.labels(loop="turn").inc()
                self.failures[f"mission {uid}"] = f"{type(error).__name__}: {error}"
                self._cooling[uid] = now + COOLING
            else:
                self._cooling.pop(uid, None)
                self.failures.pop(f"mission {uid}", None)
        return done

    async def turn(self, uid: UUID) -> int:
        """Decide what waits for one mission and store it in one transaction."""
        now = self._clock.now()
        turn = await self._store.turn(uid)
        if turn is None:
            return 0
        ruling = rule(turn, self._policy, now)
        stored = await self._store.commit(turn, ruling, now)
        self._measures.decisions.inc(len(turn.events) or 1)
        if stored and ruling.mission.phase is not turn.mission.phase:
            self._log.info(
                "phase",
                mission=ruling.mission.name,
                before=turn.mission.phase.value,
                after=ruling.mission.phase.value,
            )
        return 1

    async def _start_jobs(self) -> int:
        """Begin effects that are due, as many as may run at once."""
        free = self._parallel - len(self._running)
        if free <= 0:
            return 0
        jobs = await self._store.jobs(self._clock.now(), free)
        for job in jobs:
            await self._store.begin(job.id)
            self._spawn(self._carry_out(job), f"effect-{job.id}")
        return len(jobs)

    async def _start_courtesies(self) -> int:
        """Begin to say on other people's commits that they are no missions."""
        if len(self._running) >= self._parallel:
            return 0
        jobs = await self._courtesies.take()
        if jobs:
            self._spawn(self._courtesies.say(jobs), "courtesies")
        return len(jobs)

    def _spawn(self, work: Coroutine[None, None, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._running.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._news.set()
        if not task.cancelled() and task.exception() is not None:
            self._log.error("effect task failed", task=task.get_name(), exc_info=task.exception())

    async def _carry_out(self, job: Job) -> None:
        """Carry out one effect; what fails for now waits and is tried again."""
        kind = job.effect.kind
        structlog.contextvars.bind_contextvars(mission=job.mission.name, effect=kind)
        started = asyncio.get_running_loop().time()
        try:
            event = await self._interpreter.carry_out(job)
        except ForgeUnavailable as error:
            await self._postpone(job, error.sentence, error.retry_after)
            return
        except Exception as error:  # noqa: BLE001 - logged, counted, and tried again
            self._log.exception("effect failed")
            self._measures.faults.labels(loop="effect").inc()
            reason = f"{type(error).__name__}: {error}"
            if job.tries < MAX_FAULTS:
                await self._postpone(job, reason, None)
                return
            event = EffectFailed(key=job.effect.key, effect=kind, reason=reason)
        self._measures.effects.labels(kind=kind).observe(
            asyncio.get_running_loop().time() - started
        )
        await self._surely("finish", lambda: self._store.finish(job.id, event, self._clock.now()))

    async def _postpone(self, job: Job, reason: str, retry_after: float | None) -> None:
        delay = min(FIRST_RETRY_S * 2**job.tries, LAST_RETRY_S)
        due = self._clock.now() + timedelta(seconds=max(delay, retry_after or 0.0))
        self._measures.retries.labels(kind=job.effect.kind).inc()
        self._log.warning("postponed", reason=reason, tries=job.tries + 1, until=due.isoformat())
        await self._surely("postpone", lambda: self._store.postpone(job.id, due, reason))

    async def _surely(self, what: str, write: Callable[[], Awaitable[None]]) -> None:
        """Write until it is written: an effect that ended must not stay begun."""
        delay = FIRST_RETRY_S
        while True:
            try:
                await write()
            except Exception as error:  # noqa: BLE001 - logged, counted, shown in /readyz, tried again
                self._log.exception("store failed", write=what)
                self._measures.faults.labels(loop="store").inc()
                self.failures["store"] = f"{type(error).__name__}: {error}"
                await asyncio.sleep(delay)
                delay = min(2 * delay, LAST_RETRY_S)
            else:
                self.failures.pop("store", None)
                return


def rule(turn: Turn, whole: Policy, now: datetime) -> Ruling:
    """Decide every waiting event of a mission in order; a passed deadline is an event too."""
    mission, facts = turn.mission, turn.facts
    named = None if mission.request is None else mission.request.subsystem_id
    policy = whole.narrowed(mission.ref, named)
    notes: list[Note] = []
    effects: list[Effect] = []
    verdict: Verdict | None = None
    wake_at: datetime | None = None
    events: list[Event] = [event for _, event in turn.events] or [Ticked()]
    # What fires again keeps a mission open that would else have recovered with the event before it.
    events.sort(key=lambda event: not isinstance(event, AlertSeen))
    for event in events:
        decision = decide(mission, event, facts, policy, now)
        mission, facts, verdict = decision.mission, decision.facts, decision.verdict
        wake_at = decision.wake_at
        notes += decision.notes
        effects += decision.effects
    return Ruling(
        mission=mission,
        facts=facts,
        notes=tuple(notes),
        effects=tuple(effects),
        wake_at=wake_at,
        handled=tuple(number for number, _ in turn.events),
        policy=(policy.digest(), policy.document()),
        verdict=None if verdict is None else verdict.model_dump(mode="json"),
    )

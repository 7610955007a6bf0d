"""The loop that watches: sample, look, tell, keep; every few seconds, whatever else goes on."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog

from grace.app.watching.book import STATE, Book
from grace.app.watching.desk import Desk, WatchState
from grace.app.watching.past import Past
from grace.domain.catalog import MetricDefinition
from grace.domain.detection.gone import Places
from grace.domain.detection.keeping import freeze
from grace.domain.detection.watch import Turn, Watch
from grace.domain.package import MetricObservation

SLICE: Final = 250  # metrics between two looks at what else waits
PREPARE_POINTS: Final = 100_000  # of the past, in a round
CALIBRATIONS, CALIBRATE_POINTS = 50, 20_000  # in a round
CALIBRATE_EVERY_S: Final = 6 * 3600.0
REMEMBER_EVERY: Final = timedelta(minutes=10)
TARGETS_EVERY: Final = timedelta(minutes=1)
BEHIND: Final = 4  # samples in a row that are older than the newest: a clock was set back


class Watcher:
    """Watch the metrics of the catalog. `failure`: why the last round was not whole, or None."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        catalog = desk.plan.catalog.metrics
        guards = {g for s in desk.plan.subsystems.subsystems.values() for g in s.guards}
        self._own: Mapping[str, MetricDefinition] = {
            name: definition
            for name, definition in catalog.items()
            if definition.source is not None and (definition.watch is not None or name in guards)
        }
        sources = {n: d.source for n, d in self._own.items() if d.source is not None}
        self._watches: dict[str, Watch] = {}
        self._book = Book(desk, Places(sources), self._watches)
        self._past = Past(desk)
        self._waiting: list[str] | None = None
        self._remembered: dict[str, bytes] = {}
        self._turn = 0
        self._targets: frozenset[str] = frozenset()
        self._targets_at: datetime | None = None
        self._state = WatchState(0, 0, len(self._own), (), 0, False, None, 0.0)
        self._log = structlog.get_logger("watching")
        self.failure: str | None = None

    @property
    def state(self) -> WatchState:
        """Say how watching goes."""
        return self._state

    def watch(self, metric_id: str) -> Watch | None:
        """Return the watch of a metric; None: it is not watched, or not prepared yet."""
        return self._watches.get(metric_id)

    async def run(self) -> None:
        """Watch until cancelled; this is the one boundary of its loop."""
        every = self._desk.plan.every
        due = time.monotonic()
        try:
            while True:
                try:
                    await self.round()
                except Exception as error:  # noqa: BLE001 - the boundary: logged, counted, in /readyz
                    self._log.exception("failed")
                    self._desk.fault("watching")
                    self.failure = f"{type(error).__name__}: {error}"
                else:
                    self.failure = None
                due = max(due + every, time.monotonic())
                await asyncio.sleep(due - time.monotonic())
        finally:
            await self.remember()

    async def round(self) -> None:
        """Sample once, look at it, tell what is amiss, and keep it."""
        began, now = time.monotonic(), self._desk.clock.now()
        await self._prepare(now)
        wanted = await self._wanted(now)
        observed = await self._desk.metrics.sample_all(wanted) if wanted else ()
        turns = await self._look(observed)
        self._book.turned(turns)
        silent = tuple(o.metric_id for o in observed if o.value is None and not o.idle)
        try:
            if self._book.gather(silent, self._desk.clock.now()):
                await self._keep(list(turns))
        finally:  # a disk that is full keeps nobody from hearing of it
            changed = await self._book.tell(self._desk.clock.now())
        if observed:
            await self._desk.samples.keep(observed)
        await self._remember_some(turns, now=changed or bool(turns))
        await self._calibrate(now)
        self._state = WatchState(
            watched=len(self._watches),
            preparing=len(self._waiting or ()),
            sampled=len(wanted),
            silent=silent,
            incidents=len(self._book.incidents),
            blind=self._book.blind,
            last=now,
            took=time.monotonic() - began,
        )

    async def remember(self) -> None:
        """Keep all that was learned; after a stop it goes on from there."""
        if self._waiting is None:
            return  # nothing was read yet, so that nothing is written over
        for start in range(0, len(self._watches), SLICE):
            await self._keep(list(self._watches)[start : start + SLICE])
        await self._keep(())

    async def _wanted(self, now: datetime) -> Mapping[str, MetricDefinition]:
        """Choose what is sampled: what is watched, guards, and the targets of live missions."""
        if self._targets_at is None or now - self._targets_at >= TARGETS_EVERY:
            missions = await self._desk.store.missions(live=True)
            self._targets_at = now
            self._targets = frozenset(
                target.metric_id
                for mission in missions
                if mission.request is not None
                for target in mission.request.acceptance_criteria.metric_targets
            )
        more = self._targets - self._own.keys()
        if not more:
            return self._own
        catalog = self._desk.plan.catalog.metrics
        found = {n: catalog[n] for n in sorted(more) if n in catalog}
        return {**self._own, **{n: d for n, d in found.items() if d.source is not None}}

    async def _look(self, observed: Sequence[MetricObservation]) -> dict[str, Turn]:
        """Let each watch see its sample; what else waits gets its turn in between."""
        turns: dict[str, Turn] = {}
        for i, each in enumerate(observed, 1):
            watch = self._watches.get(each.metric_id)
            if watch is not None:
                turn = watch.observe(each.at.timestamp(), each.value, idle=each.idle)
                if turn is not Turn.NOTHING:
                    turns[each.metric_id] = turn
                elif watch.behind >= BEHIND:
                    self._set_back(each.metric_id)
            if i % SLICE == 0:
                await asyncio.sleep(0)
        return turns

    def _set_back(self, metric_id: str) -> None:
        """Begin a watch anew whose clock was set back: it would be deaf until time caught up."""
        self._log.warning("clock set back", metric=metric_id)
        del self._watches[metric_id]
        assert self._waiting is not None  # rounds begin with the preparation
        self._waiting.append(metric_id)

    async def _prepare(self, now: datetime) -> None:
        """Bring watches up to date with what was kept, a bounded amount in a round."""
        if self._waiting is None:
            self._remembered = {
                name: state for name, (_, state) in (await self._desk.samples.remembered()).items()
            }
            self._book.load(self._remembered.pop(STATE, None))
            self._waiting = [n for n, d in self._own.items() if d.watch is not None]
            # What was remembered is soon up to date; what asks a source for its past is not.
            self._waiting.sort(key=lambda name: name not in self._remembered)
        points = 0
        while self._waiting and points < PREPARE_POINTS:
            name = self._waiting[0]
            found = await self._past.recall(name, self._remembered.get(name), now)
            del self._waiting[0]
            self._remembered.pop(name, None)
            self._watches[name] = found.watch
            self._book.prepared(found.watch, settled=found.settled)
            points += found.points

    async def _calibrate(self, now: datetime) -> None:
        """Set thresholds anew, those first that have waited longest."""
        at, points = now.timestamp(), 0
        due = [w for w in self._watches.values() if at - w.calibrated >= CALIBRATE_EVERY_S]
        due.sort(key=lambda w: w.calibrated)
        for watch in due[:CALIBRATIONS]:
            points += await self._past.calibrate(watch, now)
            if points >= CALIBRATE_POINTS:
                break

    async def _remember_some(self, turns: Mapping[str, Turn], *, now: bool) -> None:
        """Keep the state of what changed at once, and of the others in turn."""
        names = list(self._watches)
        rounds = max(int(REMEMBER_EVERY.total_seconds() / self._desk.plan.every), 1)
        share = -(-len(names) // rounds)
        chosen = names[self._turn : self._turn + share]
        self._turn = self._turn + share if self._turn + share < len(names) else 0
        if chosen or now:
            await self._keep(list(dict.fromkeys([*turns, *chosen])))

    async def _keep(self, names: Sequence[str]) -> None:
        states = {n: freeze(self._watches[n]) for n in names if n in self._watches}
        states[STATE] = self._book.freeze()
        await self._desk.samples.remember(states, self._desk.clock.now().timestamp())

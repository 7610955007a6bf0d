"""Probes of the worker: what waits, whether it moves, and whether deadlines are kept."""

import asyncio
from typing import Final

from grace.app.probes.findings import Finding, Stuck, counted, degraded, unhealthy, well, worst_of
from grace.app.probes.world import WorkSide
from grace.ports import Clock
from grace.ports.probing import ProbedStore

_LOOKS: Final = 4  # a minute
_MANY: Final = 500
_JUMP_S: Final = 60.0


class Inbox:
    """Count what came in and is not routed."""

    def __init__(self, store: ProbedStore, clock: Clock, work: WorkSide) -> None:
        self._store = store
        self._clock = clock
        self._work = work
        self._stuck = Stuck(_LOOKS)

    async def __call__(self) -> Finding:
        waiting = (await self._store.backlog(self._clock.now()))["inbox"]
        stuck = self._stuck.saw(waiting)
        told = f"{counted(waiting, 'delivery', 'deliveries')} waiting"
        if "inbox" in self._work.failures():
            return unhealthy(
                "reading the inbox fails: what came in is kept and tried again. See the log."
            )
        if stuck:
            return unhealthy(f"{told}, and none is read: restart the process; none is lost.")
        if waiting >= _MANY:
            return degraded(f"{told}: more comes in than is read just now.")
        return well(told)


class Outbox:
    """Count effects that wait, and those that were put off."""

    def __init__(self, store: ProbedStore, clock: Clock, work: WorkSide) -> None:
        self._store = store
        self._clock = clock
        self._work = work
        self._stuck = Stuck(_LOOKS)

    async def __call__(self) -> Finding:
        counts = await self._store.backlog(self._clock.now())
        ready = counts["outbox"] - counts["postponed"]
        stuck = self._stuck.saw(ready)
        if "outbox" in self._work.failures() or "store" in self._work.failures():
            return unhealthy("effects cannot be begun or ended: see the log. None is done twice.")
        if counts["postponed"]:
            return degraded(
                f"{counted(counts['postponed'], 'effect')} put off after a failure, to be tried "
                "again: `grace mission why` names what is awaited, the log why it failed."
            )
        if stuck and ready >= _MANY:
            return degraded(
                f"{ready} effects wait: the forge or CI takes them slower than they come."
            )
        return well(f"{counted(ready, 'effect')} waiting or carried out")


class WorkerLoop:
    """See that all loops run, and that missions that have news get their turns."""

    def __init__(self, store: ProbedStore, clock: Clock, work: WorkSide) -> None:
        self._store = store
        self._clock = clock
        self._work = work
        self._stuck = Stuck(_LOOKS)

    async def __call__(self) -> Finding:
        dead = sorted(name for name, runs in self._work.alive().items() if not runs)
        if dead:
            return unhealthy(f"{', '.join(dead)} ended: restart the process; nothing is lost.")
        events = (await self._store.backlog(self._clock.now()))["events"]
        stuck = self._stuck.saw(events)
        told = f"{counted(events, 'event')} waiting for a mission's turn"
        failures = self._work.failures()
        failed = [name for name in failures if name == "missions" or name.startswith("mission ")]
        if "missions" in failures:
            return unhealthy("missions get no turns: see the log. It is tried again every second.")
        if failed:
            return degraded(
                f"{counted(len(failed), 'mission')} cannot be decided, by a fault of the program: "
                "see the log for each, and hold it if it goes on."
            )
        if stuck:
            return degraded(f"{told}, and not getting fewer.")
        return well(told)


class Deadlines:
    """See that passed deadlines are heeded, and that the clock runs evenly."""

    def __init__(self, store: ProbedStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._stuck = Stuck(_LOOKS)
        self._before: tuple[float, float] | None = None

    async def __call__(self) -> Finding:
        now = self._clock.now()
        found = []
        steady = asyncio.get_running_loop().time()
        if self._before is not None:
            jumped = (now.timestamp() - self._before[0]) - (steady - self._before[1])
            if abs(jumped) > _JUMP_S:
                found.append(
                    degraded(
                        f"the clock jumped by {jumped:.0f} s: deadlines come early or late. "
                        "Let the machine keep its time by NTP."
                    )
                )
        self._before = (now.timestamp(), steady)
        overdue = (await self._store.backlog(now))["overdue"]
        if self._stuck.saw(overdue):
            found.append(
                unhealthy(
                    f"{counted(overdue, 'deadline')} passed and not heeded: restart the process."
                )
            )
        return worst_of(found, well(f"{counted(overdue, 'deadline')} passed this moment"))

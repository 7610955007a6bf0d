"""The board: every probe asked in its own time, its newest finding, and what changed for long.

A change is told in the ledger when as many findings in a row agree as it takes: two, and twice as
many for each change of the hour before. What flaps is told ever more seldom; the board shows it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import structlog

from grace.app.probes.findings import Finding, Probe, unhealthy
from grace.domain.access import OWN_LOG
from grace.domain.decision import Note
from grace.domain.health import Health, HealthState
from grace.domain.ledger import parse_line
from grace.ports import Clock
from grace.ports.hub import FeedFilter, HubStore

AGREE: Final = 2
MOST: Final = 64
SOON_S: Final = 60.0
_RECALLED: Final = 500
RECENT: Final = timedelta(hours=1)
KIND: Final = "integration.health_changed"
_NOT_YET: Final = "it was not probed yet."


@dataclass(slots=True)
class _Line:
    """One probe's line: its newest finding, what was told last, and what differs from that.

    `again` is set when it is to be asked at once.
    """

    probe: Probe
    health: Health
    told: HealthState = HealthState.HEALTHY
    differs: HealthState | None = None
    times: int = 0
    changes: list[datetime] = field(default_factory=list)
    again: asyncio.Event = field(default_factory=asyncio.Event)


class Board:
    """`grace.ports.hub.HealthBoard`: run the probes, keep what they find.

    `record` writes a note to the bot's own log; `fault` counts an unexpected error by its loop;
    `recall` reads what was told last, by a process before us too.
    """

    def __init__(
        self,
        probes: Sequence[Probe],
        clock: Clock,
        record: Callable[[Note, datetime], Awaitable[None]],
        fault: Callable[[str], None],
        recall: Callable[[], Awaitable[Mapping[str, HealthState]]] | None = None,
    ) -> None:
        self._recall = recall
        self._clock = clock
        self._record = record
        self._fault = fault
        self._lines = {probe.name: _Line(probe, _unprobed(probe, clock.now())) for probe in probes}
        self._log = structlog.get_logger("health")

    def health(self) -> Sequence[Health]:
        """Return the newest finding of each probe, in their order."""
        return tuple(line.health for line in self._lines.values())

    async def run(self) -> None:
        """Probe until cancelled; each probe has a loop of its own, so none waits for another."""
        await self._remember()
        async with asyncio.TaskGroup() as group:
            for line in self._lines.values():
                group.create_task(self._follow(line), name=f"probe-{line.probe.name}")

    async def _remember(self) -> None:
        """Take up what was told last; without it, all counts as told to be well."""
        try:
            told = {} if self._recall is None else await self._recall()
        except Exception:  # noqa: BLE001 - a store that fails is told by its own probe
            self._log.exception("not recalled")
            self._fault("health")
            return
        for name, state in told.items():
            if name in self._lines:
                self._lines[name].told = state

    async def round(self) -> Sequence[Health]:
        """Ask every probe once, all at the same time; return what they found."""
        await asyncio.gather(*(self._probe(line) for line in self._lines.values()))
        return self.health()

    def again(self) -> None:
        """Have every probe asked at once: much has changed, as when the forge is reached."""
        for line in self._lines.values():
            line.again.set()

    async def _follow(self, line: _Line) -> None:
        """Ask in the probe's own time, and within a minute where it was not well."""
        while True:
            line.again.clear()
            await self._probe(line)
            good = line.health.state is HealthState.HEALTHY
            pause = line.probe.every_s if good else min(line.probe.every_s, SOON_S)
            try:
                async with asyncio.timeout(pause):
                    await line.again.wait()
            except TimeoutError:
                continue

    async def _probe(self, line: _Line) -> None:
        """Ask once; whatever a probe does, there is a finding."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        finding = await self._asked(line.probe)
        now, before = self._clock.now(), line.health
        good = finding.state is HealthState.HEALTHY
        line.health = Health(
            name=line.probe.name,
            title=line.probe.title,
            state=finding.state,
            sentence=finding.sentence,
            checked_at=now,
            last_good_at=now if good else before.last_good_at,
            latency_ms=round((loop.time() - began) * 1000, 3),
            critical=line.probe.critical,
            ties=line.probe.ties,
            parts=finding.parts,
        )
        try:
            await self._tell(line, finding, now)
        except Exception:  # noqa: BLE001 - the boundary of a probe's loop: logged, counted, tried again
            self._log.exception("not told", subsystem=line.probe.name)
            self._fault("health")

    async def _asked(self, probe: Probe) -> Finding:
        try:
            async with asyncio.timeout(probe.timeout_s):
                return await probe.ask()
        except TimeoutError:
            return unhealthy(
                f"it did not answer within {probe.timeout_s:g} s: it hangs, or the machine is "
                "overloaded. See the log."
            )
        except Exception as error:  # noqa: BLE001 - a probe that fails is a finding; logged, counted
            self._log.exception("probe failed", subsystem=probe.name)
            self._fault("health")
            return unhealthy(f"it cannot be probed ({type(error).__name__}): see the log.")

    async def _tell(self, line: _Line, finding: Finding, now: datetime) -> None:
        """Write a change into the ledger once enough findings in a row agree on it."""
        if finding.state is line.told:
            line.differs, line.times = None, 0
            return
        line.times = line.times + 1 if finding.state is line.differs else 1
        line.differs = finding.state
        line.changes = [at for at in line.changes if abs(now - at) < RECENT]
        if line.times < min(AGREE * 2 ** len(line.changes), MOST):
            return
        payload: dict[str, object] = {
            "subsystem": line.probe.name,
            "before": line.told.value,
            "after": finding.state.value,
            "sentence": finding.sentence,
        }
        await self._record(Note(kind=KIND, actor="grace", payload=payload), now)
        self._log.warning("changed", **payload)
        line.changes.append(now)
        line.told, line.differs, line.times = finding.state, None, 0


async def recalled(store: HubStore) -> Mapping[str, HealthState]:
    """Read from the bot's own log which state of each subsystem was told last."""
    wanted = FeedFilter(logs=frozenset({OWN_LOG}), patterns=(KIND,))
    told: dict[str, HealthState] = {}
    for found in await store.feed_back(wanted, limit=_RECALLED):
        payload = parse_line(found.line).payload or {}
        told.setdefault(str(payload.get("subsystem")), HealthState(str(payload.get("after"))))
    return told


def _unprobed(probe: Probe, now: datetime) -> Health:
    return Health(
        name=probe.name,
        title=probe.title,
        state=HealthState.UNHEALTHY,
        sentence=_NOT_YET,
        checked_at=now,
        critical=probe.critical,
        ties=probe.ties,
    )

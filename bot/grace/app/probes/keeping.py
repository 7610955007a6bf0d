"""Probes of what is kept: the store, and memory, which is a fold of the ledger."""

import asyncio
import shutil
import sqlite3
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from grace.app.probes.findings import Finding, counted, degraded, unhealthy, well, worst_of
from grace.ports import Clock, SampleStore
from grace.ports.probing import ProbedStore

_SLOW_S: Final = 1.0
_LITTLE: Final = 1024**3
_TOO_LITTLE: Final = 128 * 1024**2
_DAY_S: Final = 86_400.0
_SLICE: Final = 200
_SLICES: Final = 5
_ANEW: Final = timedelta(hours=6)


def free_bytes(folder: Path) -> int:
    """Say how much may still be written where the store is."""
    return shutil.disk_usage(folder).free


class StoreItself:
    """Write a row to the disk and read it back, and look at the room that is left."""

    def __init__(
        self,
        store: ProbedStore,
        clock: Clock,
        folder: Path,
        free: Callable[[Path], int] = free_bytes,
    ) -> None:
        self._store = store
        self._clock = clock
        self._folder = folder
        self._free = free

    async def __call__(self) -> Finding:
        loop = asyncio.get_running_loop()
        began, now = loop.time(), self._clock.now()
        try:
            await self._store.beat(now)
            wrote = loop.time()
            read = await self._store.pulse()
        except (sqlite3.Error, OSError) as error:
            return unhealthy(
                f"the store cannot be written or read ({type(error).__name__}): look at the disk "
                "of the data folder, its room and its permissions; nothing is decided meanwhile."
            )
        took, reading = wrote - began, loop.time() - wrote
        found = [*_room(await asyncio.to_thread(self._free, self._folder))]
        if read != now:
            found.append(
                unhealthy("the store does not give back what was written: stop, and restore it.")
            )
        if max(took, reading) > _SLOW_S:
            found.append(
                degraded(
                    f"writing took {took * 1000:.0f} ms, reading {reading * 1000:.0f} ms: the disk "
                    "is slow or shared; give the store one of its own."
                )
            )
        told = f"a write took {took * 1000:.0f} ms and a read {reading * 1000:.0f} ms"
        return worst_of(found, well(told))


def _room(free: int) -> list[Finding]:
    left = f"{free / 1024**2:,.0f} MiB are left on the store's disk"
    if free < _TOO_LITTLE:
        return [unhealthy(f"{left}: make room now, or nothing can be written.")]
    return [degraded(f"{left}: make room.")] if free < _LITTLE else []


class Samples:
    """See that samples of metrics are kept; without them detectors and windows know no past."""

    def __init__(self, samples: SampleStore, clock: Clock) -> None:
        self._samples = samples
        self._clock = clock

    async def __call__(self) -> Finding:
        try:
            found = await self._samples.figures()
        except (sqlite3.Error, OSError) as error:
            return degraded(
                f"the samples of metrics cannot be read ({type(error).__name__}): restart Grace, "
                "which puts a broken samples.db aside and begins a new one."
            )
        if found.failure is not None:
            kind = found.failure.partition(":")[0]
            return degraded(
                f"the newest samples of metrics could not be kept ({kind}): look at the disk of "
                "the data folder; a broken samples.db is put aside when Grace starts."
            )
        held = f"{counted(found.samples, 'sample')} of {counted(found.metrics, 'metric')}"
        if found.oldest is None:
            return well("no samples are kept yet")
        days = (self._clock.now().timestamp() - found.oldest) / _DAY_S
        return well(f"{held} of {days:.1f} days in {found.bytes / 1024**2:,.1f} MiB")


class Memory:
    """Compare the fold of outcomes with the ledger, slice by slice, and now and then anew."""

    def __init__(self, store: ProbedStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._since: datetime | None = None
        self._last: dict[str, int] = {}
        self._compared = 0
        self._amiss: set[tuple[str, int]] = set()

    async def __call__(self) -> Finding:
        now = self._clock.now()
        if self._since is None or abs(now - self._since) > _ANEW:
            self._since, self._compared = now, 0
            self._last.clear()
            self._amiss.clear()
        for log in await self._store.logs():
            await self._compare(log)
        if self._amiss:
            return degraded(
                f"{counted(len(self._amiss), 'outcome')} not as the ledger says: trust "
                "scores and memory may be wrong. Stop the process and run `grace audit`; the fold "
                "is made anew from the ledger when the store is restored."
            )
        return well(
            f"{counted(self._compared, 'outcome')} compared with the ledger, all as it says"
        )

    async def _compare(self, log: str) -> None:
        for _ in range(_SLICES):
            found = await self._store.compare_outcomes(log, self._last.get(log, 0), _SLICE)
            self._last[log] = found.last
            self._compared += found.checked
            self._amiss |= {(log, seq) for seq in found.amiss}
            if found.checked < _SLICE:
                return

"""Figures of the machine that Grace runs on, by psutil and, for open files, Linux itself."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Final, assert_never

import psutil

from grace.adapters.metrics.asking import Asked, observed
from grace.adapters.metrics.fetching import Limits
from grace.adapters.metrics.looks import FIRST_LOOK
from grace.adapters.metrics.reading import Reading, idle, nothing
from grace.domain.catalog import HostFigure
from grace.domain.package import MetricObservation
from grace.ports import Clock

_OPEN_FILES: Final = Path("/proc/sys/fs/file-nr")
_PERCENT: Final = 100.0
_NAME: Final = "host"
Figures = dict[tuple[str, str], Reading]


class HostSource:
    """Read the machine. What the processors did is told since the look before."""

    def __init__(self, clock: Clock, limits: Limits) -> None:
        self._clock = clock
        self._limits = limits
        self._ticks: tuple[float, float] | None = None
        self._running: asyncio.Task[Figures] | None = None

    async def read(self, wanted: Sequence[Asked[HostFigure]]) -> list[MetricObservation]:
        """Read each figure once, in a thread: a disk that hangs must not hold up the rest."""
        figures = {_key(w.source): w.source for w in wanted}
        found: Figures = {}
        late = nothing(f"no answer within {self._limits.timeout_s:g} s")
        if self._running is None or self._running.done():
            work = asyncio.to_thread(self._read, tuple(figures.values()))
            self._running = asyncio.create_task(work)
            try:
                async with asyncio.timeout(self._limits.timeout_s):
                    found = await asyncio.shield(self._running)
            except TimeoutError:
                found = {}
        at = self._clock.now()
        return [observed(w, found.get(_key(w.source), late), at, _NAME) for w in wanted]

    def _read(self, sources: Sequence[HostFigure]) -> Figures:
        return {_key(each): self._figure(each) for each in sources}

    def _figure(self, source: HostFigure) -> Reading:
        try:
            match source.figure:
                case "cpu_percent":
                    return self._cpu()
                case "memory_percent":
                    return Reading(float(psutil.virtual_memory().percent))
                case "swap_percent":
                    return Reading(float(psutil.swap_memory().percent))
                case "disk_percent":
                    return Reading(float(psutil.disk_usage(source.path).percent))
                case "load_1m":
                    return Reading(float(psutil.getloadavg()[0]))
                case "open_files":
                    return Reading(float(_OPEN_FILES.read_text().split()[0]))
                case unknown:
                    assert_never(unknown)
        except (OSError, psutil.Error, ValueError) as error:
            return nothing(f"{source.figure} cannot be read here: {error}")

    def _cpu(self) -> Reading:
        """Read the share of time that all processors together were busy since the last look."""
        times = psutil.cpu_times()
        whole = float(sum(times[:8]))  # what guests took is in `user` already
        now = (whole - float(times.idle) - float(getattr(times, "iowait", 0.0)), whole)
        before, self._ticks = self._ticks, now
        if before is None:
            return idle(FIRST_LOOK)
        passed = now[1] - before[1]
        if passed <= 0:
            return idle("no time has passed since the last look")
        share = max(0.0, min(1.0, (now[0] - before[0]) / passed))
        return Reading(_PERCENT * share)


def _key(source: HostFigure) -> tuple[str, str]:
    """Name what is read: a path belongs to figures of a disk alone."""
    return source.figure, source.path if source.figure == "disk_percent" else ""

"""The services of a campaign of drills, and how the bot is configured to watch them."""

import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from grace.demo.drill_scene import WINDOW_MINUTES, watched
from grace.demo.noise import NoiseSpec, noise
from grace.demo.prober import prober
from grace.demo.scenes import Built, subsystem_of
from grace.demo.service import ServiceProcess, ServiceSpec
from grace.demo.traffic import Traffic, TrafficSpec

HEALTHY = "healthy"
HEALTHY_WITHIN_S = 90.0  # the machine may be busy


@dataclass(frozen=True, slots=True)
class Place:
    """One service: where it listens and where it is probed; `loud`: under much traffic and noise."""

    name: str
    port: int
    probe: int
    loud: bool

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def files_of(places: Mapping[str, Place]) -> Callable[[Built], Mapping[str, Any]]:
    """Write the bot's configuration: the drills' metrics once a service."""

    def files(built: Built) -> Mapping[str, Any]:
        metrics: dict[str, Any] = {}
        for name, place in places.items():
            entries = watched(replace(built, service_port=place.port), f"{place_page(place)}")
            entries["trigger_mesh.latency_p95"]["target"] = 150
            # What was sent last stays in mailboxes: the more it is, the more memory is normal.
            entries["trigger_mesh.memory"]["target"] = 60 if place.loud else 40
            for metric, entry in entries.items():
                entry["severity"] = "low"
                entry["watch"] = {
                    "subsystem": subsystem_of(name),
                    "rolling_window_minutes": WINDOW_MINUTES,
                    "observation_window_minutes": WINDOW_MINUTES,
                }
                metrics[f"{name}.{metric.removeprefix('trigger_mesh.')}"] = entry
        return {
            "metrics_catalog.yaml": {"metrics": metrics},
            "subsystems.yaml": built.subsystems(()),
            "governance.yaml": {
                "tests": built.tests,
                "alerting": {"settle_minutes": 0.1, "max_new_per_hour": 100},
            },
        }

    return files


def place_page(place: Place) -> str:
    return f"http://127.0.0.1:{place.probe}/metrics"


@dataclass(slots=True)
class RunningMesh:
    """One service of a campaign: its process now, under traffic and noise."""

    place: Place
    folder: Path
    process: ServiceProcess | None = None

    @property
    def pid(self) -> int | None:
        return self.process.pid if self.process and self.process.running else None

    async def run(self, version: str) -> None:
        """Put a version into production."""
        if self.process is not None:
            await self.process.stop()
        log = self.folder / "logs" / f"{self.place.name}.log"
        spec = ServiceSpec(
            self.folder / version, Path(sys.executable), self.place.port, version, log
        )
        self.process = ServiceProcess(spec)
        await self.process.start(HEALTHY_WITHIN_S)

    @asynccontextmanager
    async def live(self, seed: int) -> AsyncIterator[None]:
        """Have it in production: probed, under traffic and noise."""
        url, loud = self.place.url, self.place.loud
        spec = NoiseSpec(url, seed)
        if not loud:  # fewer events a second: the same share of them is slow
            spec = replace(spec, slow_every_s=(5, 15), pause_every_s=(5, 15), burst_rate=30)
        await self.run(HEALTHY)
        try:
            async with (
                prober(url, self.place.probe),
                Traffic(TrafficSpec(url, rate=30 if loud else 10, seed=seed)),
                noise(spec, lambda: self.pid),
            ):
                yield
        finally:
            if self.process is not None:
                await self.process.stop()


def write_nothing(folder: Path) -> None:
    """Write a repository that is only there to have issues."""
    folder.mkdir(parents=True)
    (folder / "README.md").write_text("A service of a drill.\n")


def ignore(_words: str) -> None:
    """Say nothing."""

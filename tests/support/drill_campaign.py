"""A campaign of drills: many real services under one bot, each broken again and again."""

import asyncio
import random
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

from grace.demo.drill_scene import WINDOW_MINUTES, watched
from grace.demo.faults import FAULTS, Fault, write_faulty, write_healthy
from grace.demo.noise import NoiseSpec, noise
from grace.demo.prober import prober
from grace.demo.scenes import Built, Scene, subsystem_of
from grace.demo.service import ServiceProcess, ServiceSpec
from grace.demo.stage import Stage, set_up
from grace.demo.traffic import Traffic, TrafficSpec
from grace.domain.mission import Mission
from grace.domain.phase import Outcome
from support.flows import free_port

BOUND_S = 60.0  # from a fault to an open mission
CLOSED_WITHIN_S = 300.0
RESTED_S = (20.0, 50.0)  # how long a service is left alone before it is broken
POLL_S = 1.0
HEALTHY_WITHIN_S = 90.0  # the machine may be busy
HEALTHY = "healthy"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a campaign is made of: services to break, how often each, and those left alone.

    `quiet_s`: how long the latter must have been watched at the end, at least.
    """

    seed: int
    broken: int
    rounds: int
    quiet: int
    quiet_s: float

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(f"b{i:02d}" for i in range(self.broken)) + self.quiet_names

    @property
    def quiet_names(self) -> tuple[str, ...]:
        return tuple(f"q{i:02d}" for i in range(self.quiet))

    def faults(self, index: int) -> Sequence[Fault]:
        """Say in which order a service meets its faults; over all, each comes equally often."""
        dice = random.Random(f"{self.seed}/{index}")
        chosen = [FAULTS[(index + i) % len(FAULTS)] for i in range(self.rounds)]
        dice.shuffle(chosen)
        return chosen


@dataclass(frozen=True, slots=True)
class Place:
    """One service: where it listens and where it is probed."""

    name: str
    port: int
    probe: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@dataclass(frozen=True, slots=True)
class Shot:
    """One drill of a campaign, in seconds after the fault was live; None: not within its time."""

    service: str
    fault: str
    detected: float | None
    opened: float | None
    ended: str
    metric: str = ""

    @property
    def in_time(self) -> bool:
        return self.opened is not None and self.opened < BOUND_S


@dataclass(slots=True)
class Findings:
    """What a campaign found."""

    shots: list[Shot] = field(default_factory=list)
    early: list[str] = field(default_factory=list)
    quiet: list[str] = field(default_factory=list)
    quiet_minutes: float = 0.0

    def lines(self) -> list[str]:
        """Write the table of times."""
        found = ["fault     drills  in time  detected (median, max)  mission open (median, max)"]
        for fault in FAULTS:
            shots = [s for s in self.shots if s.fault == fault.name]
            detected = _spread([s.detected for s in shots])
            opened = _spread([s.opened for s in shots])
            in_time = sum(s.in_time for s in shots)
            found.append(f"{fault.name:9} {len(shots):6} {in_time:8}  {detected:>22}  {opened:>26}")
        in_time = sum(s.in_time for s in self.shots)
        recovered = sum(s.ended == Outcome.SELF_RECOVERED.value for s in self.shots)
        found.append(f"all       {len(self.shots):6} {in_time:8}")
        found.append(f"missions that closed by themselves once the fault was gone: {recovered}")
        found.append(f"missions of services before they were broken: {len(self.early)}")
        found.append(
            f"missions of healthy services in {self.quiet_minutes:.0f} service minutes of noise: "
            f"{len(self.quiet)}"
        )
        return found + self.early + self.quiet


def _spread(values: Sequence[float | None]) -> str:
    known = [v for v in values if v is not None]
    return f"{median(known):.1f} s, {max(known):.1f} s" if known else "never"


def files_of(places: Mapping[str, Place]) -> Callable[[Built], Mapping[str, Any]]:
    """Write the bot's configuration: the drills' metrics once a service."""

    def files(built: Built) -> Mapping[str, Any]:
        metrics: dict[str, Any] = {}
        for name, place in places.items():
            entries = watched(replace(built, service_port=place.port), f"{place_page(place)}")
            entries["trigger_mesh.latency_p95"]["target"] = 150
            entries["trigger_mesh.memory"]["target"] = 45
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
class Service:
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
    async def live(self, seed: int, *, loud: bool) -> AsyncIterator[None]:
        """Have it in production: probed, under traffic and noise."""
        url = self.place.url
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


class Campaign:
    """Break services by turns, and look at what the bot makes of it."""

    def __init__(self, plan: Plan, stage: Stage, services: Mapping[str, Service]) -> None:
        self._plan = plan
        self._stage = stage
        self._services = services
        self._known: dict[str, set[str]] = {name: set() for name in plan.names}
        self._missions: list[Mission] = []
        self.findings = Findings()

    async def run(self) -> Findings:
        """Play all drills, then wait until the healthy services were watched for long enough."""
        began = self._now()
        reading = asyncio.create_task(self._read())
        try:
            await self._play()
            left = self._plan.quiet_s - (self._now() - began).total_seconds()
            await asyncio.sleep(max(0.0, left))
            self._missions = list(await self._stage.system.store.missions())
        finally:
            reading.cancel()
            await asyncio.wait([reading])
        minutes = (self._now() - began).total_seconds() / 60
        self.findings.quiet_minutes = minutes * self._plan.quiet
        for name in self._plan.quiet_names:
            self.findings.quiet += [said(m) for m in self._fresh(name)]
        return self.findings

    async def _read(self) -> None:
        """Read the missions now and then, once for all who look at them."""
        while True:
            self._missions = list(await self._stage.system.store.missions())
            await asyncio.sleep(POLL_S)

    async def _play(self) -> None:
        async with asyncio.TaskGroup() as group:
            for index, name in enumerate(self._plan.names[: self._plan.broken]):
                group.create_task(self._drills(index, self._services[name]))

    async def _drills(self, index: int, service: Service) -> None:
        dice = random.Random(f"{self._plan.seed}/{index}/times")
        for fault in self._plan.faults(index):
            await asyncio.sleep(dice.uniform(*RESTED_S))
            self.findings.early += [said(m) for m in self._count(service.place.name)]
            self.findings.shots.append(await self._drill(service, fault))

    async def _drill(self, service: Service, fault: Fault) -> Shot:
        """Break a service, wait for its mission, mend it, and wait for the mission's end."""
        name = service.place.name
        await service.run(fault.name)
        since = self._now()
        mission = await self._within(BOUND_S, lambda: self._open(name))
        opened = (self._now() - since).total_seconds()
        await service.run(HEALTHY)
        if mission is None:
            late = await self._within(BOUND_S, lambda: self._open(name))
            self._count(name)
            return Shot(name, fault.name, None, None, "late" if late else "never")
        self._count(name)
        ended = await self._within(CLOSED_WITHIN_S, lambda: self._closed(mission))
        seen = mission.anomaly.at if mission.anomaly else mission.created_at
        return Shot(
            service=name,
            fault=fault.name,
            detected=(seen - since).total_seconds(),
            opened=opened,
            ended=str(ended.outcome) if ended else "open",
            metric=mission.anomaly.metric_id if mission.anomaly else "",
        )

    def _open(self, name: str) -> Mission | None:
        """Find a new mission whose issue is filed."""
        return next((m for m in self._fresh(name) if m.issue is not None), None)

    def _closed(self, mission: Mission) -> Mission | None:
        found = [m for m in self._missions if m.uid == mission.uid]
        return next((m for m in found if not m.live), None)

    def _count(self, name: str) -> list[Mission]:
        """List the missions of a service that were not counted yet, and count them."""
        found = self._fresh(name)
        self._known[name] |= {m.name for m in found}
        return found

    def _fresh(self, name: str) -> list[Mission]:
        """List the missions of a service that were not counted yet."""
        repository = self._stage.repositories[name].full_name
        return [
            m
            for m in self._missions
            if m.ref.repository == repository and m.name not in self._known[name]
        ]

    async def _within(self, seconds: float, look: Callable[[], Mission | None]) -> Mission | None:
        """Look again and again; None where nothing is found in time."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while loop.time() < end:
            found = look()
            if found is not None:
                return found
            await asyncio.sleep(POLL_S)
        return None

    def _now(self) -> datetime:
        return self._stage.system.clock.now()


def said(mission: Mission) -> str:
    """Say what a mission that should not be there was about."""
    why = mission.anomaly.sentence if mission.anomaly else mission.title
    return f"{mission.name} of {mission.ref.repository}: {why}"


async def campaign(folder: Path, plan: Plan) -> Findings:
    """Set everything up, play a campaign, and take it down."""
    versions = folder / "versions"
    write_healthy(versions / HEALTHY)
    for fault in FAULTS:
        write_faulty(versions / fault.name, fault)
    places = {name: Place(name, free_port(), free_port()) for name in plan.names}
    services = {name: Service(place, versions) for name, place in places.items()}
    scene = Scene(
        template=write_nothing,
        files=files_of(places),
        # What a real forge allows in an hour is fewer than a hundred missions need.
        settings={
            "content_per_minute": 1000,
            "content_per_hour": 20_000,
            "points_per_minute": 9000,
        },
    )
    async with AsyncExitStack() as stack:
        for i, (name, service) in enumerate(services.items()):
            loud = name in plan.quiet_names
            await stack.enter_async_context(service.live(plan.seed * 1000 + i, loud=loud))
        stage = await stack.enter_async_context(set_up(folder / "stage", plan.names, ignore, scene))
        return await Campaign(plan, stage, services).run()


def write_nothing(folder: Path) -> None:
    """Write a repository that is only there to have issues."""
    folder.mkdir(parents=True)
    (folder / "README.md").write_text("A service of a drill.\n")


def ignore(_words: str) -> None:
    """Say nothing."""

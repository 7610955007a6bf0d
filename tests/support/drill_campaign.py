"""A campaign of drills: many real services under one bot, each broken again and again."""

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from statistics import median

from grace.demo.faults import FAULTS, Fault, write_faulty, write_healthy
from grace.demo.scenes import Scene
from grace.demo.stage import OWNER, Stage, set_up
from grace.domain.mission import Mission
from grace.domain.phase import Outcome
from support.drill_services import HEALTHY, Place, RunningMesh, files_of, ignore, write_nothing
from support.flows import free_port

BOUND_S = 60.0  # from a fault to an open mission
CLOSED_WITHIN_S = 180.0
RESTED_S = (20.0, 50.0)  # how long a service is left alone before it is broken
POLL_S = 1.0


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


class Campaign:
    """Break services by turns, and look at what the bot makes of it."""

    def __init__(self, plan: Plan, stage: Stage, services: Mapping[str, RunningMesh]) -> None:
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

    async def _drills(self, index: int, service: RunningMesh) -> None:
        dice = random.Random(f"{self._plan.seed}/{index}/times")
        for fault in self._plan.faults(index):
            await asyncio.sleep(dice.uniform(*RESTED_S))
            self.findings.early += [said(m) for m in self._count(service.place.name)]
            self.findings.shots.append(await self._drill(service, fault))

    async def _drill(self, service: RunningMesh, fault: Fault) -> Shot:
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
        if ended is None:
            ended = await self._cancel(mission)
        seen = mission.anomaly.at if mission.anomaly else mission.created_at
        return Shot(
            service=name,
            fault=fault.name,
            detected=(seen - since).total_seconds(),
            opened=opened,
            ended=str(ended.outcome) if ended else "open",
            metric=mission.anomaly.metric_id if mission.anomaly else "",
        )

    async def _cancel(self, mission: Mission) -> Mission | None:
        """Have a person end a mission, as one that came back too often to be believed asks for."""
        stage = self._stage
        path = f"/repos/{mission.ref.repository}/issues/{mission.issue}/comments"
        async with stage.people.client(OWNER, stage.forge.api_url) as client:
            (await client.post(path, json={"body": "/grace cancel"})).raise_for_status()
        return await self._within(BOUND_S, lambda: self._closed(mission))

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
    places = {
        name: Place(name, free_port(), free_port(), name in plan.quiet_names) for name in plan.names
    }
    services = {name: RunningMesh(place, versions) for name, place in places.items()}
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
        for i, service in enumerate(services.values()):
            await stack.enter_async_context(service.live(plan.seed * 1000 + i))
        stage = await stack.enter_async_context(set_up(folder / "stage", plan.names, ignore, scene))
        return await Campaign(plan, stage, services).run()

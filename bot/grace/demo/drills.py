"""One drill: break the live service, and time what Grace makes of it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime

from grace.demo.deployer import Deployer
from grace.demo.drill_scene import DrillRules, watched_in
from grace.demo.faults import Fault
from grace.demo.narrate import sentence
from grace.demo.noise import NoiseSpec, noise
from grace.demo.prober import prober
from grace.demo.remote_git import commit_diff
from grace.demo.stage import OWNER, REPORTER, REVIEWER, Stage
from grace.domain.mission import Mission
from grace.domain.phase import Outcome, Phase

DETECTED_WITHIN_S = 60.0
RECOVERED_WITHIN_S = 300.0
CALM_LOOKS = 3
_POLL_S = 0.1

Say = Callable[[str], None]


class DrillFailed(Exception):
    """A drill that could not be played to its end; the message says where it stopped."""


@dataclass(slots=True)
class Drilled:
    """What became of a drill. Times are seconds after the fault was live; None: it never was.

    `detected`: Grace saw it. `opened`: the mission's issue was there. `merged`: the fix landed.
    `deployed`: it was live. `recovered`: its observation window had passed. `people`: who had to
    do what. `gave_up`: why the drill was not played to its end.
    """

    fault: str
    mission: str = ""
    issue: str = ""
    sentence: str = ""
    outcome: str = ""
    detected: float | None = None
    opened: float | None = None
    merged: float | None = None
    deployed: float | None = None
    recovered: float | None = None
    people: list[str] = field(default_factory=list)
    gave_up: str = ""

    @property
    def ok(self) -> bool:
        """Tell whether it was seen in time, and the service recovered."""
        seen = self.opened is not None and self.opened <= DETECTED_WITHIN_S
        return seen and self.outcome == Outcome.FIXED.value

    @property
    def problem(self) -> str:
        """Say what was not as it should be."""
        if self.gave_up:
            return self.gave_up
        if self.opened is None or self.opened > DETECTED_WITHIN_S:
            return f"no mission was open within {DETECTED_WITHIN_S:.0f} s"
        return f"the mission ended as {self.outcome}"

    def as_json(self) -> dict[str, object]:
        return {**asdict(self), "ok": self.ok}


class Drill:
    """One fault on a stage whose only repository is the service."""

    def __init__(self, stage: Stage, fault: Fault, rules: DrillRules, say: Say) -> None:
        self._stage = stage
        self._fault = fault
        self._rules = rules
        self._say = say
        self._told = 0
        self._done: set[str] = set()
        (self._name,) = stage.repositories
        self._drilled = Drilled(fault.name)

    async def run(self, seed: int) -> Drilled:
        """Let the service run, break it, and follow the mission to its end."""
        async with self._production(seed) as deployer:
            await self._until(self._calm, "the watched metrics have samples", DETECTED_WITHIN_S)
            self._say(f"version {(deployer.live_sha or '')[:10]} serves; every metric is watched")
            since = await self._inject(deployer)
            try:
                await self._until(self._detected, "something is detected", DETECTED_WITHIN_S)
                ended = "the mission ends"
                await self._until(lambda: self._follow(since), ended, RECOVERED_WITHIN_S)
            except DrillFailed as error:
                self._drilled.gave_up = str(error)
            self._note_deployment(deployer, since)
        return self._drilled

    @asynccontextmanager
    async def _production(self, seed: int) -> AsyncIterator[Deployer]:
        """Have the service live, under traffic and noise, and probed from outside."""
        stage, url = self._stage, f"http://127.0.0.1:{self._stage.service_port}"
        async with (
            stage.production(self._name) as deployer,
            prober(url, self._rules.probe_port),
            noise(NoiseSpec(url, seed), lambda: deployer.live_pid),
        ):
            yield deployer

    async def _calm(self) -> bool:
        """Tell whether each watched metric was looked at a few times, and nothing is wrong."""
        if mission := await self._mission():
            raise DrillFailed(f"{mission.name} was filed before anything was broken")
        samples, now = self._stage.system.samples, self._now().timestamp()
        for metric in watched_in(self._stage.system.configuration.catalog):
            found = await samples.between(metric, 0, now + 1)
            if sum(s.value is not None for s in found) < CALM_LOOKS:
                return False
        return True

    async def _inject(self, deployer: Deployer) -> datetime:
        """Push the fault to main, as an administrator can, and wait until it is live."""
        stage, config = self._stage, deployer.config
        work = stage.workdir / "colleague"
        commit = (REPORTER, self._fault.message, self._fault.diff)
        token = stage.people.tokens[OWNER]
        sha = await commit_diff(work, config.git_url, token, commit)
        self._say(f"{REPORTER}'s change is pushed around the checks: {self._fault.message}")
        deployed = await deployer.wait_for(sha)
        if deployed.state != "success":
            raise DrillFailed(f"the fault was not deployed: {deployed.description}")
        self._say(f"{sha[:10]} is live, and broken: {self._fault.what}")
        return deployed.at

    async def _detected(self) -> bool:
        mission = await self._mission()
        return mission is not None and mission.request is not None  # else it is not read yet

    async def _follow(self, since: datetime) -> bool:
        """Note how far the mission is, do what people have to, and tell whether it has ended."""
        mission = await self._mission()
        assert mission is not None  # it was detected
        drilled = self._drilled
        if drilled.detected is None:
            seen = mission.anomaly.at if mission.anomaly else mission.created_at
            drilled.detected = _seconds(since, seen)
            drilled.sentence = mission.anomaly.sentence if mission.anomaly else mission.title
            drilled.mission = mission.name
            self._say(f"detected: {drilled.sentence}")
        if drilled.opened is None and mission.issue is not None:
            drilled.opened = _seconds(since, self._now())
            repository = self._stage.repositories[self._name].full_name
            drilled.issue = f"{self._stage.forge.url}/{repository}/issues/{mission.issue}"
            self._say(f"mission {mission.name}: {drilled.issue}")
        await self._tell(mission)
        if mission.landing is not None:
            drilled.merged = _seconds(since, mission.landing.at)
        if mission.live:
            await self._act(mission)
            return False
        assert mission.closed_at is not None  # what is not live was closed
        drilled.recovered = _seconds(since, mission.closed_at)
        drilled.outcome = str(mission.outcome)
        return True

    async def _act(self, mission: Mission) -> None:
        """Do what the rules ask of people: let a prepared fix go on, and approve it."""
        if not self._rules.by_hand or mission.issue is None or mission.pull is None:
            return
        stage = self._stage
        path = f"/repos/{stage.repositories[self._name].full_name}"
        if mission.prepared == "draft" and "start" not in self._done:
            await self._post(
                REPORTER, f"{path}/issues/{mission.issue}/comments", body="/grace start"
            )
            self._did("start", f"{REPORTER} comments: /grace start")
        ready = mission.phase is Phase.GATING and mission.prepared is None
        if ready and mission.attempt is not None and "approve" not in self._done:
            url = f"{path}/pulls/{mission.pull.number}/reviews"
            await self._post(REVIEWER, url, event="APPROVE", commit_id=mission.attempt.head)
            self._did("approve", f"{REVIEWER} approves pull request #{mission.pull.number}")

    def _did(self, what: str, words: str) -> None:
        self._done.add(what)
        self._drilled.people.append(words)
        self._say(words)

    async def _post(self, login: str, path: str, **body: object) -> None:
        async with self._stage.people.client(login, self._stage.forge.api_url) as client:
            (await client.post(path, json=body)).raise_for_status()

    async def _mission(self) -> Mission | None:
        """Find the newest mission of the service's repository."""
        full_name = self._stage.repositories[self._name].full_name
        found = [
            m for m in await self._stage.system.store.missions() if m.ref.repository == full_name
        ]
        return max(found, key=lambda m: m.created_at, default=None)

    async def _tell(self, mission: Mission) -> None:
        entries = await self._stage.system.store.mission_entries(mission.ref.log, mission.name)
        for entry in entries[self._told :]:
            words = sentence(entry)
            if words is not None:
                self._say(f"[{entry.envelope.seq}] {words}")
        self._told = len(entries)

    def _note_deployment(self, deployer: Deployer, since: datetime) -> None:
        """Note when something newer than the fault went live."""
        live = [d.at for d in deployer.history if d.state == "success" and d.at > since]
        self._drilled.deployed = _seconds(since, live[0]) if live else None

    async def _until(
        self, reached: Callable[[], Awaitable[bool]], what: str, patience_s: float
    ) -> None:
        """Ask again and again; `DrillFailed` where it takes too long."""
        try:
            async with asyncio.timeout(patience_s):
                while True:
                    if await reached():
                        return
                    await asyncio.sleep(_POLL_S)
        except TimeoutError as error:
            mission = await self._mission()
            where = f"{mission.name} is {mission.phase}" if mission else "there is no mission"
            reason = f"waited {patience_s:.0f} s until {what}: {where}"
            raise DrillFailed(reason) from error

    def _now(self) -> datetime:
        return self._stage.system.clock.now()


def _seconds(since: datetime, then: datetime) -> float:
    return round((then - since).total_seconds(), 1)

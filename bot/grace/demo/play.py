"""Play a story: what people do, and what must be true at its end."""

import asyncio
import shutil
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path

from grace.adapters.audit_git import audit_repository
from grace.adapters.keys import PublicKeys
from grace.demo.deployer import Deployer
from grace.demo.narrate import diff_lines, failed, rules, sentence, standing
from grace.demo.scenes import subsystem_of
from grace.demo.stage import (
    OWNER,
    REPORTER,
    REVIEWER,
    ROLLING_MINUTES,
    Stage,
)
from grace.demo.stories import Alarm, Story
from grace.domain.audit import verify_store_lines
from grace.domain.mission import Mission
from grace.domain.phase import Outcome, Phase
from grace.domain.verdict import Condition

PATIENCE_S = 300.0
CALM = 3

Say = Callable[[str], None]


class StoryFailed(Exception):
    """A story that did not end as it should; the message says how it ended."""


@dataclass(slots=True)
class Result:
    """What a story cost and what of it was verified."""

    story: str
    mission: str
    outcome: str
    expected: str
    seconds: float
    calls: dict[str, int]
    pushes: int
    ledger_pushes: int
    entries: int
    signatures: int
    problems: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return self.outcome == self.expected and not self.problems

    @property
    def total_calls(self) -> int:
        return sum(self.calls.values())

    def as_json(self) -> dict[str, object]:
        return {**asdict(self), "total_calls": self.total_calls, "ok": self.ok}


class Play(ABC):
    """One story on a stage: what people do in it is a subclass's."""

    def __init__(self, stage: Stage, story: Story | Alarm, say: Say) -> None:
        self._stage = stage
        self._told_story = story
        self._repository = stage.repositories[story.name]
        self._say = say
        self._told = 0
        self._rules: tuple[Condition, ...] = ()
        self._mission: Mission | None = None

    async def run(self) -> Result:
        """Play from the issue to the end, then verify everything offline."""
        started = time.monotonic()
        stage, login, story = self._stage, self._stage.bot_login, self._told_story
        calls_before = len(await stage.forge.calls(login))
        pushes_before = len(await stage.forge.pushes(login))
        async with AsyncExitStack() as stack:
            mission = await self._act(stack)
            await self._settled(mission)
        calls = (await stage.forge.calls(login))[calls_before:]
        pushes = (await stage.forge.pushes(login))[pushes_before:]
        ledger = [p for p in pushes if p.ref.endswith("/grace-ledger")]
        result = Result(
            story=story.name,
            mission=mission.name,
            outcome=str(mission.outcome),
            expected=story.ends.value,
            seconds=round(time.monotonic() - started, 1),
            calls=dict(Counter(f"{c.method} {c.template}" for c in calls)),
            pushes=len(pushes) - len(ledger),
            ledger_pushes=len(ledger),
            entries=0,
            signatures=0,
        )
        await self._verify(mission, result)
        return result

    @abstractmethod
    async def _act(self, stack: AsyncExitStack) -> Mission:
        """Do what people do in the story, and return its mission when that is over."""

    async def _produce(self, stack: AsyncExitStack) -> Deployer:
        """Release the main branch, and whatever lands there, until the story is over."""
        deployer = await stack.enter_async_context(self._stage.production(self._told_story.name))
        self._say(f"version {(deployer.live_sha or '')[:10]} serves live traffic")
        return deployer

    def _show(self, judged: tuple[Condition, ...]) -> None:
        """Show how rules stand, as the pull request does."""
        for rule in judged:
            self._say(f"  {standing(rule)}")

    async def _command(self, mission: Mission, words: str) -> None:
        stage = self._stage
        async with stage.people.client(REVIEWER, stage.forge.api_url) as client:
            path = f"/repos/{self._repository.full_name}/issues/{mission.issue}/comments"
            (await client.post(path, json={"body": words})).raise_for_status()
        self._say(f"{REVIEWER} comments on issue #{mission.issue}: {words}")

    async def _approve(self, mission: Mission) -> None:
        assert mission.pull is not None
        stage = self._stage
        async with stage.people.client(REVIEWER, stage.forge.api_url) as client:
            answer = await client.post(
                f"/repos/{self._repository.full_name}/pulls/{mission.pull.number}/reviews",
                json={"event": "APPROVE", "commit_id": mission.attempt and mission.attempt.head},
            )
            answer.raise_for_status()
        self._say(f"{REVIEWER} approves pull request #{mission.pull.number}")

    async def _until(self, reached: Callable[[Mission], bool]) -> Mission:
        """Tell what happens until the repository's one mission is where it should be."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            mission = await self._find()
            if mission is not None:
                await self._tell(mission)
                if reached(mission):
                    return mission
            await asyncio.sleep(0.1)
        where = self._mission.phase if self._mission else "not filed"
        held = self._mission.held if self._mission else ""
        raise StoryFailed(f"after {PATIENCE_S:.0f} s the mission is {where} {held or ''}")

    async def _find(self) -> Mission | None:
        for mission in await self._stage.system.store.missions():
            if mission.ref.repository == self._repository.full_name:
                self._mission = mission
                return mission
        return None

    async def _tell(self, mission: Mission) -> None:
        entries = await self._stage.system.store.mission_entries(mission.ref.log, mission.name)
        for entry in entries[self._told :]:
            words = sentence(entry)
            if words is not None:
                self._say(f"[{entry.envelope.seq}] {words}")
            for line in diff_lines(entry):
                self._say(f"  {line}")
            self._rules = rules(entry) or self._rules
        self._told = len(entries)

    async def _settled(self, mission: Mission) -> None:
        """Wait until the closing effects are done: comments, checks, the published ledger."""
        end = time.monotonic() + 30
        store, calm = self._stage.system.store, 0
        while time.monotonic() < end:
            now = self._stage.system.clock.now()
            # The three are not read at one moment: an effect can end, and its event come, between.
            quiet = not await store.due(now, 1) and await store.next_wake() is None
            calm = calm + 1 if quiet and not self._stage.system.busy() else 0
            if calm == CALM:
                return
            await asyncio.sleep(0.1)
        raise StoryFailed(f"{mission.name} closed, but its last effects are not done after 30 s")

    async def _verify(self, mission: Mission, result: Result) -> None:
        """Verify as a stranger would, with a clone and the public key; and look at the forge."""
        store, signer = self._stage.system.store, self._stage.system.signer
        keys = PublicKeys(signer.public)
        report = verify_store_lines(await store.lines(mission.ref.log, 0, 10_000_000), keys)
        result.entries = report.entries
        result.problems += [] if report.ok else report.lines()
        with tempfile.TemporaryDirectory() as folder:
            clone = Path(folder) / "clone"
            await asyncio.to_thread(_clone, self._repository.bare, clone)
            audit = await asyncio.to_thread(audit_repository, clone, keys)
        result.signatures = audit.signatures
        result.problems += [] if audit.ok else audit.lines()
        await self._look(mission, result)

    async def _look(self, mission: Mission, result: Result) -> None:
        """Check what a person sees at the forge."""
        stage, name = self._stage, self._repository.full_name
        done = mission.outcome in {Outcome.FIXED, Outcome.CANCELLED}
        async with stage.people.client(OWNER, stage.forge.api_url) as client:
            issue = (await client.get(f"/repos/{name}/issues/{mission.issue}")).json()
            wanted = "closed" if done else "open"
            if issue["state"] != wanted:
                result.problems.append(f"issue #{mission.issue} is {issue['state']}, not {wanted}")
            threads = [mission.issue, *([mission.pull.number] if mission.pull else [])]
            for number in threads:
                comments = (await client.get(f"/repos/{name}/issues/{number}/comments")).json()
                ours = [c for c in comments if c["user"]["login"] == stage.bot_login]
                if len(ours) != 1:
                    result.problems.append(f"#{number} has {len(ours)} comments of Grace, not 1")


class IssuePlay(Play):
    """A story that begins with an issue: its patch is merged, or held by a rule."""

    def __init__(self, stage: Stage, story: Story, say: Say) -> None:
        super().__init__(stage, story, say)
        self._story = story

    async def _act(self, stack: AsyncExitStack) -> Mission:
        if self._story.released:
            await self._produce(stack)
        await self._file_issue()
        return await (self._merge() if self._story.released else self._refuse())

    async def _file_issue(self) -> None:
        body = self._story.body(
            subsystem=subsystem_of(self._story.name),
            window_minutes=self._story.window_minutes,
            rolling_minutes=ROLLING_MINUTES,
        )
        stage = self._stage
        async with stage.people.client(REPORTER, stage.forge.api_url) as client:
            answer = await client.post(
                f"/repos/{self._repository.full_name}/issues",
                json={"title": self._story.title, "body": body, "labels": ["mission"]},
            )
            answer.raise_for_status()
            number = int(answer.json()["number"])
        self._say(f"{REPORTER} opens issue #{number}: {self._story.title}")

    async def _merge(self) -> Mission:
        """Approve what has passed everything else, and see it through."""
        mission = await self._until(lambda m: m.phase is Phase.GATING or not m.live)
        if mission.live:
            if self._story.explained:
                self._show(self._rules)
            await self._approve(mission)
            mission = await self._until(lambda m: not m.live)
        return mission

    async def _refuse(self) -> Mission:
        """Cancel what a rule holds, without waiting for CI."""
        mission = await self._until(lambda m: bool(self._failed()) or not m.live)
        if mission.live:
            self._show(self._failed())
            await self._command(mission, "/grace cancel")
            mission = await self._until(lambda m: not m.live)
        return mission

    def _failed(self) -> tuple[Condition, ...]:
        return failed(self._rules)


def _clone(bare: Path, clone: Path) -> None:
    subprocess.run(["git", "clone", "-q", str(bare), str(clone)], check=True, capture_output=True)


def leave_repositories(stage: Stage) -> None:
    """Leave the bare repositories in the work folder as `NAME.git`."""
    for repository in stage.repositories.values():
        target = stage.workdir / repository.bare.name
        shutil.rmtree(target, ignore_errors=True)
        subprocess.run(
            ["git", "clone", "-q", "--mirror", str(repository.bare), str(target)],
            check=True,
            capture_output=True,
        )

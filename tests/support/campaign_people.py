"""The people of one story: they file, command, approve, deploy, and look at nothing twice."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from grace.domain.mission import Mission
from grace.domain.phase import Phase
from support.campaign_stories import Assent, Filing, Story, Turn
from support.flow_ci import git
from support.flow_look import Look, eventually
from support.flows import OWNER, Stage

PATIENCE_S = 150.0
ANSWER_S = 8.0
PUSHES = 20
POLL_S = 0.1
LANDED = (Phase.OBSERVING, Phase.REVERTING)


@dataclass
class People:
    """Everybody who has to do with one mission; each speaks to the forge directly."""

    stage: Stage
    look: Look
    story: Story
    issue: int = 0
    courtesy: str = ""
    approved: set[tuple[str, str]] = field(default_factory=set)

    async def play(self) -> Mission:
        """Play the story to its end and return the closed mission."""
        await self._file()
        async with asyncio.TaskGroup() as beside:
            helpers = [beside.create_task(self._deploy())]
            if self.story.turn is Turn.COURTESY:
                beside.create_task(self._propose_something_else())
            if self.story.winner is not None:
                if self.story.assent is Assent.AT_ONCE:
                    helpers.append(beside.create_task(self._review_every_head()))
                else:
                    await self._until(lambda m: m.phase is Phase.GATING)
                    await self._turn()
            mission = await self._until(lambda m: not m.live)
            for helper in helpers:
                helper.cancel()
        return mission

    async def _until(self, reached: Callable[[Mission], bool]) -> Mission:
        return await self.look.until(self.issue, reached, PATIENCE_S)

    async def _file(self) -> None:
        """Bring the mission to its start."""
        wanted = self.story.wanted()
        match self.story.filing:
            case Filing.WRITER:
                self.issue = await self.stage.file(wanted)
            case Filing.STRANGER:
                body = wanted.body()
                made = await self.stage.post("/issues", "mallory", title="It is slow", body=body)
                self.issue = int(made["number"])
                labels = f"/issues/{self.issue}/labels"
                await self.stage.post(labels, "alice", labels=["mission"])
                await self._until(lambda m: m.phase is Phase.AWAITING_START)
                await self._command("mallory", "start")
                await self._command("alice", "start")
            case Filing.REPAIRED:
                self.issue = await self.stage.file("Please make it fast.")
                await self._until(lambda m: m.phase is Phase.INVALID)
                await self._edit(body=wanted.body())

    async def _turn(self) -> None:
        """Do what the story tells of while the gates wait, and approve."""
        match self.story.turn:
            case Turn.CANCELLED:
                await self._command("alice", "cancel")
                return
            case Turn.CLOSED:
                await self._edit(state="closed")
                return
            case Turn.HELD:
                await self._command("alice", "hold")
                await self._until(lambda m: m.held is not None)
                await self._command("alice", "resume")
                await self._until(lambda m: m.held is None)
            case Turn.VETOED:
                await self._command("rita", "veto it will break")
                await self._until(lambda m: bool(m.vetoes))
                await self._review("walt")
                await self._command("rita", "approve")
                return
            case Turn.MEDDLED:
                await self._command("mallory", "cancel")
            case Turn.MOVED:
                await self._move_base()
            case Turn.NONE | Turn.COURTESY | Turn.ROLLBACK:
                pass
        for login in self.story.approvers:
            if self.story.assent is Assent.COMMAND:
                await self._command(login, "approve")
            else:
                await self._review(login)

    async def _command(self, login: str, words: str) -> None:
        """Give a command and wait until Grace has dealt with it."""
        path = f"/issues/{self.issue}/comments"
        made = await self.stage.post(path, login, body=f"/grace {words}")
        key, number = f"heard/{made['id']}", str(made["id"])

        def dealt_with(mission: Mission) -> bool:
            if login in mission.strangers:
                return True  # a stranger who was turned away is not listened to again
            heard = key in mission.requested
            return heard and all(c.given.id != number for c in mission.commands)

        await self._until(dealt_with)

    async def _edit(self, **changes: str) -> None:
        path = f"{self.stage.path}/issues/{self.issue}"
        answer = await self.stage.client("alice").patch(path, json=changes)
        assert answer.status_code == 200, answer.text

    async def _review(self, login: str) -> None:
        """Approve what stands at the forge now, once for each head."""
        mission = await self._until(lambda m: m.pull is not None)
        assert mission.pull is not None
        pull = await self.stage.get(f"/pulls/{mission.pull.number}")
        head = pull["head"]["sha"]
        if pull["state"] == "open" and (login, head) not in self.approved:
            path = f"/pulls/{mission.pull.number}/reviews"
            await self.stage.post(path, login, event="APPROVE", commit_id=head)
            self.approved.add((login, head))

    async def _review_every_head(self) -> None:
        """Approve each head as soon as it stands, until one landed."""
        seen: str | None = None
        while True:
            mission = await self._until(lambda m: m.pull is not None and m.remote_head is not None)
            if mission.remote_head != seen and mission.landing is None:
                seen = mission.remote_head
                for login in self.story.approvers:
                    await self._review(login)
            await asyncio.sleep(POLL_S)

    async def _move_base(self) -> None:
        """Land something of no account on main."""
        path = f"{self.stage.path}/contents/notes.txt"
        body = {"message": "Add notes", "content": "aGVsbG8K", "branch": "main"}
        answer = await self.stage.client(OWNER).put(path, json=body)
        assert answer.status_code == 201, answer.text

    async def _deploy(self) -> None:
        """Release what landed; where the story says so, have it rolled back, and release that."""
        mission = await self.look.until(self.issue, lambda m: m.phase in LANDED, 2 * PATIENCE_S)
        assert mission.landing is not None
        self.stage.page.latency = 500.0 if self.story.regresses else 20.0
        await self._release(mission.landing.sha)
        if self.story.turn is Turn.ROLLBACK:
            await self._command("rita", "rollback")
        mission = await self.look.until(self.issue, _undone, 2 * PATIENCE_S)
        assert mission.revert is not None
        assert mission.revert.landed is not None
        await self._release(mission.revert.landed.sha)

    async def _release(self, sha: str) -> None:
        made = await self.stage.post(
            "/deployments",
            OWNER,
            ref=sha,
            environment="production",
            auto_merge=False,
            required_contexts=[],
        )
        path = f"/deployments/{made['id']}/statuses"
        await self.stage.post(path, OWNER, state="success")

    async def _propose_something_else(self) -> None:
        """Open a pull request that is no mission, and push until the required check answers.

        GitHub counts a delivery that somebody swallowed as delivered: only another head helps.
        """
        await git(self.stage.repository.bare, "branch", "feature", "main")
        await self._push_to_feature(0)
        await self.stage.post(
            "/pulls", "alice", head="feature", base="main", title="Notes", body=""
        )
        for push in range(1, PUSHES):
            sha = await git(self.stage.repository.bare, "rev-parse", "feature")
            if await self._answered(sha):
                self.courtesy = sha
                return
            await self._push_to_feature(push)
        raise AssertionError(f"{PUSHES} heads of a pull request got no answer")

    async def _answered(self, sha: str) -> bool:
        async def look() -> bool | None:
            found = await self.stage.get(f"/commits/{sha}/check-runs")
            names = {run["name"] for run in found["check_runs"]}
            await asyncio.sleep(POLL_S)
            return ("mission/governance" in names) or None

        try:
            return await eventually(look, "the answer", ANSWER_S)
        except AssertionError:
            return False

    async def _push_to_feature(self, push: int) -> None:
        path = f"{self.stage.path}/contents/feature{push}.txt"
        body = {"message": "Add notes", "content": "aGVsbG8K", "branch": "feature"}
        answer = await self.stage.client(OWNER).put(path, json=body)
        assert answer.status_code == 201, answer.text


def _undone(mission: Mission) -> bool:
    return mission.revert is not None and mission.revert.landed is not None

"""Other people's pull requests: our required check answers there, and theirs prove nothing here."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from grace.domain.mission import Mission
from grace.domain.phase import Outcome, Phase
from support.flow_ci import git
from support.flow_look import eventually
from support.flows import GOVERNANCE, Bot, Stage, staged

POLLING = {"poll": True, "sweep_seconds": 0.3, "webhook_secret": None}
ARTIFACTS = {"tests": {**GOVERNANCE["tests"], "fetch_report_after_seconds": 0.2}}
CHECK = "mission/governance"


@pytest.fixture
async def deaf(tmp_path: Path, app_key: tuple[str, str]) -> AsyncIterator[Stage]:
    """Set a stage whose App has no webhook and whose CI leaves its report as an artifact."""
    async with staged(tmp_path, app_key, ARTIFACTS) as stage:
        await stage.forge.set_webhook(stage.app.id, active=False)
        stage.ci.artifact = True
        yield stage


async def branch(stage: Stage, name: str, login: str = "rita") -> str:
    """Push a commit to a new branch, and return it."""
    bare = stage.repository.bare
    tree = await git(bare, "rev-parse", "main^{tree}")
    who = ("-c", "user.name=rita", "-c", "user.email=rita@example.test")
    sha = await git(bare, *who, "commit-tree", tree, "-p", "main", "-m", name)
    await stage.post("/git/refs", login, ref=f"refs/heads/{name}", sha=sha)
    return sha


async def pull(stage: Stage, head: str, base: str = "main") -> int:
    made = await stage.post("/pulls", "rita", head=head, base=base, title="A page", body="mine")
    return int(made["number"])


async def ours(stage: Stage, sha: str) -> list[dict[str, Any]]:
    found = await stage.get(f"/commits/{sha}/check-runs")
    return [run for run in found["check_runs"] if run["name"] == CHECK]


async def answered(stage: Stage, sha: str) -> dict[str, Any]:
    """Wait for our check's success on a commit."""

    async def look() -> dict[str, Any] | None:
        runs = await ours(stage, sha)
        return runs[0] if [run["conclusion"] for run in runs] == ["success"] else None

    return await eventually(look, f"{CHECK} on {sha}")


async def test_pull_request_is_answered_while_polling(deaf: Stage) -> None:
    async with deaf.bot(**POLLING):
        sha = await branch(deaf, "grace/fix-typo")
        await pull(deaf, "grace/fix-typo")
        run = await answered(deaf, sha)
    assert "not a mission" in run["output"]["title"]


async def test_pull_request_from_before_the_boot_is_answered(stage: Stage) -> None:
    stage.ci.silent = True
    sha = await branch(stage, "feature")
    await stage.forge.set_webhook(stage.app.id, active=False)
    await pull(stage, "feature")
    await stage.forge.idle()
    await stage.forge.set_webhook(stage.app.id, active=True)
    async with stage.bot():
        await answered(stage, sha)


@pytest.mark.parametrize("what", ["check-runs", "check-suites"])
async def test_check_that_somebody_runs_again_is_answered_again(
    stage: Stage, bot: Bot, what: str
) -> None:
    sha = await branch(stage, "feature")
    await pull(stage, "feature")
    first = await answered(stage, sha)
    number = first["id"] if what == "check-runs" else first["check_suite"]["id"]
    before = await stage.calls()
    await stage.post(f"/{what}/{number}/rerequest", "rita")

    async def patched() -> bool | None:
        calls = (await stage.forge.calls(stage.app.bot))[before:]
        return any(call.method == "PATCH" for call in calls) or None

    await eventually(patched, "the check said again")
    assert (await answered(stage, sha))["id"] == first["id"]
    await bot.look.settled()


async def test_check_of_a_mission_that_somebody_runs_again_is_said_again(
    stage: Stage, bot: Bot
) -> None:
    async with stage.people(reviewing=False):
        issue = await stage.file()
        mission = await bot.look.phase(issue, Phase.GATING)
        await bot.look.settled()
        head = mission.attempts[-1].head or ""
        (run,) = await ours(stage, head)
        assert run["status"] == "in_progress"
        await stage.post(f"/check-runs/{run['id']}/rerequest", "rita")

        async def again() -> bool | None:
            (now,) = await ours(stage, head)
            return now["status"] == "in_progress" or None

        await eventually(again, "the check in progress again")
        await bot.look.settled()
    assert len(await ours(stage, head)) == 1


async def forged(stage: Stage, mission: Mission) -> int:
    """Open our branch into one whose CI says what its author wants."""
    await branch(stage, "evil")
    return await pull(stage, mission.branch, "evil")


async def test_ci_of_our_branch_in_another_base_is_refused(stage: Stage, bot: Bot) -> None:
    stage.ci.silent = True
    async with stage.people():
        issue = await stage.file()
        mission = await bot.look.phase(issue, Phase.TESTING)

        async def ran() -> bool | None:
            return bool(stage.ci.tokens) or None

        await eventually(ran, "the end of our own run")
        stage.ci.silent = False
        await forged(stage, mission)

        async def reported() -> list[int] | None:
            return stage.ci.answers or None

        assert await eventually(reported, "the other run's report") == [403]
        await bot.look.settled()
        mission = await bot.look.phase(issue, Phase.TESTING)
        assert mission.landing is None


async def test_artifact_is_not_believed_while_our_branch_has_another_pull_request(
    deaf: Stage,
) -> None:
    async with deaf.bot(**POLLING) as bot, deaf.people():
        deaf.ci.artifact, deaf.ci.go = True, asyncio.Event()
        issue = await deaf.file()
        mission = await bot.look.phase(issue, Phase.TESTING)
        await forged(deaf, mission)
        deaf.ci.go.set()

        async def looked() -> bool | None:
            return any(c.purpose == "pulls of our branch" for c in bot.system.calls) or None

        await eventually(looked, "a look for other pull requests")
        await bot.look.settled()
        mission = await bot.look.phase(issue, Phase.TESTING)
        assert mission.landing is None


async def test_repository_that_is_renamed_while_polling_is_followed(deaf: Stage) -> None:
    async with deaf.bot(**POLLING) as bot, deaf.people(reviewing=False, deploying=False):
        issue = await deaf.file()
        await bot.look.phase(issue, Phase.GATING)
        await bot.look.settled()
        answer = await deaf.client("acme").patch(deaf.path, json={"name": "renamed"})
        assert answer.status_code == 200, answer.text
        mission = await bot.look.until(issue, lambda m: m.ref.repository == "acme/renamed")
    assert mission.live


async def test_start_is_heard_although_somebody_commented_after_it(deaf: Stage) -> None:
    """A comment moves an issue's time, but not what it says."""
    issue = await deaf.file(login="mallory")
    await deaf.post(f"/issues/{issue}/labels", "alice", labels=["mission"])
    await deaf.say(issue, "/grace start")
    await deaf.say(issue, "+1", "mallory")
    async with deaf.bot(**POLLING) as bot, deaf.people():
        await bot.look.closed(issue, Outcome.FIXED)

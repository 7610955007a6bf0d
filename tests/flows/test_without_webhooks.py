"""No webhook arrives at all: missions still finish, only later."""

import sqlite3
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from grace.domain.phase import Outcome, Phase, Status
from support.flow_ci import git
from support.flow_look import eventually
from support.flow_mission import GOOD, REGRESSING, WRONG, Wanted
from support.flows import GOVERNANCE, Bot, Stage, staged

POLLING = {"poll": True, "sweep_seconds": 0.3, "webhook_secret": None}
ARTIFACTS = {"tests": {**GOVERNANCE["tests"], "fetch_report_after_seconds": 0.2}}


@pytest.fixture
async def deaf(tmp_path: Path, app_key: tuple[str, str]) -> AsyncIterator[Stage]:
    """Set a stage whose App has no webhook and whose CI leaves its report as an artifact."""
    async with staged(tmp_path, app_key, ARTIFACTS) as stage:
        await stage.forge.set_webhook(stage.app.id, active=False)
        stage.ci.artifact = True
        yield stage


@pytest.fixture
async def poller(deaf: Stage) -> AsyncIterator[Bot]:
    async with deaf.bot(**POLLING) as bot:
        yield bot


def origins(stage: Stage) -> Counter[str]:
    """Count what came in by where it came from."""
    with closing(sqlite3.connect(stage.data / "grace.db")) as connection:
        return Counter(row[0] for row in connection.execute("SELECT origin FROM deliveries"))


async def test_mission_is_filed_approved_merged_observed_and_resolved(
    deaf: Stage, poller: Bot
) -> None:
    async with deaf.people():
        issue = await deaf.file(Wanted((WRONG, GOOD)))
        mission = await poller.look.closed(issue, Outcome.FIXED)
    assert mission.status is Status.RESOLVED
    assert [a.candidate for a in mission.attempts] == ["first", "second"]
    assert mission.landing is not None
    assert mission.window is not None
    assert mission.window.anchored_to == "deployment"
    assert (await deaf.get(f"/issues/{issue}"))["state"] == "closed"
    assert await git(deaf.repository.bare, "rev-parse", "main") == mission.landing.sha
    assert set(origins(deaf)) == {"sweep"}
    assert deaf.ci.answers == []
    await poller.look.nothing_doubled(mission)


@pytest.mark.stress
async def test_hearing_by_webhook_and_by_sweep_is_hearing_once(stage: Stage) -> None:
    async with stage.bot(poll=True, sweep_seconds=0.1) as bot, stage.people():
        issue = await stage.file()
        await stage.say(issue, "/grace hold")
        await bot.look.until(issue, lambda m: m.held is not None)
        await stage.say(issue, "/grace resume")
        mission = await bot.look.closed(issue, Outcome.FIXED)
        entries = await bot.look.entries(mission)
        await bot.look.nothing_doubled(mission)
    assert set(origins(stage)) == {"github", "sweep", "ci"}
    kinds = Counter(e.envelope.kind.removeprefix("mission.") for e in entries)
    once = ("filed", "started", "resumed", "reviewed", "pull_opened", "merged", "window_opened")
    assert {kind: kinds[kind] for kind in once} == dict.fromkeys(once, 1)
    assert kinds["command"] == 2


@pytest.mark.stress
async def test_regressing_patch_is_rolled_back(deaf: Stage, poller: Bot) -> None:
    before = await git(deaf.repository.bare, "rev-parse", "main^{tree}")
    async with deaf.people():
        issue = await deaf.file(Wanted((REGRESSING,)))
        mission = await poller.look.closed(issue, Outcome.ROLLED_BACK)
    assert await git(deaf.repository.bare, "rev-parse", "main^{tree}") == before
    (capa,) = await deaf.get("/issues", labels="capa")
    assert capa["number"] == mission.capa
    await poller.look.nothing_doubled(mission)


async def test_command_foreign_commit_and_closed_issue_are_heard(deaf: Stage, poller: Bot) -> None:
    async with deaf.people(reviewing=False):
        issue = await deaf.file()
        mission = await poller.look.phase(issue, Phase.GATING)
        await deaf.say(issue, "/grace hold")
        await poller.look.until(issue, lambda m: "alice" in (m.held or ""))
        await deaf.say(issue, "/grace resume")
        await poller.look.until(issue, lambda m: m.held is None)
        await deaf.client("alice").put(
            f"{deaf.path}/contents/left.txt",
            json={"message": "Mine", "content": "bWluZQo=", "branch": mission.branch},
        )
        held = await poller.look.until(issue, lambda m: m.held is not None)
        assert "somebody pushed" in (held.held or "")
        await deaf.client("alice").patch(f"{deaf.path}/issues/{issue}", json={"state": "closed"})
        await poller.look.closed(issue, Outcome.CANCELLED)


@pytest.mark.stress
async def test_pull_request_merged_by_a_person_is_observed(deaf: Stage, poller: Bot) -> None:
    async with deaf.people(reviewing=False):
        issue = await deaf.file()
        mission = await poller.look.phase(issue, Phase.GATING)
        assert mission.pull is not None
        await deaf.client("acme").put(f"{deaf.path}/pulls/{mission.pull.number}/merge", json={})
        mission = await poller.look.closed(issue, Outcome.FIXED)
    assert mission.landing is not None


async def test_quiet_forge_writes_nothing_and_the_boot_says_that_it_polls(
    deaf: Stage, poller: Bot
) -> None:
    async with deaf.people(reviewing=False):
        issue = await deaf.file()
        await poller.look.phase(issue, Phase.GATING)
        await poller.look.settled()
        await rounds(deaf, 3)
        stored = origins(deaf)
        await rounds(deaf, 5)
        assert origins(deaf) == stored
    assert any("polling every 0.3 s" in line for line in poller.said), poller.said
    async with httpx.AsyncClient() as client:
        refused = await client.post(f"{poller.url}/hooks/github", content=b"{}")
        assert refused.status_code == 403
        assert "polls" in refused.json()["detail"]
        text = (await client.get(f"{poller.url}/metrics")).text
    assert 'grace_forge_budget_remaining{installation="' in text
    assert 'limit="content_per_hour"' in text


async def rounds(stage: Stage, number: int) -> None:
    """Wait until the forge was swept so many times more."""

    async def swept() -> int:
        calls = await stage.forge.calls(stage.app.bot)
        return sum(call.template == "/graphql" for call in calls)

    enough = await swept() + number

    async def done() -> bool | None:
        return await swept() >= enough or None

    await eventually(done, f"{number} sweeps")


async def test_sweep_that_fails_makes_the_bot_degraded_with_its_sentence(
    deaf: Stage, poller: Bot
) -> None:
    async with httpx.AsyncClient() as client:

        async def problems() -> dict[str, str]:
            answer = await client.get(f"{poller.url}/readyz")
            return dict(answer.json()["problems"])

        async def well() -> bool | None:
            return await problems() == {} or None

        async def unwell() -> str | None:
            return (await problems()).get("sweep")

        async with deaf.people(reviewing=False):
            issue = await deaf.file()
            await poller.look.phase(issue, Phase.GATING)
        await eventually(well, "ready")
        deaf.forge.faults.fail("/graphql", 502, times=10_000)
        assert "sweep" in await eventually(unwell, "a failing sweep")
        deaf.forge.faults.clear()
        await eventually(well, "ready again")


async def test_token_of_a_person_uses_commit_statuses_and_finishes_too(deaf: Stage) -> None:
    token = await deaf.forge.create_user("release-bot")
    await deaf.forge.add_collaborator(deaf.repository.full_name, "release-bot", "write")
    checks = [{"context": "mission/governance", "app_id": -1}]
    answer = await deaf.client("acme").put(
        f"{deaf.path}/branches/main/protection",
        json={
            "required_status_checks": {"strict": True, "checks": checks},
            "enforce_admins": False,
            "required_pull_request_reviews": None,
            "restrictions": None,
        },
    )
    assert answer.status_code == 200, answer.text
    person = {"forge_token": token, "mode": "statuses", "app_id": None, "app_key": None}
    async with deaf.bot(**POLLING, **person) as bot, deaf.people():
        issue = await deaf.file()
        mission = await bot.look.closed(issue, Outcome.FIXED)
    assert mission.landing is not None
    for sha, name in (
        (mission.attempts[0].head, "mission/governance"),
        (mission.landing.sha, "mission/observation"),
    ):
        found = await deaf.get(f"/commits/{sha}/status")
        states = {(s["context"], s["state"]) for s in found["statuses"]}
        assert (name, "success") in states, states
    said = await deaf.get(f"/issues/{issue}/comments")
    assert {c["user"]["login"] for c in said} == {"release-bot"}

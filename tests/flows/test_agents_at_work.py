"""Missions that others patch: agents that compete, and children that agents take under claims."""

from typing import Any

import httpx
import pytest
import yaml

from grace.domain.access import Scope
from grace.domain.asked import Ask
from grace.domain.phase import Outcome, Phase
from support.flow_calls import BODY, caller
from support.flow_ci import git
from support.flow_employ import employ
from support.flow_look import eventually
from support.flow_mission import OTHER, SERVICE, WRONG, Wanted, diff
from support.flows import Bot, Stage

MISSIONS = "/mission-control/missions"
# It holds, and is larger than what does not.
LARGE = diff("app.py", SERVICE, SERVICE.replace("DELAY_MS = 480", "DELAY_MS = 20\n\nNOTE = 'fast'"))
LARGE_ON_OTHER = diff("other.py", OTHER, OTHER.replace("LEFT = 1", "LEFT = 3"))


def compete(stage: Stage, count: int) -> None:
    """Let so many agents be asked at once."""
    path = stage.folder / "config" / "governance.yaml"
    rules: dict[str, Any] = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump({**rules, "asking": {"compete": count}}))


@pytest.mark.stress
async def test_of_two_agents_that_compete_the_gates_choose_the_smaller_diff_first(
    stage: Stage,
) -> None:
    await employ(stage, thorough=LARGE, hasty=WRONG)
    compete(stage, 2)
    async with stage.bot() as bot, stage.people():
        issue = await stage.file(Wanted(()))
        mission = await bot.look.closed(issue, Outcome.FIXED)
        asked: list[Ask] = list(mission.asks)
        assert {a.agent: a.asked_at for a in asked}.keys() == {"thorough", "hasty"}
        assert len({a.asked_at for a in asked}) == 1
        tried = [(a.candidate.rpartition("-")[0], a.failure is None) for a in mission.attempts]
        assert tried == [("hasty", False), ("thorough", True)]
        await bot.look.nothing_doubled(mission)


async def filed(alice: httpx.AsyncClient, key: str, **more: object) -> str:
    """Ask for a mission without a patch, and return its name."""
    body = {**BODY, "workspace": {}, "title": f"Delivery is slow: {key}", **more}
    made = await alice.post(MISSIONS, json=body, headers=key_of(key))
    assert made.status_code == 201, made.text
    return str(made.json()["mission_id"])


async def claim(agent: httpx.AsyncClient, name: str, agent_id: str) -> None:
    """Take a mission's work."""
    wanted = {"agent_id": agent_id, "agent_role": "developer"}
    claimed = await agent.post(f"{MISSIONS}/{name}/claim", json=wanted, headers=key_of("claim"))
    assert claimed.status_code in {200, 201}, claimed.text


async def propose(stage: Stage, agent: httpx.AsyncClient, name: str, text: str) -> None:
    """Hand in a patch of what the base is now."""
    base = await git(stage.repository.bare, "rev-parse", "main")
    given = {"diff": text, "base": base, "rationale": "it was slow"}
    taken = await agent.post(f"{MISSIONS}/{name}/propose", json=given, headers=key_of("patch"))
    assert taken.status_code == 202, taken.text


def key_of(words: str) -> dict[str, str]:
    return {"Idempotency-Key": words}


@pytest.mark.stress
async def test_a_parent_ends_when_two_agents_have_done_its_children(stage: Stage) -> None:
    await employ(stage)
    async with (
        stage.bot() as bot,
        stage.people(),
        caller(stage, bot, "alice", Scope.OPERATOR) as alice,
        caller(stage, bot, "alice", Scope.AGENT) as one,
        caller(stage, bot, "acme", Scope.AGENT) as two,
    ):
        parent = await filed(alice, "parent")
        first = await filed(alice, "first", parent_id=parent)
        second = await filed(alice, "second", parent_id=parent)
        await held(bot, parent, first, second)
        await claim(one, first, "alice/one")
        await claim(two, second, "acme/two")
        await propose(stage, one, first, LARGE)
        await gone(bot, first)
        await propose(stage, two, second, LARGE_ON_OTHER)
        ended = await gone(bot, parent)
        assert ended[first].outcome is Outcome.FIXED
        assert ended[first].attempts[0].agent == "alice/one"
        assert ended[second].attempts[0].agent == "acme/two"
        assert ended[parent].outcome is Outcome.FIXED, ended[parent].reason
        assert not ended[parent].attempts
        assert {first, second} <= set(ended[parent].reason.replace(",", " ").split())


async def held(bot: Bot, *names: str) -> None:
    """Wait until all of them look for somebody to do the work."""

    async def look() -> bool | None:
        found = {m.name: m for m in await bot.look.missions()}
        waits = [n for n in names if n in found and found[n].phase is Phase.PLANNING]
        return len(waits) == len(names) or None

    await eventually(look, f"{names} in planning")


async def gone(bot: Bot, parent: str) -> dict[str, Any]:
    """Wait until a parent is closed, and return all missions by name."""

    async def look() -> dict[str, Any] | None:
        found = {m.name: m for m in await bot.look.missions()}
        return found if not found[parent].live else None

    return await eventually(look, f"the end of {parent}")

"""Missions beside each other, and the switch that stops them all."""

import httpx
import pytest

from grace.domain.phase import Outcome, Phase
from support.flow_mission import GOOD, OTHER, Wanted, diff
from support.flows import OPERATOR_TOKEN, Bot, Stage


async def switch(bot: Bot, *, on: bool, token: str = OPERATOR_TOKEN) -> httpx.Response:
    async with httpx.AsyncClient(verify=False) as client:
        return await client.put(
            f"{bot.url}/kill-switch",
            json={"on": on},
            headers={"Authorization": f"Bearer {token}"},
        )


async def test_missions_on_different_paths_run_beside_each_other(stage: Stage, bot: Bot) -> None:
    """Neither is reviewed: both must come as far as their gates."""
    fast = diff("other.py", OTHER, OTHER.replace("LEFT = 1", "LEFT = 9"))
    first = await stage.file(Wanted((GOOD,)), title="one")
    second = await stage.file(
        Wanted((fast,), must_pass=(), targets=("mesh.latency_p95 < 100000",)), title="two"
    )
    await bot.look.until(first, lambda m: m.pull is not None)
    await bot.look.until(second, lambda m: m.pull is not None)
    await bot.look.phase(first, Phase.GATING)


async def test_missions_on_the_same_path_run_one_after_another(stage: Stage, bot: Bot) -> None:
    async with stage.people(reviewing=False):
        first = await stage.file(Wanted((GOOD,)), title="one")
        await bot.look.phase(first, Phase.GATING)
        second = await stage.file(Wanted((GOOD,)), title="two")
        waiting = await bot.look.until(second, lambda m: "first" in m.forge_says)
        assert waiting.phase is Phase.PLANNING
        assert "app.py" in waiting.forge_says
        assert not waiting.attempts
        await stage.say(first, "/grace cancel")
        await bot.look.closed(first, Outcome.CANCELLED)
        after = await bot.look.phase(second, Phase.GATING)
        assert after.attempts[0].head


async def test_critical_mission_goes_before_an_older_one_that_waits(stage: Stage, bot: Bot) -> None:
    async with stage.people(reviewing=False):
        holder = await stage.file(Wanted((GOOD,)), title="holder")
        await bot.look.phase(holder, Phase.GATING)
        older = await stage.file(Wanted((GOOD,), severity="low"), title="older")
        await bot.look.phase(older, Phase.PLANNING)
        critical = await stage.file(Wanted((GOOD,), severity="critical"), title="critical")
        await bot.look.phase(critical, Phase.PLANNING)
        await stage.say(holder, "/grace cancel")
        await bot.look.phase(critical, Phase.GATING)
        still = await bot.look.phase(older, Phase.PLANNING)
        assert not still.attempts


async def test_kill_switch_stops_forward_work_and_lets_go_again(stage: Stage, bot: Bot) -> None:
    assert (await switch(bot, on=True, token="wrong")).status_code == 401
    assert (await switch(bot, on=True)).json() == {"on": True, "changed": True}
    async with stage.people():
        issue = await stage.file()
        await bot.look.phase(issue, Phase.PLANNING)
        await bot.look.settled()
        still = await bot.look.phase(issue, Phase.PLANNING)
        assert not still.attempts
        assert await stage.work_pushes() == 0
        assert (await switch(bot, on=False)).json() == {"on": False, "changed": True}
        mission = await bot.look.closed(issue, Outcome.FIXED)
    await bot.look.nothing_doubled(mission)


async def test_kill_switch_holds_a_merge_whose_gates_pass(stage: Stage, bot: Bot) -> None:
    issue = await stage.file()
    mission = await bot.look.phase(issue, Phase.GATING)
    assert mission.pull is not None
    await switch(bot, on=True)
    await stage.post(f"/pulls/{mission.pull.number}/reviews", "rita", event="APPROVE")
    await bot.look.until(
        issue, lambda m: any(k.startswith("permission/review") for k in m.requested)
    )
    await bot.look.settled()
    await bot.look.phase(issue, Phase.GATING)
    await switch(bot, on=False)
    await bot.look.phase(issue, Phase.OBSERVING)


@pytest.mark.parametrize("body", [b"{", b'{"on": "perhaps"}', b"{}"])
async def test_kill_switch_refuses_what_it_does_not_understand(bot: Bot, body: bytes) -> None:
    async with httpx.AsyncClient(verify=False) as client:
        answer = await client.put(
            f"{bot.url}/kill-switch",
            content=body,
            headers={"Authorization": f"Bearer {OPERATOR_TOKEN}"},
        )
    assert answer.status_code == 422
    assert await bot.look.kill_switch() is False

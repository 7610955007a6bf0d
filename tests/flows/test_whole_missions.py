"""Missions from issue to resolved, or to rolled back."""

from grace.domain.phase import Outcome
from support.flow_mission import REGRESSING, WRONG, GOOD, Wanted
from support.flows import Bot, Stage


async def test_good_patch_is_merged_observed_and_resolved(stage: Stage, bot: Bot) -> None:
    async with stage.people():
        issue = await stage.file()
        mission = await bot.look.closed(issue, Outcome.FIXED)
    assert (await stage.get(f"/issues/{issue}"))["state"] == "closed"
    await bot.look.nothing_doubled(mission)


async def test_regressing_patch_is_rolled_back(stage: Stage, bot: Bot) -> None:
    async with stage.people():
        issue = await stage.file(Wanted((REGRESSING,)))
        mission = await bot.look.closed(issue, Outcome.ROLLED_BACK)
    assert (await stage.get(f"/issues/{issue}"))["state"] == "open"
    await bot.look.nothing_doubled(mission)

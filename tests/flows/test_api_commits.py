"""Missions whose commits GitHub makes and signs: no git beside the bot, and the audit holds."""

import pytest

from grace.domain.audit_layout import LEDGER_BRANCH
from grace.domain.phase import Outcome
from support.flow_ci import git
from support.flow_mission import GOOD, REGRESSING, WRONG, Wanted
from support.flows import Stage


async def test_mission_by_the_api_is_merged_and_its_audit_holds(stage: Stage) -> None:
    async with stage.bot(commits="api") as bot, stage.people():
        issue = await stage.file(Wanted((WRONG, GOOD)))
        mission = await bot.look.closed(issue, Outcome.FIXED)
        await bot.look.nothing_doubled(mission)
    assert await stage.forge.pushes(stage.app.bot) == []
    assert not (stage.data / "mirrors").exists()
    bare, head = stage.repository.bare, mission.attempts[-1].head or ""
    assert await git(bare, "rev-parse", "main^2") == head
    assert await git(bare, "rev-parse", "main^{tree}") == mission.attempts[-1].tree
    for branch in (head, LEDGER_BRANCH):
        assert "gpgsig" not in await git(bare, "cat-file", "commit", branch)
    message = await git(bare, "log", "-1", "--format=%B", head)
    assert f"Mission: {mission.name}" in message
    assert "Mission-Signature: " in message


@pytest.mark.stress
async def test_regression_by_the_api_is_rolled_back_to_the_very_tree(stage: Stage) -> None:
    before = await git(stage.repository.bare, "rev-parse", "main^{tree}")
    async with stage.bot(commits="api") as bot, stage.people():
        issue = await stage.file(Wanted((REGRESSING,)))
        mission = await bot.look.closed(issue, Outcome.ROLLED_BACK)
        await bot.look.nothing_doubled(mission)
    assert await git(stage.repository.bare, "rev-parse", "main^{tree}") == before
    assert await stage.forge.pushes(stage.app.bot) == []

"""What `docs/api-budget.md` lists for a mission is what a mission calls, whoever comes first."""

import re
from collections import Counter
from pathlib import Path

import pytest

from grace.domain.mission import Mission
from grace.domain.phase import Outcome, Phase
from support.flow_ci import post_report
from support.flow_employ import employ
from support.flow_look import eventually
from support.flow_mission import GOOD, REGRESSING, WRONG, Wanted
from support.flows import Bot, Stage

PAGE = Path(__file__).parents[2] / "docs" / "api-budget.md"
HERE = "/repos/{owner}/{repo}"
SECOND_WORD = "PATCH /check-runs/{id}"


def listed(heading: str) -> Counter[str]:
    """Count the calls in a section's table, which has a row for each."""
    section = PAGE.read_text().partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return Counter(re.findall(r"^\|[^|]*\| `([A-Z]+ /[^`]+)` \|", section, re.MULTILINE))


async def made(stage: Stage, booted: int) -> Counter[str]:
    """Count the bot's calls since it booted, those about the App and its webhook left out."""
    calls = (await stage.forge.calls(stage.app.bot))[booted:]
    mine = [c for c in calls if c.path != "/app" and "/app/hook/" not in c.path]
    return Counter(f"{c.method} {c.template.removeprefix(HERE)}" for c in mine)


async def approve(stage: Stage, mission: Mission) -> None:
    assert mission.pull is not None
    await stage.post(f"/pulls/{mission.pull.number}/reviews", "rita", event="APPROVE")


@pytest.mark.parametrize(
    "candidates", [(GOOD,), pytest.param((WRONG, GOOD), marks=pytest.mark.stress)]
)
async def test_the_page_lists_the_calls_of_a_mission_that_goes_well(
    stage: Stage, candidates: tuple[str, ...]
) -> None:
    async with stage.bot() as bot, stage.people(reviewing=False):
        booted = await stage.calls()
        issue = await stage.file(Wanted(candidates))
        gated = await bot.look.phase(issue, Phase.GATING)
        await bot.look.settled()
        await approve(stage, gated)
        mission = await bot.look.closed(issue, Outcome.FIXED)
        calls = await made(stage, booted)
        await bot.look.nothing_doubled(mission)
        everything = await stage.forge.calls(stage.app.bot)
    assert len([c for c in everything if c.template.endswith("/access_tokens")]) == 1
    assert await stage.work_pushes() == len(candidates)
    well, failed = listed("A mission that goes well"), listed("A failed attempt")
    assert (well.total(), failed.total()) == (12, 3)
    if len(candidates) == 1:
        assert calls == well
    else:  # on a slow machine the failed check is said once before it is said whole
        assert calls - (well + failed) <= Counter({"PATCH /check-runs/{id}": 1})
        assert well + failed <= calls


async def test_the_page_lists_what_an_agent_adds_that_is_asked(stage: Stage) -> None:
    await employ(stage, coder=GOOD)
    async with stage.bot() as bot, stage.people(reviewing=False):
        booted = await stage.calls()
        issue = await stage.file(Wanted(()))
        gated = await bot.look.phase(issue, Phase.GATING)
        await bot.look.settled()
        await approve(stage, gated)
        mission = await bot.look.closed(issue, Outcome.FIXED)
        calls = await made(stage, booted)
        await bot.look.nothing_doubled(mission)
    (ask,) = mission.asks
    assert (ask.agent, ask.candidate) == ("coder", "coder-1")
    asked = listed("An agent that is asked")
    assert asked.total() == 5
    assert calls == listed("A mission that goes well") + asked


@pytest.mark.stress
async def test_a_call_is_saved_where_people_approve_before_ci_has_ended(
    stage: Stage, bot: Bot
) -> None:
    """Then the check says its last word at once; on a slow machine something is read in between."""
    stage.ci.silent = True
    async with stage.people(reviewing=False):
        booted = await stage.calls()
        issue = await stage.file()
        mission = await bot.look.phase(issue, Phase.TESTING)

        async def tested() -> bool | None:
            return bool(stage.ci.tokens) or None

        await eventually(tested, "the run's token")
        await approve(stage, mission)
        await bot.look.settled()
        token, report = stage.ci.tokens[0]
        await post_report(stage.client(None), stage.bot_url, token, report.model_dump_json())
        await bot.look.closed(issue, Outcome.FIXED)
        calls = await made(stage, booted)
    whole = listed("A mission that goes well")
    assert calls in (whole - Counter({SECOND_WORD: 1}), whole)


@pytest.mark.stress
@pytest.mark.parametrize("commits", ["git", "api"])
async def test_the_page_counts_the_calls_of_a_rollback(stage: Stage, commits: str) -> None:
    row = {"git": "rolled back: revert", "api": "rolled back, commits by the API"}[commits]
    numbers = re.search(rf"^\| {row}[^|]*\| (\d+) \| (\d+) \|", PAGE.read_text(), re.MULTILINE)
    assert numbers is not None
    async with stage.bot(commits=commits) as bot, stage.people(reviewing=False):
        booted = await stage.calls()
        issue = await stage.file(Wanted((REGRESSING,)))
        gated = await bot.look.phase(issue, Phase.GATING)
        await bot.look.settled()
        await approve(stage, gated)
        await bot.look.closed(issue, Outcome.ROLLED_BACK)
        calls = await made(stage, booted)
    writes = sum(n for call, n in calls.items() if call.split()[0] in {"POST", "PATCH", "PUT"})
    assert [calls.total(), writes] == [int(n) for n in numbers.groups()], calls

"""Random missions against a GitHub that fails end exactly as they would without faults."""

from pathlib import Path

import pytest

from support.campaign import foul, play
from support.campaign_stories import End, Story, stories
from support.flow_look import eventually
from support.flows import Stage
from support.proxy import ApiFault, HookFault

SEEDS = range(101, 111)
MISSIONS = 20
FEW = 8


async def campaign(folder: Path, app_key: tuple[str, str], seed: int, count: int) -> None:
    """Play the stories of a seed without and with faults, and compare with what they tell."""
    told = stories(seed, count)
    due = {story.number: story.end() for story in told}
    for name, weather in (("fair", None), ("foul", foul(seed))):
        outcome = await play(folder / name, app_key, told, weather)
        assert outcome.ends == due, f"seed {seed}, {name}: {differing(told, outcome.ends)}"
        wrong = {n: words for n, words in outcome.wrong.items() if words}
        assert not wrong, f"seed {seed}, {name}: {wrong}"
        if weather is not None:
            missing = [fault for fault, n in outcome.deeds.items() if n < 2]
            assert not missing, f"seed {seed}: {missing} did not happen"
            assert set(outcome.deeds) == {*ApiFault, *HookFault}
            assert outcome.git_faults > 1


def differing(told: tuple[Story, ...], ends: dict[int, End]) -> str:
    lines = [
        f"{story}\n  due {story.end()}\n  was {ends.get(story.number)}"
        for story in told
        if ends.get(story.number) != story.end()
    ]
    return "\n".join(lines)


async def test_repository_that_could_not_be_asked_about_at_the_boot_is_found_later(
    stage: Stage,
) -> None:
    stage.forge.faults.fail(r"/repos/acme/mesh$", 502)
    async with stage.bot(sweep_seconds="0.2") as bot:

        async def found() -> bool | None:
            return ("mesh" in bot.system.refs and not bot.system.unresolved) or None

        assert bot.system.unresolved == {"mesh"}
        await eventually(found, "the repository of mesh")


async def test_few_missions_end_as_without_faults(tmp_path: Path, app_key: tuple[str, str]) -> None:
    await campaign(tmp_path, app_key, 7, FEW)


@pytest.mark.stress
@pytest.mark.parametrize("seed", SEEDS)
async def test_many_missions_end_as_without_faults(
    tmp_path: Path, app_key: tuple[str, str], seed: int
) -> None:
    await campaign(tmp_path, app_key, seed, MISSIONS)

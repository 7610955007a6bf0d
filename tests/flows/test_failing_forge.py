"""Random missions against a GitHub that fails end exactly as they would without faults."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from support.campaign import Outcome, Weather, foul, play
from support.campaign_stories import End, Story, stories
from support.flow_look import eventually
from support.flows import Stage
from support.proxy import ApiFault, HookFault

SEEDS = range(101, 111)
MISSIONS = 20
FEW, SEED = 5, 7


async def campaign(
    folder: Path, app_key: tuple[str, str], told: Sequence[Story], weather: Weather | None
) -> Outcome:
    """Play stories; each must end as it tells, with nothing there twice."""
    outcome = await play(folder, app_key, told, weather)
    wrong = {n: words for n, words in outcome.wrong.items() if words}
    assert not (found := differing(told, outcome.ends)), found
    assert not wrong, wrong
    return outcome


def assert_failed(outcome: Outcome, times: int) -> None:
    """Assert that the forge failed in every way, and git at it too."""
    assert set(outcome.deeds) == {*ApiFault, *HookFault}
    missing = [fault for fault, n in outcome.deeds.items() if n < times]
    assert not missing, f"{missing} did not happen: {outcome.deeds}"
    assert outcome.git_faults >= times


def differing(told: Sequence[Story], ends: dict[int, End]) -> str:
    lines = [
        f"{story}\n  due {story.end()}\n  was {ends.get(story.number)}"
        for story in told
        if ends.get(story.number) != story.end()
    ]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("call", "status"), [(r"/repos/acme/mesh$", 502), (r"/repos/acme/mesh/installation$", 401)]
)
async def test_repository_that_could_not_be_asked_about_at_the_boot_is_found_later(
    stage: Stage, call: str, status: int
) -> None:
    stage.forge.faults.fail(call, status)
    async with stage.bot(sweep_seconds="0.2") as bot:

        async def found() -> bool | None:
            return ("mesh" in bot.system.refs and not bot.system.unresolved) or None

        assert bot.system.unresolved == {"mesh"}
        await eventually(found, "the repository of mesh")


@pytest.mark.stress
async def test_few_missions_end_as_their_stories_tell(
    tmp_path: Path, app_key: tuple[str, str]
) -> None:
    outcome = await campaign(tmp_path, app_key, stories(SEED, FEW), foul(SEED))
    assert_failed(outcome, 1)


@pytest.mark.stress
@pytest.mark.parametrize("seed", SEEDS)
async def test_many_missions_end_as_without_faults(
    tmp_path: Path, app_key: tuple[str, str], seed: int
) -> None:
    """The seed, which the test's name says, decides the stories and what fails."""
    told = stories(seed, MISSIONS)
    fair = await campaign(tmp_path / "fair", app_key, told, None)
    outcome = await campaign(tmp_path / "foul", app_key, told, foul(seed))
    assert outcome.ends == fair.ends
    assert_failed(outcome, 3)

"""However the forge lands a patch, the tested tree lands and the trailers stay."""

import subprocess
from pathlib import Path

import pytest

from grace.domain.phase import Outcome
from support.flow_ci import git
from support.flow_mission import GOOD, REGRESSING, Wanted
from support.flows import staged


def trailers(message: str) -> dict[str, str]:
    told = subprocess.run(
        ["git", "interpret-trailers", "--parse"],
        input=message,
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(line.split(": ", 1) for line in told.stdout.splitlines())


@pytest.mark.parametrize("method", ["squash", "rebase"])
@pytest.mark.parametrize(
    "candidate",
    [
        pytest.param(GOOD, id="good"),
        pytest.param(REGRESSING, id="regressing", marks=pytest.mark.stress),
    ],
)
async def test_tested_tree_lands_with_its_trailers(
    tmp_path: Path, app_key: tuple[str, str], method: str, candidate: str
) -> None:
    outcome = Outcome.FIXED if candidate is GOOD else Outcome.ROLLED_BACK
    async with (
        staged(tmp_path, app_key, {"merge_method": method}) as stage,
        stage.bot() as bot,
        stage.people(),
    ):
        issue = await stage.file(Wanted((candidate,)))
        mission = await bot.look.closed(issue, outcome)
        await bot.look.ledger_verifies(mission)
        assert mission.landing is not None
        bare = stage.repository.bare
        parents = await git(bare, "log", "-1", "--format=%P", mission.landing.sha)
        message = await git(bare, "log", "-1", "--format=%B", mission.landing.sha)
    assert len(parents.split()) == 1
    assert mission.landing.tree == mission.attempts[-1].tree
    assert trailers(message)["Mission"] == mission.name
    assert "Mission-Signature" in trailers(message)

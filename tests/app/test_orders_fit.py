"""An order fits what a forge takes and what one variable of a process may hold, in bytes."""

import pytest

from grace.app.remedying import MAX_INPUTS, shortened
from grace.domain.effects import AskAgent
from grace.domain.package import MissionPackage
from grace.domain.proposals import AgentTask, PastAttempt


@pytest.mark.parametrize("letter", ["x", "é", "漢", "🧰"])
def test_a_long_task_is_cut_to_bytes_and_says_what_matters(letter: str) -> None:
    mission = MissionPackage.model_validate(
        {
            "mission_id": "mission_20260301_001",
            "subsystem_id": "mesh",
            "severity": "low",
            "status": "in_progress",
            "created_at": "2026-03-01T09:00:00Z",
            "symptoms": [{"description": "slow"}],
            "acceptance_criteria": {},
        }
    )
    past = PastAttempt(agent="repair", candidate="c", failure=letter * 4000, diff=letter * 20_000)
    task = AgentTask(
        request="mission_20260301_001/ask/9",
        agent="repair",
        mission=mission,
        base="a" * 40,
        attempts=(past,) * 3,
        failing_output=letter * 20_000,
    )
    effect = AskAgent(key="k", task=task, workflow="grace-patch.yml", branch="main")
    told = shortened(effect)
    assert len(told.encode()) <= MAX_INPUTS
    kept = AgentTask.model_validate_json(told)
    assert (kept.request, kept.base, kept.mission) == (task.request, task.base, mission)
    assert kept.failing_output

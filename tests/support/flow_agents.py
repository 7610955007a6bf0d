"""Agents of flow tests: they answer at once what a test says, in a job that the forge really runs."""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any

from grace.domain.proposals import AgentTask, Proposal, Refusal
from grace.localforge.runs import (
    JobFinished,
    JobStarted,
    PlannedJob,
    RunEvent,
    RunRequest,
    WorkflowPlan,
)

BY_HAND = "workflow_dispatch"


def plan_of(event: Mapping[str, Any]) -> WorkflowPlan:
    """Plan the run that the bot orders, with its name."""
    inputs = {name: str(value) for name, value in event["inputs"].items()}
    jobs = (PlannedJob("propose", "propose", ()),)
    return WorkflowPlan(
        "grace-patch", jobs, title=f"grace patch {inputs['request']}", inputs=inputs
    )


async def answered(request: RunRequest, diffs: Mapping[str, str]) -> AsyncIterator[RunEvent]:
    """Run the job: an agent without a diff finds none."""
    inputs = request.event["inputs"]
    assert isinstance(inputs, dict)
    task = AgentTask.model_validate_json(inputs["task"])
    diff = diffs.get(task.agent)
    proposal = Proposal(
        request=task.request,
        agent=task.agent,
        base=task.base,
        diff=diff,
        refusal=None if diff is not None else Refusal.NO_PATCH,
        sentence="" if diff is not None else "nothing was found",
        rationale="as the test says" if diff is not None else "",
    )
    yield JobStarted("propose", "propose", datetime.now(UTC))
    folder = request.artifact_dir / "grace-patch"
    folder.mkdir(parents=True)
    (folder / "proposal.json").write_text(proposal.model_dump_json())
    yield JobFinished("propose", "propose", "success", datetime.now(UTC), (), "")

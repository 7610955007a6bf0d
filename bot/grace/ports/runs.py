"""What a forge tells of its CI: the runs of workflows, as they were."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from grace.domain.mission import MissionRef


@dataclass(frozen=True, slots=True)
class WorkflowRun:
    """One run of a workflow, in its newest attempt; `conclusion` None: it has not ended.

    `began` and `updated` are of that attempt, `created` of the first.
    """

    id: int
    workflow: str
    head_sha: str
    attempt: int
    conclusion: str | None
    created: datetime
    began: datetime
    updated: datetime


class WorkflowRuns(Protocol):
    """List runs of CI. May raise `ForgeError`."""

    async def workflow_runs(self, ref: MissionRef, since: datetime) -> Sequence[WorkflowRun]:
        """List a repository's runs that were created since a moment, the newest 500 at most."""
        ...

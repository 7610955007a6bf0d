"""What a forge tells of its CI: the runs of workflows, and what an agent's run left."""

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


@dataclass(frozen=True, slots=True)
class ProposalQuery:
    """Which run's proposal is wanted: that whose name holds `request`, begun since `since`.

    Only a run of `workflow` on `branch` counts that the bot itself ordered.
    """

    request: str
    workflow: str
    branch: str
    since: datetime


@dataclass(frozen=True, slots=True)
class ProposalFound:
    """A run, and the `proposal.json` of its artifact; `body` None: it left none.

    `conclusion` None: the run goes on.
    """

    run: int
    conclusion: str | None
    body: bytes | None = None


class WorkflowRuns(Protocol):
    """List runs of CI. May raise `ForgeError`."""

    async def workflow_runs(self, ref: MissionRef, since: datetime) -> Sequence[WorkflowRun]:
        """List a repository's runs that were created since a moment, the newest 500 at most."""
        ...

"""What comes back from whatever heals or proposes a fix: agents, and runners of playbooks."""

from typing import Literal

from pydantic import AwareDatetime

from grace.domain.base import Frozen
from grace.domain.memory.recollection import Recollection
from grace.domain.people import Actor
from grace.domain.playbooks.run import RunReport
from grace.domain.proposals import Proposal, RequestKey


class MemoryRead(Frozen):
    """What memory knows that is of use to the mission."""

    kind: Literal["memory_read"] = "memory_read"
    recollection: Recollection


class AgentAsked(Frozen):
    """The forge took the order to run an agent. `run`: the number of the run, where it said so."""

    kind: Literal["agent_asked"] = "agent_asked"
    request: RequestKey
    run: int | None = None


class AgentRunEnded(Frozen):
    """The forge says that an agent's run ended; what it proposes is read from its artifact."""

    kind: Literal["agent_run_ended"] = "agent_run_ended"
    request: RequestKey
    run: int
    at: AwareDatetime


class ProposalMade(Frozen):
    """What an agent's run left. `by`: the agent that gave it by the API; empty: a run's.

    `person`: on whose behalf it was given, who approves it no more than what he wrote himself.
    """

    kind: Literal["proposal_made"] = "proposal_made"
    proposal: Proposal
    by: str = ""
    person: Actor | None = None
    at: AwareDatetime


class ProposalAwaited(Frozen):
    """An agent's run was looked for: it goes on, or is not to be seen yet."""

    kind: Literal["proposal_awaited"] = "proposal_awaited"
    request: RequestKey
    run: int | None = None
    reason: str


class RunReported(Frozen):
    """A runner says how a run of a playbook stands."""

    kind: Literal["run_reported"] = "run_reported"
    report: RunReport

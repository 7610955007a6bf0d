"""What surrounds a mission in the store when it is decided on; read each time, never folded."""

from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime

from grace.domain.base import Frozen
from grace.domain.phase import Outcome, Phase, Severity

# What lets a change merge: people, the agent's record, waiting alone, or a named person's order.
Basis = Literal["approvals", "trust", "solo", "emergency", "none"]


class OutcomeFact(Frozen):
    """How an earlier mission of this subsystem ended, from the ledger, for trust.

    `basis`: what let it merge; `severity`: that of its contract. `came_back`: it had ended as
    fixed, and its problem came back; it counts as failed.
    """

    mission: str
    agent: str
    severity: Severity
    outcome: Outcome
    basis: Basis
    at: AwareDatetime
    came_back: bool = False


class MergeFact(Frozen):
    """A merge within the last day, or one that is asked for now, of this repository."""

    mission: str
    subsystem: str
    basis: Basis
    at: AwareDatetime


class CapaFact(Frozen):
    """A CAPA ticket of this repository that is open."""

    mission: str
    subsystem: str
    issue: int


class AskFact(Frozen):
    """A run of an agent that another mission of this repository asked for; money in US dollars."""

    at: AwareDatetime
    money_usd: float


class RunFact(Frozen):
    """A run of a playbook that another mission ordered on a target."""

    target: str
    at: AwareDatetime


class ChildFact(Frozen):
    """A mission that names this one as its parent, and that somebody with write access started."""

    name: str
    phase: Phase
    outcome: Outcome | None = None


class ClaimFact(Frozen):
    """Who has claimed this mission's work, until when."""

    agent: str
    until: AwareDatetime


class Stop(Frozen):
    """A kill switch that is on: of the operator, a file, or an issue labelled `grace:stop`."""

    kind: Literal["operator", "file", "issue"]
    reason: str


class JobFact(Frozen):
    """How a job of CI ended on the newest head of another mission; None: it has not."""

    name: str
    conclusion: str | None
    at: AwareDatetime


class Rival(Frozen):
    """Another live mission of the same repository.

    `base` and `ci`: of its newest patch; they are read for a mission that reverts, and no other.
    """

    uid: UUID
    name: str
    phase: Phase
    paths: tuple[str, ...]
    urgency: tuple[int, AwareDatetime, str]
    base: str | None = None
    ci: tuple[JobFact, ...] = ()


# A mission's facts as they are stored, without what is read anew each time.
NO_SURROUNDINGS: dict[str, object] = {
    "rivals": (),
    "landed_reverts": (),
    "self_starts": (),
    "asks": (),
    "runs": (),
    "children": (),
    "claim": None,
    "kill_switch": False,
    "stops": (),
    "history": (),
    "merges": (),
    "capas": (),
}

"""Where a mission stands: phase is the truth, status is derived from it."""

from enum import StrEnum


class Severity(StrEnum):
    """How urgent a mission is."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"

    @property
    def rank(self) -> int:
        """Order missions by urgency: 0 is the most urgent."""
        return list(Severity).index(self)

    @property
    def graver(self) -> "Severity":
        """Return the next more urgent one; of the most urgent, itself."""
        return list(Severity)[max(0, self.rank - 1)]


class MissionType(StrEnum):
    """What kind of remedy a mission expects."""

    CODING = "coding"
    HEALING = "healing"


class Phase(StrEnum):
    """The truth about a mission."""

    FILED = "filed"
    INVALID = "invalid"
    AWAITING_START = "awaiting_start"
    PLANNING = "planning"
    PATCHING = "patching"
    TESTING = "testing"
    GATING = "gating"
    MERGING = "merging"
    EXECUTING = "executing"
    OBSERVING = "observing"
    REVERTING = "reverting"
    CLOSED = "closed"


class Status(StrEnum):
    """What people see; derived, never stored as a second truth."""

    OPEN = "open"
    IN_PROGRESS = "in_progress"
    OBSERVING = "observing"
    RESOLVED = "resolved"
    ESCALATED = "escalated"


class Outcome(StrEnum):
    """How a closed mission ended."""

    FIXED = "fixed"
    ROLLED_BACK = "rolled_back"
    CANCELLED = "cancelled"
    SELF_RECOVERED = "self_recovered"
    FAILED = "failed"


# The stages that a phase goes through: of the coding pipeline, and of the healing workflow.
STAGES: dict[Phase, tuple[str, ...]] = {
    Phase.FILED: (),
    Phase.INVALID: (),
    Phase.AWAITING_START: (),
    Phase.PLANNING: ("context", "snapshot", "plan"),
    Phase.PATCHING: ("branch and patch",),
    Phase.TESTING: ("tests", "stress tests", "diagnostics", "metrics"),
    Phase.GATING: ("governance",),
    Phase.MERGING: ("merge",),
    Phase.EXECUTING: ("execute", "verify"),
    Phase.OBSERVING: ("observation window",),
    Phase.REVERTING: ("resolve or roll back",),
    Phase.CLOSED: ("resolve or roll back",),
}

# Which phase may follow which. A healing mission goes from planning to executing its playbook,
# which may end in a patch; else it is observed next, and what was done is undone if it went badly.
TRANSITIONS: dict[Phase, frozenset[Phase]] = {
    Phase.FILED: frozenset({Phase.INVALID, Phase.AWAITING_START, Phase.CLOSED}),
    Phase.INVALID: frozenset({Phase.AWAITING_START, Phase.CLOSED}),
    Phase.AWAITING_START: frozenset({Phase.INVALID, Phase.PLANNING, Phase.CLOSED}),
    Phase.PLANNING: frozenset({Phase.PATCHING, Phase.EXECUTING, Phase.CLOSED}),
    Phase.PATCHING: frozenset({Phase.PLANNING, Phase.TESTING, Phase.CLOSED}),
    Phase.TESTING: frozenset({Phase.PLANNING, Phase.PATCHING, Phase.GATING, Phase.CLOSED}),
    Phase.GATING: frozenset({Phase.PLANNING, Phase.PATCHING, Phase.MERGING, Phase.CLOSED}),
    Phase.MERGING: frozenset({Phase.GATING, Phase.OBSERVING, Phase.REVERTING, Phase.CLOSED}),
    Phase.EXECUTING: frozenset({Phase.PLANNING, Phase.OBSERVING, Phase.CLOSED}),
    Phase.OBSERVING: frozenset({Phase.REVERTING, Phase.EXECUTING, Phase.CLOSED}),
    Phase.REVERTING: frozenset({Phase.CLOSED}),
    Phase.CLOSED: frozenset(),
}

FORWARD = frozenset(
    {
        Phase.PLANNING,
        Phase.PATCHING,
        Phase.TESTING,
        Phase.GATING,
        Phase.MERGING,
        Phase.EXECUTING,
    }
)
WAITING_ROOM = frozenset({Phase.FILED, Phase.INVALID, Phase.AWAITING_START})
LANDED = frozenset({Phase.OBSERVING, Phase.REVERTING})


def status_of(phase: Phase, outcome: Outcome | None) -> Status:
    """Derive the status from phase and outcome."""
    if phase in WAITING_ROOM:
        return Status.OPEN
    if phase is Phase.OBSERVING:
        return Status.OBSERVING
    if phase is not Phase.CLOSED:
        return Status.IN_PROGRESS
    if outcome in {Outcome.ROLLED_BACK, Outcome.FAILED}:
        return Status.ESCALATED
    return Status.RESOLVED

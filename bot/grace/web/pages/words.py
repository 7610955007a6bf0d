"""How values become words and marks on a page: pure, one place for every page."""

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from grace.domain.capa import CapaState
from grace.domain.health import HealthState
from grace.domain.mission import Mission
from grace.domain.phase import MissionType, Outcome, Phase, Severity, Status
from grace.domain.verdict import Result


class Mark(StrEnum):
    """How something stands, drawn as a shape and a colour beside its word; never alone."""

    GOOD = "good"
    BAD = "bad"
    WAIT = "wait"
    BUSY = "busy"
    PLAIN = "plain"


_MARKS: Final[Mapping[StrEnum, Mark]] = MappingProxyType(
    {
        Status.OPEN: Mark.WAIT,
        Status.IN_PROGRESS: Mark.BUSY,
        Status.OBSERVING: Mark.BUSY,
        Status.RESOLVED: Mark.GOOD,
        Status.ESCALATED: Mark.BAD,
        Outcome.FIXED: Mark.GOOD,
        Outcome.SELF_RECOVERED: Mark.GOOD,
        Outcome.CANCELLED: Mark.PLAIN,
        Outcome.ROLLED_BACK: Mark.BAD,
        Outcome.FAILED: Mark.BAD,
        Result.PASS: Mark.GOOD,
        Result.FAIL: Mark.BAD,
        Result.PENDING: Mark.WAIT,
        Result.NO_DATA: Mark.WAIT,
        Result.SKIPPED: Mark.PLAIN,
        Result.DEFERRED: Mark.PLAIN,
        HealthState.HEALTHY: Mark.GOOD,
        HealthState.DEGRADED: Mark.WAIT,
        HealthState.UNHEALTHY: Mark.BAD,
        Severity.CRITICAL: Mark.BAD,
        Severity.HIGH: Mark.WAIT,
        Severity.MEDIUM: Mark.PLAIN,
        Severity.LOW: Mark.PLAIN,
        CapaState.OPEN: Mark.WAIT,
        CapaState.CLOSED: Mark.BUSY,
        CapaState.EFFECTIVE: Mark.GOOD,
        CapaState.INEFFECTIVE: Mark.BAD,
    }
)


def mark(value: StrEnum) -> Mark:
    """Tell how a status, outcome, result, health, severity or CAPA is marked."""
    return _MARKS.get(value, Mark.PLAIN)


def plain(value: object) -> str:
    """Write a name with underscores as words."""
    return str(value).replace("_", " ")


def when(at: datetime) -> str:
    """Write a moment for people, in UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def iso(at: datetime) -> str:
    """Write a moment for the `datetime` attribute of `<time>`."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds")


def short(sha: str | None) -> str:
    """Cut a commit's name to the ten digits that people read."""
    return (sha or "")[:10]


def figure(value: float) -> str:
    """Write a number to four digits."""
    return f"{value:.4g}"


# The stages of a mission that a person follows, in order.
CODING_ROAD: Final = (
    Phase.AWAITING_START,
    Phase.PLANNING,
    Phase.PATCHING,
    Phase.TESTING,
    Phase.GATING,
    Phase.MERGING,
    Phase.OBSERVING,
    Phase.CLOSED,
)
HEALING_ROAD: Final = (
    Phase.AWAITING_START,
    Phase.PLANNING,
    Phase.EXECUTING,
    Phase.OBSERVING,
    Phase.CLOSED,
)


def road_of(mission: Mission) -> tuple[Phase, ...]:
    """Name the stages of a mission: one that a playbook heals, without a patch, has its own."""
    healing = mission.request is not None and mission.request.mission_type is MissionType.HEALING
    return HEALING_ROAD if healing and not mission.attempts else CODING_ROAD

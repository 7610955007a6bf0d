"""Corrective and preventive actions: what is owed after something went wrong, and did it help."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Final

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints

from grace.domain.base import Frozen
from grace.domain.mission import MissionRef
from grace.domain.package import MissionId, Name, Text
from grace.domain.phase import Severity

CapaId = Annotated[str, StringConstraints(pattern=r"^capa_\d{8}_\d{3,}$")]
Words = Annotated[str, Field(max_length=10_000)]
_FIRST: Final = datetime(2000, 1, 1, tzinfo=UTC)
_LAST: Final = datetime(2200, 1, 1, tzinfo=UTC)


def _calendar(at: datetime) -> datetime:
    """Write a date in UTC; one at the edge of what can be told would break who reckons with it."""
    if not _FIRST <= at < _LAST:
        raise ValueError("is not between the years 2000 and 2199")
    return at.astimezone(UTC)


Day = Annotated[AwareDatetime, AfterValidator(_calendar)]


class CapaState(StrEnum):
    """Where a CAPA stands. Overdue is no state: it is `due_at` in the past while open."""

    OPEN = "open"
    CLOSED = "closed"  # its actions are done; whether they helped is checked on a date
    EFFECTIVE = "effective"
    INEFFECTIVE = "ineffective"


class CapaRequest(Frozen):
    """What a person asks for: the body of `POST /mission-control/capa`."""

    subsystem_id: Name
    severity: Severity
    title: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
    description: Text
    mission_id: MissionId | None = None
    owner: Annotated[str, Field(max_length=100)] | None = None
    due_at: Day | None = None
    root_cause: Words = ""
    corrective_action: Words = ""
    preventive_action: Words = ""
    check_at: Day | None = None


class Capa(CapaRequest):
    """A CAPA as it is stored; `issue` None until it is filed at the forge.

    `fingerprint`: what must not come back; `recurrences`: the missions in which it did.
    """

    capa_id: CapaId
    ref: MissionRef
    state: CapaState = CapaState.OPEN
    issue: int | None = None
    issue_url: str = ""
    fingerprint: str = ""
    opened_at: AwareDatetime
    opened_by: str
    closed_at: AwareDatetime | None = None
    closed_by: str | None = None
    checked_at: AwareDatetime | None = None
    recurrences: tuple[MissionId, ...] = ()
    reminders: int = 0
    reminded_at: AwareDatetime | None = None

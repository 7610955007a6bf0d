"""How alerts are grouped into missions, and when they file none."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import AwareDatetime, Field, model_validator

from grace.domain.base import Frozen
from grace.domain.package import Name

Minutes = Annotated[float, Field(gt=0, le=14 * 1440)]


class Maintenance(Frozen):
    """A time in which alerts and anomalies of these subsystems file no mission; none: all."""

    start: AwareDatetime
    end: AwareDatetime
    subsystems: tuple[Name, ...] = ()
    reason: Annotated[str, Field(min_length=1, max_length=200)]

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.end <= self.start:
            raise ValueError("end must be later than start")
        return self

    def holds(self, subsystem: str, at: datetime) -> bool:
        """Tell whether a subsystem is being worked on at this moment."""
        return self.start <= at < self.end and (not self.subsystems or subsystem in self.subsystems)


class Alerting(Frozen):
    """How alerts become missions.

    Alerts of one subsystem that fire within `group_minutes` of each other belong together, as do
    those that share one of `group_labels`. `max_new_per_hour`: missions that alerts may open in a
    repository within an hour; what comes after joins the newest. `settle_minutes`: how long all of
    a mission's alerts must stay resolved before it counts as recovered; each flap of an alert
    within `flap_minutes` doubles it, up to `max_settle_minutes`. `reopen_days`: how long after its
    mission was closed as fixed a fingerprint that comes back says that the fix was none.
    """

    group_minutes: Minutes = 10
    group_labels: tuple[str, ...] = ("service", "cluster", "namespace")
    max_new_per_hour: Annotated[int, Field(ge=1, le=100)] = 6
    settle_minutes: Annotated[float, Field(ge=0, le=1440)] = 2
    flap_minutes: Minutes = 60
    max_settle_minutes: Annotated[float, Field(ge=0, le=1440)] = 60
    reopen_days: Annotated[float, Field(ge=0, le=365)] = 14
    maintenance: Annotated[tuple[Maintenance, ...], Field(max_length=100)] = ()

    def within(self, subsystems: frozenset[str]) -> Self:
        """Leave out maintenance of other subsystems alone, and their names."""
        seen = (
            (m, tuple(name for name in m.subsystems if name in subsystems))
            for m in self.maintenance
        )
        kept = tuple(
            m.model_copy(update={"subsystems": names})
            for m, names in seen
            if names or not m.subsystems
        )
        return self.model_copy(update={"maintenance": kept})

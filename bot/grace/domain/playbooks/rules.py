"""When playbooks may run: who must agree at which risk, and how often."""

from typing import Annotated, Final

from pydantic import Field

from grace.domain.base import Frozen
from grace.domain.phase import Severity
from grace.domain.playbooks.action import Risk

# What a playbook is called in records, before its name and version.
PLAYBOOK: Final = "playbook"


class ByRisk(Frozen):
    """How many people with write permission must agree before steps of a risk run."""

    read: Annotated[int, Field(ge=0, le=10)] = 0
    low: Annotated[int, Field(ge=0, le=10)] = 0
    medium: Annotated[int, Field(ge=0, le=10)] = 1
    high: Annotated[int, Field(ge=1, le=10)] = 1

    def needed(self, risk: Risk) -> int:
        return {
            Risk.READ: self.read,
            Risk.LOW: self.low,
            Risk.MEDIUM: self.medium,
            Risk.HIGH: self.high,
        }[risk]


class Healing(Frozen):
    """How healing missions go.

    `approvals`: by the gravest risk of a playbook's steps; where its record reaches `min_trust`,
    medium risk needs nobody. A step that always needs a named person gets one all the same.
    `runner_timeout_minutes`: how long a run may wait for its runner. `max_playbooks`: how many are
    tried for one mission. `max_per_day`: runs of a target within a day; then a person decides.
    """

    enabled: bool = True
    severities: tuple[Severity, ...] = tuple(Severity)
    approvals: ByRisk = ByRisk()
    min_trust: Annotated[float, Field(ge=0.5, le=1)] = 0.5
    runner_timeout_minutes: Annotated[float, Field(gt=0, le=1440)] = 15
    max_playbooks: Annotated[int, Field(ge=1, le=10)] = 3
    max_per_day: Annotated[int, Field(ge=1, le=1000)] = 10

"""How well the parts of the system are, and how they add up."""

from collections.abc import Iterable
from enum import StrEnum

from pydantic import AwareDatetime

from grace.domain.base import Frozen


class HealthState(StrEnum):
    """How well a part is."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    UNHEALTHY = "unhealthy"


_WORST_LAST = list(HealthState)


class HealthPart(Frozen):
    """One of several things that a subsystem is made of; `log` names the repository it tells of."""

    name: str
    state: HealthState
    sentence: str = ""
    log: str | None = None


class Health(Frozen):
    """What the newest probe of a subsystem found.

    `sentence` names no repository: what concerns one is in `parts`. `last_good_at` None: it was
    never well since the start. `latency_ms`: how long the probe took. `critical`: when it is
    unhealthy, so is the whole. `ties`: names of the subsystems that it works with.
    """

    name: str
    title: str
    state: HealthState
    sentence: str
    checked_at: AwareDatetime
    last_good_at: AwareDatetime | None = None
    latency_ms: float | None = None
    critical: bool = False
    ties: tuple[str, ...] = ()
    parts: tuple[HealthPart, ...] = ()


def worst(states: Iterable[HealthState]) -> HealthState:
    """Return the worst of some states; unhealthy where there is none, for no data is no pass."""
    return max(states, key=_WORST_LAST.index, default=HealthState.UNHEALTHY)


def overall(found: Iterable[Health]) -> HealthState:
    """Add up: unhealthy when a critical part is, degraded when any part is not well."""
    return worst(
        HealthState.DEGRADED if h.state is HealthState.UNHEALTHY and not h.critical else h.state
        for h in found
    )

"""How much of the work ran without a person, counted from the ledger."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self

from grace.domain.base import Frozen
from grace.domain.mission import Mission
from grace.domain.phase import Outcome, Severity

# What a person did: orders, reviews, filing and editing, letting a draft go on, ending tickets.
_DEEDS: Final = frozenset(
    {
        "mission.command",
        "mission.reviewed",
        "mission.filed",
        "mission.invalid",
        "mission.released",
        "mission.capa_closed",
        "mission.reviewed_after",
    }
)
_WELL: Final = frozenset({Outcome.FIXED, Outcome.SELF_RECOVERED})


@dataclass(frozen=True, slots=True)
class Deed:
    """One entry of a mission as it is counted: what, by whom, and its payload; None: redacted."""

    kind: str
    actor: str
    payload: Mapping[str, Any] | None


def by_a_person(deed: Deed) -> bool:
    """Tell whether an entry is something that a person did.

    What an alert files carries its fingerprint; a draft that `/grace start` let go on is counted
    as that command.
    """
    payload = deed.payload or {}
    if deed.kind not in _DEEDS:
        return False
    if deed.kind == "mission.filed":
        return "fingerprint" not in payload
    return deed.kind != "mission.released" or payload.get("how") == "ready"


class Figures(Frozen):
    """What missions of one severity came to; `actions`: what people did for them, all together.

    `came_back`: fixes that did not hold. `alone`: how many ended well, and stayed so, without a
    person.
    """

    missions: int = 0
    fixed: int = 0
    recovered: int = 0
    rolled_back: int = 0
    failed: int = 0
    came_back: int = 0
    alone: int = 0
    actions: int = 0

    def with_(self, outcome: Outcome, actions: int, *, came_back: bool) -> Self:
        """Count one more mission."""
        well = outcome in _WELL and not came_back
        return self.model_copy(
            update={
                "missions": self.missions + 1,
                "fixed": self.fixed + (outcome is Outcome.FIXED),
                "recovered": self.recovered + (outcome is Outcome.SELF_RECOVERED),
                "rolled_back": self.rolled_back + (outcome is Outcome.ROLLED_BACK),
                "failed": self.failed + (outcome is Outcome.FAILED),
                "came_back": self.came_back + came_back,
                "alone": self.alone + (well and actions == 0),
                "actions": self.actions + actions,
            }
        )

    @property
    def share_alone(self) -> float | None:
        """Return the share that ended well without a person; None: there was none at all."""
        return self.alone / self.missions if self.missions else None

    @property
    def actions_each(self) -> float | None:
        """Return how many things people did for a mission on average."""
        return self.actions / self.missions if self.missions else None


def figures(
    missions: Iterable[tuple[Mission, Sequence[Deed]]], since: datetime | None = None
) -> dict[Severity, Figures]:
    """Count missions that ended, after `since` if it is given, by severity, the gravest first."""
    found = {severity: Figures() for severity in Severity}
    for mission, deeds in missions:
        ended, ended_as = mission.closed_at, mission.outcome
        if ended_as is None or ended_as is Outcome.CANCELLED or ended is None:
            continue  # one that somebody called off says nothing about who did the work
        if since is not None and ended < since:
            continue
        actions = sum(by_a_person(deed) for deed in deeds)
        row, lost = found[mission.severity], mission.effective is False
        found[mission.severity] = row.with_(ended_as, actions, came_back=lost)
    return found


def together(found: Iterable[Figures]) -> Figures:
    """Add figures up."""
    names = Figures.model_fields
    rows = list(found)
    return Figures(**{name: sum(getattr(row, name) for row in rows) for name in names})

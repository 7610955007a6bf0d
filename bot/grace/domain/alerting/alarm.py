"""What a mission keeps of its alerts: bounded, however many there are."""

from datetime import datetime, timedelta
from typing import Self

from pydantic import AwareDatetime

from grace.domain.alerting.rules import Alerting
from grace.domain.alerting.tracking import MAX_FLAPS, Status, settle_after
from grace.domain.base import Frozen
from grace.domain.phase import Outcome
from grace.domain.results import Sha

MAX_TOLD = 20  # alerts of a mission that are told one by one
FIRST_STEP = 50


def is_step(known: int) -> bool:
    """Tell whether so many alerts of a mission are worth a word: at 50, 100, 200, and so on."""
    return known % FIRST_STEP == 0 and (known // FIRST_STEP).bit_count() == 1


class Recurrence(Frozen):
    """A closed mission whose alert fires again.

    `landed`: the commit of its fix; `capa`: the issue of its CAPA.
    """

    mission: str
    outcome: Outcome
    closed_at: AwareDatetime
    landed: Sha | None = None
    capa: int | None = None


class Placed(Frozen):
    """What the router knows about a mission's alerts, with one that is for it.

    `known`: how many it has, and `firing`: how many of them fire. `flaps`: those of this alert.
    `why`: why it belongs to the mission; None: it has it already. `beside`: it is of another
    mission, and fired while this one's change was observed. `capa`: an open CAPA about the same.
    """

    known: int = 1
    firing: int = 1
    flaps: int = 0
    why: str | None = None
    beside: bool = False
    recurs: Recurrence | None = None
    capa: int | None = None


class AlertState(Frozen):
    """One alert of a mission, as it last told; `beside`: of another one."""

    fingerprint: str
    title: str
    source: str
    status: Status
    at: AwareDatetime
    flaps: int = 0
    beside: bool = False


class Alarm(Frozen):
    """The alerts of a mission: `MAX_TOLD` of its own and of others, and the number of all its own.

    `quiet_since`: since when all of its own are resolved. `restless`: it follows so soon on a
    mission that recovered by itself that it waits as long as any.
    """

    alerts: tuple[AlertState, ...] = ()
    known: int = 0
    firing: int = 0
    flaps: int = 0
    quiet_since: AwareDatetime | None = None
    restless: bool = False
    recurs: Recurrence | None = None
    capa: int | None = None

    @property
    def own(self) -> tuple[AlertState, ...]:
        return tuple(a for a in self.alerts if not a.beside)

    @property
    def beside(self) -> tuple[AlertState, ...]:
        return tuple(a for a in self.alerts if a.beside)

    def state(self, fingerprint: str) -> AlertState | None:
        """Return what an alert last told; None: it is not told one by one."""
        return next((a for a in self.alerts if a.fingerprint == fingerprint), None)

    def heard(self, state: AlertState) -> Self:
        """Take what an alert tells; one too many is only counted."""
        others = tuple(a for a in self.alerts if a.fingerprint != state.fingerprint)
        known = len(others) < len(self.alerts)
        alike = [a for a in others if a.beside == state.beside]
        if not known and len(alike) >= MAX_TOLD:
            return self
        if not known:
            return self.model_copy(update={"alerts": (*self.alerts, state)})
        told = tuple(state if a.fingerprint == state.fingerprint else a for a in self.alerts)
        return self.model_copy(update={"alerts": told})

    def counted(self, placed: Placed, at: datetime) -> Self:
        """Take the numbers that the router knows; without any that fires it is quiet since then."""
        quiet = (self.quiet_since or at) if placed.firing <= 0 else None
        flaps = max(placed.flaps, *(a.flaps for a in self.own), 0)
        update = {"known": placed.known, "firing": placed.firing, "flaps": flaps}
        return self.model_copy(update={**update, "quiet_since": quiet})

    def settles_at(self, rules: Alerting) -> datetime | None:
        """Say when it counts as recovered if nothing fires again; None: something fires."""
        if self.quiet_since is None:
            return None
        return self.quiet_since + self.patience(rules)

    def patience(self, rules: Alerting) -> timedelta:
        """Say how long its alerts must stay resolved."""
        return settle_after(MAX_FLAPS if self.restless else self.flaps, rules)

"""Which mission an alert belongs to: few missions, and the right ones.

One place decides it, from what the router has read in its transaction. In this order it goes

1. to the open mission that it has already;
2. nowhere, if it never stopped and people have its mission, or that was fixed a moment ago;
3. nowhere, while its subsystem is in maintenance;
4. to an open mission of its subsystem about the same metric;
5. to an open mission whose first alert came lately: of its subsystem, or with a label in common;
6. to the newest open mission, if alerts have opened as many as they may within an hour;
7. to a mission of its own.

Only missions that have not begun to merge take new alerts: what fires after a release is no reason
for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import assert_never

from grace.domain.alerting.rules import Alerting
from grace.domain.alerting.tracking import may_join_group
from grace.domain.phase import FORWARD, Outcome, Phase

# Missions in these phases take alerts that they do not have yet.
JOINABLE = (FORWARD | {Phase.FILED, Phase.AWAITING_START}) - {Phase.MERGING}
MAX_LABELS = 50


class Why(StrEnum):
    """Why an alert belongs to a mission, or to none."""

    OWN = "it is its mission"
    METRIC = "the same metric"
    SUBSYSTEM = "the same subsystem at the same time"
    LABELS = "a label in common at the same time"
    FULL = "alerts may open no more missions now"
    MAINTENANCE = "in maintenance"
    LEFT = "people have its mission, and it never stopped"
    FRESH = "its mission ended a moment ago"


@dataclass(frozen=True, slots=True)
class Alert:
    """A firing alert: `labels` as `name=value`, only those that group."""

    fingerprint: str
    subsystem: str
    metrics: frozenset[str]
    labels: frozenset[str]


@dataclass(frozen=True, slots=True)
class Group:
    """An open mission that takes alerts; `first_at` None: it has none yet."""

    uid: str
    subsystem: str
    metrics: frozenset[str]
    labels: frozenset[str]
    first_at: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Past:
    """The last mission that an alert had, which is closed; `unbroken`: it fired ever since."""

    uid: str
    name: str
    outcome: Outcome
    closed_at: datetime
    unbroken: bool = False


@dataclass(frozen=True, slots=True)
class Scene:
    """What there is in a repository: the alert's own open mission, its last one, and all open ones.

    `opened`: how many missions alerts have opened there within the last hour.
    """

    own: str | None = None
    past: Past | None = None
    groups: Sequence[Group] = ()
    opened: int = 0


@dataclass(frozen=True, slots=True)
class Join:
    """It belongs to an open mission."""

    uid: str
    why: Why


@dataclass(frozen=True, slots=True)
class OpenMission:
    """It gets a mission of its own."""


@dataclass(frozen=True, slots=True)
class Damp:
    """It gets none now; the next notification is judged anew."""

    why: Why


Placement = Join | OpenMission | Damp


def place(alert: Alert, scene: Scene, rules: Alerting, now: datetime) -> Placement:
    """Say which mission a firing alert belongs to; the order of `groups` does not matter."""
    if scene.own is not None:
        return Join(scene.own, Why.OWN)
    damped = _damped(alert, scene.past, rules, now)
    if damped is not None:
        return damped
    groups = sorted(scene.groups, key=lambda g: (g.created_at, g.uid), reverse=True)
    for why in (Why.METRIC, Why.SUBSYSTEM, Why.LABELS):
        found = next((g for g in groups if _belongs(alert, g, why, rules, now)), None)
        if found is not None:
            return Join(found.uid, why)
    if scene.opened < rules.max_new_per_hour:
        return OpenMission()
    near = [g for g in groups if g.subsystem == alert.subsystem] or groups
    return Join(near[0].uid, Why.FULL) if near else Damp(Why.FULL)


def _damped(alert: Alert, past: Past | None, rules: Alerting, now: datetime) -> Damp | None:
    if past is not None and past.unbroken:
        match past.outcome:
            case Outcome.FIXED | Outcome.SELF_RECOVERED:
                if now - past.closed_at <= timedelta(minutes=rules.group_minutes):
                    return Damp(Why.FRESH)
            case Outcome.CANCELLED | Outcome.FAILED | Outcome.ROLLED_BACK:
                return Damp(Why.LEFT)
            case _ as never:
                assert_never(never)
    if any(m.holds(alert.subsystem, now) for m in rules.maintenance):
        return Damp(Why.MAINTENANCE)
    return None


def _belongs(alert: Alert, group: Group, why: Why, rules: Alerting, now: datetime) -> bool:
    same = group.subsystem == alert.subsystem
    if why is Why.METRIC:
        return same and bool(alert.metrics & group.metrics)
    lately = group.first_at is not None and may_join_group(group.first_at, now, rules)
    return lately and (same if why is Why.SUBSYSTEM else bool(alert.labels & group.labels))


def remembered(past: Past | None, rules: Alerting, now: datetime) -> Past | None:
    """Return the last mission while it is still of interest: for `reopen_days` after its end."""
    if past is None or now - past.closed_at > timedelta(days=rules.reopen_days):
        return None
    return past


def labels_of(labels: dict[str, str], rules: Alerting) -> frozenset[str]:
    """Pick the labels that group, as `name=value`; an empty value says nothing."""
    return frozenset(f"{name}={labels[name]}" for name in rules.group_labels if labels.get(name))

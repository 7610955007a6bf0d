"""Which missions an event is for, and how a mission comes to be."""

import json
import re
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID, uuid5

from grace.adapters.sqlite import (
    brakes,
    capa_rows,
    courtesy_rows,
    inbox_rows,
    memory_rows,
    mission_rows,
)
from grace.adapters.sqlite.alert_placing import Placer
from grace.adapters.sqlite.event_rows import add_event
from grace.adapters.sqlite.ledger_rows import Pen
from grace.adapters.sqlite.values import micros
from grace.domain.alerting.rules import Alerting
from grace.domain.events import AlertSeen
from grace.domain.mission import Mission
from grace.domain.phase import Phase
from grace.ports import Target, Translated

# The namespace of mission identities; changing it would give every issue a second mission.
_IDENTITY: Final = UUID("5b1d2a0e-6d0f-4f6c-9d55-6a3f1f0f7c21")
_HOUR: Final = timedelta(hours=1)
TOO_MANY: Final = (
    "no mission was made: {limit} began in this repository within an hour, which is the limit; "
    "edit the issue later, or let the operator raise max_missions_per_hour"
)
_BRANCH: Final = re.compile(r"grace/(mission_\d{8}_\d{3,})(?:-revert)?")


@dataclass(frozen=True, slots=True)
class Arrival:
    """One delivery on its way to missions: its row, when it is routed, and how many it may make.

    `new_an_hour`: how many missions a repository may begin within an hour; `alerting`: how alerts
    become missions.
    """

    delivery: int
    now: datetime
    new_an_hour: int
    alerting: Alerting


def route(connection: sqlite3.Connection, arrival: Arrival, said: Translated, pen: Pen) -> int:
    """Give events to missions and mark the delivery; 0 when it was routed before."""
    if not inbox_rows.mark_routed(connection, arrival.delivery, said.note, arrival.now):
        return 0
    courtesy_rows.add(connection, said.courtesies, arrival.now)
    brakes.hear(connection, said.stops, arrival.now, pen)
    memory_rows.see(connection, said.seen)
    reached: set[str] = set()
    placer = Placer(
        connection,
        arrival.delivery,
        arrival.alerting,
        arrival.now,
        lambda ref, alert: _made_for(connection, arrival, Target(ref=ref, alert=alert)),
    )
    for item in said.routed:
        if isinstance(item.event, AlertSeen):
            placer.take(item, item.event)
            continue
        found = _resolve(connection, arrival, item.target)
        if not found:
            capa_rows.hear(connection, item)
        for uid in found:
            add_event(connection, uid, item.event, arrival.now, delivery=arrival.delivery)
            reached.add(uid)
    if placer.seen:
        words = f"{said.note}: {placer.close()}"
        inbox_rows.remark(connection, arrival.delivery, words)
    return len(reached | placer.reached)


def _made_for(connection: sqlite3.Connection, arrival: Arrival, target: Target) -> str | None:
    """Make the mission of an alert; None: the repository began as many as it may."""
    made = _create(connection, arrival, target)
    return made[0] if made else None


def _resolve(connection: sqlite3.Connection, arrival: Arrival, target: Target) -> list[str]:
    found = _named(connection, target)
    if found:
        return found
    if target.create:
        created = _known_issue(connection, target) or _create(connection, arrival, target)
        if created:
            return created
    return _everyone(connection, target) if target.everyone or not _names(target) else []


def _names(target: Target) -> bool:
    """Tell whether any field names a mission."""
    fields = (target.uid, target.branch, target.pull, target.sha, target.issue)
    return any(field is not None for field in fields)


def _named(connection: sqlite3.Connection, target: Target) -> list[str]:
    """Look up the first field that is set, in this repository alone."""
    if target.uid is not None:
        return _where(connection, target, "uid = ?", str(target.uid))
    if target.branch is not None:
        match = _BRANCH.fullmatch(target.branch)
        return [] if match is None else _where(connection, target, "name = ?", match[1])
    if target.pull is not None:
        return _lookup(connection, target, "pull", str(target.pull))
    if target.sha is not None:
        return _lookup(connection, target, "sha", target.sha)
    if target.issue is not None:
        return _known_issue(connection, target)
    return []


def _known_issue(connection: sqlite3.Connection, target: Target) -> list[str]:
    return [] if target.issue is None else _where(connection, target, "issue = ?", target.issue)


def _everyone(connection: sqlite3.Connection, target: Target) -> list[str]:
    return _where(connection, target, "phase <> ?", Phase.CLOSED.value)


def _where(
    connection: sqlite3.Connection, target: Target, clause: str, value: str | int
) -> list[str]:
    rows = connection.execute(
        "SELECT uid FROM missions WHERE host = ? AND repository_id = ?"  # noqa: S608 - our clauses
        f" AND {clause} ORDER BY severity, created_at, name",
        (target.ref.host, target.ref.repository_id, value),
    )
    return [row["uid"] for row in rows]


def _lookup(connection: sqlite3.Connection, target: Target, kind: str, value: str) -> list[str]:
    rows = connection.execute(
        "SELECT mission FROM lookups"
        " WHERE host = ? AND repository_id = ? AND kind = ? AND value = ? ORDER BY mission",
        (target.ref.host, target.ref.repository_id, kind, value),
    )
    return [row["mission"] for row in rows]


def _create(connection: sqlite3.Connection, arrival: Arrival, target: Target) -> list[str]:
    """Make the mission of an issue, of an alert, or with the given uid; else none."""
    uid = _identity(connection, arrival, target)
    if uid is None or _too_many(connection, arrival, target):
        return []
    mission = Mission(
        uid=uid,
        name=_next_name(connection, arrival.now),
        ref=target.ref,
        created_at=arrival.now,
        issue=target.issue,
        alert=target.alert,
    )
    mission_rows.insert(connection, mission, arrival.now)
    return [str(uid)]


def _too_many(connection: sqlite3.Connection, arrival: Arrival, target: Target) -> bool:
    """Tell whether a repository had as many new missions within an hour as it may have."""
    (made,) = connection.execute(
        "SELECT count(*) FROM missions WHERE host = ? AND repository_id = ? AND created_at > ?",
        (target.ref.host, target.ref.repository_id, micros(arrival.now - _HOUR)),
    ).fetchone()
    if made < arrival.new_an_hour:
        return False
    inbox_rows.remark(connection, arrival.delivery, TOO_MANY.format(limit=arrival.new_an_hour))
    return True


def _identity(connection: sqlite3.Connection, arrival: Arrival, target: Target) -> UUID | None:
    """Derive the uid: an issue has one mission for ever, an alert one for each time it opens."""
    place = (target.ref.host, target.ref.repository_id)
    if target.issue is not None:
        return uuid5(_IDENTITY, json.dumps([*place, "issue", target.issue]))
    if target.alert is not None:
        row = connection.execute(
            "SELECT origin, delivery_id FROM deliveries WHERE id = ?", (arrival.delivery,)
        ).fetchone()
        source = [row["origin"], row["delivery_id"]]
        return uuid5(_IDENTITY, json.dumps([*place, "alert", target.alert, *source]))
    if target.uid is not None and mission_rows.row_of(connection, target.uid) is None:
        return target.uid
    return None


def _next_name(connection: sqlite3.Connection, now: datetime) -> str:
    """Count up within the UTC day, over the whole store."""
    day = now.astimezone(UTC).strftime("%Y%m%d")
    row = connection.execute(
        "INSERT INTO mission_numbers (day, last) VALUES (?, 1)"
        " ON CONFLICT (day) DO UPDATE SET last = last + 1 RETURNING last",
        (day,),
    ).fetchone()
    return f"mission_{day}_{row['last']:03d}"

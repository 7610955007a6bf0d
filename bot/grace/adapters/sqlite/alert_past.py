"""What there was before about an alert: the mission that had it last, and open CAPAs."""

import json
import sqlite3
from typing import Final

from grace.adapters.sqlite.values import moment
from grace.domain.alerting.alarm import Recurrence
from grace.domain.alerting.placing import Past
from grace.domain.events import AlertSeen
from grace.domain.fingerprint import alert_fingerprint, metrics_fingerprint
from grace.domain.mission import MissionRef
from grace.domain.phase import Outcome

_LOOKED_AT: Final = 50  # closed missions of a subsystem


def metrics_of(event: AlertSeen) -> frozenset[str]:
    """Name the metrics that an alert is about."""
    request = event.request
    named = {s.metric_id for s in request.symptoms if s.metric_id is not None}
    return frozenset(named | {t.metric_id for t in request.acceptance_criteria.metric_targets})


def past_of(
    connection: sqlite3.Connection,
    ref: MissionRef,
    event: AlertSeen,
    last: str | None,
    *,
    unbroken: bool,
) -> Past | None:
    """Return the closed mission that had this alert last.

    `last`: the one that the alert's row names. A finding of our own detectors also comes back where
    another mission of its subsystem was about the same metric.
    """
    row = None
    if last is not None:
        row = connection.execute(_PAST + "l.uid = ?", (last,)).fetchone()
    if row is None:
        row = connection.execute(
            _PAST + "l.log = ? AND l.fingerprint = ? ORDER BY l.created_at DESC LIMIT 1",
            (ref.log, alert_fingerprint(event.fingerprint)),
        ).fetchone()
    if row is None and event.anomaly is not None:
        row = _of_metric(connection, ref, event)
        unbroken = False
    if row is None:
        return None
    return Past(
        uid=row["uid"],
        name=row["name"],
        outcome=Outcome(row["outcome"]),
        closed_at=moment(row["closed_at"]),
        unbroken=unbroken,
    )


_PAST: Final = (
    "SELECT l.uid, l.name, l.outcome, l.closed_at FROM mission_list AS l"
    " WHERE l.phase = 'closed' AND l.outcome IS NOT NULL AND l.closed_at IS NOT NULL AND "
)


def _of_metric(
    connection: sqlite3.Connection, ref: MissionRef, event: AlertSeen
) -> sqlite3.Row | None:
    """Find the newest closed mission of the subsystem whose symptoms name the metric."""
    rows = connection.execute(
        "SELECT l.uid, l.name, l.outcome, l.closed_at,"
        " json_extract(m.mission, '$.request.symptoms') AS symptoms"
        " FROM mission_list AS l JOIN missions AS m ON m.uid = l.uid"
        " WHERE l.log = ? AND l.subsystem = ? AND l.closed_at IS NOT NULL"
        " ORDER BY l.closed_at DESC LIMIT ?",
        (ref.log, event.request.subsystem_id, _LOOKED_AT),
    )
    wanted = metrics_of(event)
    for row in rows:
        symptoms = json.loads(row["symptoms"]) if row["symptoms"] else []
        if wanted & {s.get("metric_id") for s in symptoms}:
            found: sqlite3.Row = row
            return found
    return None


def recurrence(connection: sqlite3.Connection, past: Past) -> Recurrence:
    """Say what a mission has to know of the one that had its alert before."""
    row = connection.execute(
        "SELECT json_extract(mission, '$.landing.sha') AS landed,"
        " json_extract(mission, '$.capa') AS capa FROM missions WHERE uid = ?",
        (past.uid,),
    ).fetchone()
    return Recurrence(
        mission=past.name,
        outcome=past.outcome,
        closed_at=past.closed_at,
        landed=row["landed"],
        capa=row["capa"],
    )


def open_capa(connection: sqlite3.Connection, ref: MissionRef, event: AlertSeen) -> int | None:
    """Return the issue of the newest open CAPA about an alert, or its subsystem and metrics."""
    metrics = metrics_of(event)
    names = [
        alert_fingerprint(event.fingerprint),
        metrics_fingerprint(event.request.subsystem_id, metrics),
        *(metrics_fingerprint(event.request.subsystem_id, {m}) for m in sorted(metrics)),
    ]
    row = connection.execute(
        "SELECT json_extract(record, '$.capa.issue') AS issue FROM capas"
        " WHERE log = ? AND state = 'open' AND issue IS NOT NULL"
        " AND json_extract(record, '$.capa.fingerprint') IN (SELECT value FROM json_each(?))"
        " ORDER BY id DESC LIMIT 1",
        (ref.log, json.dumps(names)),
    ).fetchone()
    return None if row is None else row["issue"]

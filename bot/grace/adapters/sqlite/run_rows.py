"""The table of playbooks' runs: laid out, claimed under a lease, reported, withdrawn."""

import sqlite3
from datetime import datetime, timedelta
from typing import Final

from grace.adapters.sqlite.event_rows import add_event
from grace.adapters.sqlite.values import json_list, micros, moment, optional_micros
from grace.domain.mission import MissionRef
from grace.domain.playbooks.run import ENDED, RunOrder, RunReport, RunState
from grace.domain.remedy_events import RunReported
from grace.ports import RunClaimant, RunHolder, RunLease

NOBODY: Final = "nobody"  # who reports of a run that no runner has begun


def offer(connection: sqlite3.Connection, ref: MissionRef, order: RunOrder, now: datetime) -> None:
    """Lay out a run of a mission; one with its id stays as it is, and one of nobody is left."""
    connection.execute(
        "INSERT INTO playbook_runs (id, mission, target, ordered, offered_at, expires_at)"
        " SELECT ?, uid, ?, ?, ?, ? FROM missions"
        " WHERE host = ? AND repository_id = ? AND name = ?"
        " ON CONFLICT (id) DO NOTHING",
        (
            order.id,
            order.target,
            order.model_dump_json(),
            micros(now),
            optional_micros(order.expires_at),
            ref.host,
            ref.repository_id,
            order.mission,
        ),
    )


def withdraw(connection: sqlite3.Connection, run: str, reason: str, now: datetime) -> None:
    """End a run that nobody has begun; let the runner of another know."""
    row = connection.execute(
        "SELECT * FROM playbook_runs WHERE id = ? AND ended_at IS NULL", (run,)
    ).fetchone()
    if row is None:
        return
    if row["lease"] is None:
        _end_unbegun(connection, row, reason, now)
        return
    connection.execute(
        "UPDATE playbook_runs SET withdrawn = coalesce(withdrawn, ?) WHERE id = ?", (reason, run)
    )


def claim(
    connection: sqlite3.Connection, wanted: RunClaimant, lease: str, now: datetime
) -> RunLease | None:
    """Take the oldest open run of these targets, unless its target is taken.

    `lease`: a secret that nobody guesses.
    """
    _expire(connection, now)
    row = connection.execute(
        "SELECT * FROM playbook_runs AS r WHERE ended_at IS NULL"
        " AND target IN (SELECT value FROM json_each(?))"
        " AND NOT EXISTS (SELECT 1 FROM playbook_runs AS o WHERE o.target = r.target"
        "   AND o.ended_at IS NULL AND o.lease IS NOT NULL AND (o.until > ? OR o.id <> r.id))"
        " ORDER BY offered_at, id LIMIT 1",
        (json_list(wanted.targets), micros(now)),
    ).fetchone()
    if row is None:
        return None
    until = now + timedelta(seconds=wanted.seconds)
    connection.execute(
        "UPDATE playbook_runs SET runner = ?, token = ?, lease = ?, until = ? WHERE id = ?",
        (wanted.runner, wanted.token, lease, micros(until), row["id"]),
    )
    return _lease(connection, row["id"])


def renew(
    connection: sqlite3.Connection, holder: RunHolder, until: datetime, now: datetime
) -> RunLease | None:
    """Hold a lease that is in force until then; None: it is not."""
    changed = connection.execute(
        "UPDATE playbook_runs SET until = ?"
        " WHERE id = ? AND lease = ? AND token = ? AND until > ? AND ended_at IS NULL",
        (micros(until), holder.run, holder.lease, holder.token, micros(now)),
    ).rowcount
    return _lease(connection, holder.run) if changed else None


def report(
    connection: sqlite3.Connection, holder: RunHolder, said: RunReport, now: datetime
) -> bool:
    """Keep a newer report and give it to the mission; False: the lease is another's by now.

    A lease that ran out but that nobody took since is good for a report: what was done was done.
    """
    row = connection.execute(
        "SELECT * FROM playbook_runs WHERE id = ? AND lease = ? AND token = ? AND runner = ?",
        (holder.run, holder.lease, holder.token, said.runner),
    ).fetchone()
    if row is None or said.id != holder.run:
        return False
    if said.number <= row["number"]:
        return True
    if row["ended_at"] is not None:
        return False
    _keep(connection, row, said, now)
    return True


def _expire(connection: sqlite3.Connection, now: datetime) -> None:
    """End what nobody began in time."""
    rows = connection.execute(
        "SELECT * FROM playbook_runs WHERE ended_at IS NULL AND lease IS NULL AND expires_at <= ?",
        (micros(now),),
    ).fetchall()
    for row in rows:
        _end_unbegun(connection, row, "no runner began it in time", now)


def _end_unbegun(
    connection: sqlite3.Connection, row: sqlite3.Row, reason: str, now: datetime
) -> None:
    said = RunReport(
        id=row["id"],
        number=0,
        runner=NOBODY,
        state=RunState.WITHDRAWN,
        sentence=f"it was not begun: {reason}"[:2000],
        at=now,
    )
    _keep(connection, row, said, now)


def _keep(connection: sqlite3.Connection, row: sqlite3.Row, said: RunReport, now: datetime) -> None:
    connection.execute(
        "UPDATE playbook_runs SET report = ?, number = ?, ended_at = ? WHERE id = ?",
        (
            said.model_dump_json(),
            said.number,
            micros(now) if said.state in ENDED else None,
            row["id"],
        ),
    )
    add_event(connection, row["mission"], RunReported(report=said), now)


def _lease(connection: sqlite3.Connection, run: str) -> RunLease:
    row = connection.execute("SELECT * FROM playbook_runs WHERE id = ?", (run,)).fetchone()
    said = row["report"]
    return RunLease(
        order=RunOrder.model_validate_json(row["ordered"]),
        lease=row["lease"],
        runner=row["runner"],
        until=moment(row["until"]),
        withdrawn=row["withdrawn"],
        reported=None if said is None else RunReport.model_validate_json(said),
    )

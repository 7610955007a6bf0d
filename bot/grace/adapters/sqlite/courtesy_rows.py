"""Commits of other people's on which our check owes an answer."""

import sqlite3
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from pydantic import TypeAdapter

from grace.adapters.sqlite import switch_rows
from grace.adapters.sqlite.values import micros
from grace.ports import Courtesy, CourtesyJob

_COURTESY: Final = TypeAdapter(Courtesy)
# While a push of ours is under way its commit is not known yet.
_WAIT_FOR_PUSH: Final = timedelta(seconds=3)
_TAKEN: Final = timedelta(minutes=2)


def add(connection: sqlite3.Connection, courtesies: Sequence[Courtesy], now: datetime) -> None:
    """Remember courtesies; one for each commit, however often it is asked for.

    Where somebody asks again, what was said is due once more; its check is there already.
    """
    connection.executemany(
        "UPDATE courtesies SET ended = NULL, due_at = ?, tries = max(tries, 1)"
        " WHERE host = ? AND repository_id = ? AND sha = ?",
        [
            (micros(now), given.ref.host, given.ref.repository_id, given.sha)
            for given in courtesies
            if given.again
        ],
    )
    connection.executemany(
        "INSERT OR IGNORE INTO courtesies (host, repository_id, sha, pull, courtesy, due_at)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        [
            (
                given.ref.host,
                given.ref.repository_id,
                given.sha,
                str(given.pull),
                _COURTESY.dump_json(given).decode(),
                micros(now),
            )
            for given in courtesies
            if not given.again
        ],
    )


def due(connection: sqlite3.Connection, now: datetime, limit: int) -> Sequence[CourtesyJob]:
    """Take what may be said now; drop what would be said of a mission's head or pull request.

    What a mission landed is not its head: other people's pull requests may have it as theirs. A
    push that was begun counts until its outcome is known, however it was interrupted. What is
    taken is due again after a while: whoever took it may have died.
    """
    connection.execute(
        "UPDATE courtesies SET ended = 'dropped' WHERE ended IS NULL AND EXISTS ("
        " SELECT 1 FROM lookups JOIN missions ON missions.uid = lookups.mission"
        " WHERE lookups.host = courtesies.host"
        " AND lookups.repository_id = courtesies.repository_id"
        " AND (lookups.kind, lookups.value)"
        " IN (VALUES ('sha', courtesies.sha), ('pull', courtesies.pull))"
        " AND (lookups.kind = 'pull' OR courtesies.sha NOT IN ("
        " ifnull(json_extract(missions.mission, '$.landing.sha'), ''),"
        " ifnull(json_extract(missions.mission, '$.revert.landed.sha'), ''))))"
    )
    connection.execute(
        "UPDATE courtesies SET due_at = :later WHERE ended IS NULL AND due_at <= :now"
        " AND (host, repository_id) IN (SELECT host, repository_id FROM missions WHERE uid IN ("
        " SELECT mission FROM outbox"
        " WHERE (state = 'begun' OR (state = 'pending' AND tries > 0 AND NOT :stopped"
        " AND mission NOT IN (SELECT uid FROM missions JOIN stops_in_force"
        " USING (host, repository_id))))"
        " AND json_extract(effect, '$.kind') IN ('push_patch', 'push_revert')"
        " UNION SELECT mission FROM events WHERE handled_at IS NULL"
        " AND json_extract(event, '$.kind') IN ('branch_pushed', 'revert_pushed')))",
        {
            "now": micros(now),
            "later": micros(now + _WAIT_FOR_PUSH),
            # Then a push waits for people, and everybody's pull requests do not wait with it.
            "stopped": bool(switch_rows.switches_on(connection)),
        },
    )
    rows = connection.execute(
        "UPDATE courtesies SET tries = tries + 1, due_at = ? WHERE id IN (SELECT id FROM courtesies"
        " WHERE ended IS NULL AND due_at <= ? ORDER BY due_at, id LIMIT ?)"
        " RETURNING id, courtesy, tries",
        (micros(now + _TAKEN), micros(now), limit),
    )
    return [
        CourtesyJob(row["id"], _COURTESY.validate_json(row["courtesy"]), row["tries"] - 1)
        for row in rows
    ]


def end(connection: sqlite3.Connection, job: int, due_at: datetime | None) -> None:
    """Mark a courtesy said, or put it off."""
    if due_at is None:
        connection.execute("UPDATE courtesies SET ended = 'said' WHERE id = ?", (job,))
    else:
        connection.execute("UPDATE courtesies SET due_at = ? WHERE id = ?", (micros(due_at), job))


def waits(connection: sqlite3.Connection, now: datetime) -> bool:
    """Tell whether anything is due."""
    found = next_due(connection)
    return found is not None and found <= micros(now)


def next_due(connection: sqlite3.Connection) -> int | None:
    """Return when the earliest courtesy is due, in microseconds."""
    row = connection.execute(
        "SELECT min(due_at) AS due FROM courtesies WHERE ended IS NULL"
    ).fetchone()
    return None if row["due"] is None else int(row["due"])

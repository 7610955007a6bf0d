"""The table of events: what waits for a mission, in the order it came."""

import sqlite3
from collections.abc import Sequence
from datetime import datetime

from grace.adapters.sqlite.values import micros
from grace.domain.events import EVENT, Event


def add_event(  # noqa: PLR0913 - one row, and which of two places it came from
    connection: sqlite3.Connection,
    uid: str,
    event: Event,
    now: datetime,
    *,
    delivery: int | None = None,
    job: int | None = None,
) -> None:
    """Let an event wait for a mission."""
    connection.execute(
        "INSERT INTO events (mission, event, delivery, job, created_at) VALUES (?, ?, ?, ?, ?)",
        (uid, EVENT.dump_json(event).decode(), delivery, job, micros(now)),
    )


def waiting(connection: sqlite3.Connection, uid: str) -> tuple[tuple[int, Event], ...]:
    """Return the events that a mission has not handled, oldest first."""
    rows = connection.execute(
        "SELECT id, event FROM events WHERE mission = ? AND handled_at IS NULL ORDER BY id", (uid,)
    )
    return tuple((row["id"], EVENT.validate_json(row["event"])) for row in rows)


def mark_handled(
    connection: sqlite3.Connection, uid: str, handled: Sequence[int], now: datetime
) -> None:
    """Mark events of this mission as handled."""
    connection.executemany(
        "UPDATE events SET handled_at = ? WHERE id = ? AND mission = ? AND handled_at IS NULL",
        [(micros(now), event, uid) for event in handled],
    )

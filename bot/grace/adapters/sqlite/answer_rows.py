"""What was answered to requests with an `Idempotency-Key`, kept for a day."""

import sqlite3
from datetime import datetime, timedelta
from typing import Final

from grace.adapters.sqlite.values import micros
from grace.ports.hub import Answered

KEPT: Final = timedelta(days=1)


def read(connection: sqlite3.Connection, caller: str, key: str, now: datetime) -> Answered | None:
    """Return what a caller was answered within the last day."""
    row = connection.execute(
        "SELECT digest, status, body FROM answers WHERE caller = ? AND key = ? AND at > ?",
        (caller, key, micros(now - KEPT)),
    ).fetchone()
    return None if row is None else Answered(row["digest"], row["status"], row["body"])


def keep(
    connection: sqlite3.Connection, caller: str, key: str, answer: Answered, now: datetime
) -> None:
    """Keep an answer unless one is kept already, and forget those that are older than a day."""
    connection.execute("DELETE FROM answers WHERE at <= ?", (micros(now - KEPT),))
    connection.execute(
        "INSERT INTO answers (caller, key, digest, status, body, at) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (caller, key) DO NOTHING",
        (caller, key, answer.digest, answer.status, answer.body, micros(now)),
    )

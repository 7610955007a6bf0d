"""How much waits: deliveries, events, effects and deadlines."""

import sqlite3
from datetime import datetime

from grace.adapters.sqlite.values import micros

_COUNTS = """
SELECT
    (SELECT count(*) FROM deliveries WHERE routed_at IS NULL) AS inbox,
    (SELECT count(*) FROM events WHERE handled_at IS NULL) AS events,
    (SELECT count(*) FROM outbox WHERE state IN ('pending', 'begun')) AS outbox,
    (SELECT count(*) FROM outbox WHERE state IN ('pending', 'begun') AND due_at > :now)
        AS postponed,
    (SELECT count(*) FROM missions WHERE wake_at <= :now) AS overdue
"""


def count(connection: sqlite3.Connection, now: datetime) -> dict[str, int]:
    """Count what waits, by its name."""
    return dict(connection.execute(_COUNTS, {"now": micros(now)}).fetchone())

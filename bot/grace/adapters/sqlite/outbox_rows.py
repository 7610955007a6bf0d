"""The outbox's table: effects that were decided, one after another for each mission.

Samples have a lane of their own: they ask nothing of the forge, and a forge that fails must not
leave an observation window without data.
"""

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from grace.adapters.sqlite.errors import EffectGone
from grace.adapters.sqlite.event_rows import add_event
from grace.adapters.sqlite.values import micros, mission_of, moment
from grace.domain.effects import EFFECT, Effect
from grace.domain.events import EffectFailed, Event
from grace.domain.ledger import Head
from grace.ports import Job

# A new effect is due whatever the clock says: one that is put back must not hold it up.
AT_ONCE: Final = 0

# The oldest open effect of its mission in its lane, not begun, whose mission has heard of the one
# before. The domain names samples so.
_READY = """
    o.state = 'pending'
    AND NOT EXISTS (SELECT 1 FROM outbox AS older WHERE older.mission = o.mission
        AND older.state IN ('pending', 'begun') AND older.id < o.id
        AND (older.key LIKE 'sample/%') = (o.key LIKE 'sample/%'))
    AND NOT EXISTS (SELECT 1 FROM events AS e WHERE e.mission = o.mission
        AND e.handled_at IS NULL AND e.job IS NOT NULL)
"""


def add(
    connection: sqlite3.Connection, uid: str, effects: Sequence[Effect], entry: Head, now: datetime
) -> None:
    """Queue effects; one that is known by its key is left alone, a newer one takes its slot."""
    for effect in effects:
        known = connection.execute(
            "SELECT 1 FROM outbox WHERE mission = ? AND key = ?", (uid, effect.key)
        ).fetchone()
        if known is not None:
            continue
        if effect.slot is not None:
            connection.execute(
                "DELETE FROM outbox"
                " WHERE mission = ? AND slot = ? AND state = 'pending' AND tries = 0",
                (uid, effect.slot),
            )
        connection.execute(
            "INSERT INTO outbox (mission, key, slot, effect, state, due_at, created_at,"
            " log, seq, hash, time) VALUES (?, ?, ?, ?, 'pending', ?, ?, ?, ?, ?, ?)",
            (
                uid,
                effect.key,
                effect.slot,
                EFFECT.dump_json(effect).decode(),
                AT_ONCE,
                micros(now),
                entry.log,
                entry.seq,
                entry.hash,
                entry.time,
            ),
        )


def jobs(connection: sqlite3.Connection, now: datetime, limit: int) -> list[Job]:
    """Return one effect of each mission that can be carried out now, most urgent mission first."""
    rows = connection.execute(
        "SELECT o.id, o.effect, o.tries, o.created_at, o.log, o.seq, o.hash, o.time, m.mission"  # noqa: S608 - our own clause
        " FROM outbox AS o JOIN missions AS m ON m.uid = o.mission"
        f" WHERE o.due_at <= ? AND {_READY}"
        " ORDER BY m.severity, m.created_at, m.name LIMIT ?",
        (micros(now), limit),
    )
    return [
        Job(
            id=row["id"],
            mission=mission_of(row),
            effect=EFFECT.validate_json(row["effect"]),
            tries=row["tries"],
            entry=Head(row["log"], row["seq"], row["hash"], row["time"]),
            created_at=moment(row["created_at"]),
        )
        for row in rows
    ]


def next_wake(connection: sqlite3.Connection) -> datetime | None:
    """Return the earliest deadline of a mission or of an effect that waits for nothing else."""
    row = connection.execute(
        "SELECT min(at) AS at FROM ("  # noqa: S608 - our own clause
        "SELECT wake_at AS at FROM missions WHERE wake_at IS NOT NULL"
        " UNION ALL SELECT due_at FROM courtesies WHERE ended IS NULL"
        f" UNION ALL SELECT o.due_at FROM outbox AS o WHERE {_READY})"
    ).fetchone()
    return None if row["at"] is None else moment(row["at"])


def begin(connection: sqlite3.Connection, job: int) -> None:
    """Mark an effect as begun; EffectGone when it does not wait any more."""
    changed = connection.execute(
        "UPDATE outbox SET state = 'begun', tries = tries + 1 WHERE id = ? AND state = 'pending'",
        (job,),
    ).rowcount
    if not changed:
        raise EffectGone(f"effect {job} does not wait: it was replaced, is begun, or is done")


def finish(connection: sqlite3.Connection, job: int, event: Event | None, now: datetime) -> None:
    """Mark an effect done and hand its outcome to the mission; a second time changes nothing."""
    state = "failed" if isinstance(event, EffectFailed) else "done"
    row = connection.execute(
        "UPDATE outbox SET state = ?, last_error = NULL"
        " WHERE id = ? AND state IN ('pending', 'begun') RETURNING mission",
        (state, job),
    ).fetchone()
    if row is None:
        known = connection.execute("SELECT 1 FROM outbox WHERE id = ?", (job,)).fetchone()
        if known is None:
            raise EffectGone(f"effect {job} is not there: it was replaced by a newer one")
        return
    if event is not None:
        add_event(connection, row["mission"], event, now, job=job)


def postpone(connection: sqlite3.Connection, job: int, due_at: datetime, reason: str) -> None:
    """Let an effect wait again until `due_at`; EffectGone when it is done."""
    changed = connection.execute(
        "UPDATE outbox SET state = 'pending', due_at = ?, last_error = ?"
        " WHERE id = ? AND state IN ('pending', 'begun')",
        (micros(due_at), reason, job),
    ).rowcount
    if not changed:
        raise EffectGone(f"effect {job} cannot be postponed: it was replaced, or is done")


def take_up(connection: sqlite3.Connection) -> None:
    """Let effects that a process before us began wait again; their tries tell that they began."""
    connection.execute("UPDATE outbox SET state = 'pending' WHERE state = 'begun'")

"""The register's tables: CAPAs, what is owed to their issues, and who closed them."""

import json
import re
import sqlite3
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from grace.adapters.sqlite import ledger_rows
from grace.adapters.sqlite.ledger_rows import Pen
from grace.adapters.sqlite.values import micros, optional_micros
from grace.domain import capas
from grace.domain.capa_record import CAPA_EFFECT, CapaMove, CapaRecord, CapaWord
from grace.domain.events import TicketClosed
from grace.ports import Routed
from grace.ports.capas import CapaFilter, CapaJob, Moving
from grace.ports.hub import BadCursor

_CURSOR: Final = re.compile(r"c([1-9][0-9]{0,17})")
_AT_ONCE: Final = 0
MOST_AN_HOUR: Final = 30
_HOUR: Final = timedelta(hours=1)


def open_new(
    connection: sqlite3.Connection,
    opening: Callable[[str, UUID], CapaMove],
    uid: UUID,
    now: datetime,
    pen: Pen,
) -> CapaRecord:
    """Store a new CAPA under the day's next number; `CapaRefused`: too many within an hour.

    Each has its issue filed, out of the forge's limit on what an installation may write. One with
    this `uid` that is there already is returned as it is.
    """
    known = connection.execute("SELECT record FROM capas WHERE uid = ?", (str(uid),)).fetchone()
    if known is not None:
        return _record(known)
    made = opening(next_id(connection, now), uid)
    before = connection.execute(
        "SELECT record FROM capas WHERE log = ? ORDER BY id DESC LIMIT 1 OFFSET ?",
        (made.record.capa.ref.log, MOST_AN_HOUR - 1),
    ).fetchone()
    if before is not None and now - _record(before).capa.opened_at < _HOUR:
        words = f"{MOST_AN_HOUR} CAPAs were opened in its repository within an hour: wait a while"
        raise capas.CapaRefused("subsystem_id", words)
    insert(connection, made.record)
    _tell(connection, made, now, pen)
    return made.record


def insert(connection: sqlite3.Connection, record: CapaRecord) -> None:
    """Store a CAPA that is new."""
    connection.execute(
        "INSERT INTO capas (capa_id, uid, log, host, repository_id, state, due_at, wake_at, record)"
        " VALUES (:capa_id, :uid, :log, :host, :repository_id, :state, :due_at, :wake_at, :record)",
        _columns(record),
    )


def move(
    connection: sqlite3.Connection, capa_id: str, moving: Moving, now: datetime, pen: Pen
) -> CapaRecord | None:
    """Store what is made of a CAPA; None: there is none."""
    record = read(connection, capa_id)
    made = None if record is None else moving(record)
    if made is None:
        return record
    connection.execute(
        "UPDATE capas SET state = :state, due_at = :due_at, wake_at = :wake_at, record = :record"
        " WHERE capa_id = :capa_id",
        _columns(made.record),
    )
    _tell(connection, made, now, pen)
    return made.record


def read(connection: sqlite3.Connection, capa_id: str) -> CapaRecord | None:
    """Return a CAPA."""
    row = connection.execute("SELECT record FROM capas WHERE capa_id = ?", (capa_id,)).fetchone()
    return None if row is None else _record(row)


def page(
    connection: sqlite3.Connection, wanted: CapaFilter, after: str | None, limit: int
) -> tuple[Sequence[CapaRecord], str | None]:
    """List CAPAs, newest first, and the cursor to those behind them."""
    found = None if after is None else _CURSOR.fullmatch(after)
    if after is not None and found is None:
        raise BadCursor(f"{after!r} is no cursor of this list")
    rows = connection.execute(
        "SELECT id, record FROM capas WHERE (:logs IS NULL"
        " OR log IN (SELECT value FROM json_each(:logs)))"
        " AND (:state IS NULL OR state = :state)"
        " AND (:overdue IS NULL OR (state = 'open' AND due_at <= :now) = :overdue)"
        " AND (:before IS NULL OR id < :before) ORDER BY id DESC LIMIT :limit",
        {
            "logs": None if wanted.logs is None else json.dumps(sorted(wanted.logs)),
            "state": wanted.state,
            "overdue": wanted.overdue,
            "now": micros(wanted.now),
            "before": None if found is None else int(found[1]),
            "limit": limit + 1,
        },
    ).fetchall()
    following = f"c{rows[limit - 1]['id']}" if len(rows) > limit else None
    return [_record(row) for row in rows[:limit]], following


def due(connection: sqlite3.Connection, now: datetime, limit: int) -> list[CapaRecord]:
    """Return CAPAs whose deadline has passed, longest due first."""
    rows = connection.execute(
        "SELECT record FROM capas WHERE wake_at <= ? ORDER BY wake_at, id LIMIT ?",
        (micros(now), limit),
    )
    return [_record(row) for row in rows]


def hear(connection: sqlite3.Connection, said: Routed) -> None:
    """Keep who closed or opened again the issue of a CAPA that no mission filed."""
    event, ref, uid = said.event, said.target.ref, said.target.uid
    if not isinstance(event, TicketClosed) or event.purpose != "capa" or uid is None:
        return
    row = connection.execute(
        "SELECT record FROM capas WHERE uid = ? AND host = ? AND repository_id = ?",
        (str(uid), ref.host, ref.repository_id),
    ).fetchone()
    if row is None:
        return
    record = _record(row)
    if record.own or record.capa.issue not in {None, event.number}:
        return
    word = CapaWord(uid=uid, open=event.open, actor=event.actor, at=event.at)
    connection.execute(
        "INSERT INTO capa_words (uid, open, login, at, word) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT DO NOTHING",
        (str(uid), word.open, word.actor.login, micros(word.at), word.model_dump_json()),
    )


def words(connection: sqlite3.Connection, limit: int) -> list[tuple[int, CapaWord, CapaRecord]]:
    """Return words that nobody has taken, oldest first."""
    rows = connection.execute(
        "SELECT w.id, w.word, c.record FROM capa_words AS w JOIN capas AS c ON c.uid = w.uid"
        " WHERE NOT w.ended ORDER BY w.at, w.id LIMIT ?",
        (limit,),
    )
    return [(r["id"], CapaWord.model_validate_json(r["word"]), _record(r)) for r in rows]


def end_word(
    connection: sqlite3.Connection, word: int, moving: Moving, now: datetime, pen: Pen
) -> None:
    """Take a word; a second time changes nothing."""
    row = connection.execute(
        "UPDATE capa_words SET ended = 1 WHERE id = ? AND NOT ended RETURNING uid", (word,)
    ).fetchone()
    if row is not None:
        of = connection.execute("SELECT capa_id FROM capas WHERE uid = ?", (row["uid"],)).fetchone()
        move(connection, of["capa_id"], moving, now, pen)


def jobs(connection: sqlite3.Connection, now: datetime, limit: int) -> list[CapaJob]:
    """Return the oldest open effect of each CAPA that is due."""
    rows = connection.execute(
        "SELECT e.id, e.effect, e.tries, c.record FROM capa_effects AS e"
        " JOIN capas AS c ON c.capa_id = e.capa_id"
        " WHERE e.ended IS NULL AND e.due_at <= ? AND NOT EXISTS (SELECT 1 FROM capa_effects AS o"
        " WHERE o.capa_id = e.capa_id AND o.ended IS NULL AND o.id < e.id) ORDER BY e.id LIMIT ?",
        (micros(now), limit),
    )
    return [
        CapaJob(r["id"], _record(r), CAPA_EFFECT.validate_json(r["effect"]), r["tries"])
        for r in rows
    ]


def begin_job(connection: sqlite3.Connection, job: int) -> None:
    """Note that an effect begins now."""
    connection.execute("UPDATE capa_effects SET tries = tries + 1 WHERE id = ?", (job,))


def end_job(
    connection: sqlite3.Connection, job: int, moving: Moving | None, now: datetime, pen: Pen
) -> None:
    """Mark an effect done, and store what it makes of its CAPA; a second time changes nothing."""
    row = connection.execute(
        "UPDATE capa_effects SET ended = 'done', last_error = NULL"
        " WHERE id = ? AND ended IS NULL RETURNING capa_id",
        (job,),
    ).fetchone()
    if row is not None and moving is not None:
        move(connection, row["capa_id"], moving, now, pen)


def put_off_job(
    connection: sqlite3.Connection, job: int, due_at: datetime | None, reason: str
) -> None:
    """Let an effect wait; without a time it has failed for good."""
    if due_at is None:
        connection.execute(
            "UPDATE capa_effects SET ended = 'failed', last_error = ? WHERE id = ?", (reason, job)
        )
    else:
        connection.execute(
            "UPDATE capa_effects SET due_at = ?, last_error = ? WHERE id = ?",
            (micros(due_at), reason, job),
        )


def next_id(connection: sqlite3.Connection, now: datetime) -> str:
    """Count up within the UTC day."""
    day = now.astimezone(UTC).strftime("%Y%m%d")
    row = connection.execute(
        "INSERT INTO capa_numbers (day, last) VALUES (?, 1)"
        " ON CONFLICT (day) DO UPDATE SET last = last + 1 RETURNING last",
        (day,),
    ).fetchone()
    return f"capa_{day}_{row['last']:03d}"


def _tell(connection: sqlite3.Connection, made: CapaMove, now: datetime, pen: Pen) -> None:
    """Write what changed into the repository's log, and owe what is to be done."""
    capa = made.record.capa
    for note in made.notes:
        ledger_rows.record(connection, note, now, pen, ref=capa.ref)
    connection.executemany(
        "INSERT INTO capa_effects (capa_id, effect, due_at) VALUES (?, ?, ?)",
        [
            (capa.capa_id, CAPA_EFFECT.dump_json(effect).decode(), _AT_ONCE)
            for effect in made.effects
        ],
    )


def _columns(record: CapaRecord) -> dict[str, str | int | None]:
    capa = record.capa
    return {
        "capa_id": capa.capa_id,
        "uid": str(record.uid),
        "log": capa.ref.log,
        "host": capa.ref.host,
        "repository_id": capa.ref.repository_id,
        "state": capa.state.value,
        "due_at": optional_micros(capa.due_at),
        "wake_at": optional_micros(capas.wake_of(capa)),
        "record": record.model_dump_json(),
    }


def _record(row: sqlite3.Row) -> CapaRecord:
    return CapaRecord.model_validate_json(row["record"])

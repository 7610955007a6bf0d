"""The ledger's table: exact record bytes, one chain a log, never changed (triggers see to it)."""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from grace.domain.decision import Note
from grace.domain.ledger import Entry, EntryDraft, Head, append, draft, genesis, parse_line
from grace.domain.mission import Mission
from grace.domain.signing import JsonValue, Signer


@dataclass(frozen=True, slots=True)
class Pen:
    """What an entry is written with: the key, and 16 fresh random bytes for each salt."""

    signer: Signer
    salt: Callable[[], bytes]


def head_of(connection: sqlite3.Connection, log: str) -> Head | None:
    """Return where a log ends; None: it has no entry."""
    row = connection.execute(
        "SELECT seq, hash, time FROM ledger WHERE log = ? ORDER BY seq DESC LIMIT 1", (log,)
    ).fetchone()
    return None if row is None else Head(log, row["seq"], row["hash"], row["time"])


def write_notes(
    connection: sqlite3.Connection,
    mission: Mission,
    notes: Sequence[Note],
    now: datetime,
    pen: Pen,
) -> Head:
    """Append notes to the log of the mission's repository, open it first; return its head."""
    ref = mission.ref
    head = head_of(connection, ref.log)
    drafts = [
        draft(n.kind, n.actor, cast("dict[str, JsonValue]", n.payload), mission=mission.name)
        for n in notes
    ]
    if head is None:
        head = Head.empty(ref.log)
        opening = genesis(ref.repository, ref.host, ref.repository_id, pen.signer.public)
        drafts.insert(0, opening)
    for entry in drafts:
        head = _write(connection, head, entry, now, pen)
    return head


def _write(
    connection: sqlite3.Connection, head: Head, entry_draft: EntryDraft, now: datetime, pen: Pen
) -> Head:
    entry = append(head, entry_draft, pen.salt(), now, pen.signer)
    envelope = entry.envelope
    connection.execute(
        "INSERT INTO ledger (log, seq, line, hash, time, mission, kind)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            envelope.log,
            envelope.seq,
            entry.line,
            entry.hash,
            envelope.time,
            envelope.mission,
            envelope.kind,
        ),
    )
    return entry.head


def lines_of(connection: sqlite3.Connection, log: str, after: int, limit: int) -> list[bytes]:
    """Return the records behind number `after`, as the bytes they were written in."""
    rows = connection.execute(
        "SELECT line FROM ledger WHERE log = ? AND seq > ? ORDER BY seq LIMIT ?",
        (log, after, limit),
    )
    return [row["line"] for row in rows]


def entries_of_mission(connection: sqlite3.Connection, log: str, mission: str) -> list[Entry]:
    """Return the entries of one mission, by its name."""
    rows = connection.execute(
        "SELECT line FROM ledger WHERE log = ? AND mission = ? ORDER BY seq", (log, mission)
    )
    return [parse_line(row["line"]) for row in rows]


def log_names(connection: sqlite3.Connection) -> list[str]:
    """Return the names of all logs."""
    return [row["log"] for row in connection.execute("SELECT DISTINCT log FROM ledger ORDER BY 1")]

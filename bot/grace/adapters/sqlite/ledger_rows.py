"""The ledger's table: exact record bytes, one chain a log, never changed (triggers see to it)."""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, cast

from grace.adapters.sqlite import memory_rows, outcome_rows
from grace.adapters.sqlite.recorded import of_entry
from grace.adapters.sqlite.switch_rows import switches_on
from grace.domain.decision import Note
from grace.domain.ledger import Entry, EntryDraft, Head, append, draft, genesis, parse_line
from grace.domain.memory import folding
from grace.domain.mission import Mission, MissionRef
from grace.domain.signing import JsonValue, Signer

OWN_LOG: Final = "bot"
IN_FORCE: Final = "policy.in_force"


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
    head = _opened(connection, mission.ref, now, pen)
    for note in notes:
        head = _write(connection, head, _draft(note, mission.name), now, pen)
    return head


def record(
    connection: sqlite3.Connection,
    note: Note,
    now: datetime,
    pen: Pen,
    *,
    ref: MissionRef | None = None,
) -> None:
    """Append a note that is of no mission to a repository's log, or to each log and our own."""
    if ref is None:
        own = head_of(connection, OWN_LOG) or _open_own(connection, now, pen)
        others = (head_of(connection, log) for log in log_names(connection) if log != OWN_LOG)
        heads = [own, *(head for head in others if head is not None)]
    else:
        heads = [_opened(connection, ref, now, pen)]
    for head in heads:
        _write(connection, head, _draft(note, None), now, pen)


def record_own(connection: sqlite3.Connection, note: Note, now: datetime, pen: Pen) -> None:
    """Append a note to the bot's own log alone."""
    head = head_of(connection, OWN_LOG) or _open_own(connection, now, pen)
    _write(connection, head, _draft(note, None), now, pen)


def put_in_force(
    connection: sqlite3.Connection,
    ref: MissionRef,
    policy: tuple[str, Mapping[str, object]],
    now: datetime,
    pen: Pen,
) -> None:
    """Append the rules in force to a log whose newest have another hash."""
    digest, document = policy
    row = connection.execute(
        "SELECT hash FROM policies WHERE log = ? ORDER BY seq DESC LIMIT 1", (ref.log,)
    ).fetchone()
    if row is not None and row["hash"] == digest:
        return
    payload = {"policy_hash": digest, "policy": dict(document)}
    note = Note(kind=IN_FORCE, actor="grace", payload=payload)
    record(connection, note, now, pen, ref=ref)


def _draft(note: Note, mission: str | None) -> EntryDraft:
    payload = cast("dict[str, JsonValue]", note.payload)
    return draft(note.kind, note.actor, payload, mission=mission)


def _opened(connection: sqlite3.Connection, ref: MissionRef, now: datetime, pen: Pen) -> Head:
    """Return the head of a repository's log; a new one also says what stops everything."""
    head = head_of(connection, ref.log)
    if head is not None:
        return head
    opening = genesis(ref.repository, ref.host, ref.repository_id, pen.signer.public)
    head = _write(connection, Head.empty(ref.log), opening, now, pen)
    for switch in switches_on(connection):
        note = Note(kind="brake.on", actor=switch.actor, payload=switch.payload)
        head = _write(connection, head, _draft(note, None), now, pen)
    return head


def _open_own(connection: sqlite3.Connection, now: datetime, pen: Pen) -> Head:
    """Open the bot's own log, which is of no repository."""
    opening = genesis("", "", 0, pen.signer.public)
    return _write(connection, Head.empty(OWN_LOG), opening, now, pen)


def _write(
    connection: sqlite3.Connection, head: Head, entry_draft: EntryDraft, now: datetime, pen: Pen
) -> Head:
    """Append one entry, and fold it into the tables that are made of the ledger."""
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
    if envelope.kind in folding.KINDS:
        memory_rows.remember(connection, of_entry(entry))
    if envelope.kind in outcome_rows.KINDS:
        outcome_rows.remember(connection, of_entry(entry))
    elif envelope.kind == IN_FORCE and entry.payload is not None:
        connection.execute(
            "INSERT INTO policies (log, seq, hash) VALUES (?, ?, ?)",
            (envelope.log, envelope.seq, entry.payload["policy_hash"]),
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
    rows = connection.execute("SELECT DISTINCT log FROM feed_kinds ORDER BY log")
    return [row["log"] for row in rows]

"""The ledger's lines read in a hurry: what an entry says, without proof that it is one.

A simulation reads hundreds of thousands. The chain and the signatures of the same lines are the
audit's to prove.
"""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from datetime import datetime

from grace.domain.ledger import Entry, timestamp
from grace.ports import Recorded


def of_entry(entry: Entry) -> Recorded:
    """Take what an entry says."""
    envelope = entry.envelope
    return Recorded(
        log=envelope.log,
        seq=envelope.seq,
        time=datetime.fromisoformat(envelope.time),
        mission=envelope.mission,
        kind=envelope.kind,
        actor=envelope.actor,
        payload=entry.payload,
    )


def read_kind(connection: sqlite3.Connection, kind: str) -> Iterator[Recorded]:
    """Read the entries of a kind in all logs, each log in its order."""
    rows = connection.execute(
        "SELECT * FROM ledger INDEXED BY ledger_kind WHERE kind = ? ORDER BY log, seq", (kind,)
    )
    return (of_row(row) for row in rows)


def read_kinds(connection: sqlite3.Connection, kinds: Sequence[str]) -> Iterator[Recorded]:
    """Read the entries of some kinds in all logs, each log in its order."""
    rows = connection.execute(
        "SELECT * FROM ledger INDEXED BY ledger_kind"
        " WHERE kind IN (SELECT value FROM json_each(?)) ORDER BY log, seq",
        (json.dumps(list(kinds)),),
    )
    return (of_row(row) for row in rows)


def read_page(
    connection: sqlite3.Connection, log: str, kinds: Sequence[str], numbers: tuple[int, int]
) -> list[Recorded]:
    """Read the entries of some kinds between two numbers, both of which count."""
    rows = connection.execute(
        "SELECT * FROM ledger INDEXED BY ledger_kind"
        " WHERE log = ? AND kind IN (SELECT value FROM json_each(?))"
        " AND seq BETWEEN ? AND ? ORDER BY seq",
        (log, json.dumps(list(kinds)), *numbers),
    )
    return [of_row(row) for row in rows]


def bounds(connection: sqlite3.Connection, log: str, since: datetime | None) -> tuple[int, int]:
    """Return behind which entry and up to which one to read; time never decreases in a log."""
    (last,) = connection.execute("SELECT max(seq) FROM ledger WHERE log = ?", (log,)).fetchone()
    last = int(last or 0)
    if since is None:
        return 0, last
    low, high, instant = 0, last, timestamp(since)
    while low < high:
        middle = (low + high + 1) // 2
        (time,) = connection.execute(
            "SELECT time FROM ledger WHERE log = ? AND seq = ?", (log, middle)
        ).fetchone()
        low, high = (middle, high) if time < instant else (low, middle - 1)
    return low, last


def of_row(row: sqlite3.Row) -> Recorded:
    """Take what a row of `ledger` says."""
    record = json.loads(row["line"])
    return Recorded(
        log=row["log"],
        seq=row["seq"],
        time=datetime.fromisoformat(row["time"]),
        mission=row["mission"],
        kind=row["kind"],
        actor=json.loads(record["envelope"])["actor"],
        payload=record["payload"],
    )

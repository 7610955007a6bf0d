"""The feed's table: the one order of all logs' entries, read forwards and backwards."""

import json
import sqlite3
from collections.abc import Sequence
from typing import Final

from grace.adapters.sqlite.values import json_list
from grace.domain.topics import EVERYTHING, any_matches
from grace.ports.hub import FeedEntry, FeedFilter

# So many of the newest entries are looked through before each kind is looked up by itself.
NEAR: Final = 1000

_ENTRIES: Final = (
    "SELECT f.position, f.log, f.seq, f.kind, f.mission, l.time, l.line"
    " FROM feed AS f JOIN ledger AS l ON l.log = f.log AND l.seq = f.seq"
)

_CHOSEN: Final = (
    f"{_ENTRIES} WHERE f.position IN (SELECT value FROM json_each(?))"  # noqa: S608 - our own columns
    " ORDER BY f.position DESC"
)


def after(connection: sqlite3.Connection, position: int, limit: int) -> list[FeedEntry]:
    """Return the entries of all logs behind a position, in their order."""
    rows = connection.execute(
        f"{_ENTRIES} WHERE f.position > ? ORDER BY f.position LIMIT ?", (position, limit)
    )
    return [_entry(row) for row in rows]


def end(connection: sqlite3.Connection) -> int:
    """Return the newest position; 0 while there is no entry."""
    (position,) = connection.execute("SELECT max(position) FROM feed").fetchone()
    return int(position or 0)


def back(
    connection: sqlite3.Connection,
    wanted: FeedFilter,
    before: int | None,
    limit: int,
    near: int = NEAR,
) -> list[FeedEntry]:
    """Return the newest wanted entries in front of a position, newest first.

    However rarely something wanted happened, no more is read than the `near` entries in front of
    it, those of one mission, or `limit` of each wanted kind of each log.
    """
    bound = end(connection) + 1 if before is None else before
    if wanted.mission is not None:
        found = _of_mission(connection, wanted, wanted.mission, bound, limit)
    elif wanted.logs is None and EVERYTHING in wanted.patterns:
        found = _positions(connection, "", (), bound, limit)
    else:
        found = _near(connection, wanted, bound, near)[:limit]
        if len(found) < limit:
            found = _of_kinds(connection, wanted, bound, limit)
    rows = connection.execute(_CHOSEN, (json.dumps(found),))
    return [_entry(row) for row in rows]


def _of_mission(
    connection: sqlite3.Connection, wanted: FeedFilter, mission: str, bound: int, limit: int
) -> list[int]:
    rows = connection.execute(
        "SELECT position, log, kind FROM feed WHERE mission = ? AND position < ?"
        " ORDER BY position DESC",
        (mission, bound),
    )
    return _chosen(rows.fetchall(), wanted)[:limit]


def _near(connection: sqlite3.Connection, wanted: FeedFilter, bound: int, many: int) -> list[int]:
    rows = connection.execute(
        "SELECT position, log, kind FROM feed WHERE position < ? ORDER BY position DESC LIMIT ?",
        (bound, many),
    )
    return _chosen(rows.fetchall(), wanted)


def _chosen(rows: Sequence[sqlite3.Row], wanted: FeedFilter) -> list[int]:
    return [
        row["position"]
        for row in rows
        if (wanted.logs is None or row["log"] in wanted.logs)
        and any_matches(wanted.patterns, row["kind"])
    ]


def _of_kinds(
    connection: sqlite3.Connection, wanted: FeedFilter, bound: int, limit: int
) -> list[int]:
    """Take the newest of each wanted log, or of each wanted kind of it, and the newest of these."""
    rows = connection.execute(
        "SELECT log, kind FROM feed_kinds"
        " WHERE ?1 IS NULL OR log IN (SELECT value FROM json_each(?1))",
        (json_list(wanted.logs),),
    ).fetchall()
    found: list[int] = []
    if EVERYTHING in wanted.patterns:
        for log in {row["log"] for row in rows}:
            found += _positions(connection, "log = ? AND", (log,), bound, limit)
    else:
        for row in rows:
            if any_matches(wanted.patterns, row["kind"]):
                place = (row["log"], row["kind"])
                found += _positions(connection, "log = ? AND kind = ? AND", place, bound, limit)
    return sorted(found, reverse=True)[:limit]


def _positions(
    connection: sqlite3.Connection, clause: str, values: tuple[str, ...], bound: int, limit: int
) -> list[int]:
    rows = connection.execute(
        f"SELECT position FROM feed WHERE {clause} position < ?"  # noqa: S608 - our own clauses
        " ORDER BY position DESC LIMIT ?",
        (*values, bound, limit),
    )
    return [row["position"] for row in rows]


def _entry(row: sqlite3.Row) -> FeedEntry:
    return FeedEntry(
        position=row["position"],
        log=row["log"],
        seq=row["seq"],
        time=row["time"],
        mission=row["mission"],
        kind=row["kind"],
        line=row["line"],
    )

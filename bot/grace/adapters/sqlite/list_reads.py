"""Lists of missions: filtered, in two orders, page by page behind an opaque cursor."""

import base64
import binascii
import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import product
from typing import Any, Final, Literal, cast

from grace.adapters.sqlite.values import json_list, micros, moment
from grace.domain.phase import Outcome, Phase, Severity, Status, status_of
from grace.ports.hub import BadCursor, MissionFilter, MissionPage, MissionRow

Order = Literal["newest", "urgency"]
Key = tuple[int | str, ...]

_SEVERITIES: Final = tuple(Severity)
_COLUMNS: Final = (
    "SELECT m.name, m.log, m.repository, m.subsystem, m.title, m.severity, m.phase, m.outcome,"
    " m.held, m.issue, m.pull, m.created_at, m.changed_at, m.closed_at, m.waits_for, l.agent_id"
    " FROM mission_list AS m LEFT JOIN leases AS l"
    " ON l.mission = m.name AND l.until > :now AND m.phase <> 'closed'"
)
_MAX_CURSOR: Final = 1000
_MAX_INTEGER: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Wish:
    """A page that is wanted, at a moment."""

    wanted: MissionFilter
    order: Order
    now: datetime
    after: str | None
    limit: int


def page(connection: sqlite3.Connection, wish: Wish) -> MissionPage:
    """Read a page of missions; BadCursor."""
    clauses, values = _filters(wish.wanted)
    values |= {"now": micros(wish.now), "limit": wish.limit + 1}
    if wish.after is not None:
        clause, place = _behind(wish.order, wish.after)
        clauses.append(clause)
        values |= place
    where = f" WHERE {' AND '.join(clauses)}" if clauses else ""
    order = {
        "newest": "m.created_at DESC, m.name DESC",
        "urgency": "m.severity, m.created_at, m.name",
    }[wish.order]
    rows = connection.execute(
        f"{_COLUMNS}{where} ORDER BY {order} LIMIT :limit",
        values,
    ).fetchall()
    shown = rows[: wish.limit]
    more = len(rows) > len(shown) > 0
    following = cursor_of(wish.order, _key(wish.order, shown[-1])) if more else None
    return MissionPage([_row(row) for row in shown], following)


def one(connection: sqlite3.Connection, name: str, now: datetime) -> MissionRow | None:
    """Read the row of one mission."""
    row = connection.execute(
        f"{_COLUMNS} WHERE m.name = :name", {"name": name, "now": micros(now)}
    ).fetchone()
    return None if row is None else _row(row)


def counts(
    connection: sqlite3.Connection, logs: frozenset[str] | None
) -> dict[tuple[Phase, Outcome | None], int]:
    """Count missions by phase and outcome."""
    rows = connection.execute(
        "SELECT phase, outcome, count(*) AS many FROM mission_list INDEXED BY mission_list_counts"
        " WHERE ?1 IS NULL OR log IN (SELECT value FROM json_each(?1)) GROUP BY phase, outcome",
        (json_list(logs),),
    )
    return {(Phase(row["phase"]), _outcome(row)): row["many"] for row in rows}


def begun_since(connection: sqlite3.Connection, log: str, since: datetime) -> int:
    """Count the missions of a repository that began after a moment."""
    (count,) = connection.execute(
        "SELECT count(*) FROM mission_list WHERE log = ? AND created_at > ?", (log, micros(since))
    ).fetchone()
    return int(count)


def same_fingerprint(
    connection: sqlite3.Connection, log: str, fingerprint: str, since: datetime
) -> list[str]:
    """Name the missions of one problem that began after a moment, oldest first."""
    rows = connection.execute(
        "SELECT name FROM mission_list WHERE log = ? AND fingerprint = ? AND fingerprint <> ''"
        " AND created_at > ? ORDER BY created_at, name",
        (log, fingerprint, micros(since)),
    )
    return [row["name"] for row in rows]


def _filters(wanted: MissionFilter) -> tuple[list[str], dict[str, Any]]:
    """Make the conditions of a filter, and their values by name."""
    clauses: list[str] = []
    values: dict[str, Any] = {}
    for column, value in (
        ("phase", wanted.phase),
        ("outcome", wanted.outcome),
        ("severity", None if wanted.severity is None else wanted.severity.rank),
        ("subsystem", wanted.subsystem),
    ):
        if value is not None:
            clauses.append(f"m.{column} = :{column}")
            values[column] = value
    if wanted.logs is not None:
        clauses.append("m.log IN (SELECT value FROM json_each(:logs))")
        values["logs"] = json_list(wanted.logs)
    if wanted.status is not None:
        clauses.append(
            "m.phase || '/' || coalesce(m.outcome, '') IN (SELECT value FROM json_each(:status))"
        )
        values["status"] = json_list(_places(wanted.status))
    if wanted.live is not None:
        clauses.append("m.phase <> 'closed'" if wanted.live else "m.phase = 'closed'")
    if words := wanted.text.casefold().split():
        clauses.append(
            "NOT EXISTS (SELECT 1 FROM json_each(:words) WHERE NOT instr(m.words, value))"
        )
        values["words"] = json_list(words)
    return clauses, values


def _places(status: Status) -> list[str]:
    """Name the pairs of phase and outcome that a status is derived from."""
    return [
        f"{phase}/{outcome or ''}"
        for phase, outcome in product(Phase, (None, *Outcome))
        if status_of(phase, outcome) is status
    ]


def cursor_of(order: Order, key: Key) -> str:
    """Write where a page ended."""
    text = json.dumps([order, *key], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _behind(order: Order, cursor: str) -> tuple[str, dict[str, int | str]]:
    """Make the condition of what is behind a cursor; BadCursor."""
    key = _read_cursor(order, cursor)
    values = {f"key{number}": value for number, value in enumerate(key)}
    if order == "newest":
        return "(m.created_at, m.name) < (:key0, :key1)", values
    return "(m.severity, m.created_at, m.name) > (:key0, :key1, :key2)", values


def _read_cursor(order: Order, cursor: str) -> Key:
    """Read a cursor of ours for this order, in the one spelling it has."""
    kinds = (int, str) if order == "newest" else (int, int, str)
    try:
        padded = cursor[:_MAX_CURSOR].encode("ascii") + b"=" * (-len(cursor) % 4)
        _, *found = cast("list[Any]", json.loads(base64.b64decode(padded, b"-_", validate=True)))
    except (ValueError, TypeError, binascii.Error, RecursionError) as error:
        raise BadCursor("this is no cursor: take `following` of an answer as it is") from error
    key: Key = tuple(found)
    sound = tuple(map(type, key)) == kinds and _storable(key)
    if not sound or cursor_of(order, key) != cursor:
        raise BadCursor(f"this is no cursor of a list by {order}: begin again without one")
    return key


def _storable(key: Key) -> bool:
    return all(
        value.isprintable() if isinstance(value, str) else abs(value) <= _MAX_INTEGER
        for value in key
    )


def _key(order: Order, row: sqlite3.Row) -> Key:
    place: Mapping[Order, Key] = {
        "newest": (row["created_at"], row["name"]),
        "urgency": (row["severity"], row["created_at"], row["name"]),
    }
    return place[order]


def _outcome(row: sqlite3.Row) -> Outcome | None:
    return None if row["outcome"] is None else Outcome(row["outcome"])


def _row(row: sqlite3.Row) -> MissionRow:
    phase, outcome = Phase(row["phase"]), _outcome(row)
    return MissionRow(
        mission_id=row["name"],
        log=row["log"],
        repository=row["repository"],
        subsystem=row["subsystem"],
        title=row["title"],
        severity=_SEVERITIES[row["severity"]],
        phase=phase,
        status=status_of(phase, outcome),
        held=bool(row["held"]),
        outcome=outcome,
        waits_for=row["waits_for"],
        issue=row["issue"],
        pull=row["pull"],
        claimed_by=row["agent_id"],
        created_at=moment(row["created_at"]),
        changed_at=moment(row["changed_at"]),
        closed_at=None if row["closed_at"] is None else moment(row["closed_at"]),
    )

"""What is sent out of the process: webhooks' deliveries, and who has read the feed how far."""

import hashlib
import json
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from grace.adapters.sqlite.values import micros, moment, optional_micros
from grace.domain.notifying.news import News
from grace.domain.phase import Severity
from grace.ports.hub import BadCursor
from grace.ports.outgoing import (
    Outcome,
    Parcel,
    SentState,
    Tally,
    WebhookDelivery,
    webhook_follower,
)

_SEVERITIES: Final = tuple(Severity)
_DELIVERY: Final = (
    "SELECT d.*, f.log, f.seq, l.kind, l.mission FROM webhook_deliveries AS d"
    " JOIN feed AS f ON f.position = d.position"
    " JOIN ledger AS l ON l.log = f.log AND l.seq = f.seq"
)


def follow(connection: sqlite3.Connection, follower: str) -> int:
    """Return how far a follower has read; a new one begins at the end."""
    connection.execute(
        "INSERT OR IGNORE INTO followers (name, position)"
        " VALUES (?, (SELECT ifnull(max(position), 0) FROM feed))",
        (follower,),
    )
    row = connection.execute("SELECT position FROM followers WHERE name = ?", (follower,))
    return int(row.fetchone()["position"])


def forget(connection: sqlite3.Connection, follower: str) -> None:
    """Forget how far a follower has read."""
    connection.execute("DELETE FROM followers WHERE name = ?", (follower,))


def settle(connection: sqlite3.Connection, addresses: Mapping[str, str]) -> None:
    """Forget the followers of other webhooks, and what was off at another address."""
    kept = [webhook_follower(name) for name in addresses]
    connection.execute(
        "DELETE FROM followers WHERE name GLOB ? AND name NOT IN (SELECT value FROM json_each(?))",
        (webhook_follower("*"), json.dumps(kept)),
    )
    connection.execute(
        "DELETE FROM webhooks_off WHERE (webhook, url) NOT IN"
        " (SELECT key, value FROM json_each(?))",
        (json.dumps(dict(addresses)),),
    )


def move(connection: sqlite3.Connection, follower: str, after: int, upto: int) -> bool:
    """Move a follower on; False: it is not where it was thought to be."""
    moved = connection.execute(
        "UPDATE followers SET position = ? WHERE name = ? AND position = ?", (upto, follower, after)
    )
    return moved.rowcount == 1


def news(connection: sqlite3.Connection, after: int, limit: int) -> list[News]:
    """Return the entries behind a position, with what is known of missions and repositories."""
    rows = connection.execute(
        "SELECT f.position, l.log, l.seq, l.time, l.kind, l.mission, l.line"
        " FROM feed AS f JOIN ledger AS l ON l.log = f.log AND l.seq = f.seq"
        " WHERE f.position > ? ORDER BY f.position LIMIT ?",
        (after, limit),
    ).fetchall()
    missions = _missions(connection, {row["mission"] for row in rows if row["mission"]})
    logs = {log: _repository(connection, log) for log in {row["log"] for row in rows}}
    return [_news(row, missions.get(row["mission"]), logs[row["log"]]) for row in rows]


def _missions(connection: sqlite3.Connection, names: Collection[str]) -> dict[str, sqlite3.Row]:
    rows = connection.execute(
        "SELECT name, repository, subsystem, title, severity, issue FROM mission_list"
        " WHERE name IN (SELECT value FROM json_each(?))",
        (json.dumps(sorted(names)),),
    )
    return {row["name"]: row for row in rows}


def _repository(connection: sqlite3.Connection, log: str) -> str | None:
    """Return the repository that a log was opened for; None: the log is of none."""
    row = connection.execute("SELECT line FROM ledger WHERE log = ? AND seq = 1", (log,)).fetchone()
    payload = json.loads(row["line"])["payload"]
    return (payload or {}).get("repository") or None


def _news(row: sqlite3.Row, mission: sqlite3.Row | None, repository: str | None) -> News:
    record = json.loads(row["line"])
    payload: dict[str, Any] | None = record["payload"]
    said = payload or {}
    severity, subsystem = said.get("severity"), said.get("subsystem_id", said.get("subsystem"))
    return News(
        position=row["position"],
        log=row["log"],
        seq=row["seq"],
        time=row["time"],
        kind=row["kind"],
        actor=json.loads(record["envelope"])["actor"],
        mission=row["mission"],
        title=mission["title"] if mission else "",
        severity=_SEVERITIES[mission["severity"]]
        if mission
        else (Severity(severity) if severity in _SEVERITIES else None),
        subsystem=(mission["subsystem"] or None)
        if mission
        else (subsystem if isinstance(subsystem, str) else None),
        repository=mission["repository"] if mission else repository,
        issue=mission["issue"] if mission else None,
        payload=payload,
    )


def owe(
    connection: sqlite3.Connection, webhook: str, wanted: Sequence[News], now: datetime
) -> None:
    """Owe entries to a webhook, each once; nothing to one that is off."""
    if connection.execute("SELECT 1 FROM webhooks_off WHERE webhook = ?", (webhook,)).fetchone():
        return
    connection.executemany(
        "INSERT OR IGNORE INTO webhook_deliveries (id, webhook, position, created_at, due_at)"
        " VALUES (?, ?, ?, ?, ?)",
        [
            (_identity(webhook, item), webhook, item.position, micros(now), micros(now))
            for item in wanted
        ],
    )


def _identity(webhook: str, item: News) -> str:
    """Name a delivery: the same entry for the same webhook has the same name, always."""
    digest = hashlib.sha256(f"{webhook}\n{item.log}\n{item.seq}".encode()).hexdigest()
    return f"msg_{digest[:32]}"


def due_parcels(
    connection: sqlite3.Connection, webhook: str, now: datetime, limit: int
) -> list[Parcel]:
    """Return what is due to a webhook, longest due first."""
    rows = connection.execute(
        "SELECT d.*, f.log, f.seq, l.kind, l.mission, l.time, l.line FROM webhook_deliveries AS d"
        " JOIN feed AS f ON f.position = d.position"
        " JOIN ledger AS l ON l.log = f.log AND l.seq = f.seq"
        " WHERE d.webhook = ? AND d.state = 'waiting' AND d.due_at <= ?"
        " ORDER BY d.due_at, d.number LIMIT ?",
        (webhook, micros(now), limit),
    )
    return [
        Parcel(_delivery(row), row["log"], row["seq"], row["time"], row["line"]) for row in rows
    ]


def end_delivery(
    connection: sqlite3.Connection, delivery: str, outcome: Outcome, now: datetime
) -> None:
    """Note what became of a try; one that was delivered stays so."""
    ended = outcome.state is not SentState.WAITING
    connection.execute(
        "UPDATE webhook_deliveries SET state = ?, tries = tries + 1, due_at = ifnull(?, due_at),"
        " status = ?, error = ?, ended_at = ? WHERE id = ? AND state <> 'delivered'",
        (
            outcome.state.value,
            optional_micros(outcome.due_at),
            outcome.status,
            outcome.error,
            micros(now) if ended else None,
            delivery,
        ),
    )


def deliveries(
    connection: sqlite3.Connection, webhook: str, after: str | None, limit: int
) -> tuple[list[WebhookDelivery], str | None]:
    """List deliveries, newest first, and the cursor to those behind."""
    if after is not None and not (after.isascii() and after.isdigit() and len(after) < 19):  # noqa: PLR2004 - digits of an SQLite integer
        raise BadCursor(after)
    rows = connection.execute(
        f"{_DELIVERY} WHERE d.webhook = ? AND d.number < ? ORDER BY d.number DESC LIMIT ?",
        (webhook, 2**62 if after is None else int(after), limit + 1),
    ).fetchall()
    following = str(rows[limit - 1]["number"]) if len(rows) > limit else None
    return [_delivery(row) for row in rows[:limit]], following


def redeliver(
    connection: sqlite3.Connection, delivery: str, now: datetime
) -> WebhookDelivery | None:
    """Let a delivery be tried anew, from the first try on."""
    connection.execute(
        "UPDATE webhook_deliveries SET state = 'waiting', tries = 0, due_at = ?, ended_at = NULL"
        " WHERE id = ?",
        (micros(now), delivery),
    )
    row = connection.execute(f"{_DELIVERY} WHERE d.id = ?", (delivery,)).fetchone()
    return None if row is None else _delivery(row)


def tally(connection: sqlite3.Connection, webhook: str, since: datetime) -> Tally:
    """Count what waits for a webhook, and what ended since a moment."""
    row = connection.execute(
        "SELECT (SELECT count(*) FROM webhook_deliveries WHERE webhook = ?1 AND state = 'waiting')"
        " AS waiting, (SELECT min(created_at) FROM webhook_deliveries"
        " WHERE webhook = ?1 AND state = 'waiting') AS oldest,"
        " ifnull(sum(state = 'delivered'), 0) AS delivered, ifnull(sum(state = 'failed'), 0)"
        " AS failed FROM webhook_deliveries WHERE webhook = ?1 AND ended_at >= ?2",
        (webhook, micros(since)),
    ).fetchone()
    return tally_of(row)


def tally_of(row: sqlite3.Row) -> Tally:
    """Read a row of counts."""
    return Tally(
        waiting=row["waiting"],
        delivered=row["delivered"],
        failed=row["failed"],
        oldest=None if row["oldest"] is None else moment(row["oldest"]),
    )


def why_off(connection: sqlite3.Connection, webhook: str) -> str | None:
    """Say why a webhook is off; None: it is on."""
    row = connection.execute(
        "SELECT reason FROM webhooks_off WHERE webhook = ?", (webhook,)
    ).fetchone()
    return None if row is None else str(row["reason"])


def turn_off(
    connection: sqlite3.Connection, webhook: str, place: tuple[str, str], now: datetime
) -> None:
    """Turn a webhook off at its address for a reason (`place`); what waits for it is given up."""
    url, reason = place
    connection.execute(
        "INSERT OR REPLACE INTO webhooks_off (webhook, url, reason, at) VALUES (?, ?, ?, ?)",
        (webhook, url, reason, micros(now)),
    )
    connection.execute(
        "UPDATE webhook_deliveries SET state = 'failed', error = ?, ended_at = ?"
        " WHERE webhook = ? AND state = 'waiting'",
        (reason, micros(now), webhook),
    )


def turn_on(connection: sqlite3.Connection, webhook: str) -> None:
    """Turn a webhook on again."""
    connection.execute("DELETE FROM webhooks_off WHERE webhook = ?", (webhook,))


def _delivery(row: sqlite3.Row) -> WebhookDelivery:
    state = SentState(row["state"])
    ended = row["ended_at"]
    return WebhookDelivery(
        id=row["id"],
        webhook=row["webhook"],
        position=row["position"],
        kind=row["kind"],
        mission=row["mission"],
        state=state,
        tries=row["tries"],
        due_at=moment(row["due_at"]),
        created_at=moment(row["created_at"]),
        status=row["status"],
        error=row["error"],
        delivered_at=moment(ended) if state is SentState.DELIVERED else None,
    )

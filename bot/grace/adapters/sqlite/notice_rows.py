"""What people are to be told: notices that wait, and the messages that were made of them."""

import json
import sqlite3
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final

from grace.adapters.sqlite.outgoing_rows import tally_of
from grace.adapters.sqlite.values import micros, moment, optional_micros
from grace.domain.narration import Tone
from grace.domain.notifying.news import Draft, Notice, Pile
from grace.ports.outgoing import Message, Outcome, SentState, Tally

NEWEST: Final = 100


def add(connection: sqlite3.Connection, notices: Sequence[Notice]) -> None:
    """Keep notices."""
    connection.executemany(
        "INSERT INTO notices"
        " (channel, route, position, subject, tone, title, detail, link, due_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                notice.channel,
                notice.route,
                notice.position,
                notice.subject,
                notice.tone.value,
                notice.title,
                notice.detail,
                notice.link,
                micros(notice.due_at),
            )
            for notice in notices
        ],
    )


def piles(connection: sqlite3.Connection, channel: str, now: datetime) -> list[Pile]:
    """Return what is due in a channel, by route; a pile that is due since longest comes first."""
    rows = connection.execute(
        "SELECT route, count(*) AS count, count(DISTINCT subject) AS subjects, max(id) AS last"
        " FROM notices WHERE channel = ? AND due_at <= ? GROUP BY route ORDER BY min(due_at)",
        (channel, micros(now)),
    ).fetchall()
    return [
        Pile(
            channel,
            row["route"],
            row["count"],
            row["subjects"],
            row["last"],
            _newest(connection, channel, row["route"], now),
        )
        for row in rows
    ]


def _newest(
    connection: sqlite3.Connection, channel: str, route: str, now: datetime
) -> tuple[Notice, ...]:
    rows = connection.execute(
        "SELECT * FROM notices WHERE channel = ? AND route = ? AND due_at <= ?"
        " ORDER BY id DESC LIMIT ?",
        (channel, route, micros(now), NEWEST),
    )
    return tuple(
        Notice(
            route=row["route"],
            channel=row["channel"],
            position=row["position"],
            subject=row["subject"],
            tone=Tone(row["tone"]),
            title=row["title"],
            detail=row["detail"],
            link=row["link"],
            due_at=moment(row["due_at"]),
        )
        for row in rows
    )


def put_messages(
    connection: sqlite3.Connection, pile: Pile, drafts: Sequence[Draft], now: datetime
) -> None:
    """Make messages of the notices of a pile, which are then gone."""
    connection.execute(
        "DELETE FROM notices WHERE channel = ? AND route = ? AND due_at <= ? AND id <= ?",
        (pile.channel, pile.route, micros(now), pile.last),
    )
    connection.executemany(
        "INSERT INTO messages (channel, route, title, body, tone, created_at, due_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (pile.channel, pile.route, d.title, d.body, d.tone.value, micros(now), micros(now))
            for d in drafts
        ],
    )


def made_since(connection: sqlite3.Connection, channel: str, since: datetime) -> int:
    """Count the messages that were made for a channel since a moment."""
    row = connection.execute(
        "SELECT count(*) FROM messages WHERE channel = ? AND created_at > ?",
        (channel, micros(since)),
    ).fetchone()
    return int(row[0])


def due(connection: sqlite3.Connection, channel: str, now: datetime, limit: int) -> list[Message]:
    """Return the messages that are due in a channel, oldest first."""
    rows = connection.execute(
        "SELECT * FROM messages WHERE channel = ? AND state = 'waiting' AND due_at <= ?"
        " ORDER BY due_at, id LIMIT ?",
        (channel, micros(now), limit),
    )
    return [
        Message(
            id=row["id"],
            channel=row["channel"],
            route=row["route"],
            title=row["title"],
            body=row["body"],
            tone=Tone(row["tone"]),
            tries=row["tries"],
        )
        for row in rows
    ]


def end(connection: sqlite3.Connection, message: int, outcome: Outcome, now: datetime) -> None:
    """Note what became of a try to send a message."""
    ended = outcome.state is not SentState.WAITING
    connection.execute(
        "UPDATE messages SET state = ?, tries = tries + 1, due_at = ifnull(?, due_at), error = ?,"
        " ended_at = ? WHERE id = ?",
        (
            outcome.state.value,
            optional_micros(outcome.due_at),
            outcome.error,
            micros(now) if ended else None,
            message,
        ),
    )


def settle(connection: sqlite3.Connection, channels: Collection[str]) -> None:
    """Forget what was to be said in other channels than these."""
    for table, which in (("notices", "1"), ("messages", "state = 'waiting'")):
        connection.execute(
            f"DELETE FROM {table} WHERE {which}"  # noqa: S608 - our own tables
            " AND channel NOT IN (SELECT value FROM json_each(?))",
            (json.dumps(sorted(channels)),),
        )


def tally(connection: sqlite3.Connection, channel: str, since: datetime) -> Tally:
    """Count the messages that wait in a channel, and those that ended since a moment."""
    row = connection.execute(
        "SELECT (SELECT count(*) FROM messages WHERE channel = ?1 AND state = 'waiting')"
        " AS waiting, (SELECT min(created_at) FROM messages"
        " WHERE channel = ?1 AND state = 'waiting') AS oldest,"
        " ifnull(sum(state = 'delivered'), 0) AS delivered, ifnull(sum(state = 'failed'), 0)"
        " AS failed FROM messages WHERE channel = ?1 AND ended_at >= ?2",
        (channel, micros(since)),
    ).fetchone()
    return tally_of(row)


def prune(connection: sqlite3.Connection, before: datetime) -> int:
    """Forget messages and deliveries that ended before a moment."""
    forgotten = 0
    for table in ("messages", "webhook_deliveries"):
        gone = connection.execute(
            f"DELETE FROM {table} WHERE ended_at < ?",  # noqa: S608 - our own tables
            (micros(before),),
        )
        forgotten += gone.rowcount
    return forgotten

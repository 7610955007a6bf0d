"""Words about stop issues: who said that an issue stops us, who said that it stops no more.

Whether an issue stops is read from all its words by the view `stops_in_force`, so the order in
which they come, and in which permissions are read, does not matter: some word to stop was not
refused, and no later word to lift was allowed.
"""

import sqlite3
from datetime import datetime
from typing import NamedTuple

from grace.adapters.sqlite.values import micros
from grace.domain.surroundings import Stop
from grace.ports import STOP_LABEL, StopIssue


class IssueKey(NamedTuple):
    """One issue of one repository."""

    host: str
    repository_id: int
    number: int

    @classmethod
    def of(cls, word: StopIssue) -> "IssueKey":
        """Name the issue that a word is about."""
        return cls(word.ref.host, word.ref.repository_id, word.number)


def add(connection: sqlite3.Connection, word: StopIssue) -> None:
    """Keep a word that is new; behind one that was allowed, older ones are history.

    One that is known says what its repository is called now.
    """
    key = IssueKey.of(word)
    newer = connection.execute(
        "SELECT 1 FROM stops WHERE (host, repository_id, number) = (?, ?, ?)"
        " AND allowed AND at > ?",
        (*key, micros(word.at)),
    ).fetchone()
    if newer is None:
        connection.execute(
            "INSERT INTO stops (host, repository_id, number, at, open, actor, word)"
            " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET word = excluded.word",
            (*_row_key(word), word.model_dump_json()),
        )


def to_verify(connection: sqlite3.Connection, limit: int) -> list[StopIssue]:
    """Return words of known actors that wait for a permission, least recently tried first."""
    rows = connection.execute(
        "SELECT word FROM stops WHERE allowed IS NULL AND actor <> ''"
        " ORDER BY tried_at, at, number LIMIT ?",
        (limit,),
    )
    return [_word(row) for row in rows]


def verify(
    connection: sqlite3.Connection, word: StopIssue, now: datetime, allowed: bool | None
) -> bool:
    """Note what was read of a word's actor; False: the word is not there, or was judged before.

    Behind one that is allowed, older ones are history and go.
    """
    known = connection.execute(
        "UPDATE stops SET allowed = ?, tried_at = ? WHERE allowed IS NULL"
        " AND (host, repository_id, number, at, open, actor) = (?, ?, ?, ?, ?, ?)",
        (allowed, micros(now), *_row_key(word)),
    ).rowcount
    if known and allowed:
        connection.execute(
            "DELETE FROM stops WHERE (host, repository_id, number) = (?, ?, ?) AND at < ?",
            (*IssueKey.of(word), micros(word.at)),
        )
    return bool(known)


def standing(connection: sqlite3.Connection, place: tuple[str, int]) -> list[StopIssue]:
    """Return the newest word to stop of each issue of a repository that stops."""
    rows = connection.execute(
        "SELECT word FROM stops_in_force WHERE host = ? AND repository_id = ? ORDER BY number, at",
        place,
    )
    newest = {word.number: word for word in map(_word, rows)}
    return list(newest.values())


def in_force(connection: sqlite3.Connection, place: tuple[str, int]) -> dict[int, Stop]:
    """Say of each issue of a repository that stops, by its number, what it is."""
    return {
        word.number: Stop(kind="issue", reason=_reason(connection, word))
        for word in standing(connection, place)
    }


def _reason(connection: sqlite3.Connection, word: StopIssue) -> str:
    """Say who stopped, and what became of the newest wish to lift it."""
    said = f"#{word.number}, labelled {STOP_LABEL} by {speaker(word)}"
    wish = connection.execute(
        "SELECT actor, allowed FROM stops WHERE (host, repository_id, number) = (?, ?, ?)"
        " AND NOT open AND at >= ? ORDER BY at DESC, actor LIMIT 1",
        (*IssueKey.of(word), micros(word.at)),
    ).fetchone()
    if wish is None:
        return said
    who = wish["actor"] or "somebody unknown"
    if wish["allowed"] is None and wish["actor"]:
        return f"{said}; {who} lifts it if he may write here, which is being read"
    return f"{said}; {who} took it back, which counts for who may write here alone"


def speaker(word: StopIssue) -> str:
    """Name who spoke a word."""
    return "somebody unknown" if word.actor is None else word.actor.login


def _row_key(word: StopIssue) -> tuple[str, int, int, int, bool, str]:
    actor = "" if word.actor is None else word.actor.login
    return (*IssueKey.of(word), micros(word.at), word.open, actor)


def _word(row: sqlite3.Row) -> StopIssue:
    return StopIssue.model_validate_json(row["word"])

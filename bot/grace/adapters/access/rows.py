"""The rows of tokens and sessions. A secret is never in one: its SHA-256 is."""

import hashlib
import json
import secrets
import sqlite3
import string
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from grace.domain.access import Scope
from grace.domain.people import Actor
from grace.ports.access import Session, TokenChange, TokenDraft
from grace.ports.hub import Token

PREFIX: Final = "grace_"
_ALPHABET: Final = string.ascii_letters + string.digits
_LENGTH: Final = 43  # 62 ** 43 > 2 ** 256
_HINT: Final = 4
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TICK: Final = timedelta(microseconds=1)
NOTED_EVERY: Final = timedelta(minutes=1)


def digest_of(secret: str) -> bytes:
    """Hash what only its owner knows; 256 bits of randomness need no slow hash."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()


def create_token(
    connection: sqlite3.Connection, draft: TokenDraft, now: datetime
) -> tuple[Token, str]:
    """Insert a token with a new secret."""
    text = PREFIX + "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
    token = Token(
        id=f"t_{secrets.token_hex(6)}",
        name=draft.name,
        hint=text[-_HINT:],
        scopes=draft.scopes,
        login=draft.login,
        user_id=draft.user_id,
        logs=draft.logs,
        created_at=now,
        expires_at=draft.expires_at,
        targets=draft.targets,
    )
    connection.execute(
        "INSERT INTO tokens (id, name, hint, digest, scopes, login, user_id, logs, created_by,"
        " created_at, expires_at, targets) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            token.id,
            token.name,
            token.hint,
            digest_of(text),
            " ".join(sorted(token.scopes)),
            token.login,
            token.user_id,
            None if token.logs is None else json.dumps(sorted(token.logs)),
            draft.created_by,
            _micros(now),
            _micros(token.expires_at),
            json.dumps(sorted(token.targets)),
        ),
    )
    return token, text


def token_of(connection: sqlite3.Connection, text: str, now: datetime) -> Token | None:
    """Find a token that is in force. The index compares digests, so no secret is timed."""
    row = connection.execute("SELECT * FROM tokens WHERE digest = ?", (digest_of(text),)).fetchone()
    if row is None or row["ended"] is not None or _moment(row["expires_at"]) <= now:
        return None
    if row["last_used_at"] is None or _moment(row["last_used_at"]) + NOTED_EVERY <= now:
        connection.execute(
            "UPDATE tokens SET last_used_at = ? WHERE id = ?", (_micros(now), row["id"])
        )
    return _token(row)


def tokens(connection: sqlite3.Connection) -> list[Token]:
    """List all tokens, the newest first."""
    rows = connection.execute("SELECT * FROM tokens ORDER BY created_at DESC, id")
    return [_token(row) for row in rows]


def revoke_token(
    connection: sqlite3.Connection, token_id: str, actor: str, now: datetime
) -> Token | None:
    """End a token; one that has ended stays as it is."""
    connection.execute(
        "UPDATE tokens SET ended = ?, ended_by = ? WHERE id = ? AND ended IS NULL",
        (_micros(now), actor, token_id),
    )
    row = connection.execute("SELECT * FROM tokens WHERE id = ?", (token_id,)).fetchone()
    return None if row is None else _token(row)


def unannounced(connection: sqlite3.Connection) -> list[TokenChange]:
    """List the changes that the ledger has not been told of, oldest first."""
    rows = connection.execute(
        "SELECT * FROM tokens WHERE announced_created = 0"
        " OR (ended IS NOT NULL AND announced_revoked = 0)"
    ).fetchall()
    return sorted((change for row in rows for change in _changes(row)), key=lambda c: c.at)


def _changes(row: sqlite3.Row) -> Iterator[TokenChange]:
    token = _token(row)
    if not row["announced_created"]:
        yield TokenChange(token, "created", row["created_by"], token.created_at)
    if token.ended is not None and not row["announced_revoked"]:
        yield TokenChange(token, "revoked", row["ended_by"], token.ended)


def mark_announced(connection: sqlite3.Connection, change: TokenChange) -> None:
    """Note that the ledger knows of a change."""
    match change.kind:
        case "created":
            sql = "UPDATE tokens SET announced_created = 1 WHERE id = ?"
        case "revoked":
            sql = "UPDATE tokens SET announced_revoked = 1 WHERE id = ?"
    connection.execute(sql, (change.token.id,))


def begin_session(
    connection: sqlite3.Connection, person: Actor, now: datetime, expires_at: datetime
) -> str:
    """Insert a session with a new id, and forget those that have expired."""
    session_id = secrets.token_urlsafe(32)
    connection.execute("DELETE FROM sessions WHERE expires_at <= ?", (_micros(now),))
    connection.execute(
        "INSERT INTO sessions (digest, login, user_id, created_at, expires_at, seen_at)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (
            digest_of(session_id),
            person.login,
            person.id,
            _micros(now),
            _micros(expires_at),
            _micros(now),
        ),
    )
    return session_id


def session_of(
    connection: sqlite3.Connection, session_id: str, now: datetime, idle: timedelta
) -> Session | None:
    """Find a session that is in force; note at most once a minute that it is used."""
    digest = digest_of(session_id)
    row = connection.execute("SELECT * FROM sessions WHERE digest = ?", (digest,)).fetchone()
    if row is None or _moment(row["expires_at"]) <= now or _moment(row["seen_at"]) + idle <= now:
        return None
    if _moment(row["seen_at"]) + NOTED_EVERY <= now:
        connection.execute(
            "UPDATE sessions SET seen_at = ? WHERE digest = ?", (_micros(now), digest)
        )
    return Session(
        login=row["login"],
        user_id=row["user_id"],
        created_at=_moment(row["created_at"]),
        expires_at=_moment(row["expires_at"]),
    )


def end_session(connection: sqlite3.Connection, session_id: str) -> None:
    """Delete a session."""
    connection.execute("DELETE FROM sessions WHERE digest = ?", (digest_of(session_id),))


def spend(connection: sqlite3.Connection, nonce: str, until: datetime, now: datetime) -> bool:
    """Remember a nonce for as long as it is good; False: it is remembered already."""
    connection.execute("DELETE FROM spent WHERE until <= ?", (_micros(now),))
    done = connection.execute(
        "INSERT INTO spent (digest, until) VALUES (?, ?) ON CONFLICT DO NOTHING",
        (digest_of(nonce), _micros(until)),
    )
    return done.rowcount == 1


def _token(row: sqlite3.Row) -> Token:
    return Token(
        id=row["id"],
        name=row["name"],
        hint=row["hint"],
        scopes=frozenset(Scope(name) for name in row["scopes"].split()),
        login=row["login"],
        user_id=row["user_id"],
        logs=None if row["logs"] is None else frozenset(json.loads(row["logs"])),
        created_at=_moment(row["created_at"]),
        expires_at=_moment(row["expires_at"]),
        last_used_at=_optional(row["last_used_at"]),
        ended=_optional(row["ended"]),
        targets=frozenset(json.loads(row["targets"])),
    )


def _micros(at: datetime) -> int:
    return (at - _EPOCH) // _TICK


def _moment(value: int) -> datetime:
    return _EPOCH + value * _TICK


def _optional(value: int | None) -> datetime | None:
    return None if value is None else _moment(value)

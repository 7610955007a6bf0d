"""The file `access.db`: opened with our pragmas, made for its owner alone."""

import os
import sqlite3
from pathlib import Path
from typing import Final

from grace.adapters.access.errors import AccessError

BUSY_MS: Final = 10_000
VERSION: Final = 2
_SCHEMA: Final = """
CREATE TABLE tokens (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    hint TEXT NOT NULL,
    digest BLOB NOT NULL UNIQUE,
    scopes TEXT NOT NULL,
    login TEXT,
    user_id INTEGER NOT NULL,
    logs TEXT,
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    last_used_at INTEGER,
    ended INTEGER,
    ended_by TEXT,
    announced_created INTEGER NOT NULL DEFAULT 0,
    announced_revoked INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX tokens_unannounced ON tokens (created_at)
    WHERE announced_created = 0 OR (ended IS NOT NULL AND announced_revoked = 0);
CREATE TABLE sessions (
    digest BLOB PRIMARY KEY,
    login TEXT NOT NULL,
    user_id INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE spent (
    digest BLOB PRIMARY KEY,
    until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
"""
# By the version that it brings a file to.
_STEPS: Final = {
    1: _SCHEMA,
    2: "ALTER TABLE tokens ADD COLUMN targets TEXT NOT NULL DEFAULT '[]';\n",
}


def open_file(path: Path) -> sqlite3.Connection:
    """Make the file where there is none, and open it in autocommit mode; AccessError."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise AccessError(f"{path} cannot be opened: {error.strerror}") from error
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        connection.row_factory = sqlite3.Row
        connection.execute(f"PRAGMA busy_timeout={BUSY_MS}")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        _bring_up(connection, path)
    except sqlite3.DatabaseError as error:
        connection.close()
        raise AccessError(
            f"{path} cannot be read as a file of tokens and sessions ({error}): move it away, and "
            "make new tokens"
        ) from error
    except BaseException:
        connection.close()
        raise
    return connection


def _bring_up(connection: sqlite3.Connection, path: Path) -> None:
    """Bring a file to today's schema; two processes may try at once."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        for version in range(_version(connection, path) + 1, VERSION + 1):
            for statement in _STEPS[version].split(";\n"):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version={version}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _version(connection: sqlite3.Connection, path: Path) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > VERSION:
        raise AccessError(
            f"{path} has schema {version}, and this version of grace knows only {VERSION}: "
            "install the newer grace again"
        )
    return int(version)

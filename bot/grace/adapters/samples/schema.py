"""The file of samples: how it is opened, and how one that is broken is put aside."""

import os
import sqlite3
from datetime import datetime
from pathlib import Path
from typing import Final

import structlog

_VERSION: Final = 1
_BUSY_MS: Final = 10_000
_SCHEMA: Final = f"""
BEGIN IMMEDIATE;
-- A metric's number stands for its name.
CREATE TABLE metrics (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
-- Which metrics a round holds, by their numbers (uint32) in order; rounds mostly hold the same.
-- A number is not given twice: readers remember what it stands for.
CREATE TABLE shapes (id INTEGER PRIMARY KEY AUTOINCREMENT, metrics BLOB NOT NULL UNIQUE);
-- The journal: one row a round. `body`: the values in the shape's order, then the times.
CREATE TABLE rounds (
  id INTEGER PRIMARY KEY, shape INTEGER NOT NULL REFERENCES shapes, low REAL NOT NULL,
  high REAL NOT NULL, samples INTEGER NOT NULL, body BLOB NOT NULL
);
-- What the journal was folded into: many metrics' chunks, or one metric's history.
CREATE TABLE batches (
  id INTEGER PRIMARY KEY, metric INTEGER REFERENCES metrics, low REAL NOT NULL, high REAL NOT NULL,
  samples INTEGER NOT NULL
);
CREATE INDEX batches_by_age ON batches (high);
CREATE INDEX batches_by_metric ON batches (metric, high);
-- `id`: the batch's number times 2^32, and the metric's.
CREATE TABLE chunks (id INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE states (metric TEXT PRIMARY KEY, at REAL NOT NULL, body BLOB NOT NULL);
PRAGMA user_version={_VERSION};
COMMIT;
"""


class NotSamples(Exception):
    """A file that is no file of samples of this version; the message says what it is."""


def open_file(path: Path, now: datetime) -> sqlite3.Connection:
    """Open the file for its writer. One that cannot be read is put aside, and a new one begun.

    Samples are no ledger: nothing that was signed is lost with them.
    """
    try:
        return _open(path)
    except (sqlite3.DatabaseError, NotSamples) as error:
        aside = path.with_name(f"{path.name}.broken-{now:%Y%m%dT%H%M%S}")
        for ending in ("-wal", "-shm"):
            path.with_name(path.name + ending).unlink(missing_ok=True)
        path.rename(aside)
        structlog.get_logger(__name__).warning(
            "samples begun anew", reason=str(error), put_aside=str(aside)
        )
        return _open(path)


def connect(path: Path) -> sqlite3.Connection:
    """Open the file for one thread at a time."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        connection.execute(f"PRAGMA busy_timeout={_BUSY_MS}")
        connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
        connection.execute("PRAGMA journal_mode=WAL")
        # What the disk had not yet when the power went is lost, and no more: it is samples.
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("PRAGMA journal_size_limit=16777216")
    except BaseException:
        connection.close()
        raise
    return connection


def used_bytes(connection: sqlite3.Connection) -> int:
    """Return how many bytes of the file hold something."""
    pages, free, size = (
        connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)


def _open(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    connection = connect(path)
    try:
        _check(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _check(connection: sqlite3.Connection) -> None:
    """Make the tables of a new file; NotSamples for one that is another's, or damaged."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version == 0 and connection.execute("SELECT 1 FROM sqlite_master").fetchone() is None:
        connection.executescript(_SCHEMA)
    elif version != _VERSION:
        raise NotSamples(f"the file has schema {version}, and this version reads {_VERSION}")
    (sound,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if sound != "ok":
        raise NotSamples(f"the file is damaged: {sound}")

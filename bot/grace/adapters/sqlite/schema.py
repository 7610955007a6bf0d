"""Open the file and bring it to today's schema: numbered SQL files, applied once, in order."""

import os
import re
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Final

from grace.adapters.sqlite.errors import StoreTooNew, StoreUnreadable
from grace.adapters.sqlite.fills import FILLS

BUSY_MS: Final = 10_000
_FILE: Final = re.compile(r"(\d{4})_\w+\.sql")


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema; `number` is the `user_version` after it.

    `fill` writes what SQL cannot say, in the same transaction.
    """

    number: int
    sql: str
    fill: Callable[[sqlite3.Connection], None] | None = None


def shipped() -> tuple[Migration, ...]:
    """Read the migrations that travel in the package, in order."""
    found = []
    for file in files("grace.adapters.sqlite").joinpath("migrations").iterdir():
        match = _FILE.fullmatch(file.name)
        if match is not None:
            number, sql = int(match[1]), file.read_text(encoding="utf-8")
            found.append(Migration(number, sql, FILLS.get(number)))
    return tuple(sorted(found, key=lambda migration: migration.number))


def connect(path: Path) -> sqlite3.Connection:
    """Open the file for one thread at a time, in autocommit mode, with our pragmas."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    try:
        connection.execute(f"PRAGMA busy_timeout={BUSY_MS}")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
    except sqlite3.DatabaseError as error:
        connection.close()
        raise StoreUnreadable(
            f"{path} cannot be read as a store ({error}): name another file, or restore a backup"
        ) from error
    return connection


def create_private(path: Path) -> None:
    """Make folder and file where there are none, the file for its owner alone."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))


def migrate(connection: sqlite3.Connection, path: Path, migrations: Sequence[Migration]) -> None:
    """Apply what is missing, each step in a transaction of its own with its number."""
    version = schema_version(connection)
    _refuse_newer(path, version, migrations[-1].number)
    if version == 0 and connection.execute("SELECT 1 FROM sqlite_master").fetchone():
        raise StoreUnreadable(f"{path} is a database, but not a store of grace: name another file")
    for migration in migrations:
        if migration.number > version:
            _apply(connection, migration)


def require_current(connection: sqlite3.Connection, path: Path) -> None:
    """Raise StoreError where the file does not have exactly today's schema."""
    version, newest = schema_version(connection), shipped()[-1].number
    _refuse_newer(path, version, newest)
    if version < newest:
        raise StoreUnreadable(
            f"{path} has schema {version}, and this version of grace reads {newest}: "
            "name a store that this version has served"
        )


def _refuse_newer(path: Path, version: int, newest: int) -> None:
    if version > newest:
        raise StoreTooNew(
            f"{path} has schema {version}, and this version of grace knows only {newest}: "
            "install the newer grace again, or restore the backup made before it"
        )


def schema_version(connection: sqlite3.Connection) -> int:
    """Return the number of the newest migration in the file."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


def _apply(connection: sqlite3.Connection, migration: Migration) -> None:
    try:
        connection.executescript(f"BEGIN IMMEDIATE;\n{migration.sql}\n;")
        if migration.fill is not None:
            migration.fill(connection)
        connection.execute(f"PRAGMA user_version={migration.number}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise

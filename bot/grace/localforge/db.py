"""One SQLite file, synchronous: local and small, so a query costs less than a thread switch."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from grace.localforge.schema import SCHEMA_VERSION, TABLES

Row = dict[str, Any]


class Database:
    """Rows as dictionaries; `*_json` columns go in and come out as JSON values."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.row_factory = _row
        self._depth = 0
        self.run("PRAGMA journal_mode=WAL")
        self.run("PRAGMA synchronous=NORMAL")
        version = self.scalar("PRAGMA user_version")
        if version == 0:
            self._connection.executescript(TABLES)
            self.run(f"PRAGMA user_version={SCHEMA_VERSION}")
        elif version != SCHEMA_VERSION:
            self._connection.close()
            msg = f"{path} has schema {version}, not {SCHEMA_VERSION}: use a new folder"
            raise RuntimeError(msg)

    def close(self) -> None:
        self._connection.close()

    def all(self, sql: str, *args: object) -> list[Row]:
        """Return every row of a query."""
        return self._connection.execute(sql, args).fetchall()

    def one(self, sql: str, *args: object) -> Row | None:
        """Return the first row of a query, or None."""
        row: Row | None = self._connection.execute(sql, args).fetchone()
        return row

    def get(self, table: str, row_id: int) -> Row:
        """Return the row with this id; KeyError when there is none."""
        row = self.one(f"SELECT * FROM {table} WHERE id=?", row_id)  # noqa: S608 - our own table names
        if row is None:
            raise KeyError((table, row_id))
        return row

    def scalar(self, sql: str, *args: object) -> Any:
        """Return the first column of the first row, or None."""
        row = self.one(sql, *args)
        return None if row is None else next(iter(row.values()))

    def run(self, sql: str, *args: object) -> int:
        """Run a statement and return how many rows it changed."""
        return self._connection.execute(sql, args).rowcount

    def insert(self, table: str, **values: object) -> int:
        """Insert one row and return its id."""
        columns, marks = ", ".join(values), ", ".join("?" * len(values))
        sql = f"INSERT INTO {table} ({columns}) VALUES ({marks})"  # noqa: S608 - our own names
        return self._connection.execute(sql, _encode(values)).lastrowid or 0

    def update(self, table: str, row_id: int, **values: object) -> Row:
        """Change columns of one row and return the row as it is now."""
        if values:
            changes = ", ".join(f"{name}=?" for name in values)
            sql = f"UPDATE {table} SET {changes} WHERE id=?"  # noqa: S608 - our own names
            self._connection.execute(sql, (*_encode(values), row_id))
        return self.get(table, row_id)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make the statements inside one unit. Never await inside."""
        self._depth += 1
        try:
            if self._depth == 1:
                self.run("BEGIN IMMEDIATE")
            yield
        except BaseException:
            if self._depth == 1:
                self.run("ROLLBACK")
            raise
        else:
            if self._depth == 1:
                self.run("COMMIT")
        finally:
            self._depth -= 1


def _row(cursor: sqlite3.Cursor, values: tuple[Any, ...]) -> Row:
    names = (column[0] for column in cursor.description)
    return {
        name: json.loads(value) if name.endswith("_json") and value is not None else value
        for name, value in zip(names, values, strict=True)
    }


def _encode(values: dict[str, object]) -> tuple[object, ...]:
    return tuple(
        json.dumps(value) if name.endswith("_json") and value is not None else value
        for name, value in values.items()
    )

"""What of an SQLite database can be read: checks, counts of rows, rows of damaged tables."""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

from grace.runner.action import ActionFailed, Situation
from grace.runner.actions.sqlite_target import in_words, is_damage, opened, quoted, tables

BATCH = 500
COMPLAINTS = 20


def complaints(path: Path, situation: Situation, depth: str) -> tuple[str, ...]:
    """List what SQLite finds wrong with a database; ActionFailed where it cannot look."""
    pragma = "integrity_check" if depth == "full" else "quick_check"
    try:
        return _complaints(path, situation, pragma, "ro")
    except sqlite3.OperationalError as error:
        if "readonly" not in str(error) and "unable to open" not in str(error):
            raise in_words(error) from error
    # A journal was left behind by a crash: whoever reads first must roll it back.
    try:
        return _complaints(path, situation, pragma, "rw")
    except sqlite3.Error as error:
        raise in_words(error) from error


def _complaints(path: Path, situation: Situation, pragma: str, mode: str) -> tuple[str, ...]:
    try:
        with opened(path, situation, mode=mode, busy_seconds=5) as connection:
            rows = connection.execute(f"PRAGMA {pragma}({COMPLAINTS})").fetchall()
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
        return (str(error),)
    # One row may hold many lines: they begin with the name of the database.
    found = [line for (text,) in rows for line in str(text).splitlines()]
    return tuple(line for line in found if line != "ok" and not line.startswith("*** in database"))


def counts(path: Path, situation: Situation) -> dict[str, int | None]:
    """Count the rows of each table; None where they cannot be counted. Empty: nothing is readable.

    Where the table itself cannot be walked, an index over all its rows may still tell; where they
    differ, the greater number counts.
    """
    try:
        with opened(path, situation, busy_seconds=5) as connection:
            return {name: _count(connection, name) for name in tables(connection)}
    except sqlite3.DatabaseError as error:
        if is_damage(error):
            return {}
        raise in_words(error) from error


def _count(connection: sqlite3.Connection, table: str) -> int | None:
    ways = ["NOT INDEXED"]
    try:
        ways += [
            f"INDEXED BY {quoted(str(name))}"
            for _, name, _, _, partial in connection.execute(f"PRAGMA index_list({quoted(table)})")
            if not partial
        ]
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
    seen = []
    for way in ways:
        try:
            # A plain count(*) would take the narrowest tree, whatever is said here.
            row = connection.execute(
                f"SELECT count(*) FILTER (WHERE 1) FROM {quoted(table)} {way}"  # noqa: S608 - a quoted name of the schema
            ).fetchone()
        except sqlite3.DatabaseError as error:
            if not is_damage(error) and "no query solution" not in str(error):
                raise
        else:
            seen.append(int(row[0]))
    return max(seen, default=None)


def save_rows(source: Path, target: Path, situation: Situation) -> None:
    """Write all tables and readable rows of one database into a new one, without `.recover`.

    Rows are read upwards until one cannot be read, then downwards from the end, and between the
    two by leaps that double. Indexes, views and triggers come last.
    """
    try:
        with (
            opened(source, situation, busy_seconds=5) as reader,
            opened(target, situation, mode="rwc") as writer,
        ):
            _save(reader, writer)
    except sqlite3.Error as error:
        raise in_words(error) from error


def _save(reader: sqlite3.Connection, writer: sqlite3.Connection) -> None:
    page_size = reader.execute("PRAGMA page_size").fetchone()[0]
    writer.execute(f"PRAGMA page_size = {int(page_size)}")
    for pragma in ("application_id", "user_version"):
        value = reader.execute(f"PRAGMA {pragma}").fetchone()[0]
        writer.execute(f"PRAGMA {pragma} = {int(value)}")
    schema = reader.execute(
        "SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL "
        "AND name NOT LIKE 'sqlite_%' ORDER BY rowid"
    ).fetchall()
    writer.execute("BEGIN")
    for kind, name, sql in schema:
        if kind == "table":
            writer.execute(sql)
            if not sql.upper().startswith("CREATE VIRTUAL"):
                _save_table(reader, writer, name)
    _save_sequence(reader, writer)
    for kind, _, sql in schema:
        if kind != "table":
            writer.execute(sql)
    writer.execute("COMMIT")


def _save_table(reader: sqlite3.Connection, writer: sqlite3.Connection, table: str) -> None:
    # xinfo's last column: 0 ordinary, 1 hidden, 2 and 3 computed.
    info = reader.execute(f"PRAGMA table_xinfo({quoted(table)})").fetchall()
    columns = ", ".join(quoted(str(row[1])) for row in info if row[6] == 0)
    marks = ", ".join("?" for row in info if row[6] == 0)
    sql = f"INSERT OR IGNORE INTO {quoted(table)} ({columns}) VALUES ({marks})"  # noqa: S608 - quoted names of the schema
    has_rowid = _has_rowid(reader, table)
    if has_rowid:
        sql = sql.replace("(", "(rowid, ", 1).replace("VALUES (", "VALUES (?, ", 1)

    def put(rows: list[tuple[object, ...]]) -> None:
        writer.executemany(sql, rows)

    if has_rowid:
        _by_rowid(reader, table, columns, put)
    else:
        for order in ("", " ORDER BY 1 DESC"):
            for rows in _until_damage(reader, f"SELECT {columns} FROM {quoted(table)}{order}", ()):  # noqa: S608 - quoted names of the schema
                put(rows)


def _has_rowid(reader: sqlite3.Connection, table: str) -> bool:
    row = reader.execute("SELECT wr FROM pragma_table_list(?) WHERE schema = 'main'", (table,))
    return not row.fetchone()[0]


def _by_rowid(
    reader: sqlite3.Connection,
    table: str,
    columns: str,
    put: Callable[[list[tuple[object, ...]]], object],
) -> None:
    base = f"SELECT rowid, {columns} FROM {quoted(table)} NOT INDEXED"  # noqa: S608 - quoted names of the schema
    low, high = -(1 << 63), None
    for rows in _until_damage(reader, f"{base} WHERE rowid >= ? ORDER BY rowid", (low,)):
        put(rows)
        low = max(low, *(int(str(row[0])) for row in rows)) + 1
    for rows in _until_damage(reader, f"{base} WHERE rowid >= ? ORDER BY rowid DESC", (low,)):
        put(rows)
        high = min(int(str(row[0])) for row in rows)
    leap = 1
    while high is not None and low < high:
        came = False
        for rows in _until_damage(
            reader, f"{base} WHERE rowid >= ? AND rowid < ? ORDER BY rowid", (low, high)
        ):
            put(rows)
            low, came = max(int(str(row[0])) for row in rows) + 1, True
        leap = 1 if came else leap * 2
        low += leap


def _until_damage(
    reader: sqlite3.Connection, sql: str, bounds: tuple[int, ...]
) -> Iterator[list[tuple[object, ...]]]:
    """Yield the rows of a statement by batches, as far as they can be read."""
    batch: list[tuple[object, ...]] = []
    try:
        cursor = reader.execute(sql, bounds)
        for row in cursor:
            batch.append(row)
            if len(batch) == BATCH:
                yield batch
                batch = []
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
    if batch:
        yield batch


def _save_sequence(reader: sqlite3.Connection, writer: sqlite3.Connection) -> None:
    """Keep the highest ids that AUTOINCREMENT has given out."""
    try:
        rows = reader.execute("SELECT name, seq FROM sqlite_sequence").fetchall()
    except sqlite3.DatabaseError as error:
        if is_damage(error) or "no such table" in str(error):
            return
        raise
    for name, seq in rows:
        writer.execute("DELETE FROM sqlite_sequence WHERE name = ?", (name,))
        writer.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (name, seq))


def sound(path: Path, situation: Situation) -> None:
    """Raise ActionFailed unless a database is whole."""
    found = complaints(path, situation, "full")
    if found:
        raise ActionFailed(f"{path.name} is not whole: {found[0]}")

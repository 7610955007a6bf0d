"""A shop's SQLite database for tests: made, counted, damaged as a failing disk does it."""

import contextlib
import sqlite3

APPLICATION = 0x47524143


def make_database(path, mode="delete", rows=2000):
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA journal_mode = {mode}")
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        connection.execute("PRAGMA user_version = 7")
        connection.execute("BEGIN")
        connection.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY AUTOINCREMENT, note TEXT)")
        connection.execute("CREATE TABLE shops (name TEXT PRIMARY KEY) WITHOUT ROWID")
        connection.execute("CREATE INDEX by_note ON orders (note)")
        connection.execute("CREATE VIEW late AS SELECT * FROM orders WHERE id > 1000")
        connection.executemany(
            "INSERT INTO orders (note) VALUES (?)",
            [(f"order {n} " + "x" * 60,) for n in range(rows)],
        )
        connection.executemany("INSERT INTO shops VALUES (?)", [(f"shop {n}",) for n in range(20)])
        connection.execute("COMMIT")
    return path


def execute(path, *statements):
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        return [connection.execute(statement).fetchall() for statement in statements]


def row_count(path, table="orders"):
    return execute(path, f"SELECT count(*) FROM {table}")[0][0][0]


def is_whole(path):
    return execute(path, "PRAGMA integrity_check") == [[("ok",)]]


def damage(path, name, pages=1):
    """Overwrite leaf pages of a table or index, from its middle on."""
    found = execute(
        path,
        "PRAGMA wal_checkpoint(TRUNCATE)",
        f"SELECT pageno FROM dbstat WHERE name = '{name}' AND pagetype = 'leaf' ORDER BY path",
    )[1]
    leaves = [number for (number,) in found]
    middle = len(leaves) // 2
    with path.open("r+b") as file:
        for number in leaves[middle : middle + pages]:
            file.seek((number - 1) * 4096)
            file.write(bytes((number * 7 + n * 13) % 251 for n in range(4096)))
    return path

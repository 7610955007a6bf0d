"""Damage in a PostgreSQL database: found by reading every row, and saved around, page by page.

`zero_damaged_pages` is never set: what cannot be read is left out, and said.
"""

import io
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from grace.domain.playbooks.action import Scalar
from grace.runner.action import Found, Situation
from grace.runner.actions.postgresql_target import (
    PostgresqlStep,
    asked,
    is_damage,
    quoted,
    sentence,
)

TOLD = 5
# As many pages as are read at once before the halves are tried.
PAGES = 1024
_TABLES = """
SELECT c.oid::int8 AS oid, n.nspname AS schema, c.relname AS name,
  greatest(1, pg_relation_size(c.oid) / current_setting('block_size')::int8) AS pages,
  (SELECT coalesce(array_agg(attname::text ORDER BY attnum), '{}')
   FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped
     AND attgenerated = '') AS columns, c.relkind = 'r' AS own
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't'
  AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
ORDER BY 2, 3
"""
_INDEXES = """
SELECT i.indexrelid::regclass::text AS name, i.indexrelid::int8 AS oid
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
JOIN pg_am a ON a.oid = c.relam JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE a.amname = 'btree' AND i.indisvalid AND c.relpersistence <> 't'
  AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
"""
_AMCHECK = """
SELECT count(*) FROM pg_extension e JOIN pg_proc p ON p.pronamespace = e.extnamespace
WHERE e.extname = 'amcheck' AND p.proname = 'bt_index_check'
  AND has_function_privilege(p.oid, 'EXECUTE')
"""

_CHECK = "SELECT bt_index_check($1::oid::regclass)"


@dataclass(frozen=True, slots=True)
class Table:
    """A table, or a view that is stored. `own`: its rows are made of no others."""

    oid: int
    schema: str
    name: str
    pages: int
    columns: tuple[str, ...]
    own: bool

    @property
    def full(self) -> str:
        return f"{quoted(self.schema)}.{quoted(self.name)}"

    @property
    def plain(self) -> str:
        return f"{self.schema}.{self.name}"


async def tables_of(connection: Any) -> list[Table]:
    """List the tables of the database that are not the server's own."""
    rows = await connection.fetch(_TABLES)
    return [Table(**{**dict(row), "columns": tuple(row["columns"])}) for row in rows]


async def _nothing(data: bytes) -> None:
    del data


async def why_unreadable(connection: Any, table: Table) -> str | None:
    """Read every row and value of a table; say why that does not go, None when it does."""
    return await _why(lambda: connection.copy_from_query(_all(table), output=_nothing))


def _all(table: Table) -> str:
    columns = ", ".join(quoted(column) for column in table.columns)
    return f"SELECT {columns} FROM ONLY {table.full}"  # noqa: S608 - quoted names


async def _why(read: Callable[[], Awaitable[object]]) -> str | None:
    import asyncpg  # noqa: PLC0415 - an extra that few need

    try:
        await read()
    except asyncpg.PostgresError as error:
        if not is_damage(error):
            raise
        return sentence(error)
    return None


async def damaged_tables(connection: Any) -> dict[str, str]:
    """Read everything; answer the tables that cannot be read, with what the server says of them."""
    found = {}
    for table in await tables_of(connection):
        why = await why_unreadable(connection, table)
        if why is not None:
            found[table.plain] = why
    return found


async def damaged_indexes(connection: Any) -> dict[str, str] | None:
    """Check every B-tree by amcheck; None where it is not installed, or not for us."""
    if not await connection.fetchval(_AMCHECK):
        return None
    found = {}
    for row in await connection.fetch(_INDEXES):
        why = await _why(partial(connection.fetchval, _CHECK, row["oid"]))
        if why is not None:
            found[row["name"]] = why
    return found


@dataclass(frozen=True, slots=True)
class Saved:
    """What of a damaged table could be read: COPY text, rows, and pages with losses."""

    text: bytes
    rows: int
    lost_pages: int


async def save_readable(connection: Any, table: Table) -> Saved:
    """Read a table around its damage: by stretches of pages, their halves, single rows at last."""
    parts: list[bytes] = []
    lost: set[int] = set()
    per_page = int(await connection.fetchval("SELECT current_setting('block_size')::int / 28"))
    stretches = [(low, min(low + PAGES, table.pages)) for low in range(0, table.pages, PAGES)]
    while stretches:
        low, high = stretches.pop(0)
        text = await _read(
            connection, f"{_all(table)} WHERE ctid >= '({low},0)' AND ctid < '({high},0)'"
        )
        if text is not None:
            parts.append(text)
        elif high - low > 1:
            middle = (low + high) // 2
            stretches[:0] = [(low, middle), (middle, high)]
        else:
            lost.add(low)
            parts += await _single(connection, table, low, per_page)
    text = b"".join(parts)
    return Saved(text, text.count(b"\n"), len(lost))


async def _single(connection: Any, table: Table, page: int, per_page: int) -> list[bytes]:
    """Read the rows of a page one by one; a page whose head is damaged gives none."""
    found = []
    for place in range(1, per_page + 1):
        text = await _read(connection, f"{_all(table)} WHERE ctid = '({page},{place})'")
        if text is None and place == 1 and not await _page_opens(connection, table, page):
            return []
        found.append(text or b"")
    return found


async def _page_opens(connection: Any, table: Table, page: int) -> bool:
    # The line pointer after the last one there can be: only the page itself is read for it.
    sql = f"SELECT 1 FROM ONLY {table.full} WHERE ctid = '({page},2000)'"  # noqa: S608 - quoted names
    return await _read(connection, sql) is not None


async def _read(connection: Any, sql: str) -> bytes | None:
    buffer = io.BytesIO()
    why = await _why(lambda: connection.copy_from_query(sql, output=buffer))
    return None if why is not None else buffer.getvalue()


class Readable(PostgresqlStep):
    """Tell whether every row of every table can be read."""

    def __init__(self) -> None:
        super().__init__("postgresql.readable")

    def look(self, situation: Situation) -> Found:
        return asked(situation, _look, reads=True)

    def act(self, situation: Situation) -> Found:
        return self.look(situation)

    def verify(self, situation: Situation) -> Found:
        return self.look(situation)


async def _look(connection: Any) -> Found:
    damaged = await damaged_tables(connection)
    indexes = await damaged_indexes(connection)
    failures = await connection.fetchval(
        "SELECT coalesce(checksum_failures, 0) FROM pg_stat_database "
        "WHERE datname = current_database()"
    )
    every = {**damaged, **(indexes or {})}
    values: dict[str, Scalar] = {
        "tables_damaged": len(damaged),
        "indexes_damaged": len(indexes or {}),
        "checksum_failures": int(failures or 0),
    }
    values |= {f"damaged_{n}": name for n, name in enumerate(list(every)[:TOLD], start=1)}
    unchecked = "" if indexes is not None else " (indexes not checked: amcheck is not installed)"
    if not every:
        return Found(True, f"every row of every table can be read{unchecked}", values)
    told = "; ".join(f"{name}: {why}" for name, why in list(every.items())[:TOLD])
    return Found(False, f"damaged: {told}{unchecked}"[:900], values)

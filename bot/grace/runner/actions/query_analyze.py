"""Renew the statistics that a database plans with."""

import sqlite3
from typing import Any

from grace.domain.playbooks.action import ActionSpec, TargetKind
from grace.runner.action import ActionFailed, Found, Situation
from grace.runner.actions.postgresql_target import asked, quoted
from grace.runner.actions.service_identity import identify_target, kind_of
from grace.runner.actions.service_target import nothing_to_undo, spec_of
from grace.runner.actions.sqlite_target import in_words, opened, path_of
from grace.runner.actions.sqlite_target import quoted as sqlite_quoted

# As autovacuum has it by default: 50 rows and a tenth of the table (PostgreSQL, chapter 20.10).
_STALE = """
SELECT schemaname::text AS schema, relname::text AS name FROM pg_stat_user_tables
WHERE n_mod_since_analyze > 50 + 0.1 * n_live_tup
   OR (coalesce(last_analyze, last_autoanalyze) IS NULL AND n_live_tup > 0)
ORDER BY n_live_tup DESC LIMIT 200
"""
_INDEXED = "SELECT DISTINCT tbl_name FROM sqlite_schema WHERE type = 'index' ORDER BY tbl_name"
_FACTOR = 2


class Analyze:
    """Well when no statistics are older than what they describe; done twice, it is done once."""

    spec: ActionSpec = spec_of("query.analyze")

    def identify(self, situation: Situation) -> None:
        identify_target(situation)

    def look(self, situation: Situation) -> Found:
        stale = _stale(situation)
        if not stale:
            return Found(holds=True, sentence="all statistics are fresh")
        shown = ", ".join(stale[:5])
        words = f"the statistics of {len(stale)} tables are old: {shown}"
        return Found(holds=False, sentence=words, values={"stale": len(stale)})

    def act(self, situation: Situation) -> Found:
        if kind_of(situation) is TargetKind.SQLITE:
            _analyze_sqlite(situation)
        else:
            _analyze_postgresql(situation)
        return self.verify(situation)

    def verify(self, situation: Situation) -> Found:
        return self.look(situation)

    def undo(self, situation: Situation) -> Found:
        return nothing_to_undo(situation)


def _stale(situation: Situation) -> tuple[str, ...]:
    match kind_of(situation):
        case TargetKind.SQLITE:
            return _stale_sqlite(situation)
        case TargetKind.POSTGRESQL:
            return asked(situation, _stale_postgresql, reads=True)
        case kind:
            raise ActionFailed(f"a target of kind {kind} has no statistics")


async def _stale_postgresql(connection: Any) -> tuple[str, ...]:
    rows = await connection.fetch(_STALE)
    return tuple(f"{quoted(row['schema'])}.{quoted(row['name'])}" for row in rows)


def _analyze_postgresql(situation: Situation) -> None:
    async def analyze(connection: Any) -> None:
        for table in await _stale_postgresql(connection):
            await connection.execute(f"ANALYZE {table}")

    asked(situation, analyze)


def _stale_sqlite(situation: Situation) -> tuple[str, ...]:
    """Compare the rows that sqlite_stat1 speaks of with those that are there."""
    try:
        with opened(path_of(situation), situation) as connection:
            return tuple(
                table
                for (table,) in connection.execute(_INDEXED).fetchall()
                if _off(_known(connection, table), _rows(connection, table))
            )
    except sqlite3.Error as error:
        raise in_words(error) from error


def _known(connection: sqlite3.Connection, table: str) -> int | None:
    if connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_stat1'").fetchone():
        row = connection.execute("SELECT stat FROM sqlite_stat1 WHERE tbl = ?", (table,)).fetchone()
        return int(str(row[0]).split()[0]) if row else None
    return None


def _rows(connection: sqlite3.Connection, table: str) -> int:
    query = f"SELECT count(*) FROM {sqlite_quoted(table)}"  # noqa: S608 - a name of the schema
    return int(connection.execute(query).fetchone()[0])


def _off(known: int | None, rows: int) -> bool:
    """Say whether the number is unknown, or off by more than a factor of two."""
    if known is None:
        return rows > 0
    return max(known, rows) > _FACTOR * max(min(known, rows), 1)


def _analyze_sqlite(situation: Situation) -> None:
    try:
        with opened(path_of(situation), situation, mode="rw", busy_seconds=5) as connection:
            connection.execute("ANALYZE")
    except sqlite3.Error as error:
        raise in_words(error) from error

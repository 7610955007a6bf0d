"""Index advice for PostgreSQL: from its real plans, proven on a temporary sample of the table.

The statement is planned, never run. A sample of the table under the same name hides the real one
for this connection; the index is made there, the planner is asked again, and all is taken back. The
real table is only read, and nobody waits for it.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from grace.runner.action import ActionFailed, Situation
from grace.runner.actions.postgresql_target import asked, quoted
from grace.runner.actions.query_statements import Advice, candidates, reads, statements_of
from grace.runner.actions.service_target import number

_SAMPLE_ROWS = 100_000
_SELECTIVE = 0.2
_SLOWEST = """
SELECT query FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid
WHERE d.datname = current_database() AND calls > 1
ORDER BY mean_exec_time DESC LIMIT 20
"""
_TABLE = """
SELECT c.reltuples::float8 AS rows,
       (SELECT array_agg(a.attname::text ORDER BY a.attnum) FROM pg_attribute a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind = 'r'
"""


@dataclass(frozen=True, slots=True)
class _Scan:
    """A table that a plan reads from end to end, and the condition that most of it fails."""

    schema: str
    table: str
    condition: str
    rows: float


def advise_postgresql(situation: Situation) -> Advice | None:
    """Find the index that makes a slow statement cheapest; None where none gains enough."""

    async def find(connection: Any) -> Advice | None:
        statements = statements_of(situation) or await _slowest(connection)
        found = [
            advice
            for statement in statements
            if (advice := await _best(situation, connection, statement)) is not None
        ]
        return max(found, key=lambda each: each.gain, default=None)

    return asked(situation, find)


async def _slowest(connection: Any) -> tuple[str, ...]:
    if not await connection.fetchval("SELECT to_regclass('pg_stat_statements') IS NOT NULL"):
        raise ActionFailed(
            "there are no statements to look at: set `statements` for the target, or install "
            "pg_stat_statements in the database"
        )
    return tuple(
        str(row["query"]) for row in await connection.fetch(_SLOWEST) if reads(row["query"])
    )


async def _best(situation: Situation, connection: Any, statement: str) -> Advice | None:
    least_rows, least_gain = number(situation, "min_rows"), number(situation, "min_gain")
    plan = await _plan(connection, statement)
    found: list[Advice] = []
    for scan in _scans(plan):
        row = await connection.fetchrow(_TABLE, scan.schema, scan.table)
        if row is None or row["rows"] < least_rows or scan.rows > _SELECTIVE * row["rows"]:
            continue
        found += await _sampled(connection, statement, scan, row)
    gaining = [each for each in found if each.gain >= least_gain]
    return min(gaining, key=lambda each: (each.after, len(each.columns)), default=None)


async def _plan(connection: Any, statement: str) -> Mapping[str, Any]:
    """Ask for the plan; a statement with placeholders is planned for any values."""
    places = [int(n) for n in re.findall(r"\$(\d+)", statement)]
    explained = statement
    if places:
        await connection.execute("SET plan_cache_mode = force_generic_plan")
        await connection.fetch(f"PREPARE grace_advice AS {statement}")
        explained = f"EXECUTE grace_advice({', '.join(['NULL'] * max(places))})"
    try:
        answer = await connection.fetchval(f"EXPLAIN (VERBOSE, FORMAT JSON) {explained}")
    finally:
        if places:
            await connection.execute("DEALLOCATE grace_advice; RESET plan_cache_mode")
    plan = json.loads(answer)[0]["Plan"]
    return dict(plan)


def _scans(node: Mapping[str, Any]) -> Iterator[_Scan]:
    if node.get("Node Type") == "Seq Scan" and "Filter" in node:
        yield _Scan(
            str(node.get("Schema", "public")),
            str(node["Relation Name"]),
            str(node["Filter"]),
            float(node.get("Plan Rows", 0)),
        )
    for child in node.get("Plans", []):
        yield from _scans(child)


async def _sampled(
    connection: Any, statement: str, scan: _Scan, row: Mapping[str, Any]
) -> list[Advice]:
    """Try the candidates on a sample; the transaction is always rolled back."""
    name, real = quoted(scan.table), f"{quoted(scan.schema)}.{quoted(scan.table)}"
    percent = min(100.0, 100.0 * _SAMPLE_ROWS / max(row["rows"], 1.0))
    transaction = connection.transaction()
    await transaction.start()
    try:
        await connection.execute(
            f"CREATE TEMPORARY TABLE {name} (LIKE {real} INCLUDING INDEXES) ON COMMIT DROP"
        )
        await connection.execute(
            f"INSERT INTO pg_temp.{name} SELECT * FROM {real} TABLESAMPLE SYSTEM ({percent})"  # noqa: S608 - names of the catalogue, quoted
        )
        await connection.execute(f"ANALYZE pg_temp.{name}")
        hidden = _unqualified(statement, scan)
        before = float((await _plan(connection, hidden))["Total Cost"])
        found: list[Advice] = []
        for columns in candidates(scan.condition, row["columns"]):
            named = ", ".join(quoted(column) for column in columns)
            await connection.execute(f"CREATE INDEX grace_advice ON pg_temp.{name} ({named})")
            after = float((await _plan(connection, hidden))["Total Cost"])
            await connection.execute("DROP INDEX pg_temp.grace_advice")
            table = f"{scan.schema}.{scan.table}"
            found.append(Advice(table, columns, statement, before, after, "planner's cost"))
        return found
    finally:
        await transaction.rollback()


def _unqualified(statement: str, scan: _Scan) -> str:
    """Leave out the schema, so that the temporary table is found first."""
    schema, table = re.escape(scan.schema), re.escape(scan.table)
    return re.sub(
        rf'(?<![\w"])"?{schema}"?\s*\.\s*("?{table}"?)(?!\w)', r"\1", statement, flags=re.IGNORECASE
    )

"""Index advice for SQLite: guessed from its plans, proven on a copy of the database.

What a statement costs is how many instructions SQLite's virtual machine needs for it, as its
progress handler counts them: the same each time, whatever else the machine does.
"""

import contextlib
import re
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from grace.runner.action import ActionFailed, Situation
from grace.runner.actions.query_statements import Advice, candidates, statements_of
from grace.runner.actions.service_target import number, remaining
from grace.runner.actions.sqlite_target import in_words, opened, path_of, quoted

_SCAN = re.compile(r"SCAN (?:TABLE )?(\S+)(?! .*USING)")
_TICK = 100
_MOST_SECONDS = 600.0


def advise_sqlite(situation: Situation) -> Advice | None:
    """Find the index that makes a configured statement cheapest; None where none gains enough."""
    try:
        with opened(path_of(situation), situation) as source, _copy(situation, source) as copy:
            found = [
                advice
                for statement in statements_of(situation)
                if (advice := _best(situation, copy, statement)) is not None
            ]
    except sqlite3.Error as error:
        raise in_words(error) from error
    return max(found, key=lambda each: each.gain, default=None)


@contextlib.contextmanager
def _copy(situation: Situation, source: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Copy the database into the run's folder for as long as it is needed."""
    path = situation.folder / "advice.copy.db"
    pages, size = (source.execute(f"PRAGMA {p}").fetchone()[0] for p in ("page_count", "page_size"))
    if shutil.disk_usage(situation.folder).free < 2 * pages * size:
        raise ActionFailed("there is no room for a copy of the database: make room first")
    _remove(path)
    copy = sqlite3.connect(path)
    try:
        source.backup(copy, pages=1000, progress=lambda *_: _in_time(situation))
        yield copy
    finally:
        copy.close()
        _remove(path)


def _in_time(situation: Situation) -> None:
    remaining(situation)


def _remove(path: Path) -> None:
    for end in ("", "-journal", "-wal", "-shm"):
        path.with_name(path.name + end).unlink(missing_ok=True)


def _best(situation: Situation, copy: sqlite3.Connection, statement: str) -> Advice | None:
    least_rows, least_gain = number(situation, "min_rows"), number(situation, "min_gain")
    found: list[Advice] = []
    before = None
    for table in _scanned(copy, statement):
        if copy.execute(f"SELECT count(*) FROM {quoted(table)}").fetchone()[0] < least_rows:  # noqa: S608 - a name of the schema, quoted
            continue
        before = _cost(situation, copy, statement) if before is None else before
        columns = [str(row[1]) for row in copy.execute(f"PRAGMA table_info({quoted(table)})")]
        for chosen in candidates(_conditions(statement), columns):
            after = _with_index(situation, copy, table, chosen, statement)
            found.append(Advice(table, chosen, statement, before, after, "instructions"))
    gaining = [each for each in found if each.gain >= least_gain]
    return min(gaining, key=lambda each: (each.after, len(each.columns)), default=None)


def _scanned(copy: sqlite3.Connection, statement: str) -> tuple[str, ...]:
    """Name the tables that the plan reads from end to end without an index."""
    try:
        plan = copy.execute(f"EXPLAIN QUERY PLAN {statement}").fetchall()
    except sqlite3.Error as error:
        raise ActionFailed(
            f"a statement cannot be planned ({error}); give it with values, not with placeholders"
        ) from error
    known = {
        str(name).lower(): str(name)
        for (name,) in copy.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
    }
    names = (found[1] for row in plan if (found := _SCAN.match(str(row[3]))) is not None)
    aliases = dict(_aliases(statement, known))
    return tuple(dict.fromkeys(aliases[name.lower()] for name in names if name.lower() in aliases))


def _aliases(statement: str, known: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Find what each table is called in a statement: by its name, and by the word after it."""
    for name, table in known.items():
        yield name, table
        found = re.search(rf'\b"?{re.escape(name)}"?\s+(?:AS\s+)?(\w+)', statement, re.IGNORECASE)
        if found is not None:
            yield found[1].lower(), table


def _conditions(statement: str) -> str:
    return " ".join(re.split(r"\b(?:WHERE|ON|AND)\b", statement, flags=re.IGNORECASE)[1:])


def _with_index(
    situation: Situation,
    copy: sqlite3.Connection,
    table: str,
    columns: tuple[str, ...],
    statement: str,
) -> float:
    named = ", ".join(quoted(column) for column in columns)
    copy.execute(f"CREATE INDEX grace_advice ON {quoted(table)} ({named})")
    try:
        return _cost(situation, copy, statement)
    finally:
        copy.execute("DROP INDEX grace_advice")


def _cost(situation: Situation, copy: sqlite3.Connection, statement: str) -> float:
    """Run a statement on the copy and count its instructions, in hundreds."""
    ticks = 0

    def tick() -> bool:
        nonlocal ticks
        ticks += 1
        return ticks % 1000 == 0 and remaining(situation, _MOST_SECONDS) <= 0

    copy.set_progress_handler(tick, _TICK)
    try:
        for _ in copy.execute(statement):
            continue
    finally:
        copy.set_progress_handler(None, 0)
    return float(max(ticks, 1))

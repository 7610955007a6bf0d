"""One query of an SQLite file, read-only four times over.

The file is opened with `mode=ro`, `query_only` is on, an authorizer lets through nothing but
reading, and what runs too long is interrupted.
"""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from time import monotonic
from typing import Final
from urllib.parse import quote

from grace.adapters.metrics.sql_errors import Unanswered

_ALLOWED: Final = frozenset(
    {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
)
_STEPS: Final = 10_000  # virtual machine steps between two looks at the clock
_LARGEST_VALUE: Final = 1_000_000


def ask_sqlite(path: str, query: str, seconds: float) -> Sequence[Sequence[object]]:
    """Answer the first two rows of a query; Unanswered where there is no answer. Blocks."""
    ends = monotonic() + seconds
    try:
        with closing(
            sqlite3.connect(f"file:{quote(path)}?mode=ro", uri=True, timeout=seconds)
        ) as connection:
            connection.execute("PRAGMA query_only=ON")
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LARGEST_VALUE)
            connection.set_authorizer(_authorize)
            connection.set_progress_handler(lambda: monotonic() > ends, _STEPS)
            return connection.execute(query).fetchmany(2)
    except sqlite3.OperationalError as error:
        if monotonic() > ends:
            raise TimeoutError from error
        raise Unanswered(f"the query failed: {error}") from error
    except (sqlite3.Error, sqlite3.Warning, UnicodeError, ValueError) as error:
        raise Unanswered(f"the query failed: {error}") from error


def _authorize(action: int, *_: object) -> int:
    """Let a statement read, and call functions; `load_extension` is off as SQLite ships."""
    return sqlite3.SQLITE_OK if action in _ALLOWED else sqlite3.SQLITE_DENY

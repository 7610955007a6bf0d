"""The store's own tables of memory, read: what was folded from the ledger, and who may see it.

The tables are written by the store alone, in the transaction that ends a mission.
"""

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from grace.domain.memory.places import Place
from grace.domain.memory.question import Fields, of_index
from grace.domain.memory.recollection import MAX_RECORDS
from grace.domain.memory.remembered import Remembered
from grace.domain.mission import MissionRef
from grace.ports.memory import MemoryUnavailable

_BUSY_MS: Final = 10_000
# Whose memories may be cited; `grace.domain.memory.places.may_cite` in SQL.
CITABLE: Final = (
    "(:everywhere OR m.log = :log OR (m.host = :host AND m.installation_id = :installation"
    " AND (:private OR v.private = 0)))"
)
_PLACES: Final = (
    " FROM memory AS m LEFT JOIN visibility AS v"
    " ON v.host = m.host AND v.repository_id = m.repository_id "
)
_NEWEST: Final = " ORDER BY m.closed_at DESC, m.log, m.mission"


@dataclass(frozen=True, slots=True)
class Candidate:
    """One memory that shares a term with a question; its patch's diff is not read yet."""

    row: int
    found: Remembered
    place: Place
    fields: Fields


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Open the store for one question; nothing can be written."""
    if not path.is_file():
        raise MemoryUnavailable(f"{path} is not there: name the file of an existing store")
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.row_factory = sqlite3.Row
        try:
            connection.execute(f"PRAGMA busy_timeout={_BUSY_MS}")
            connection.execute("PRAGMA query_only=ON")
            connection.execute("BEGIN")
            yield connection
        except sqlite3.DatabaseError as error:
            raise MemoryUnavailable(f"memory in {path} cannot be read: {error}") from error


def place_of(connection: sqlite3.Connection, ref: MissionRef) -> Place:
    """Say what is known of the repository where a question is asked."""
    row = connection.execute(
        "SELECT private FROM visibility WHERE host = ? AND repository_id = ?",
        (ref.host, ref.repository_id),
    ).fetchone()
    return Place(
        host=ref.host,
        repository_id=ref.repository_id,
        installation_id=ref.installation_id,
        private=None if row is None else bool(row["private"]),
    )


def reach(asker: Place, *, everywhere: bool = False) -> dict[str, Any]:
    """Give the parameters of `CITABLE`; `everywhere`: for the operator, who cites nothing."""
    return {
        "everywhere": everywhere,
        "log": asker.log,
        "host": asker.host,
        "installation": asker.installation_id,
        "private": asker.private is True,
    }


def open_logs(connection: sqlite3.Connection, host: str) -> list[str]:
    """List the repositories of a host that are known to be public, as their logs are called."""
    rows = connection.execute(
        "SELECT host || '/' || repository_id AS log FROM visibility WHERE host = ? AND NOT private",
        (host,),
    )
    return [row["log"] for row in rows]


def read(row: sqlite3.Row) -> tuple[Remembered, Place]:
    """Read a row of `memory` with the privacy of its repository."""
    private = None if row["private"] is None else bool(row["private"])
    found = Remembered.model_validate_json(row["document"])
    place = Place(
        host=found.host,
        repository_id=found.repository_id,
        installation_id=found.installation_id,
        private=private,
    )
    return found, place


def said(connection: sqlite3.Connection, asker: Place) -> list[tuple[Remembered, Place]]:
    """Return the newest memories that may be counted for an asker, oldest first."""
    rows = connection.execute(
        # Which ones is asked first: sorting all of them would read every document.
        f"SELECT m.document, v.private {_PLACES} WHERE m.id IN (SELECT m.id {_PLACES}"
        f" WHERE {CITABLE}{_NEWEST} LIMIT :most){_NEWEST}",
        {**reach(asker), "most": MAX_RECORDS},
    ).fetchall()
    return [read(row) for row in reversed(rows)]


@dataclass(frozen=True, slots=True)
class Citable:
    """A memory that may be cited, and the newest change of its row."""

    row: int
    change: int
    found: Remembered
    place: Place


def citable(connection: sqlite3.Connection, asker: Place, by: str, most: int) -> list[Citable]:
    """Return the newest memories that may be cited for an asker, newest first; not its own."""
    rows = connection.execute(
        f"SELECT m.id, m.changed, m.document, v.private {_PLACES} WHERE {CITABLE}"
        " AND NOT m.forgotten AND NOT (m.log = :log AND m.mission = :by)"
        " ORDER BY m.closed_at DESC, m.id DESC LIMIT :most",
        {**reach(asker), "by": by, "most": most},
    )
    return [Citable(row["id"], row["changed"], *read(row)) for row in rows]


def spoiled(connection: sqlite3.Connection, log: str) -> frozenset[str]:
    """Return the digests of a repository's patches that were reverted, or did not last."""
    rows = connection.execute(
        "SELECT DISTINCT digest FROM memory WHERE log = ? AND digest IS NOT NULL AND spoiled",
        (log,),
    )
    return frozenset(row["digest"] for row in rows)


def with_diff(connection: sqlite3.Connection, found: Remembered) -> Remembered:
    """Read the diff of a memory's patch too."""
    row = connection.execute(
        "SELECT diff FROM memory WHERE log = ? AND mission = ?", (found.log, found.mission)
    ).fetchone()
    if row is None or row["diff"] is None or found.patch is None:
        return found
    patch = found.patch.model_copy(update={"diff": row["diff"]})
    return found.model_copy(update={"patch": patch})


def candidates(
    connection: sqlite3.Connection, match: str, reached: Mapping[str, Any], by: str, most: int
) -> list[Candidate]:
    """Find memories by full text, the likest by plain BM25 first; not that of the mission `by`."""
    rows = connection.execute(
        "SELECT m.id, m.document, v.private, memory_text.head, memory_text.details,"
        f" memory_text.trace {_PLACES} JOIN memory_text ON memory_text.rowid = m.id"
        f" WHERE memory_text MATCH :match AND {CITABLE}"
        " AND NOT (m.log = :log AND m.mission = :by)"
        " ORDER BY bm25(memory_text, 6.0, 1.0, 2.0), m.id LIMIT :most",
        {**reached, "match": match, "by": by, "most": most},
    )
    return [_candidate(row) for row in rows]


def _candidate(row: sqlite3.Row) -> Candidate:
    found, place = read(row)
    return Candidate(row["id"], found, place, of_index(row["head"], row["details"], row["trace"]))


@dataclass(frozen=True, slots=True)
class State:
    """How far the table has come: the store's name, its epoch, and its newest change."""

    store: str
    epoch: int
    last: int


@dataclass(frozen=True, slots=True)
class Changed:
    """A row as a copy keeps it; `texts` None: it is not to be found any more."""

    row: int
    change: int
    document: str
    texts: tuple[str, str, str] | None


def state(connection: sqlite3.Connection) -> State:
    """Say how far the table has come."""
    row = connection.execute("SELECT store, epoch, last FROM memory_state").fetchone()
    return State(row["store"], row["epoch"], row["last"])


def changes(connection: sqlite3.Connection, after: int, most: int) -> list[Changed]:
    """Return the rows that changed after a change, oldest first."""
    rows = connection.execute(
        "SELECT m.id, m.changed, m.document, m.forgotten, t.head, t.details, t.trace"
        " FROM memory AS m LEFT JOIN memory_text AS t ON t.rowid = m.id"
        " WHERE m.changed > ? ORDER BY m.changed LIMIT ?",
        (after, most),
    )
    return [
        Changed(
            row["id"],
            row["changed"],
            row["document"],
            None if row["forgotten"] else (row["head"], row["details"], row["trace"]),
        )
        for row in rows
    ]


def frequencies(connection: sqlite3.Connection, terms: Sequence[str]) -> dict[str, int]:
    """Count in how many memories each term stands."""
    rows = connection.execute(
        "SELECT term, doc FROM memory_terms WHERE term IN (SELECT value FROM json_each(?))",
        (json.dumps(list(terms)),),
    )
    return {row["term"]: row["doc"] for row in rows}


def total(connection: sqlite3.Connection) -> int:
    """Count the memories that can be found."""
    (count,) = connection.execute("SELECT count(*) FROM memory WHERE NOT forgotten").fetchone()
    return int(count)

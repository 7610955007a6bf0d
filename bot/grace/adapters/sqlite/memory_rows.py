"""What ended missions leave, folded into a table and its full text index from the ledger."""

import sqlite3
from collections.abc import Sequence
from typing import Final

from grace.adapters.sqlite.recorded import read_kinds
from grace.adapters.sqlite.values import micros
from grace.domain.memory.folding import KINDS, REMEMBERED, first, folded
from grace.domain.memory.places import Visibility
from grace.domain.memory.question import indexed
from grace.domain.memory.remembered import Lesson, Remembered
from grace.ports import Recorded

PROPOSALS: Final = 500


def remember(connection: sqlite3.Connection, said: Recorded) -> None:
    """Fold one entry; what is of no mission that memory knows changes nothing.

    An entry whose payload was redacted leaves nothing, now or when it is rebuilt.
    """
    if said.mission is None or said.payload is None:
        return
    if said.kind == REMEMBERED:
        _write(connection, said.log, first(said.payload, said.seq))
        return
    found = read(connection, said.log, said.mission)
    if found is not None:
        _write(connection, said.log, folded(found, said.kind, said.payload, said.actor))


def rebuild_memory(connection: sqlite3.Connection) -> int:
    """Fold the whole table anew from the ledger's lines; return how many missions it holds."""
    connection.execute("DELETE FROM memory")
    connection.execute("DELETE FROM memory_text")
    connection.execute("UPDATE memory_state SET epoch = epoch + 1, last = 0")
    for said in read_kinds(connection, KINDS):
        remember(connection, said)
    (count,) = connection.execute("SELECT count(*) FROM memory").fetchone()
    return int(count)


def read(connection: sqlite3.Connection, log: str, mission: str) -> Remembered | None:
    """Return what one mission left, by log and name."""
    row = connection.execute(
        "SELECT document, diff FROM memory WHERE log = ? AND mission = ?", (log, mission)
    ).fetchone()
    return None if row is None else _read(row)


def named(connection: sqlite3.Connection, mission: str) -> Remembered | None:
    """Return what the mission of this name left; names are unique in a store."""
    row = connection.execute(
        "SELECT document, diff FROM memory WHERE mission = ?", (mission,)
    ).fetchone()
    return None if row is None else _read(row)


def proposals(connection: sqlite3.Connection) -> Sequence[Remembered]:
    """Return the missions whose lesson waits for a person, oldest first."""
    rows = connection.execute(
        "SELECT document, diff FROM memory WHERE lesson = ? ORDER BY closed_at, mission LIMIT ?",
        (Lesson.PROPOSED.value, PROPOSALS),
    )
    return [_read(row) for row in rows]


def every(connection: sqlite3.Connection) -> Sequence[Remembered]:
    """Return what each mission left, without the diffs of patches, oldest first."""
    rows = connection.execute("SELECT document FROM memory ORDER BY closed_at, mission")
    return [Remembered.model_validate_json(row["document"]) for row in rows]


def see(connection: sqlite3.Connection, seen: Sequence[Visibility]) -> None:
    """Keep what a forge said of repositories; of two words of one moment the private one counts."""
    for each in seen:
        connection.execute(
            "INSERT INTO visibility (host, repository_id, private, at) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (host, repository_id) DO UPDATE"
            " SET private = excluded.private, at = excluded.at"
            " WHERE excluded.at > at OR (excluded.at = at AND excluded.private > private)",
            (each.ref.host, each.ref.repository_id, each.private, micros(each.at)),
        )


def _write(connection: sqlite3.Connection, log: str, found: Remembered) -> None:
    (changed,) = connection.execute(
        "UPDATE memory_state SET last = last + 1 RETURNING last"
    ).fetchone()
    patch = found.patch
    spoiled = patch is not None and (found.reverted or found.effective is False)
    (rowid,) = connection.execute(
        "INSERT INTO memory (log, mission, host, repository_id, installation_id, closed_at,"
        " lesson, digest, spoiled, forgotten, changed, document, diff)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (log, mission) DO UPDATE SET lesson = excluded.lesson,"
        " spoiled = excluded.spoiled, forgotten = excluded.forgotten, changed = excluded.changed,"
        " document = excluded.document RETURNING id",
        (
            log,
            found.mission,
            found.host,
            found.repository_id,
            found.installation_id,
            micros(found.closed_at),
            found.lesson.value,
            None if patch is None else patch.digest,
            spoiled,
            not found.findable,
            changed,
            _bare(found).model_dump_json(),
            None if patch is None else patch.diff,
        ),
    ).fetchone()
    connection.execute("DELETE FROM memory_text WHERE rowid = ?", (rowid,))
    if found.findable:
        connection.execute(
            "INSERT INTO memory_text (rowid, head, details, trace) VALUES (?, ?, ?, ?)",
            (rowid, *indexed(found)),
        )


def _bare(found: Remembered) -> Remembered:
    """Leave out the diff, which has a column of its own: most readers do not want it."""
    if found.patch is None:
        return found
    return found.model_copy(update={"patch": found.patch.model_copy(update={"diff": None})})


def _read(row: sqlite3.Row) -> Remembered:
    found = Remembered.model_validate_json(row["document"])
    if found.patch is None:
        return found
    patch = found.patch.model_copy(update={"diff": row["diff"]})
    return found.model_copy(update={"patch": patch})

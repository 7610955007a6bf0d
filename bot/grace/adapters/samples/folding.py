"""Folding the journal: many rounds become one chunk for each metric, and the oldest goes."""

import sqlite3
from array import array
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

from grace.adapters.samples.journal import Shapes
from grace.adapters.samples.packing import chunk_of, floats, micros, number, unpacked
from grace.adapters.samples.schema import used_bytes
from grace.domain.samples import Sample

_BATCH_BITS: Final = 32
_PIECE: Final = 5000
_VACUUM_PAGES: Final = 2000
Columns = tuple["array[float]", "array[float]"]


def fold(connection: sqlite3.Connection, shapes: Shapes) -> None:
    """Fold all rounds into chunks, those of one shape together; shapes nobody uses go."""
    for (shape,) in connection.execute("SELECT DISTINCT shape FROM rounds").fetchall():
        rows = connection.execute(
            "SELECT low, high, body FROM rounds WHERE shape = ? ORDER BY id", (shape,)
        ).fetchall()
        metrics = shapes.read(connection, shape).metrics
        columns = _columns([body for _, _, body in rows], len(metrics))
        if any(later[0] <= sooner[1] for sooner, later in pairwise(rows)):
            columns = (_in_order(*each) for each in columns)
        lowest, highest = min(row[0] for row in rows), max(row[1] for row in rows)
        batch = _begin(connection, None, lowest, highest)
        kept = 0
        for metric, (times, values) in zip(metrics, columns, strict=True):
            _put(connection, batch, metric, (times, values))
            kept += len(times)
        connection.execute("UPDATE batches SET samples = ? WHERE id = ?", (kept, batch))
    connection.execute("DELETE FROM rounds")
    connection.execute("DELETE FROM shapes WHERE id NOT IN (SELECT shape FROM rounds)")


def backfill(connection: sqlite3.Connection, metric: int, samples: Sequence[Sample]) -> None:
    """Write one metric's history as batches of its own."""
    times, values = _in_order(
        floats(micros(each.at) for each in samples), floats(number(each.value) for each in samples)
    )
    for at in range(0, len(times), _PIECE):
        piece = times[at : at + _PIECE], values[at : at + _PIECE]
        batch = _begin(connection, metric, piece[0][0], piece[0][-1])
        _put(connection, batch, metric, piece)
        connection.execute("UPDATE batches SET samples = ? WHERE id = ?", (len(piece[0]), batch))


def chunk_id(batch: int, metric: int) -> int:
    """Name a metric's chunk in a batch."""
    return (batch << _BATCH_BITS) | metric


def trim(connection: sqlite3.Connection, oldest: float, most: int) -> None:
    """Let go of what is older than a moment, and of the oldest while there is too much."""
    connection.execute("DELETE FROM rounds WHERE high < ?", (oldest,))
    for (batch,) in connection.execute(
        "SELECT id FROM batches WHERE high < ?", (oldest,)
    ).fetchall():
        _drop(connection, batch)
    while used_bytes(connection) > most:
        row = connection.execute("SELECT id FROM batches ORDER BY high LIMIT 1").fetchone()
        if row is not None:
            _drop(connection, row[0])
        elif (
            connection.execute(
                "DELETE FROM rounds WHERE id IN (SELECT id FROM rounds ORDER BY high LIMIT 8)"
            ).rowcount
            == 0
        ):
            return  # what is left are names and the states of detectors


def give_back(connection: sqlite3.Connection, most: int) -> None:
    """Give pages that nothing uses back to the disk where the file is larger than it may be.

    Not inside a transaction. `execute` would take one step of it, which is one page.
    """
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (size,) = connection.execute("PRAGMA page_size").fetchone()
    if pages * size > most:
        connection.executescript(f"PRAGMA incremental_vacuum({_VACUUM_PAGES})")


def _begin(connection: sqlite3.Connection, metric: int | None, low: float, high: float) -> int:
    (batch,) = connection.execute(
        "INSERT INTO batches (metric, low, high, samples) VALUES (?, ?, ?, 0) RETURNING id",
        (metric, low, high),
    ).fetchone()
    return int(batch)


def _put(connection: sqlite3.Connection, batch: int, metric: int, columns: Columns) -> None:
    connection.execute(
        "INSERT INTO chunks (id, body) VALUES (?, ?)",
        (chunk_id(batch, metric), chunk_of(*columns)),
    )


def _drop(connection: sqlite3.Connection, batch: int) -> None:
    first, last = chunk_id(batch, 0), chunk_id(batch + 1, 0) - 1
    connection.execute("DELETE FROM chunks WHERE id BETWEEN ? AND ?", (first, last))
    connection.execute("DELETE FROM batches WHERE id = ?", (batch,))


def _columns(bodies: Sequence[bytes], count: int) -> Iterator[Columns]:
    """Turn rounds of `count` metrics into each metric's times and values."""
    whole = unpacked(b"".join(bodies))
    step = 2 * count
    for place in range(count):
        yield whole[count + place :: step], whole[place::step]


def _in_order(times: "array[float]", values: "array[float]") -> Columns:
    """Order a metric's samples by time; of two of the same moment the first is kept."""
    known: dict[float, float] = {}
    for at, value in zip(times, values, strict=True):
        known.setdefault(at, value)
    ordered = sorted(known)
    return floats(ordered), floats(known[at] for at in ordered)

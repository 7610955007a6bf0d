"""Reading kept samples: chunks and journal together, each moment once, the first kept."""

import sqlite3
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from grace.adapters.samples.folding import chunk_id
from grace.adapters.samples.journal import Names, Shapes, samples_of
from grace.adapters.samples.packing import read_chunk
from grace.adapters.samples.schema import used_bytes
from grace.domain.samples import Sample
from grace.ports import SampleFigures

_EVER: Final = (-1e18, 1e18)


@dataclass(frozen=True, slots=True)
class View:
    """What one reading connection knows of names and shapes."""

    names: Names
    shapes: Shapes


@dataclass(frozen=True, slots=True)
class Span:
    """Samples with start <= at < end, the newest `limit` of them."""

    start: float
    end: float
    limit: int


def between(connection: sqlite3.Connection, view: View, metric_id: str, span: Span) -> list[Sample]:
    """Return a metric's samples, oldest first; the newest batches are read first."""
    metric = view.names.find(connection, metric_id)
    if metric is None:
        return []
    start, end = span.start, span.end
    known: dict[float, Sample] = {}
    for each in samples_of(connection, view.shapes, metric, (start, end)):
        known.setdefault(each.at, each)
    batches = connection.execute(
        "SELECT id, high FROM batches WHERE high >= ? AND low < ? AND metric IS NULL UNION ALL"
        " SELECT id, high FROM batches WHERE high >= ? AND low < ? AND metric = ?"
        " ORDER BY high DESC, id DESC",
        (start, end, start, end, metric),
    ).fetchall()
    for batch, high in batches:
        if len(known) >= span.limit and high < min(known):
            break
        # What was kept first is mostly read last, and stays.
        chunk = _chunk(connection, batch, metric)
        known |= {each.at: each for each in chunk if start <= each.at < end}
    return [known[at] for at in sorted(known)[-span.limit :]]


def newest(connection: sqlite3.Connection, view: View, metric_id: str) -> Sample | None:
    """Return a metric's newest sample that has a value."""
    metric = view.names.find(connection, metric_id)
    if metric is None:
        return None
    best = _newest(samples_of(connection, view.shapes, metric, _EVER))
    batches = connection.execute(
        "SELECT id, high FROM batches WHERE metric IS NULL OR metric = ? ORDER BY high DESC",
        (metric,),
    )
    for batch, high in batches:
        if best is not None and high <= best.at:
            break
        found = _newest(_chunk(connection, batch, metric))
        if found is not None and (best is None or found.at > best.at):
            best = found
    return best


def figures(connection: sqlite3.Connection, failure: str | None) -> SampleFigures:
    """Count what is kept; `failure`: of the newest write."""
    (metrics,) = connection.execute("SELECT count(*) FROM metrics").fetchone()
    samples, oldest = connection.execute(
        "SELECT coalesce(sum(samples), 0), min(low) FROM"
        " (SELECT samples, low FROM rounds UNION ALL SELECT samples, low FROM batches)"
    ).fetchone()
    return SampleFigures(metrics, samples, used_bytes(connection), oldest, failure)


def _newest(samples: Iterable[Sample]) -> Sample | None:
    valued = (each for each in samples if each.value is not None)
    return max(valued, key=lambda each: each.at, default=None)


def _chunk(connection: sqlite3.Connection, batch: int, metric: int) -> Sequence[Sample]:
    """Read one chunk; one that is damaged is no samples, which is never a pass."""
    sql = "SELECT body FROM chunks WHERE id = ?"
    row = connection.execute(sql, (chunk_id(batch, metric),)).fetchone()
    if row is None:
        return ()
    try:
        return read_chunk(row[0])
    except (zlib.error, ValueError) as error:
        log = structlog.get_logger(__name__)
        log.warning("samples damaged", batch=batch, metric=metric, reason=str(error))
        return ()

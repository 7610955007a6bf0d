"""The journal: a round of samples is one row, whatever number of metrics it has."""

import sqlite3
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from grace.adapters.samples.packing import WIDTH, floats, micros, number, packed, sample, unpacked
from grace.domain.package import MetricObservation
from grace.domain.samples import Sample

_REMEMBERED: Final = 64


@dataclass(frozen=True, slots=True)
class Shape:
    """Which metrics rounds hold, in order, and where each stands."""

    id: int
    metrics: Sequence[int]
    places: Mapping[int, int]


class Names:
    """Metrics' numbers by their names, for one connection."""

    def __init__(self) -> None:
        self._known: dict[str, int] = {}

    def find(self, connection: sqlite3.Connection, name: str) -> int | None:
        """Return a metric's number; None: it was never kept."""
        if name not in self._known:
            row = connection.execute("SELECT id FROM metrics WHERE name = ?", (name,)).fetchone()
            if row is None:
                return None
            self._known[name] = row[0]
        return self._known[name]

    def number(self, connection: sqlite3.Connection, name: str) -> int:
        """Return a metric's number; a new one gets the next."""
        found = self.find(connection, name)
        if found is not None:
            return found
        (number_,) = connection.execute(
            "INSERT INTO metrics (name) VALUES (?) RETURNING id", (name,)
        ).fetchone()
        return int(number_)


class Shapes:
    """Shapes as a connection last read them."""

    def __init__(self) -> None:
        self._known: dict[int, Shape] = {}

    def read(self, connection: sqlite3.Connection, shape: int) -> Shape:
        if shape not in self._known:
            (body,) = connection.execute(
                "SELECT metrics FROM shapes WHERE id = ?", (shape,)
            ).fetchone()
            metrics = array("I", body)
            places = {metric: place for place, metric in enumerate(metrics)}
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[shape] = Shape(shape, metrics, places)
        return self._known[shape]


def rounds_of(observations: Iterable[MetricObservation]) -> Sequence[Sequence[MetricObservation]]:
    """Split observations so that each round has a metric once."""
    rounds: list[dict[str, MetricObservation]] = [{}]
    for each in observations:
        place = next((r for r in rounds if each.metric_id not in r), None)
        if place is None:
            rounds.append(place := {})
        place[each.metric_id] = each
    return [list(each.values()) for each in rounds if each]


def append(
    connection: sqlite3.Connection, observations: Sequence[MetricObservation], names: Names
) -> int:
    """Write one round; return how many samples it has."""
    metrics = array("I", (names.number(connection, each.metric_id) for each in observations))
    times = floats(micros(each.at.timestamp()) for each in observations)
    values = floats(number(each.value) for each in observations)
    connection.execute(
        "INSERT INTO rounds (shape, low, high, samples, body) VALUES (?, ?, ?, ?, ?)",
        (
            _shape(connection, metrics.tobytes()),
            min(times),
            max(times),
            len(times),
            packed(values) + packed(times),
        ),
    )
    return len(times)


def _shape(connection: sqlite3.Connection, metrics: bytes) -> int:
    row = connection.execute("SELECT id FROM shapes WHERE metrics = ?", (metrics,)).fetchone()
    if row is None:
        row = connection.execute(
            "INSERT INTO shapes (metrics) VALUES (?) RETURNING id", (metrics,)
        ).fetchone()
    return int(row[0])


def samples_of(
    connection: sqlite3.Connection, shapes: Shapes, metric: int, span: tuple[float, float]
) -> Sequence[Sample]:
    """Return a metric's samples in the journal, in the order in which they came."""
    start, end = span
    rows = connection.execute(
        "SELECT id, shape, samples FROM rounds WHERE low < ? AND high >= ? ORDER BY id",
        (end, start),
    ).fetchall()
    found = []
    for row, shape, count in rows:
        place = shapes.read(connection, shape).places.get(metric)
        if place is None:
            continue
        value, at = connection.execute(
            "SELECT substr(body, ?, ?), substr(body, ?, ?) FROM rounds WHERE id = ?",
            (place * WIDTH + 1, WIDTH, (count + place) * WIDTH + 1, WIDTH, row),
        ).fetchone()
        found.append(sample(unpacked(at)[0], unpacked(value)[0]))
    return [each for each in found if start <= each.at < end]

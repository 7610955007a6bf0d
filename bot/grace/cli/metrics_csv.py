"""Read a CSV of metrics: the first column is the time, each other one a metric."""

import csv
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TextIO

from grace.domain.samples import Sample

MAX_COLUMNS: Final = 200
LATEST: Final = 4e9  # the year 2096; what is later are milliseconds
_NOT_A_NAME: Final = re.compile(r"[^a-z0-9_]+")


class CsvError(Exception):
    """The file cannot be read; the message names file, line and column, and says the way out."""


@dataclass(frozen=True, slots=True)
class Column:
    """One metric: as its header calls it, as the catalog would, and its samples by time.

    A sample without a value is a gap.
    """

    title: str
    metric_id: str
    samples: Sequence[Sample]


def read_csv(path: Path) -> Sequence[Column]:
    """Read a file; raises `CsvError` at the first thing that is wrong with it."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            return _columns(path.name, stream)
    except OSError as error:
        raise CsvError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise CsvError(f"{path} is not UTF-8 text; save it as UTF-8") from error
    except csv.Error as error:
        raise CsvError(f"{path} is no CSV: {error}") from error


def _columns(name: str, stream: TextIO) -> Sequence[Column]:
    rows = csv.reader(stream)
    titles = [title.strip() for title in next(rows, [])]
    _check_header(name, titles)
    found: list[list[Sample]] = [[] for _ in titles[1:]]
    before: float | None = None
    for row in rows:
        if not row:
            continue
        where = f"{name}:{rows.line_num}"
        if len(row) != len(titles):
            raise CsvError(
                f"{where}: has {len(row)} columns where the header has {len(titles)}; "
                "write an empty cell for a gap"
            )
        at = time_of(f"{where}: {titles[0]}", row[0].strip())
        if before is not None and at < before:
            raise CsvError(f"{where}: {titles[0]}: is earlier than the row before; sort the file")
        before = at
        for title, cell, samples in zip(titles[1:], row[1:], found, strict=True):
            samples.append(Sample(at, _value(f"{where}: {title}", cell.strip())))
    if before is None:
        raise CsvError(f"{name}: has no rows below its header; add samples")
    names = _ids(titles[1:])
    return [Column(t, n, s) for t, n, s in zip(titles[1:], names, found, strict=True)]


def _check_header(name: str, titles: Sequence[str]) -> None:
    if not titles:
        raise CsvError(f"{name}: is empty; the first line has to name the columns")
    if len(titles) == 1 or len(titles) > MAX_COLUMNS:
        raise CsvError(
            f"{name}:1: has {len(titles)} columns; the first is the time, each other one a metric, "
            f"and there may be {MAX_COLUMNS}"
        )
    if any(_is_number(title) for title in titles):
        raise CsvError(f"{name}:1: has numbers where names should be; add a header line")
    for i, title in enumerate(titles, 1):
        if not title or title in titles[: i - 1]:
            told = "is given twice" if title else "has no name"
            raise CsvError(f"{name}:1: column {i} {told}; give each its own")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def time_of(where: str, text: str) -> float:
    """Read seconds since the Unix epoch, or a time by ISO 8601, in UTC where it names no zone."""
    if _is_number(text):
        at = float(text)
        if not 0 <= at <= LATEST:
            raise CsvError(f"{where}: {text[:40]!r} are no seconds since 1970; give seconds")
        return at
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise CsvError(
            f"{where}: {text[:40]!r} is no time; write 2026-11-22T12:00:00Z, or seconds since 1970"
        ) from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _value(where: str, text: str) -> float | None:
    if not text:
        return None
    if not _is_number(text):
        raise CsvError(f"{where}: {text[:40]!r} is no number; leave the cell empty for a gap")
    value = float(text)
    if not math.isfinite(value):
        raise CsvError(f"{where}: {text[:40]} is no finite number; leave the cell empty for a gap")
    return value


def _ids(titles: Sequence[str]) -> Iterator[str]:
    """Make a name of the catalog's kind for each column."""
    seen: set[str] = set()
    for title in titles:
        words = (_NOT_A_NAME.sub("_", part).strip("_") for part in title.lower().split("."))
        name = ".".join(word for word in words if word) or "metric"
        name = name if name[0].isalpha() else f"m_{name}"
        while name in seen:
            name += "_"
        seen.add(name)
        yield name

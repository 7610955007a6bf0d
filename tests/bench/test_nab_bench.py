"""The detector `unusual` on the Numenta Anomaly Benchmark, beside two that everybody has.

`NAB_DIR` is the path of a clone of https://github.com/numenta/NAB; nothing of it is stored here.
The files whose path below data/ has an odd SHA-1 are those that the detector was made with;
`NAB_PARITY=even` scores the others, which have no bound here.
"""

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import process_time

import pytest
from rich.console import Console
from rich.table import Table

from grace.domain.detection.anomaly import Score
from grace.domain.detection.unusual import ALARM, Unusual
from grace.domain.detection.unusual_alarms import Alarms
from support.baselines import ewma_scores, static_scores, thresholds
from support.nab import PROFILES, STANDARD, NabFile, Outcome, Profile, outcome, read_nab, total

pytestmark = pytest.mark.bench

LEAST_SCORE, MOST_MICROSECONDS = 65.0, 20.0
Scores = Sequence[Sequence[float]]


@dataclass(frozen=True, slots=True)
class Entry:
    """A detector's scores of all points of all files, by file, and its one threshold."""

    name: str
    scores: Scores
    threshold: float
    microseconds: float


def test_unusual_scores_on_nab_beside_a_threshold_and_ewma(
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = os.environ.get("NAB_DIR")
    if not folder:
        pytest.skip("set NAB_DIR to a clone: git clone https://github.com/numenta/NAB")
    odd = os.environ.get("NAB_PARITY", "odd") != "even"
    files = read_nab(Path(folder), odd=odd)
    unusual = _unusual(files)
    entries = [
        unusual,
        _baseline("static, mean + 3 sd", files, static_scores, 3.0),
        _baseline("static, best threshold", files, static_scores),
        _baseline("EWMA, best threshold", files, ewma_scores),
    ]
    with capsys.disabled():
        _print(files, entries, odd=odd)
    assert unusual.microseconds < MOST_MICROSECONDS
    if odd:
        assert _total(files, unusual, STANDARD) >= LEAST_SCORE
        assert all(
            _total(files, unusual, STANDARD) > _total(files, other, STANDARD)
            for other in entries[1:]
        )


def _unusual(files: Sequence[NabFile]) -> Entry:
    scores, started = [], process_time()
    for file in files:
        observe = Unusual().observe
        scores.append(
            [observe(at, value) for at, value in zip(file.times, file.values, strict=True)]
        )
    spent = process_time() - started
    surprises = [[score.surprise for score in found] for found in scores]
    return Entry("unusual", surprises, ALARM, _each(files, spent))


def _baseline(
    name: str,
    files: Sequence[NabFile],
    score: Callable[[NabFile], list[float]],
    threshold: float | None = None,
) -> Entry:
    """Score by a baseline; without a threshold it gets the one that suits it best here."""
    started = process_time()
    scores = [score(file) for file in files]
    spent = process_time() - started
    if threshold is None:
        threshold = _best(files, scores)
    return Entry(name, scores, threshold, _each(files, spent))


def _each(files: Sequence[NabFile], seconds: float) -> float:
    return seconds * 1e6 / sum(len(file.times) for file in files)


def _detections(file: NabFile, scores: Sequence[float], threshold: float) -> list[int]:
    """Group what is over the threshold as the product does, and take each alarm's first point."""
    alarms, found, last = Alarms(threshold), [], -math.inf
    for index, (at, score) in enumerate(zip(file.times, scores, strict=True)):
        episode = alarms.observe(at, Score(score, None, at)) if at > last else None
        if episode is not None and episode.ended is None:
            found.append(index)
        last = at
    return found


def _outcomes(
    files: Sequence[NabFile], scores: Scores, threshold: float, profile: Profile = STANDARD
) -> list[Outcome]:
    return [
        outcome(file, _detections(file, found, threshold), profile)
        for file, found in zip(files, scores, strict=True)
    ]


def _total(files: Sequence[NabFile], entry: Entry, profile: Profile) -> float:
    return total(_outcomes(files, entry.scores, entry.threshold, profile), profile)


def _best(files: Sequence[NabFile], scores: Scores) -> float:
    return max(
        thresholds(scores),
        key=lambda threshold: total(_outcomes(files, scores, threshold)),
    )


def _print(files: Sequence[NabFile], entries: Sequence[Entry], *, odd: bool) -> None:
    points = sum(len(file.times) - file.probation for file in files)
    table = Table(
        title=f"NAB, {'odd' if odd else 'even'} half: {len(files)} files, {points:,} points"
    )
    for column in ("detector", "threshold", *(profile.name for profile in PROFILES)):
        table.add_column(column)
    for column in ("windows hit", "false missions per 1,000", "µs a point"):
        table.add_column(column)
    for entry in entries:
        found = _outcomes(files, entry.scores, entry.threshold)
        hit, windows = sum(each.hit for each in found), sum(each.windows for each in found)
        table.add_row(
            entry.name,
            f"{entry.threshold:.3g}",
            *(f"{_total(files, entry, profile):.1f}" for profile in PROFILES),
            f"{hit} of {windows} ({hit / windows:.0%})",
            f"{1000 * sum(each.false for each in found) / points:.2f}",
            f"{entry.microseconds:.1f}",
        )
    Console(width=140).print(table)

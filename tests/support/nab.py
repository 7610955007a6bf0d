"""The Numenta Anomaly Benchmark: its files, and its published rules of scoring.

The rules are those of "Evaluating Real-time Anomaly Detection Algorithms" (Lavin and Ahmad, 2015):
every labelled window counts once, by its earliest detection and the more the earlier; every
detection outside costs, the less the shorter after a window; a missed window costs in full. The
first 15 % of a file, 750 points at most, count for nothing.
"""

import csv
import hashlib
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

PROBATION, PROBATION_OF = 0.15, 5000
FAR = 3.0
STEEP = 5.0


@dataclass(frozen=True, slots=True)
class Profile:
    """What a detection in a window, one outside, and a missed window weigh."""

    name: str
    hit: float
    false: float
    missed: float


STANDARD = Profile("standard", 1.0, 0.11, 1.0)
PROFILES = (
    STANDARD,
    Profile("reward low FP", 1.0, 0.22, 1.0),
    Profile("reward low FN", 1.0, 0.11, 2.0),
)


@dataclass(frozen=True)
class NabFile:
    """One file: its path below data/, its points in order, its windows (first, last index)."""

    path: str
    times: tuple[float, ...]
    values: tuple[float, ...]
    windows: tuple[tuple[int, int], ...]

    @cached_property
    def probation(self) -> int:
        """How many points at its beginning count for nothing."""
        return math.ceil(min(math.floor(PROBATION * len(self.times)), PROBATION * PROBATION_OF))

    @cached_property
    def counted(self) -> tuple[tuple[int, int], ...]:
        """Its windows of which at least one point counts."""
        return tuple(window for window in self.windows if window[1] >= self.probation)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What detections were worth: the raw score, windows hit, and detections outside."""

    raw: float
    hit: int
    windows: int
    false: int


def sigmoid_score(position: float) -> float:
    """Weigh a place relative to a window: -1 its left edge, 0 its right, above 0 behind it."""
    return -1.0 if position > FAR else 2.0 / (1.0 + math.exp(STEEP * position)) - 1.0


def outcome(file: NabFile, detections: Iterable[int], profile: Profile = STANDARD) -> Outcome:
    """Score the detections (indices of points) in one file."""
    best = dict.fromkeys(file.counted, -profile.missed)
    raw, false = 0.0, 0
    for index in sorted(set(detections)):
        if index < file.probation:
            continue
        window = next((w for w in file.windows if w[0] <= index <= w[1]), None)
        if window is not None:
            position = -(window[1] - index + 1) / (window[1] - window[0] + 1)
            worth = profile.hit * sigmoid_score(position) / sigmoid_score(-1.0)
            best[window] = max(best[window], worth)
            continue
        false += 1
        before = [w for w in file.windows if w[1] < index]
        if before:
            first, last = before[-1]
            raw += profile.false * sigmoid_score((index - last) / (last - first))
        else:
            raw -= profile.false
    raw += sum(best.values())
    hit = sum(worth > -profile.missed for worth in best.values())
    return Outcome(raw, hit, len(best), false)


def total(outcomes: Sequence[Outcome], profile: Profile = STANDARD) -> float:
    """Put files together: 0 for a detector that never speaks, 100 for a perfect one."""
    windows = sum(each.windows for each in outcomes)
    nothing, perfect = -profile.missed * windows, profile.hit * windows
    return 100.0 * (sum(each.raw for each in outcomes) - nothing) / (perfect - nothing)


def is_odd(path: str) -> bool:
    """Say whether a file, by its path below data/, is of the half that detectors are made with."""
    return int(hashlib.sha1(path.encode(), usedforsecurity=False).hexdigest(), 16) % 2 == 1


def read_nab(clone: Path, *, odd: bool = True) -> list[NabFile]:
    """Read one half of the benchmark from a clone of it, sorted by path."""
    labels = json.loads((clone / "labels" / "combined_windows.json").read_text())
    paths = sorted(path for path in labels if is_odd(path) is odd)
    return [_read(clone / "data" / path, path, labels[path]) for path in paths]


def _read(file: Path, path: str, labels: list[list[str]]) -> NabFile:
    with file.open(newline="") as rows:
        pairs = [(_seconds(row["timestamp"]), float(row["value"])) for row in csv.DictReader(rows)]
    times = tuple(at for at, _ in pairs)
    windows = ((times.index(_seconds(a)), times.index(_seconds(b))) for a, b in labels)
    return NabFile(path, times, tuple(value for _, value in pairs), tuple(windows))


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()

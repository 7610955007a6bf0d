"""Two detectors that everybody has, to compare with: a static threshold, and EWMA."""

import math
from collections.abc import Sequence

from support.nab import NabFile

SMOOTHING = 0.1


def static_scores(file: NabFile) -> list[float]:
    """Score by distance from the mean of the probationary points, in their deviations."""
    first = file.values[: file.probation]
    mean = math.fsum(first) / len(first)
    deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in first) / len(first))
    return [_in_deviations(value - mean, deviation) for value in file.values]


def ewma_scores(file: NabFile) -> list[float]:
    """Score by distance from the exponentially weighted mean, in weighted deviations."""
    mean, variance, scores = file.values[0], 0.0, []
    for value in file.values:
        off = value - mean
        scores.append(_in_deviations(off, math.sqrt(variance)))
        mean += SMOOTHING * off
        variance = (1.0 - SMOOTHING) * (variance + SMOOTHING * off * off)
    return scores


def _in_deviations(off: float, deviation: float) -> float:
    if off == 0.0:
        return 0.0
    return abs(off) / deviation if deviation else math.inf


def thresholds(scores: Sequence[Sequence[float]], count: int = 40) -> list[float]:
    """Choose thresholds to try: from one point in ten to one in fifty thousand of all."""
    every = sorted((score for file in scores for score in file), reverse=True)
    shares = (10.0 ** -(1.0 + 3.7 * step / (count - 1)) for step in range(count))
    return sorted({every[int(len(every) * share)] for share in shares} - {0.0, math.inf})

"""Metrics to watch, and samples of them every 15 seconds."""

import random
from collections.abc import Iterable, Iterator
from typing import Any

from grace.domain.catalog import MetricDefinition, PrometheusText, Watching
from grace.domain.detection.watch import Turn, Watch
from grace.domain.package import Comparator
from grace.domain.phase import Severity
from grace.domain.samples import Sample

EVERY_S = 15.0
START = 1_764_000_000.0  # Monday, 2025-11-24 16:00 UTC


def definition(
    comparator: Comparator = "<",
    target: float = 100.0,
    *,
    url: str = "http://127.0.0.1:8080/metrics",
    severity: Severity = Severity.MEDIUM,
    **watch: Any,
) -> MetricDefinition:
    return MetricDefinition(
        target=target,
        comparator=comparator,
        unit="ms",
        severity=severity,
        source=PrometheusText(url=url, series="s"),
        watch=Watching(**({"subsystem": "mesh"} | watch)),
    )


def calm(points: int, *, level: float = 30.0, seed: int = 1) -> Iterator[float]:
    dice = random.Random(seed)
    return (level + dice.gauss(0, 1) for _ in range(points))


def series(values: Iterable[float | None], start: float = START) -> list[Sample]:
    return [Sample(start + EVERY_S * i, value) for i, value in enumerate(values)]


def feed(watch: Watch, values: Iterable[float | None]) -> list[Turn]:
    """Let a watch see values, the first of them one interval after its newest sample."""
    start = watch.last + EVERY_S if watch.last else START
    return [watch.observe(at, value) for at, value in series(values, start)]

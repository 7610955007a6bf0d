"""The drills by a simulated clock: models of the demo's five faults, watched every 15 seconds.

The service's page shows p95 and error rate over its last five seconds, and what it holds right now.
"""

import math
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from grace.domain.catalog import MetricDefinition, Watching
from grace.domain.detection.anomaly import DetectorName
from grace.domain.detection.moving import Begun, gather, member_of
from grace.domain.detection.watch import Turn, Watch
from grace.domain.package import Comparator
from grace.domain.phase import Severity

EVERY_S = 15.0
WARM_UP_S = 150 * EVERY_S
BOUND_S = 60.0
START = 1_760_000_000.0
PAGE_S = 5.0
RATE = 40.0

Model = Callable[[float, random.Random], float]


def definition(comparator: Comparator, target: float) -> MetricDefinition:
    return MetricDefinition(
        target=target,
        comparator=comparator,
        unit="",
        severity=Severity.LOW,
        watch=Watching(subsystem="mesh"),
    )


METRICS = {
    "latency": definition("<", 100),
    "errors": definition("<", 5),
    "in_flight": definition("<", 30),
    "memory": definition("<", 80),
    "up": definition(">=", 1),
}


def healthy(metric: str, dice: random.Random, at: float) -> float:
    """Draw a sample of a service that is well, under bursts, slow clients and pauses."""
    burst = dice.random() < 0.15
    match metric:
        case "latency":
            return dice.lognormvariate(math.log(6), 0.4) + (dice.uniform(10, 70) if burst else 0)
        case "errors":
            return dice.choice([0.0] * 19 + [dice.uniform(0, 2)])
        case "in_flight":
            return float(dice.randrange(3) + (dice.randrange(12) if burst else 0))
        case "memory":
            return 26 + 3 * math.sin(at / 400) + dice.uniform(0, 1.5)
        case _:
            return 1.0


def in_page(since: float) -> float:
    """Say which share of the page's window has passed since the fault."""
    return min(1.0, since / PAGE_S)


# What a fault adds, by the seconds that it lasts; the metric that shows it, and its model.
FAULTS: dict[str, tuple[str, Model]] = {
    "latency": ("latency", lambda s, dice: 300 + dice.uniform(0, 40) if in_page(s) > 0.06 else 6.0),
    "errors": ("errors", lambda s, dice: (22 + dice.uniform(-6, 6)) * in_page(s)),
    "leak": ("memory", lambda s, _: 26 + 0.88 * RATE * 0.125 * s),
    "lock": ("in_flight", lambda s, _: min(64.0, RATE * s)),
    "crash": ("up", lambda s, _: float(s < 100 / (0.88 * RATE))),
}


@dataclass
class SimulatedMesh:
    """One service: what its metrics are by seed, and from when a fault lasts."""

    seed: int
    fault: str | None = None
    broken_at: float = math.inf

    def __post_init__(self) -> None:
        self.dice = random.Random(f"{self.seed}/{self.fault}")

    def sample(self, metric: str, at: float) -> float:
        if self.fault is not None and at >= self.broken_at:
            shows, model = FAULTS[self.fault]
            if shows == metric:
                return model(at - self.broken_at, self.dice)
        return healthy(metric, self.dice, at)


@dataclass
class Seen:
    at: float
    since: float
    metric: str
    detector: DetectorName


def watched(service: SimulatedMesh, until: float) -> list[Seen]:
    """Watch a service every 15 seconds, and list what was noticed."""
    watches = {name: Watch(name, metric) for name, metric in METRICS.items()}
    seen = []
    at = START
    while at <= until:
        for name, watch in watches.items():
            if watch.observe(at, service.sample(name, at)) is Turn.BEGAN:
                assert watch.episode is not None
                episode = watch.episode
                seen.append(Seen(at, episode.since, name, episode.detector))
        at += EVERY_S
    return seen


def drill(fault: str, seed: int) -> tuple[SimulatedMesh, list[Seen]]:
    """Break a service at a random moment between two looks, and watch it for two minutes more."""
    moment = START + WARM_UP_S + random.Random(seed).uniform(0, EVERY_S)
    service = SimulatedMesh(seed, fault, moment)
    return service, watched(service, moment + 2 * BOUND_S)


@pytest.mark.parametrize("each", [3, pytest.param(20, marks=pytest.mark.stress)])
def test_nine_drills_in_ten_are_detected_within_a_minute(each: int) -> None:
    late: Counter[str] = Counter()
    early: Counter[str] = Counter()
    for fault in FAULTS:
        for seed in range(each):
            service, seen = drill(fault, seed)
            early[fault] += sum(s.at < service.broken_at for s in seen)
            after = [s for s in seen if s.at >= service.broken_at]
            in_time = after and after[0].at - service.broken_at < BOUND_S
            late[fault] += not in_time
    assert late.total() <= each * len(FAULTS) / 10, late
    assert early.total() <= each // 20, early


@pytest.mark.parametrize("fault", FAULTS)
def test_a_drill_names_the_metric_that_shows_its_fault_and_about_when_it_began(fault: str) -> None:
    service, seen = drill(fault, 7)
    first = next(s for s in seen if s.at >= service.broken_at)
    assert first.metric == FAULTS[fault][0]
    assert abs(first.since - service.broken_at) <= 2 * EVERY_S


def test_a_healthy_service_under_noise_begins_no_mission() -> None:
    noticed = [
        (seed, s.metric, s.detector)
        for seed in range(30)
        for s in watched(SimulatedMesh(seed), START + 10 * 60)
    ]
    assert noticed == []


def test_a_fault_that_shows_in_three_metrics_is_one_incident() -> None:
    service = SimulatedMesh(3, "lock", START + 60)
    begun = []
    watches = {name: Watch(name, metric) for name, metric in METRICS.items()}
    for tick in range(20):
        at = START + tick * EVERY_S
        broken = at >= service.broken_at
        for name, watch in watches.items():
            hidden = broken and name in {"latency", "errors"}  # nothing is answered any more
            value = None if hidden else service.sample(name, at)
            if watch.observe(at, value) is Turn.BEGAN:
                assert watch.episode is not None
                member = member_of(watch.episode)
                begun.append(Begun(metric_id=name, repository="acme/mesh", member=member))
    assert {b.metric_id for b in begun} == {"in_flight", "latency", "errors"}
    incidents = gather((), begun)
    assert len(incidents) == 1

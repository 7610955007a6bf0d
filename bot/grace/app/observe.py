"""What the process tells about itself: Prometheus measures and structured logs."""

import logging
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import structlog
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)


@dataclass(frozen=True, slots=True)
class Budget:
    """What the forge's limits leave one installation; a limit with None is not known yet."""

    installation: int
    waiting: int
    paused_s: float
    left: Mapping[str, int | None]


@dataclass(frozen=True, slots=True)
class Measures:
    """Counters, gauges and histograms of one process, in a registry of their own."""

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    deliveries: Counter = field(init=False)
    calls: Counter = field(init=False)
    pushes: Counter = field(init=False)
    decisions: Counter = field(init=False)
    effects: Histogram = field(init=False)
    retries: Counter = field(init=False)
    faults: Counter = field(init=False)
    budget: Gauge = field(init=False)
    waiting: Gauge = field(init=False)
    live: Gauge = field(init=False)
    paused: Gauge = field(init=False)

    def __post_init__(self) -> None:
        made = {
            "deliveries": Counter(
                "grace_deliveries",
                "Deliveries by origin and answer",
                ["origin", "answer"],
                registry=self.registry,
            ),
            "calls": Counter(
                "grace_forge_calls",
                "REST calls by purpose and status",
                ["purpose", "status"],
                registry=self.registry,
            ),
            "pushes": Counter("grace_pushes", "Git pushes", ["branch"], registry=self.registry),
            "decisions": Counter("grace_decisions", "Events decided", registry=self.registry),
            "effects": Histogram(
                "grace_effect_seconds", "Time of effects", ["kind"], registry=self.registry
            ),
            "retries": Counter(
                "grace_effect_retries", "Effects put off", ["kind"], registry=self.registry
            ),
            "faults": Counter(
                "grace_faults", "Unexpected errors by loop", ["loop"], registry=self.registry
            ),
            "budget": Gauge(
                "grace_forge_budget_remaining",
                "What a limit of the forge leaves an installation",
                ["installation", "limit"],
                registry=self.registry,
            ),
            "waiting": Gauge(
                "grace_forge_calls_waiting",
                "Calls that wait for a limit",
                ["installation"],
                registry=self.registry,
            ),
            "paused": Gauge(
                "grace_forge_paused_seconds",
                "How long the forge asked for silence yet",
                ["installation"],
                registry=self.registry,
            ),
            "live": Gauge(
                "grace_live_events",
                "Listeners of live events, and frames encoded, sent and given up since the start",
                ["figure"],
                registry=self.registry,
            ),
        }
        for name, measure in made.items():
            object.__setattr__(self, name, measure)

    def count_delivery(self, origin: str, answer: str) -> None:
        """Count one delivery by what it was answered."""
        self.deliveries.labels(origin=origin, answer=answer).inc()

    def counted(self) -> dict[tuple[str, str], int]:
        """Return how many deliveries were answered how, by origin or path and answer."""
        found = (sample for metric in self.deliveries.collect() for sample in metric.samples)
        return {
            (sample.labels["origin"], sample.labels["answer"]): int(sample.value)
            for sample in found
            if sample.name.endswith("_total")
        }

    def exposition(self, budgets: Sequence[Budget] = ()) -> tuple[bytes, str]:
        """Write all measures in Prometheus text format, with its media type."""
        for gauge in (self.budget, self.waiting, self.paused):
            gauge.clear()
        for each in budgets:
            name = str(each.installation)
            self.waiting.labels(installation=name).set(each.waiting)
            self.paused.labels(installation=name).set(each.paused_s)
            for limit, left in each.left.items():
                if left is not None:
                    self.budget.labels(installation=name, limit=limit).set(left)
        return generate_latest(self.registry), CONTENT_TYPE_LATEST


def configure_logs(*, json: bool, level: str = "INFO") -> None:
    """Write one line an event to standard error; called once, by the process's main."""
    renderer: structlog.types.Processor = (
        structlog.processors.JSONRenderer()
        if json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )

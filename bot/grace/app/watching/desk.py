"""What watching works with, and what it says about itself."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from grace.domain.alerting.rules import Alerting
from grace.domain.catalog import Catalog, Subsystems
from grace.domain.mission import MissionRef
from grace.ports import Clock, MetricHistory, MetricSource, SampleStore, Store

ORIGIN: Final = "detector"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is watched, for whom, and how often (`every`, in seconds)."""

    catalog: Catalog
    subsystems: Subsystems
    alerting: Alerting
    every: float

    def repository(self, subsystem: str) -> str:
        """Name what a subsystem's anomalies are gathered by; of an unknown one, itself."""
        found = self.subsystems.subsystems.get(subsystem)
        return subsystem if found is None else f"{found.host}/{found.repository}"


@dataclass(frozen=True, slots=True)
class Desk:
    """What watching works with.

    `refs`: where subsystems live, as far as the forge told. `count` counts a delivery by origin
    and answer, `fault` an unexpected error by its loop, `wake` tells the worker.
    """

    plan: Plan
    metrics: MetricSource
    history: MetricHistory
    samples: SampleStore
    store: Store
    refs: Mapping[str, MissionRef]
    clock: Clock
    count: Callable[[str, str], None]
    fault: Callable[[str], None]
    wake: Callable[[], None]


@dataclass(frozen=True, slots=True)
class WatchState:
    """How watching goes.

    `watched`: metrics that detectors look at; `preparing`: those that still wait for their past;
    `sampled`: all that are sampled, `silent` those of the last round without a value; `incidents`
    that last; `blind`: nothing comes from anywhere, so it is our own network; `last` round, None:
    none yet, and how many seconds it took.
    """

    watched: int
    preparing: int
    sampled: int
    silent: tuple[str, ...]
    incidents: int
    blind: bool
    last: datetime | None
    took: float

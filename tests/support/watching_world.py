"""A watcher over a real store and a real sample store; metrics and time are the test's."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from grace.adapters.samples import Keeping, SqliteSamples
from grace.adapters.sqlite.store import SqliteStore
from grace.app.inlets import from_alerts
from grace.app.router import Readers, Router
from grace.app.watching import Desk, Plan, Watcher
from grace.app.watching.desk import ORIGIN
from grace.domain.alerting.rules import Alerting
from grace.domain.catalog import Catalog, MetricDefinition, Subsystem, Subsystems
from grace.domain.events import AlertSeen
from grace.domain.mission import Mission, MissionRef
from grace.domain.package import MetricObservation
from grace.domain.phase import Severity
from grace.domain.samples import Sample
from support.past import KEY
from support.watched import EVERY_S, START, calm, definition, series

MESH = MissionRef(host="forge.test", repository_id=1, repository="acme/mesh")
SHOP = MissionRef(host="forge.test", repository_id=2, repository="acme/shop")
SUBSYSTEMS = Subsystems(
    subsystems={
        "mesh": Subsystem(host="forge.test", repository="acme/mesh", guards=("guarded",)),
        "shop": Subsystem(host="forge.test", repository="acme/shop"),
    }
)
BEGIN = datetime.fromtimestamp(START, UTC)
IDLE = "idle"
Value = float | str | None
THRESHOLD = {"detectors": ("threshold", "gone")}
FAR_X, FAR_Y = "http://x.test/metrics", "http://y.test/metrics"
GOOD = {"p95": 30.0, "errors": 0.0, "orders": 50.0, "smart": 30.0, "guarded": 1.0}


def definitions() -> dict[str, MetricDefinition]:
    """Return two metrics of a mesh at one far source, a shop's at another, and two unwatched."""
    mesh, shop = THRESHOLD | {"subsystem": "mesh"}, THRESHOLD | {"subsystem": "shop"}
    made = {
        "p95": definition(url=FAR_X, **mesh),
        "errors": definition("<", 5, url=FAR_X, severity=Severity.HIGH, **mesh),
        "orders": definition(">", 10, url=FAR_Y, **shop),
        "smart": definition(detectors=("unusual",), url="http://127.0.0.1:1/metrics"),
        "guarded": definition(),
        "unwanted": definition(),
    }
    for name in ("guarded", "unwanted"):
        made[name] = made[name].model_copy(update={"watch": None})
    return made


@dataclass
class Ticker:
    """A clock that moves when it is told to."""

    at: datetime = BEGIN

    def now(self) -> datetime:
        return self.at

    def later(self, **span: float) -> None:
        self.at += timedelta(**span)


@dataclass
class Metrics:
    """What sources say: by metric a value, None, IDLE, or a function of the seconds since START."""

    clock: Ticker
    values: dict[str, Value | Callable[[float], Value]] = field(default_factory=dict)
    past: dict[str, Sequence[Sample]] = field(default_factory=dict)
    asked: list[tuple[str, ...]] = field(default_factory=list)

    async def sample_all(
        self, wanted: Mapping[str, MetricDefinition]
    ) -> tuple[MetricObservation, ...]:
        self.asked.append(tuple(wanted))
        return tuple(self._observed(name) for name in wanted)

    def _observed(self, name: str) -> MetricObservation:
        at, value = self.clock.at, self.values.get(name)
        if callable(value):
            value = value(at.timestamp() - START)
        number = None if isinstance(value, str) else value
        return MetricObservation(
            metric_id=name, value=number, at=at, source="test", idle=value == IDLE
        )

    async def history(
        self, metric_id: str, _definition: MetricDefinition, start: float, end: float, _step: float
    ) -> Sequence[Sample]:
        return [s for s in self.past.get(metric_id, ()) if start <= s.at < end]


@dataclass
class WatchedWorld:
    """Everything around a watcher; `refs` is what the forge has told so far."""

    store: SqliteStore
    samples: SqliteSamples
    definitions: dict[str, MetricDefinition]
    clock: Ticker
    alerting: Alerting = field(default_factory=Alerting)
    refs: dict[str, MissionRef] = field(default_factory=lambda: {"mesh": MESH, "shop": SHOP})
    counted: list[tuple[str, str]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    woken: int = 0
    every: float = EVERY_S

    def __post_init__(self) -> None:
        self.metrics = Metrics(self.clock)

    def watcher(self) -> Watcher:
        """Make a watcher, as after a start of the process."""

        def wake() -> None:
            self.woken += 1

        catalog = Catalog(metrics=self.definitions)
        return Watcher(
            Desk(
                plan=Plan(catalog, SUBSYSTEMS, self.alerting, self.every),
                metrics=self.metrics,
                history=self.metrics,
                samples=self.samples,
                store=self.store,
                refs=self.refs,
                clock=self.clock,
                count=lambda origin, answer: self.counted.append((origin, answer)),
                fault=self.faults.append,
                wake=wake,
            )
        )

    async def rounds(self, watcher: Watcher, count: int) -> None:
        """Let time pass, a round each 15 seconds."""
        for _ in range(count):
            self.clock.later(seconds=EVERY_S)
            await watcher.round()

    async def told(self) -> list[AlertSeen]:
        """Read what was put into the inbox."""
        found = []
        for delivery in await self.store.unrouted(1000):
            assert delivery.origin == ORIGIN
            routed, _ = from_alerts(delivery)
            for item in routed:
                assert isinstance(item.event, AlertSeen)
                assert item.target.alert == item.event.fingerprint
                assert item.target.create is (item.event.status == "firing")
                found.append(item.event)
        return found

    async def route(self) -> Sequence[Mission]:
        """Give what was told to missions, as the worker does; return all there are."""
        await Router(self.store, self.clock, Readers(translators={ORIGIN: from_alerts})).drain()
        return await self.store.missions()


@asynccontextmanager
async def watched_world(
    folder: Path, definitions: dict[str, MetricDefinition]
) -> AsyncIterator[WatchedWorld]:
    clock = Ticker()
    store = await SqliteStore.open(folder / "grace.db", KEY)
    try:
        samples = await SqliteSamples.open(folder / "samples.db", clock, Keeping())
        try:
            yield WatchedWorld(store, samples, definitions, clock)
        finally:
            await samples.close()
    finally:
        await store.close()


def warmed() -> Sequence[Sample]:
    """Return the past of a calm metric, up to the start."""
    points = 3000
    return series(calm(points), START - points * EVERY_S + 1)

"""All that is probed, each part of which a test may break: a real store and key, the rest by hand."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from grace.adapters.keys import Ed25519Key, PublicKeys
from grace.adapters.sqlite.store import SqliteStore
from grace.app.mesh import Lag
from grace.app.observe import Budget
from grace.app.probes.world import DoorSide, ForgeSide, KeySide, ProbeWorld, RuleSide, WorkSide
from grace.app.watching.desk import WatchState
from grace.domain.catalog import Catalog, MetricDefinition
from grace.domain.inspection import RepositoryRules
from grace.domain.mission import MissionRef
from grace.domain.package import MetricObservation
from grace.domain.policy import Policy
from grace.ports import ForgeError, SampleFigures
from grace.ports.outgoing import OutgoingState

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
REF = MissionRef(host="forge.test", repository_id=7, repository="acme/mesh")
DEFINITION = {"target": 100, "comparator": "<", "unit": "ms"}


@dataclass
class Sources:
    """Metric sources: those in `silent` give no value; `asked` is what was asked last."""

    silent: dict[str, str] = field(default_factory=dict)
    asked: Mapping[str, MetricDefinition] = field(default_factory=dict)

    async def sample_all(
        self, wanted: Mapping[str, MetricDefinition]
    ) -> tuple[MetricObservation, ...]:
        self.asked = wanted
        return tuple(
            MetricObservation(
                metric_id=name,
                value=None if name in self.silent else 1.0,
                at=NOW,
                source="test",
                note=self.silent.get(name, ""),
            )
            for name in wanted
        )


@dataclass
class Kept:
    """Kept samples, as their figures tell of them."""

    found: SampleFigures = field(default_factory=lambda: SampleFigures(0, 0, 4096, None))
    error: Exception | None = None

    async def figures(self) -> SampleFigures:
        if self.error is not None:
            raise self.error
        return self.found

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"a probe asked for {name}")


@dataclass
class Files:
    """Repositories' policy files, and what reading them says."""

    error: ForgeError | None = None
    problems: tuple[str, ...] = ()

    async def read(self, _ref: MissionRef, _branch: str, _path: str) -> bytes | None:
        if self.error is not None:
            raise self.error
        return b"version: 1"

    def rules(self, _text: bytes | None) -> RepositoryRules:
        return RepositoryRules(problems=self.problems)


@dataclass
class Probed:
    """A system in which all is well until a test breaks it."""

    store: SqliteStore
    folder: Path
    key: Ed25519Key
    at: datetime = NOW
    unreachable: Exception | None = None
    budgets: list[Budget] = field(default_factory=list)
    address: tuple[str, int] | None = None
    counted: dict[tuple[str, str], int] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    alive: dict[str, bool] = field(default_factory=lambda: {"worker": True})
    lags: dict[str, Lag] = field(default_factory=dict)
    outlets: dict[str, Any] = field(default_factory=dict)
    playbooks: list[str] = field(default_factory=list)
    policy: Policy | None = None
    refs: dict[str, MissionRef] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    files: Files = field(default_factory=Files)
    sources: Sources = field(default_factory=Sources)
    metrics: dict[str, MetricDefinition] = field(default_factory=dict)
    samples: Kept = field(default_factory=Kept)
    trusted: PublicKeys | None = None
    watching: WatchState | None = None
    hears: bool = True
    alerts: bool = True

    def now(self) -> datetime:
        return self.at

    def later(self, **span: float) -> None:
        self.at += timedelta(**span)

    async def reach(self) -> str:
        if self.unreachable is not None:
            raise self.unreachable
        return "well"

    async def _lags(self) -> Mapping[str, Lag]:
        return self.lags

    def outlet(self, name: str, **state: Any) -> None:
        async def status() -> OutgoingState:
            return OutgoingState.model_validate({"failure": None, "parts": {}} | state)

        self.outlets[name] = status

    @property
    def file(self) -> Path:
        return self.folder / "signing.key"

    def world(self) -> ProbeWorld:
        trusted = self.trusted or PublicKeys(self.key.public)
        files: Any = self.files
        return ProbeWorld(
            store=self.store,
            clock=self,
            folder=self.folder,
            forge=ForgeSide(self.reach, lambda: self.budgets),
            door=DoorSide(lambda: self.address, lambda: self.counted, self.hears, self.alerts),
            work=WorkSide(
                alive=lambda: self.alive,
                failures=lambda: self.failures,
                lags=self._lags,
                outlets=self.outlets,
                playbooks=lambda: self.playbooks,
            ),
            keys=KeySide(
                key_id=self.key.key_id,
                trusted=trusted,
                knows=trusted.knows,
                file=self.file,
                load=lambda: Ed25519Key.load(self.file).key_id,
            ),
            rules=RuleSide(
                policy=lambda: self.policy,
                refs=self.refs,
                missing=lambda: self.missing,
                repositories=lambda: files,
                reader=lambda: files,
            ),
            catalog=Catalog(metrics=self.metrics),
            metrics=self.sources,
            samples=self.samples,
            watching=lambda: self.watching,
        )

"""What the probes look at, given by the bootstrap."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from grace.app.mesh import Lag
from grace.app.observe import Budget
from grace.app.watching.desk import WatchState
from grace.domain.catalog import Catalog
from grace.domain.mission import MissionRef
from grace.domain.policy import Policy
from grace.domain.signing import Verifier
from grace.ports import Clock, MetricSource, Repositories, RuleReader, SampleStore
from grace.ports.outgoing import OutgoingState
from grace.ports.probing import ProbedStore


@dataclass(frozen=True, slots=True)
class ForgeSide:
    """The forge: `reach` proves that it answers and knows us; `budgets` are what it leaves us."""

    reach: Callable[[], Awaitable[str]]
    budgets: Callable[[], Sequence[Budget]]


@dataclass(frozen=True, slots=True)
class DoorSide:
    """What comes in: `address` is ours, once we listen, `counted` are answers by origin or path.

    `hears`: webhooks are awaited; without, the forge is polled. `alerts`: alerts can be sent.
    """

    address: Callable[[], tuple[str, int] | None]
    counted: Callable[[], Mapping[tuple[str, str], int]]
    hears: bool
    alerts: bool


@dataclass(frozen=True, slots=True)
class WorkSide:
    """What runs: whether each loop's task is alive, and what the newest round of each failed at.

    `failures` has the names that `/readyz` has: `inbox`, `missions`, `outbox`, `sweep`, `news`,
    `brakes`, `redelivery`, `reconciliation`, `capas`, ... Its words may name repositories.
    `outlets`: who tells whom outside of the process. `playbooks`: the names of those installed.
    """

    alive: Callable[[], Mapping[str, bool]]
    failures: Callable[[], Mapping[str, str]]
    lags: Callable[[], Awaitable[Mapping[str, Lag]]]
    outlets: Mapping[str, Callable[[], Awaitable[OutgoingState]]]
    playbooks: Callable[[], Sequence[str]]


@dataclass(frozen=True, slots=True)
class KeySide:
    """The ledger's keys: ours, those that are trusted, and ours as it can be loaded anew.

    `file` None: the key came in the environment. `load` returns the key id and may raise.
    """

    key_id: str
    trusted: Verifier
    knows: Callable[[str], bool]
    file: Path | None
    load: Callable[[], str]


@dataclass(frozen=True, slots=True)
class RuleSide:
    """The rules: `policy` None until the forge is reached; `missing` are unknown repositories.

    `repositories` None until the worker is built.
    """

    policy: Callable[[], Policy | None]
    refs: Mapping[str, MissionRef]
    missing: Callable[[], Sequence[str]]
    repositories: Callable[[], Repositories | None]
    reader: Callable[[], RuleReader | None]


@dataclass(frozen=True, slots=True)
class ProbeWorld:
    """All that is probed. `metrics` is a source of the probes' own: it remembers other looks.

    `watching`: how watching goes; None until it has begun.
    """

    store: ProbedStore
    clock: Clock
    folder: Path
    forge: ForgeSide
    door: DoorSide
    work: WorkSide
    keys: KeySide
    rules: RuleSide
    catalog: Catalog
    metrics: MetricSource
    samples: SampleStore
    watching: Callable[[], WatchState | None]

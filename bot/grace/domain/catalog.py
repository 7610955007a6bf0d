"""What can be measured, where, and what belongs to which subsystem."""

from functools import cached_property
from typing import Annotated, Final, Literal

from pydantic import Field

from grace.domain.base import Frozen
from grace.domain.package import Comparator, Finite, MetricId, MetricTarget, Name
from grace.domain.phase import Severity
from grace.domain.playbooks.action import TargetKind

HttpUrl = Annotated[str, Field(pattern=r"^https?://[^\s]+$", max_length=2000)]
StressFigure = Literal["p50_ms", "p95_ms", "p99_ms", "error_rate", "throughput_rps"]


class PrometheusText(Frozen):
    """A page in Prometheus text format.

    One of: `series` alone (a gauge or counter as it stands); `series` of a histogram with
    `quantile`; `series` over `per` (the ratio of two counters' increases since the last scrape).
    `scale` multiplies the result into the catalog's unit.
    """

    kind: Literal["prometheus_text"] = "prometheus_text"
    url: HttpUrl
    series: Annotated[str, Field(min_length=1)]
    labels: dict[str, str] = Field(default_factory=dict)
    quantile: Annotated[float, Field(gt=0, lt=1)] | None = None
    per: str | None = None
    scale: Finite = 1.0


class PrometheusQuery(Frozen):
    """An instant query of the Prometheus HTTP API; it must answer one scalar or one series."""

    kind: Literal["prometheus"] = "prometheus"
    url: HttpUrl
    query: Annotated[str, Field(min_length=1)]
    scale: Finite = 1.0


class JsonPage(Frozen):
    """A JSON document over HTTP; `path` names one number in it, as `data.depth` or `rows[0].n`.

    `headers_env`: by header, the environment variable whose value is sent in it.
    """

    kind: Literal["json"] = "json"
    url: HttpUrl
    path: Annotated[str, Field(min_length=1, max_length=500)]
    headers_env: dict[str, str] = Field(default_factory=dict)
    scale: Finite = 1.0


class SqlQuery(Frozen):
    """A query that answers one number, run read-only.

    `url_env`: the environment variable that holds the database's URL (`sqlite:///path` or
    `postgresql://...`), which may carry a password and so stands in no file.
    """

    kind: Literal["sql"] = "sql"
    url_env: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]{0,99}$")]
    query: Annotated[str, Field(min_length=1, max_length=10_000)]
    scale: Finite = 1.0


class HostFigure(Frozen):
    """A figure of the machine that Grace runs on."""

    kind: Literal["host"] = "host"
    figure: Literal[
        "cpu_percent", "memory_percent", "swap_percent", "disk_percent", "load_1m", "open_files"
    ]
    path: str = "/"
    scale: Finite = 1.0


class ForgeFigure(Frozen):
    """What the forge tells of a subsystem's CI, or our own ledger of its missions, of late.

    `subsystem` None: of all of them together. `ci_success_rate` and `ci_flakiness` (runs that
    passed only when run again) in percent, `ci_duration` (median) and `ci_queue` (median wait) in
    seconds; `plan_success_rate`: percent of missions that ended with a merge that held. `hours`:
    how far back it looks.
    """

    kind: Literal["forge"] = "forge"
    figure: Literal[
        "ci_success_rate", "ci_duration", "ci_queue", "ci_flakiness", "plan_success_rate"
    ]
    subsystem: Name | None = None
    hours: Annotated[float, Field(gt=0, le=24 * 30)] = 24
    scale: Finite = 1.0


_WITHHELD: Final = PrometheusQuery(url="https://withheld.invalid/", query="withheld")
Source = Annotated[
    PrometheusText | PrometheusQuery | JsonPage | SqlQuery | HostFigure | ForgeFigure,
    Field(discriminator="kind"),
]


class Objective(Frozen):
    """A service level objective over the metric's own samples, which are bad where they miss.

    `share`: of samples that must meet the catalog's target (0.999: one in a thousand may miss)
    over `days`. The burn rate is watched over two pairs of windows, a long and a short one each.
    """

    share: Annotated[float, Field(gt=0, lt=1)] = 0.99
    days: Annotated[float, Field(gt=0, le=90)] = 30


class Watching(Frozen):
    """How Grace watches a metric by herself.

    `subsystem`: whose mission an anomaly becomes. `false_missions_per_day`: how much noise is
    stood; by it, and the metric's own past, the threshold of the detector `unusual` is set.
    `hold_samples`: how many samples in a row a threshold must be missed. `stale_seconds`: a source
    without news for so long is gone; as a rule four sample intervals. `rolling_window_minutes` and
    `observation_window_minutes` are those of the mission that an anomaly becomes.
    """

    subsystem: Name
    detectors: Annotated[
        tuple[Literal["threshold", "burn_rate", "unusual", "gone"], ...], Field(min_length=1)
    ] = ("threshold", "unusual", "gone")
    false_missions_per_day: Annotated[float, Field(gt=0, le=24)] = 0.05
    hold_samples: Annotated[int, Field(ge=1, le=100)] = 2
    stale_seconds: Annotated[float, Field(gt=0, le=86_400)] = 45
    objective: Objective | None = None
    rolling_window_minutes: Annotated[float, Field(gt=0, le=1440)] = 10
    observation_window_minutes: Annotated[float, Field(gt=0, le=13 * 1440)] = 30


class MetricDefinition(Frozen):
    """One entry of the metrics catalog: what is normal, in which unit, and where samples come from.

    `stress` names the figure of a stress run that answers this metric before the merge. `watch`:
    Grace looks for anomalies in it by herself. `control`: the same metric where the change is not
    released, which the observation judge compares with. `min_effect`: the least change, as a share
    of the level before, that matters to that judge.
    """

    target: Finite
    comparator: Comparator
    unit: str
    severity: Severity = Severity.MEDIUM
    description: str = ""
    stress: StressFigure | None = None
    source: Source | None = None
    watch: Watching | None = None
    control: MetricId | None = None
    min_effect: Annotated[float, Field(gt=0, le=10)] | None = None

    @property
    def public(self) -> "MetricDefinition":
        """Return it with a source that has no address, and without who watches it."""
        source = None if self.source is None else _WITHHELD
        return self.model_copy(update={"source": source, "watch": None})

    @property
    def measurable(self) -> bool:
        return self.source is not None or self.stress is not None

    def as_target(self, metric_id: str, rolling_window_minutes: float) -> MetricTarget:
        """Read the catalog's own threshold as a target."""
        return MetricTarget(
            metric_id=metric_id,
            comparator=self.comparator,
            target=self.target,
            rolling_window_minutes=rolling_window_minutes,
        )


class Catalog(Frozen):
    """`config/metrics_catalog.yaml`."""

    metrics: dict[MetricId, MetricDefinition] = Field(default_factory=dict)

    @cached_property
    def public(self) -> "Catalog":
        """Return it without what its sources are asked and where, and other subsystems' names."""
        return Catalog(metrics={name: m.public for name, m in self.metrics.items()})


class Subsystem(Frozen):
    """Where a subsystem's code lives and how it is released.

    `environment`: the deployment environment whose reports anchor the observation window; none
    means that the merge itself is the release. `guards`: metrics that must hold in every window.
    `targets`: what playbooks may act on, by the name that its runner knows it by.
    """

    host: str
    repository: Annotated[str, Field(pattern=r"^[\w.-]+/[\w.-]+$")]
    base_branch: str = "main"
    environment: str | None = None
    guards: tuple[MetricId, ...] = ()
    reviewers: tuple[str, ...] = ()
    protected_paths: tuple[str, ...] = ()
    targets: dict[Name, TargetKind] = Field(default_factory=dict)
    description: str = ""


class Subsystems(Frozen):
    """`config/subsystems.yaml`."""

    subsystems: dict[Name, Subsystem] = Field(default_factory=dict)

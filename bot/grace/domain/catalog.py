"""What can be measured, where, and what belongs to which subsystem."""

from functools import cached_property
from typing import Annotated, Final, Literal

from pydantic import Field

from grace.domain.base import Frozen
from grace.domain.package import Comparator, Finite, MetricId, MetricTarget, Name
from grace.domain.phase import Severity

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


_WITHHELD: Final = PrometheusQuery(url="https://withheld.invalid/", query="withheld")
Source = Annotated[PrometheusText | PrometheusQuery, Field(discriminator="kind")]


class MetricDefinition(Frozen):
    """One entry of the metrics catalog: what is normal, in which unit, and where samples come from.

    `stress` names the figure of a stress run that answers this metric before the merge.
    """

    target: Finite
    comparator: Comparator
    unit: str
    severity: Severity = Severity.MEDIUM
    description: str = ""
    stress: StressFigure | None = None
    source: Source | None = None

    @property
    def public(self) -> "MetricDefinition":
        """Return it with a source that has no address."""
        return self if self.source is None else self.model_copy(update={"source": _WITHHELD})

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
        """Return it without the addresses, queries and labels of its sources."""
        return Catalog(metrics={name: m.public for name, m in self.metrics.items()})


class Subsystem(Frozen):
    """Where a subsystem's code lives and how it is released.

    `environment`: the deployment environment whose reports anchor the observation window; none
    means that the merge itself is the release. `guards`: metrics that must hold in every window.
    """

    host: str
    repository: Annotated[str, Field(pattern=r"^[\w.-]+/[\w.-]+$")]
    base_branch: str = "main"
    environment: str | None = None
    guards: tuple[MetricId, ...] = ()
    reviewers: tuple[str, ...] = ()
    protected_paths: tuple[str, ...] = ()
    description: str = ""


class Subsystems(Frozen):
    """`config/subsystems.yaml`."""

    subsystems: dict[Name, Subsystem] = Field(default_factory=dict)

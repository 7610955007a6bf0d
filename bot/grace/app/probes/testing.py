"""Probes of what tests and measures: CI, and the sources of metrics."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from grace.app.probes.findings import Finding, counted, degraded, unhealthy, well
from grace.app.probes.world import RuleSide
from grace.domain.catalog import Catalog, MetricDefinition, PrometheusText
from grace.domain.health import HealthPart, HealthState
from grace.domain.package import MetricObservation
from grace.domain.phase import Phase
from grace.ports import Clock, MetricSource
from grace.ports.hub import MissionFilter, MissionRow
from grace.ports.probing import ProbedStore

_AT_ONCE: Final = 20
_FOUND_SEVERAL: Final = "series match"


class ContinuousIntegration:
    """See whether heads that wait for CI's report get one in good time."""

    def __init__(self, store: ProbedStore, clock: Clock, rules: RuleSide) -> None:
        self._store = store
        self._clock = clock
        self._rules = rules

    async def __call__(self) -> Finding:
        policy, now = self._rules.policy(), self._clock.now()
        if policy is None:
            return degraded("whether CI reports is not known until the forge is reached.")
        patience = timedelta(minutes=policy.governance.tests.timeout_minutes) / 2
        wanted = MissionFilter(logs=None, phase=Phase.TESTING)
        page = await self._store.mission_page(wanted, "urgency", now, limit=_AT_ONCE)
        late = [part for row in page.rows if (part := await self._late(row, patience)) is not None]
        if not late:
            return well(f"{counted(len(page.rows), 'mission')} waiting for CI, none for long")
        words = f"CI has not reported for {len(late)} of {len(page.rows)} missions that wait"
        sentence = (
            f"{words}: see whether its workflow ran, and whether the reporting job succeeded."
        )
        return (unhealthy if len(late) == len(page.rows) > 1 else degraded)(sentence, late)

    async def _late(self, row: MissionRow, patience: timedelta) -> HealthPart | None:
        found = await self._store.find(row.mission_id)
        attempt = None if found is None else found[0].attempt
        if found is None or attempt is None or attempt.head is None or attempt.pushed_at is None:
            return None
        waited = self._clock.now() - attempt.pushed_at
        if found[1].report(attempt.head) is not None or waited < patience:
            return None
        return HealthPart(
            name=row.mission_id,
            state=HealthState.DEGRADED,
            sentence=f"no report for {waited.total_seconds() / 60:.0f} minutes",
            log=row.log,
        )


def _plain(definition: MetricDefinition) -> MetricDefinition:
    """Ask for a series as it stands, of which rates and quantiles are made."""
    source = definition.source
    if not isinstance(source, PrometheusText):
        return definition
    series = source.series if source.quantile is None else f"{source.series}_count"
    plain = PrometheusText(url=source.url, series=series, labels=source.labels)
    return definition.model_copy(update={"source": plain})


class MetricSources:
    """Ask every source of the catalog; a rate that nothing happened to is no failure of its source.

    It is asked for what its numbers are made of, so that an idle service is well too.
    """

    def __init__(self, catalog: Catalog, metrics: MetricSource) -> None:
        self._metrics = metrics
        self._wanted: Mapping[str, MetricDefinition] = {
            name: _plain(definition)
            for name, definition in catalog.metrics.items()
            if definition.source is not None
        }

    async def __call__(self) -> Finding:
        if not self._wanted:
            return well("no metric has a live source: give one in metrics_catalog.yaml")
        observed = await self._metrics.sample_all(self._wanted)
        silent = [o.metric_id for o in observed if not _there(o)]
        if not silent:
            return well(f"{counted(len(observed), 'metric')} answered by a source")
        parts = [
            HealthPart(name=name, state=HealthState.DEGRADED, sentence="its source gives no value")
            for name in silent
        ]
        sentence = (
            f"{len(silent)} of {len(observed)} metrics have no value: see that the sources in "
            "metrics_catalog.yaml answer. Windows without data are never passed."
        )
        return (unhealthy if len(silent) == len(observed) else degraded)(sentence, parts)


def _there(observed: MetricObservation) -> bool:
    return observed.value is not None or observed.idle or _FOUND_SEVERAL in observed.note

"""A probe of what watches metrics."""

from collections.abc import Callable
from typing import Final

from grace.app.probes.findings import Finding, counted, degraded, unhealthy, well
from grace.app.probes.world import WorkSide
from grace.app.watching.desk import WatchState
from grace.domain.health import HealthPart, HealthState
from grace.ports import Clock

PATIENCE_S: Final = 60.0  # between two rounds: a mission is due within a minute of an onset


class Detection:
    """See whether metrics are looked at often enough to find an anomaly within a minute."""

    def __init__(
        self, watching: Callable[[], WatchState | None], clock: Clock, work: WorkSide
    ) -> None:
        self._watching = watching
        self._clock = clock
        self._work = work

    async def __call__(self) -> Finding:
        if "watching" in self._work.failures():
            return unhealthy(
                "metrics cannot be sampled or kept, so that no anomaly is found: see the log."
            )
        state = self._watching()
        if state is None or state.last is None:
            return well("the first round has not ended yet")
        if not state.sampled:
            return well("no metric is watched: give one a watch in metrics_catalog.yaml")
        ago = (self._clock.now() - state.last).total_seconds()
        if ago > PATIENCE_S:
            return unhealthy(f"the last round began {ago:.0f} s ago: see the log.")
        if state.blind:
            return degraded(
                "nothing comes from any source beyond this machine, so it is taken for our own "
                "network: see to it. No metric is called gone meanwhile."
            )
        told = f"watching {counted(state.watched, 'metric')}, last round {ago:.0f} s ago"
        if state.preparing:
            told += f", {state.preparing} more once their past was read"
        if state.incidents:
            told += f", {counted(state.incidents, 'anomaly', 'anomalies')} now"
        if not state.silent:
            return well(told)
        return degraded(
            f"{told}; {len(state.silent)} of {state.sampled} gave no sample: see that their "
            "sources in metrics_catalog.yaml answer.",
            [
                HealthPart(name=name, state=HealthState.DEGRADED, sentence="no sample")
                for name in state.silent
            ],
        )

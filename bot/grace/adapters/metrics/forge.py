"""Samples from what the forge tells of CI, and from how our own missions ended."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol, assert_never

from grace.adapters.metrics.asking import Asked, observed
from grace.adapters.metrics.ci_figures import read_figure
from grace.adapters.metrics.reading import Reading, idle, nothing
from grace.domain.catalog import ForgeFigure
from grace.domain.mission import MissionRef
from grace.domain.package import MetricObservation
from grace.domain.phase import Outcome
from grace.domain.surroundings import OutcomeFact
from grace.ports import Clock, ForgeError
from grace.ports.runs import WorkflowRun, WorkflowRuns

_FRESH: Final = timedelta(minutes=2)
_OUTCOMES: Final = 1000
_JUDGED: Final = frozenset({Outcome.FIXED, Outcome.ROLLED_BACK, Outcome.FAILED})
_PERCENT: Final = 100.0


class Outcomes(Protocol):
    """How missions ended."""

    async def outcomes(
        self,
        subsystem: str | None = None,
        agent: str | None = None,
        log: str | None = None,
        newest: int | None = None,
    ) -> Sequence[OutcomeFact]: ...


@dataclass(frozen=True, slots=True)
class ForgeSide:
    """Who is asked: the forge, our own store, and where each subsystem's code lives."""

    forge: WorkflowRuns
    store: Outcomes
    refs: Mapping[str, MissionRef]


class ForgeSource:
    """Ask the forge; its answers are kept for two minutes, for CI moves no faster."""

    def __init__(self, side: ForgeSide | None, clock: Clock) -> None:
        self._side = side
        self._clock = clock
        self._runs: dict[tuple[str, float], tuple[datetime, Sequence[WorkflowRun]]] = {}

    async def read(self, wanted: Sequence[Asked[ForgeFigure]]) -> list[MetricObservation]:
        """Read each figure, one after another."""
        taken = []
        for each in wanted:
            try:
                reading = await self._reading(each.source)
            except ForgeError as error:
                reading = nothing(error.sentence)
            name = f"forge {each.source.subsystem or 'all'}"
            taken.append(observed(each, reading, self._clock.now(), name))
        return taken

    async def _reading(self, source: ForgeFigure) -> Reading:
        if self._side is None:
            return nothing("what the forge tells can be asked by the running bot alone")
        match source.figure:
            case "plan_success_rate":
                return await self._success(self._side.store, source)
            case "ci_success_rate" | "ci_duration" | "ci_queue" | "ci_flakiness" as figure:
                refs = _refs(self._side.refs, source.subsystem)
                if not refs:
                    return nothing("the forge has not told yet where the subsystem's code lives")
                runs = [r for ref in refs for r in await self._read_runs(self._side, ref, source)]
                return read_figure(figure, runs, source.hours)
            case unknown:
                assert_never(unknown)

    async def _read_runs(
        self, side: ForgeSide, ref: MissionRef, source: ForgeFigure
    ) -> Sequence[WorkflowRun]:
        now = self._clock.now()
        key = (f"{ref.host}/{ref.repository_id}", source.hours)
        known = self._runs.get(key)
        if known is None or not timedelta() <= now - known[0] < _FRESH:
            since = now - timedelta(hours=source.hours)
            known = self._runs[key] = (now, await side.forge.workflow_runs(ref, since))
        return known[1]

    async def _success(self, store: Outcomes, source: ForgeFigure) -> Reading:
        """Read the share of missions that ended with a merge that held.

        Those that were cancelled, or whose trouble went away by itself, say nothing of plans.
        """
        since = self._clock.now() - timedelta(hours=source.hours)
        ended = [
            fact.outcome
            for fact in await store.outcomes(source.subsystem, newest=_OUTCOMES)
            if fact.at >= since and fact.outcome in _JUDGED
        ]
        if not ended:
            return idle(f"no mission ended in the last {source.hours:g} hours")
        share = ended.count(Outcome.FIXED) / len(ended)
        return Reading(_PERCENT * share, "", source.hours * 3600, len(ended))


def _refs(refs: Mapping[str, MissionRef], subsystem: str | None) -> Sequence[MissionRef]:
    """Return the repositories of a subsystem, or of all, each once."""
    found = [ref for name, ref in refs.items() if subsystem in {None, name}]
    return list({(ref.host, ref.repository_id): ref for ref in found}.values())

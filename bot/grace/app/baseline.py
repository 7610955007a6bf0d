"""Read what metrics were like before a release, and calibrate the judge on it."""

import asyncio
from functools import partial

from grace.domain.effects import ReadBaseline
from grace.domain.events import BaselineRead
from grace.domain.observing.calibrate import calibrate
from grace.domain.observing.calibration import Calibration
from grace.domain.observing.noise import Terms
from grace.domain.package import MetricObservation, MetricTarget
from grace.domain.policy import Policy
from grace.domain.samples import Series, observation_of
from grace.ports import SampleStore

BACK_S = 24 * 3600.0
MAX_BEFORE = 6000  # of one metric; the newest count
SHOWN = 120  # of one metric, to look at


async def before_release(
    samples: SampleStore, policy: Policy, effect: ReadBaseline
) -> BaselineRead:
    """Read a day of kept samples of each target and its control, and replay the judge on them."""
    end = effect.before.timestamp()

    async def kept(metric_id: str) -> Series:
        return await samples.between(metric_id, end - BACK_S, end, MAX_BEFORE)

    shown, found = list[MetricObservation](), dict[str, Calibration]()
    interval = policy.governance.observation.sample_interval_seconds
    for target in effect.targets:
        definition = policy.catalog.metrics.get(target.metric_id)
        series = [] if definition is None else await kept(target.metric_id)
        if definition is None or not series:
            continue
        control = await kept(definition.control) if definition.control else ()
        learn = partial(calibrate, series, end, interval, terms_of(policy, effect, target), control)
        known = await asyncio.to_thread(learn)
        if known.past is not None:
            found[target.metric_id] = known.model_copy(update={"control": definition.control})
        thinned = series[:: max(1, -(-len(series) // SHOWN))]
        shown += (observation_of(target.metric_id, definition.unit, s) for s in thinned)
    return BaselineRead(samples=tuple(shown), calibrations=found)


def terms_of(policy: Policy, effect: ReadBaseline, target: MetricTarget) -> Terms:
    """Put together by which terms a target is judged in its window."""
    rules = policy.governance.observation
    definition = policy.catalog.metrics.get(target.metric_id)
    own = None if definition is None else definition.min_effect
    return Terms(
        target=target,
        min_effect=own or rules.min_effect,
        horizon=max(1, int(effect.minutes * 60 / rules.sample_interval_seconds)),
        alpha=rules.false_rollback_budget / len(effect.targets),
        early=rules.early_samples,
    )

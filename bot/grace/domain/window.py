"""Judge live samples: before the merge nobody can, after it the observation window does.

A sample is evidence only when it is newer than the anchor. A rolling window with too few values
is no data, and no data is never a pass.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from grace.domain.base import Frozen
from grace.domain.package import MetricObservation, MetricTarget
from grace.domain.policy import Observation
from grace.domain.verdict import Condition, Result, all_of, leaf


class Judgement(StrEnum):
    """What a window says."""

    PASS = "pass"
    REGRESS = "regress"
    INCONCLUSIVE = "inconclusive"
    UNDECIDED = "undecided"


class Reading(Frozen):
    """A metric over its rolling window: mean of the values, how many, how many were missing."""

    mean: float | None
    values: int
    missing: int


def since(
    samples: Sequence[MetricObservation], metric_id: str, anchor: datetime
) -> tuple[MetricObservation, ...]:
    """Select a metric's samples that lie wholly after the anchor, oldest first."""
    chosen = (
        s
        for s in samples
        if s.metric_id == metric_id and s.at - timedelta(seconds=s.window_s) >= anchor
    )
    return tuple(sorted(chosen, key=lambda s: s.at))


def reading(samples: Sequence[MetricObservation], target: MetricTarget, now: datetime) -> Reading:
    """Average a metric's samples over the target's rolling window that ends now."""
    start = now - timedelta(minutes=target.rolling_window_minutes)
    recent = [s for s in samples if s.metric_id == target.metric_id and start < s.at <= now]
    values = [s.value for s in recent if s.value is not None]
    mean = sum(values) / len(values) if values else None
    return Reading(mean=mean, values=len(values), missing=len(recent) - len(values))


def judge_target(
    samples: Sequence[MetricObservation],
    target: MetricTarget,
    anchor: datetime,
    now: datetime,
    rules: Observation,
) -> Condition:
    """Judge one target on the samples since the anchor."""
    mine = since(samples, target.metric_id, anchor)
    seen = reading(mine, target, now)
    span = min(target.rolling_window_minutes * 60, (now - anchor).total_seconds())
    due = int(span / rules.sample_interval_seconds)
    missing = max(seen.missing, due - seen.values)
    name = str(target)
    if seen.mean is None or seen.values < rules.min_samples:
        note = next((s.note for s in reversed(mine) if s.note), "no sample yet")
        reason = f"{seen.values} of at least {rules.min_samples} samples ({note})"
        return leaf(name, Result.NO_DATA, reason, "the metric source")
    if missing > rules.max_missing * (missing + seen.values):
        reason = f"{missing} of {missing + seen.values} samples are missing or have no value"
        return leaf(name, Result.NO_DATA, reason, "the metric source")
    figure = f"{seen.mean:.4g} over {seen.values} samples"
    if target.holds(seen.mean):
        return leaf(name, Result.PASS, figure)
    return leaf(name, Result.FAIL, figure, "the release")


def _outside_for(
    samples: Sequence[MetricObservation], target: MetricTarget, anchor: datetime
) -> int:
    """Count the newest values in a row that miss the target."""
    count = 0
    for sample in reversed(since(samples, target.metric_id, anchor)):
        if sample.value is None:
            continue
        if target.holds(sample.value):
            break
        count += 1
    return count


def judge(
    samples: Sequence[MetricObservation],
    targets: Sequence[MetricTarget],
    span: tuple[datetime, datetime],
    now: datetime,
    rules: Observation,
) -> tuple[Judgement, Condition]:
    """Judge all targets of a window that runs over `span` (anchor, end).

    Before the end only a regression is decided: a target missed by its newest `regress_after`
    values in a row and by its rolling mean. At the end every target must pass.
    """
    anchor, end = span
    moment = min(now, end) if now >= end else now
    if not targets:
        tree = leaf("metrics", Result.SKIPPED, "the mission names no metric target")
        return (Judgement.PASS if now >= end else Judgement.UNDECIDED), tree
    conditions = tuple(judge_target(samples, t, anchor, moment, rules) for t in targets)
    tree = all_of("metrics", conditions)
    lost = any(
        c.result is Result.FAIL and _outside_for(samples, t, anchor) >= rules.regress_after
        for c, t in zip(conditions, targets, strict=True)
    )
    if lost:
        return Judgement.REGRESS, tree
    if now < end:
        return Judgement.UNDECIDED, tree
    match tree.result:
        case Result.PASS:
            return Judgement.PASS, tree
        case Result.FAIL:
            return Judgement.REGRESS, tree
        case _:
            return Judgement.INCONCLUSIVE, tree

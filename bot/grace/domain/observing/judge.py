"""The judge of a mission's observation window: one error budget over all its metrics.

A metric is compared with its own past before the release, beside a control where there is one,
and with its target. Before the end only a regression is decided; no data is never a pass.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from statistics import fmean
from typing import NamedTuple

from grace.domain.facts import Facts
from grace.domain.mission import Window
from grace.domain.observing.calibration import Calibration, Past
from grace.domain.observing.compare import (
    Look,
    against_target,
    at_end,
    looks,
    own_error,
    ruler,
    student,
)
from grace.domain.observing.grid import Point, apart, turned
from grace.domain.observing.words import (
    Standing,
    compared,
    measured,
    missing_words,
    time_words,
)
from grace.domain.package import MetricObservation, MetricTarget
from grace.domain.policy import Observation
from grace.domain.verdict import Condition, Result, all_of, leaf
from grace.domain.window import reading, since

SURE = 0.95  # of what is said of a target
COARSER = 1.5
SILENT = 4  # rounds without a value at the end: the metric has vanished
PATIENCE = 0.75  # of what may be missing, if it is all at the end
AHEAD = timedelta(seconds=5)  # a clock may be so much before ours


class Judgement(StrEnum):
    """What a window says."""

    PASS = "pass"
    REGRESS = "regress"
    INCONCLUSIVE = "inconclusive"
    UNDECIDED = "undecided"


class Watched(NamedTuple):
    """What is judged. `guard`: no target of the mission, it must only not get worse."""

    target: MetricTarget
    guard: bool = False


@dataclass(frozen=True, slots=True)
class Scene:
    """What is known of a window at a moment.

    `calibrations`: by metric, what was learned of its past; `sharing`: among how many metrics the
    budget of errors is shared.
    """

    samples: Sequence[MetricObservation]
    anchor: datetime
    ends_at: datetime
    now: datetime
    rules: Observation
    calibrations: Mapping[str, Calibration]
    sharing: int = 1

    @property
    def moment(self) -> datetime:
        """Judge as of now, or as of the end where it is past."""
        return min(self.now, self.ends_at)

    @property
    def final(self) -> bool:
        return self.now >= self.ends_at

    @property
    def alpha(self) -> float:
        return self.rules.false_rollback_budget / max(1, self.sharing)


def scene_of(
    facts: Facts, window: Window, rules: Observation, moment: datetime, sharing: int
) -> Scene | None:
    """Gather what is known of a window at a moment; None: it is not anchored."""
    if window.anchor is None:
        return None
    baseline = facts.baseline
    return Scene(
        samples=facts.samples,
        anchor=window.anchor,
        ends_at=window.ends_at or moment,
        now=moment,
        rules=rules,
        calibrations={} if baseline is None else baseline.calibrations,
        sharing=sharing,
    )


class Judged(NamedTuple):
    """A metric's condition, and whether it alone decides to roll back now."""

    condition: Condition
    regressed: bool = False


def judge(scene: Scene, watched: Sequence[Watched]) -> tuple[Judgement, Condition]:
    """Judge all metrics of a window."""
    if not watched:
        tree = leaf("metrics", Result.SKIPPED, "the mission names no metric target")
        return (Judgement.PASS if scene.final else Judgement.UNDECIDED), tree
    found = [judge_metric(scene, each) for each in watched]
    tree = all_of("metrics", tuple(each.condition for each in found))
    if any(each.regressed for each in found):
        return Judgement.REGRESS, tree
    if not scene.final:
        return Judgement.UNDECIDED, tree
    match tree.result:
        case Result.PASS:
            return Judgement.PASS, tree
        case Result.FAIL:
            return Judgement.REGRESS, tree
        case _:
            return Judgement.INCONCLUSIVE, tree


def judge_metric(scene: Scene, watched: Watched) -> Judged:
    """Judge one metric on the samples since the anchor."""
    target, name, rules = watched.target, str(watched.target), scene.rules
    mine = since(scene.samples, target.metric_id, scene.anchor)
    lies = time_words(*_lies(scene, target.metric_id))
    seen = reading(mine, target, scene.moment)
    span = min(target.rolling_window_minutes * 60, (scene.moment - scene.anchor).total_seconds())
    due = int(span / rules.sample_interval_seconds)
    missing = max(seen.missing, due - seen.values)
    known = [s for s in mine if s.at <= scene.moment]
    too_many = missing > rules.max_missing * (missing + seen.values) or _vanished(
        scene, known, span
    )
    if seen.mean is None or seen.values < rules.min_samples or too_many:
        words = missing_words(known, seen.values, missing if too_many else 0, rules.min_samples)
        return Judged(leaf(name, Result.NO_DATA, words + lies, "the metric source"))
    values = _values(scene, target)
    standing = _standing(scene, target)
    look, past, stretch = _look(scene, target, values)
    worse = look is not None and look.margin >= stretch
    words = f"{measured(seen.mean, seen.values, standing)}{compared(look, past, stretch, target)}"
    said = words + lies
    if worse and (watched.guard or past is None or standing is not Standing.MET):
        return Judged(leaf(name, Result.FAIL, said, "the release"), regressed=True)
    return Judged(_settled(scene, watched, standing, past, said))


def _vanished(scene: Scene, known: Sequence[MetricObservation], span: float) -> bool:
    """Tell whether a metric's values ended well before the end of the window."""
    newest = next((s.at for s in reversed(known) if s.value is not None), scene.anchor)
    rules, silence = scene.rules, (scene.moment - newest).total_seconds()
    patience = max(SILENT * rules.sample_interval_seconds, PATIENCE * rules.max_missing * span)
    return scene.final and silence >= patience


def _settled(
    scene: Scene, watched: Watched, standing: Standing, past: Past | None, said: str
) -> Condition:
    """Say how a metric stands that did not get worse."""
    target, name = watched.target, str(watched.target)
    before = past is not None and past.level > _limit(target)
    match standing:
        case Standing.MET:
            return leaf(name, Result.PASS, said)
        case Standing.MISSED if watched.guard and before:
            return leaf(name, Result.PASS, f"{said}, and it missed its threshold before")
        case Standing.UNCLEAR if watched.guard and past is not None:
            return leaf(name, Result.PASS, said)
        case Standing.MISSED:
            return leaf(name, Result.FAIL, said, "the release")
        case _:
            result = Result.NO_DATA if scene.final else Result.PENDING
            return leaf(name, result, said, "more samples")


def _lies(scene: Scene, metric_id: str) -> tuple[int, int]:
    """Count samples dated before the release, and in the future; neither proves anything."""
    mine = [s for s in scene.samples if s.metric_id == metric_id]
    early = sum(s.at - timedelta(seconds=s.window_s) < scene.anchor for s in mine)
    return early, sum(s.at > scene.now + AHEAD for s in mine)


def _values(scene: Scene, target: MetricTarget) -> list[Point]:
    """Return the turned samples since the anchor that have a value, oldest first."""
    return [
        Point(s.at.timestamp(), turned(s.value, target))
        for s in since(scene.samples, target.metric_id, scene.anchor)
        if s.value is not None and s.at <= scene.moment
    ]


def _limit(target: MetricTarget) -> float:
    """Return what is just good enough, turned."""
    return turned(target.target, target)


def _standing(scene: Scene, target: MetricTarget) -> Standing:
    """Say whether the mean over the rolling window meets the target, as far as noise lets see."""
    start = scene.moment - timedelta(minutes=target.rolling_window_minutes)
    recent = [v for at, v in _values(scene, target) if at > start.timestamp()]
    mean, free = fmean(recent), len(recent) - 1
    unturned = -mean if target.comparator in {">", ">="} else mean
    meets = mean == 0 if target.comparator == "==" else target.holds(unturned)
    doubt = student(SURE, free) * own_error(recent) if free else 0.0
    if abs(mean - _limit(target)) < doubt:
        return Standing.UNCLEAR
    return Standing.MET if meets else Standing.MISSED


def _look(
    scene: Scene, target: MetricTarget, values: list[Point]
) -> tuple[Look | None, Past | None, float]:
    """Compare what was seen so far with what was before; without a past with the target alone.

    The third is by how much the noise is stretched.
    """
    known = scene.calibrations.get(target.metric_id)
    if known is None or known.past is None:
        if len(values) < scene.rules.early_samples:
            return None, None, 1.0
        matters = scene.rules.min_effect * abs(target.target)
        plain = [v for _, v in values]
        return against_target(plain, _limit(target), matters, scene.alpha), None, 1.0
    past, stretch, beside = known.past, known.stretch, known.beside
    if beside is not None and beside.past is not None and known.control is not None:
        control = _values(scene, target.model_copy(update={"metric_id": known.control}))
        pairs = apart(values, control, scene.rules.sample_interval_seconds)
        if len(pairs) >= scene.rules.min_samples:
            values, past, stretch = pairs, beside.past, beside.stretch
    return _decisive(scene, past, _thinned(values, past, scene), stretch), past, stretch


def _thinned(values: list[Point], past: Past, scene: Scene) -> list[float]:
    """Take values by the step of the past where they come faster than those did."""
    interval, start = scene.rules.sample_interval_seconds, scene.anchor.timestamp()
    if past.step <= COARSER * interval:
        return [v for _, v in values]
    return list({int((at - start) // past.step): v for at, v in values}.values())


def _decisive(scene: Scene, past: Past, values: list[float], stretch: float) -> Look | None:
    """Return the first look that decides, or else the newest; at the end the ranks look too."""
    by = ruler(past, scene.alpha / 2, len(values))
    newest: Look | None = None
    for look in looks(past, values, by, scene.rules.early_samples):
        newest = look
        if look.margin >= stretch:
            return look
    return at_end(past, values, by.errors[-1], scene.alpha / 2) if scene.final else newest

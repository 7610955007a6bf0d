"""The judge of a window: targets, guards, controls, what is missing, and what lies about time."""

from datetime import timedelta

import pytest

from grace.domain.facts import Facts
from grace.domain.mission import Window
from grace.domain.observing.calibrate import calibrate
from grace.domain.observing.judge import Judgement, Scene, Watched, judge, judge_metric, scene_of
from grace.domain.observing.noise import Terms
from grace.domain.package import MetricObservation, MetricTarget
from grace.domain.policy import Observation
from grace.domain.samples import Sample
from grace.domain.verdict import Result
from support.noise import white
from support.world import START

EVERY = 10
RULES = Observation(sample_interval_seconds=EVERY, min_samples=3, early_samples=5)
TARGET = MetricTarget(metric_id="p95", comparator="<", target=100, rolling_window_minutes=5)
END = START + timedelta(minutes=5)


def sample(seconds, value, metric_id="p95", **changes):
    at = START + timedelta(seconds=seconds)
    return MetricObservation(metric_id=metric_id, value=value, at=at, source="x", **changes)


def samples(values, metric_id="p95", first=1, every=EVERY):
    return tuple(sample(first + i * every, v, metric_id) for i, v in enumerate(values))


def known_of(values, target=TARGET, control=(), every=EVERY):
    """Calibrate on values that ended where the window begins."""
    end = START.timestamp()

    def series(each):
        return [Sample(end - every * (len(each) - i), v) for i, v in enumerate(each)]

    terms = Terms(target, RULES.min_effect, 30, RULES.false_rollback_budget, RULES.early_samples)
    return calibrate(series(values), end, EVERY, terms, series(control))


def scene(known, seconds=300, calibrations=None, rules=RULES):
    now = START + timedelta(seconds=seconds)
    return Scene(known, START, END, now, rules, calibrations or {})


def one(known, seconds=300, past=None, *, guard=False, target=TARGET, rules=RULES):
    """Judge one metric; `past`: its calibration."""
    calibrations = {} if past is None else {target.metric_id: past}
    watched = Watched(target, guard=guard)
    seen = scene(known, seconds, calibrations, rules)
    judgement, tree = judge(seen, (watched,))
    assert tree.children[0] == judge_metric(seen, watched).condition
    return judgement, tree.children[0]


NORMAL = known_of(white(1000, mean=50, deviation=2))
SLOW = known_of(white(1000, mean=160, deviation=2))


# without a past: the target alone


def test_a_window_that_holds_to_its_end_passes():
    known = samples([20.0] * 30)
    assert one(known, 299)[0] is Judgement.UNDECIDED
    judgement, said = one(known)
    assert (judgement, said.result) == (Judgement.PASS, Result.PASS)
    assert said.reason == "20 over 30 samples"
    assert one(known, 3600)[0] is Judgement.PASS


def test_a_regression_ends_the_window_early():
    assert one(samples([900.0] * 4), 35)[0] is Judgement.UNDECIDED
    judgement, said = one(samples([900.0] * 5), 45)
    assert (judgement, said.result, said.who) == (Judgement.REGRESS, Result.FAIL, "the release")
    assert "standard errors off" in said.reason


def test_one_outlier_decides_nothing():
    judgement, _ = one(samples([20.0] * 5 + [90_000.0]), 55)
    assert judgement is Judgement.UNDECIDED
    known = samples([20.0] * 29 + [900.0])
    assert one(known)[0] is not Judgement.REGRESS


def test_a_target_that_is_missed_at_the_end_is_a_regression():
    known = samples([20.0] * 18 + [130.0] * 12)
    wanted = TARGET.model_copy(update={"rolling_window_minutes": 1})
    judgement, said = one(known, target=wanted)
    assert (judgement, said.result) == (Judgement.REGRESS, Result.FAIL)


def test_a_mean_too_near_the_target_is_awaited_and_then_inconclusive():
    known = samples([90.0, 108.0] * 15)
    judgement, said = one(known[:10], 95)
    assert (judgement, said.result) == (Judgement.UNDECIDED, Result.PENDING)
    judgement, said = one(known)
    assert (judgement, said.result) == (Judgement.INCONCLUSIVE, Result.NO_DATA)
    assert "too near the target to tell" in said.reason


def test_one_sample_tells_nothing_about_noise():
    rules = RULES.model_copy(update={"min_samples": 1, "max_missing": 0.99})
    judgement, said = one(samples([20.0]), 9, rules=rules)
    assert (judgement, said.result) == (Judgement.UNDECIDED, Result.PASS)


@pytest.mark.parametrize(
    ("comparator", "good", "bad"), [(">", 200.0, 20.0), ("==", 100.0, 90.0), (">=", 100.0, 99.0)]
)
def test_every_comparator_has_its_good_and_its_bad(comparator, good, bad):
    wanted = TARGET.model_copy(update={"comparator": comparator})
    assert one(samples([good] * 30), target=wanted)[0] is Judgement.PASS
    assert one(samples([bad] * 30), target=wanted)[0] is Judgement.REGRESS


# with a past


def test_a_guard_that_gets_worse_ends_the_window_while_it_meets_its_threshold():
    judgement, said = one(samples(white(5, mean=80, deviation=2)), 45, NORMAL, guard=True)
    assert (judgement, said.result) == (Judgement.REGRESS, Result.FAIL)
    assert "before, got worse: " in said.reason


def test_a_target_that_gets_worse_and_still_is_met_does_not():
    known = samples(white(30, seed=4, mean=80, deviation=2))
    judgement, said = one(known, 200, NORMAL)
    assert judgement is Judgement.UNDECIDED
    assert one(known, 300, NORMAL)[0] is Judgement.PASS
    assert "got worse" in said.reason


def test_a_target_that_gets_worse_and_is_missed_ends_it():
    assert one(samples([250.0] * 6), 55, SLOW)[0] is Judgement.REGRESS


def test_a_fix_that_changes_nothing_has_the_whole_window_and_then_is_none():
    known = samples(white(30, seed=5, mean=160, deviation=2))
    judgement, said = one(known, 299, SLOW)
    assert (judgement, said.result) == (Judgement.UNDECIDED, Result.FAIL)
    assert one(known, 300, SLOW)[0] is Judgement.REGRESS


def test_a_guard_that_missed_its_threshold_before_is_not_the_releases_fault():
    known = samples(white(30, seed=6, mean=160, deviation=2))
    judgement, said = one(known, 300, SLOW, guard=True)
    assert (judgement, said.result) == (Judgement.PASS, Result.PASS)
    assert "missed its threshold before" in said.reason


def test_a_guard_near_its_threshold_is_no_worse_and_passes():
    near = known_of(white(1000, mean=99.5, deviation=5))
    known = samples(white(30, seed=9, mean=99.5, deviation=5))
    judgement, said = one(known, 300, near, guard=True)
    assert (judgement, said.result) == (Judgement.PASS, Result.PASS)
    assert "too near" in said.reason


def test_before_enough_samples_only_the_level_is_told():
    _, said = one(samples([50.0] * 4), 35, NORMAL)
    assert said.reason == f"50 over 4 samples; {NORMAL.past.level:.4g} before"
    _, said = one(samples([50.0] * 6), 55, NORMAL)
    assert "not worse by what matters (4.99)" in said.reason


def test_a_change_within_the_noise_only_seems_worse():
    restless = known_of([v * (1 + (i // 50) % 2) for i, v in enumerate(white(1000, mean=40))])
    _, said = one(samples([95.0] * 8), 75, restless, guard=True)
    assert "seems worse" in said.reason


def test_a_silence_that_is_left_without_any_noise_to_compare_is_beyond_it():
    silent = MetricTarget(metric_id="p95", comparator="<", target=0)
    _, said = one(samples([1.0] * 5), 45, target=silent)
    assert "beyond all noise" in said.reason


def test_of_less_is_worse_the_level_before_is_told_as_it_was():
    wanted = TARGET.model_copy(update={"comparator": ">", "target": 10})
    known = known_of(white(1000, mean=50, deviation=2), wanted)
    judgement, said = one(samples([20.0] * 6), 55, known, guard=True, target=wanted)
    assert judgement is Judgement.REGRESS
    assert "; 49.91 before" in said.reason


def test_a_past_that_was_sampled_less_often_is_compared_at_its_own_pace():
    slow = known_of(white(1000, mean=50, deviation=2), every=40)
    known = samples([80.0] * 30)
    assert one(known[:17], 165, slow, guard=True)[0] is Judgement.REGRESS
    assert one(known[:13], 125, slow, guard=True)[0] is Judgement.UNDECIDED


def test_a_rise_that_the_control_shows_too_is_not_the_releases():
    shared = white(1000, mean=50, deviation=2)
    both = known_of(shared, control=shared).model_copy(update={"control": "p95.old"})
    rise = samples([80.0] * 10)
    calm = samples([80.0] * 10, "p95.old")
    flat = samples([50.0] * 10, "p95.old")
    assert one((*rise, *calm), 95, both, guard=True)[0] is Judgement.UNDECIDED
    assert one((*rise, *flat), 95, both, guard=True)[0] is Judgement.REGRESS
    assert one(rise, 95, both, guard=True)[0] is Judgement.REGRESS


# the mission's whole


def test_the_metrics_share_one_budget():
    known = scene(())
    assert known.alpha == RULES.false_rollback_budget
    shared = Scene((), START, END, START, RULES, {}, sharing=4)
    assert shared.alpha == RULES.false_rollback_budget / 4


def test_one_target_without_data_outweighs_one_that_passes():
    other = MetricTarget(metric_id="other", comparator="<", target=1)
    judgement, tree = judge(scene(samples([20.0] * 30)), (Watched(TARGET), Watched(other)))
    assert judgement is Judgement.INCONCLUSIVE
    assert tree.holding().name == "other < 1"


def test_without_a_target_time_alone_decides():
    for seconds, expected in ((0, Judgement.UNDECIDED), (300, Judgement.PASS)):
        judgement, tree = judge(scene((), seconds), ())
        assert (judgement, tree.result) == (expected, Result.SKIPPED)


def test_a_scene_needs_an_anchor():
    assert scene_of(Facts(), Window(), RULES, START, 1) is None
    found = scene_of(Facts(), Window(anchor=START), RULES, END, 2)
    assert (found.ends_at, found.sharing) == (END, 2)


# what is missing, and what lies


@pytest.mark.parametrize("values", [(), (20.0, 20.0), (20.0, 20.0, 20.0, *[None] * 4)])
def test_too_few_values_or_too_many_missing_are_inconclusive(values):
    judgement, said = one(samples(values, first=200))
    assert (judgement, said.result) == (Judgement.INCONCLUSIVE, Result.NO_DATA)


def test_a_metric_that_vanishes_in_mid_window_says_since_when():
    known = (*samples([20.0] * 8), sample(250, None, note="connection refused"))
    judgement, said = one(known)
    assert judgement is Judgement.INCONCLUSIVE
    assert said.reason == (
        "22 of 30 samples are missing or have no value "
        "(the last with a value is of 09:01:11 UTC: connection refused)"
    )


def test_a_metric_that_never_came_says_so():
    assert one(())[1].reason == "30 of 30 samples are missing or have no value (no sample yet)"
    silent = (sample(9, None, note="no such series"),)
    rules = RULES.model_copy(update={"max_missing": 0.999})
    assert one(silent, 10, rules=rules)[1].reason.endswith("(no such series)")
    few = one(samples([20.0] * 2), 20, rules=rules)[1]
    assert few.reason.startswith("2 of at least 3 samples (the last with a value is of")


def test_samples_dated_before_the_release_or_in_the_future_count_for_nothing():
    old, late = samples([900.0] * 9, first=-100), samples([900.0] * 9, first=400)
    judgement, said = one((*old, *samples([20.0] * 30), *late))
    assert judgement is Judgement.PASS
    assert said.reason == (
        "20 over 30 samples; 9 dated before the release count for nothing"
        "; 9 dated in the future count for nothing"
    )
    judgement, said = one((*old, *late))
    assert judgement is Judgement.INCONCLUSIVE
    assert "dated in the future" in said.reason


def test_a_clock_that_is_a_little_ahead_is_not_called_a_lie():
    assert "future" not in one(samples([20.0] * 31), 299)[1].reason


def test_errors_that_climb_after_a_release_are_seen_before_the_end():
    climbing = [0.0, 0.0, 0.0, 14.5, 30.5, 43.0, 60.0, 78.0, 87.5, 89.0, 88.5]
    errors = TARGET.model_copy(update={"target": 5})
    assert one(samples(climbing[:4]), 35, target=errors)[0] is Judgement.UNDECIDED
    assert one(samples(climbing), 105, target=errors)[0] is Judgement.REGRESS


def test_a_metric_with_a_restless_past_is_judged_with_patience():
    known = samples([80.0] * 8)
    assert one(known, 75, NORMAL, guard=True)[0] is Judgement.REGRESS
    wild = NORMAL.model_copy(update={"stretch": 50.0})
    judgement, said = one(known, 75, wild, guard=True)
    assert judgement is Judgement.UNDECIDED
    assert "seems worse" in said.reason

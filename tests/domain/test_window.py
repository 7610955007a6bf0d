"""Judging live samples."""

from datetime import timedelta

import pytest

from grace.domain.package import MetricObservation, MetricTarget
from grace.domain.policy import Observation
from grace.domain.verdict import Result
from grace.domain.window import Judgement, judge, judge_target, reading, since
from support.world import START

RULES = Observation(min_samples=3, regress_after=3, max_missing=0.5)
TARGET = MetricTarget(metric_id="p95", comparator="<", target=100, rolling_window_minutes=2)
END = START + timedelta(minutes=5)


def sample(seconds, value, **changes):
    at = START + timedelta(seconds=seconds)
    return MetricObservation(metric_id="p95", value=value, at=at, source="x", **changes)


def samples(*values, every=10, first=1):
    return tuple(sample(first + i * every, v) for i, v in enumerate(values))


def at_end(known):
    return judge(known, (TARGET,), (START, END), END, RULES)


def after(known, seconds):
    return judge(known, (TARGET,), (START, END), START + timedelta(seconds=seconds), RULES)


def test_a_window_that_holds_to_its_end_passes():
    known = samples(*[20.0] * 29)
    assert after(known, 299)[0] is Judgement.UNDECIDED
    judgement, tree = at_end(known)
    assert (judgement, tree.result) == (Judgement.PASS, Result.PASS)
    assert judge(known, (TARGET,), (START, END), END + timedelta(hours=1), RULES)[0] is judgement


def test_a_regression_ends_the_window_early():
    known = samples(20.0, 900.0, 900.0)
    assert after(known, 25)[0] is Judgement.UNDECIDED
    assert after((*known, sample(31, 900.0)), 35)[0] is Judgement.REGRESS


def test_a_good_value_between_bad_ones_is_no_early_regression():
    assert after(samples(900.0, 900.0, 20.0, 900.0, 900.0), 45)[0] is Judgement.UNDECIDED


def test_rounds_without_data_do_not_interrupt_a_regression():
    assert after(samples(900.0, None, 900.0, 900.0), 35)[0] is Judgement.REGRESS


def test_bad_newest_values_that_the_mean_outweighs_do_not_end_it_early():
    assert after(samples(*[1.0] * 8, 101.0, 101.0, 101.0), 115)[0] is Judgement.UNDECIDED


def test_a_mean_outside_at_the_end_is_a_regression():
    judgement, tree = at_end(samples(900.0, 900.0, 900.0, 20.0, first=250))
    assert (judgement, tree.result) == (Judgement.REGRESS, Result.FAIL)


@pytest.mark.parametrize("values", [(), (20.0, 20.0), (20.0, 20.0, 20.0, *[None] * 4)])
def test_too_few_values_or_too_many_missing_are_inconclusive(values):
    judgement, tree = at_end(samples(*values, first=200))
    assert (judgement, tree.result) == (Judgement.INCONCLUSIVE, Result.NO_DATA)


def test_the_reason_repeats_what_the_source_said():
    silent = sample(290, None, note="connection refused")
    assert "connection refused" in at_end((silent,))[1].children[0].reason


def test_samples_that_began_before_the_anchor_prove_nothing():
    old = (sample(-1, 20.0), sample(5, 20.0, window_s=10), sample(10, 20.0, window_s=10))
    assert since(old, "p95", START) == old[2:]
    assert since(old, "other", START) == ()


def test_only_the_rolling_window_counts():
    known = samples(*[900.0] * 5, *[20.0] * 20)
    seen = reading(known, TARGET, START + timedelta(seconds=245))
    assert (seen.mean, seen.values, seen.missing) == (20.0, 12, 0)
    assert reading(known, TARGET, START).mean is None


def test_values_of_later_than_now_are_not_read():
    assert reading(samples(1.0, 2.0), TARGET, START + timedelta(seconds=5)).values == 1


def test_one_target_without_data_outweighs_one_that_passes():
    other = MetricTarget(metric_id="other", comparator="<", target=1)
    known = samples(*[20.0] * 29)
    judgement, tree = judge(known, (TARGET, other), (START, END), END, RULES)
    assert judgement is Judgement.INCONCLUSIVE
    assert tree.holding().name == "other < 1"


def test_without_a_target_time_alone_decides():
    for now, expected in ((START, Judgement.UNDECIDED), (END, Judgement.PASS)):
        judgement, tree = judge((), (), (START, END), now, RULES)
        assert (judgement, tree.result) == (expected, Result.SKIPPED)


def test_a_target_says_what_it_saw():
    found = judge_target(
        samples(10.0, 20.0, 30.0), TARGET, START, END - timedelta(minutes=4), RULES
    )
    assert (found.result, found.reason) == (Result.PASS, "20 over 3 samples")


def test_rounds_that_were_never_sampled_are_missing_and_no_pass():
    known = samples(20.0, 20.0, 20.0, every=15, first=185)
    judgement, tree = at_end(known)
    assert judgement is Judgement.INCONCLUSIVE
    assert tree.result is Result.NO_DATA

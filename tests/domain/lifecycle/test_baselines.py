"""What was before the release: asked for once, awaited, and judged by; and windows extended."""

from datetime import timedelta

import pytest

from grace.domain import effects as fx
from grace.domain import events as ev
from grace.domain.catalog import Catalog
from grace.domain.observing.calibrate import calibrate
from grace.domain.observing.noise import Terms
from grace.domain.package import MetricObservation, MetricTarget
from grace.domain.phase import Outcome, Phase
from grace.domain.policy import Observation
from grace.domain.samples import Sample
from support.noise import white
from support.world import METRIC, World, make_policy, source

RULES = {"sample_interval_seconds": 10, "min_samples": 3, "early_samples": 3}


def released(waits=(fx.ReadBaseline,), **world):
    made = World(**world).file().ci().review()
    made.waits = waits
    return made.deploy()


def observed(**rules):
    return make_policy(observation=Observation(**{**RULES, **rules}))


def before(world, metric_id="error_rate", mean=1.0):
    """Make what is known of a metric that was steady before the release."""
    end = world.now.timestamp()
    values = white(400, mean=mean, deviation=mean / 50)
    series = [Sample(end - 10 * (400 - i), v) for i, v in enumerate(values)]
    target = MetricTarget(metric_id=metric_id, comparator="<", target=5)
    known = calibrate(series, end, 10, Terms(target, 0.1, 6, 0.01, 3))
    shown = MetricObservation(metric_id=metric_id, value=mean, at=world.now, source="kept samples")
    return ev.BaselineRead(samples=(shown,), calibrations={metric_id: known})


def test_what_was_before_is_asked_for_once_when_the_window_is_anchored():
    world = released(waits=())
    asked = world.only_done(fx.ReadBaseline)
    assert {t.metric_id for t in asked.targets} == {METRIC, "error_rate"}
    assert (asked.before, asked.minutes) == (world.mission.window.anchor, 1)
    world.observe(3)
    assert len(world.asked(fx.ReadBaseline)) == 1


def test_nothing_is_decided_before_it_is_read():
    world = released()
    world.values[METRIC] = 900.0
    world.observe(8)
    assert world.mission.phase is Phase.OBSERVING
    assert world.wake_at > world.now
    world.waits = ()
    world.settle()
    assert world.mission.outcome is Outcome.ROLLED_BACK


def test_a_read_that_fails_leaves_the_target_and_says_so():
    world = released().fail(fx.ReadBaseline, "the file is broken")
    assert "the file is broken" in world.facts.baseline.note
    leaves = [c for c in world.verdict.root.children[-1].children if "before" in c.name]
    assert "the target alone is judged" in leaves[0].reason
    world.waits = ()
    assert world.observe().mission.outcome is Outcome.FIXED


def test_a_guard_within_its_threshold_that_got_worse_rolls_back():
    world = released()
    world.deliver(before(world))
    note = next(n for n in world.notes if n.kind == "mission.baseline_read")
    assert note.payload["metrics"]["error_rate"]["samples"] == 400
    world.values["error_rate"] = 3.0
    world.waits = ()
    world.observe(5)
    assert world.mission.outcome is Outcome.ROLLED_BACK
    assert "error_rate" in world.mission.reason
    assert "before, got worse" in world.mission.reason


def test_a_guard_as_it_was_before_passes():
    world = released()
    world.deliver(before(world, mean=3.0))
    world.values["error_rate"] = 3.05
    world.waits = ()
    assert world.observe().mission.outcome is Outcome.FIXED


def test_what_was_too_short_to_compare_with_is_noted_as_nothing():
    world = released()
    world.deliver(ev.BaselineRead(samples=(), calibrations={METRIC: calibrate([], 0, 10, TERMS)}))
    note = next(n for n in world.notes if n.kind == "mission.baseline_read")
    assert note.payload["metrics"] == {}


TERMS = Terms(MetricTarget(metric_id=METRIC, comparator="<", target=5), 0.1, 6, 0.01, 3)


def test_a_control_is_sampled_in_the_same_rounds():
    policy = make_policy()
    metrics = dict(policy.catalog.metrics)
    metrics["error_rate"] = metrics["error_rate"].model_copy(update={"control": "error_rate.old"})
    metrics["error_rate.old"] = metrics["error_rate"].model_copy(
        update={"control": "unmeasured", "source": source("old")}
    )
    metrics[METRIC] = metrics[METRIC].model_copy(update={"control": "unmeasured"})
    world = released(
        waits=(), policy=policy.model_copy(update={"catalog": Catalog(metrics=metrics)})
    )
    assert world.asked(fx.SampleMetrics)[0].metric_ids == (METRIC, "error_rate", "error_rate.old")


def test_a_metric_that_vanishes_in_mid_window_is_a_persons():
    world = released(waits=())
    world.observe(2)
    world.values[METRIC] = None
    world.observe(4)
    assert world.mission.window.extended
    world.observe(7)
    assert world.mission.outcome is Outcome.FAILED
    assert "inconclusive twice" in world.mission.reason
    reason = world.verdict.root.holding().reason
    assert "samples are missing or have no value (the last with a value is of 09:00:20" in reason


@pytest.mark.parametrize(("bound", "words"), [(0, "inconclusive: "), (3, "inconclusive 4 times: ")])
def test_a_window_is_extended_within_its_bound(bound, words):
    world = released(waits=(), policy=observed(max_extensions=bound))
    world.values[METRIC] = None
    titles = []
    while world.mission.phase is Phase.OBSERVING:
        world.tick(10)
        titles += [e.title for e in world.asked(fx.PublishCheck) if e.name == "mission/observation"]
    assert world.mission.window.extensions == bound
    assert words in world.mission.reason
    assert ("observing, extended 3 times" in titles) is (bound == 3)
    assert world.now - world.mission.window.anchor >= timedelta(minutes=1 + bound)


def test_samples_of_another_time_prove_nothing():
    world = released(waits=())
    lie = MetricObservation(
        metric_id=METRIC, value=900.0, at=world.now + timedelta(hours=1), source="test"
    )
    old = lie.model_copy(update={"at": world.now - timedelta(hours=1)})
    for each in (lie, old):
        world.deliver(ev.MetricsSampled(samples=(each,) * 3))
    assert world.observe().mission.outcome is Outcome.FIXED
    reasons = [c.reason for c in world.verdict.root.children[-1].children]
    assert "3 dated before the release count for nothing" in reasons[0]
    assert "3 dated in the future count for nothing" in reasons[0]

"""Pasts of metrics to judge by: independent samples, and such as hang together."""

import random

from grace.domain.observing.noise import Terms, learned, seen_from
from grace.domain.package import MetricTarget


def terms(comparator="<", goal=0.0, **changes):
    target = MetricTarget(metric_id="m", comparator=comparator, target=goal)
    given = {"min_effect": 0.1, "horizon": 30, "alpha": 0.02, "early": 5}
    return Terms(target=target, **{**given, **changes})


def white(count, seed=1, mean=100.0, deviation=5.0):
    dice = random.Random(seed)
    return [dice.gauss(mean, deviation) for _ in range(count)]


def drifting(count, seed=1):
    """Samples of which each hangs on the one before."""
    dice, value, found = random.Random(seed), 0.0, []
    for _ in range(count):
        value = 0.95 * value + dice.gauss(0, 1)
        found.append(100 + value)
    return found


def past_of(values, **changes):
    given = terms(**changes)
    past = learned(values, 15, given)
    return seen_from(past, values, len(values), given)

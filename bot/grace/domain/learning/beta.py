"""The Beta distribution: its share below a value, and the value below which a share lies.

By the continued fraction of the incomplete beta function (DLMF 8.17.22), evaluated by Lentz's
method; its inverse by Halley's, from where a logistic normal of the same spread would have it, kept
between bounds that close in.
"""

from math import exp, lgamma, log, sqrt
from statistics import NormalDist
from typing import Final

TINY: Final = 1e-300
CLOSE: Final = 1e-12
NEAR: Final = 1e-9
THIRD: Final = 1 / 3
LEAST: Final = 0.4
MAX_TERMS: Final = 500
MAX_STEPS: Final = 60


def share_below(x: float, a: float, b: float) -> float:
    """Return the regularised incomplete beta function I_x(a, b); `a` and `b` above 0."""
    if x <= 0:
        return 0.0
    if x >= 1:
        return 1.0
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log(1 - x))
    if x < (a + 1) / (a + b + 2):
        return front * _fraction(x, a, b) / a
    return 1 - front * _fraction(1 - x, b, a) / b


def value_at(share: float, a: float, b: float) -> float:
    """Return the value below which `share` of the distribution lies, to 1e-9; `share` in (0, 1)."""
    low, high, value = 0.0, 1.0, _start(share, a, b)
    scale = lgamma(a + b) - lgamma(a) - lgamma(b)
    moved, steps = 1.0, 0
    while moved > NEAR and steps < MAX_STEPS:
        over = share_below(value, a, b) - share
        if over < 0:
            low = value
        else:
            high = value
        slope = exp(scale + (a - 1) * log(value) + (b - 1) * log(1 - value))
        newton = over / max(slope, TINY)
        bend = newton * ((a - 1) / value - (b - 1) / (1 - value))
        step = value - newton / (1 - min(1.0, bend) / 2)
        following = step if low < step < high else (low + high) / 2
        moved, steps, value = abs(following - value), steps + 1, following
    return value


def _start(share: float, a: float, b: float) -> float:
    """Guess a value: the logit of X is nearly normal, but where `a` or `b` is small."""
    if min(a, b) < LEAST:
        return a / (a + b)
    spread = NormalDist().inv_cdf(share) * sqrt(1 / a + 1 / b)
    return 1 / (1 + exp(-spread) * (b - THIRD) / (a - THIRD))


def _fraction(x: float, a: float, b: float) -> float:
    c, d = 1.0, _away(1 - (a + b) * x / (a + 1))
    d = 1 / d
    value, factor, m = d, 0.0, 1
    while abs(factor - 1) > CLOSE and m < MAX_TERMS:
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = 1 / _away(1 + term * d)
            c = _away(1 + term / c)
            factor = c * d
            value *= factor
        m += 1
    return value


def _away(value: float) -> float:
    """Keep away from zero, by which is divided."""
    return value if abs(value) > TINY else TINY

"""The Beta distribution: its share below a value, and the value below which a share lies.

By the continued fraction of the incomplete beta function (DLMF 8.17.22), evaluated by Lentz's
method; its inverse by Newton's, kept between bounds that close in.
"""

from math import exp, lgamma, log
from typing import Final

TINY: Final = 1e-300
CLOSE: Final = 1e-12
NEAR: Final = 1e-9
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
    """Return the value below which `share` of the distribution lies."""
    low, high, value = 0.0, 1.0, a / (a + b)
    scale = lgamma(a + b) - lgamma(a) - lgamma(b)
    for _ in range(MAX_STEPS):
        over = share_below(value, a, b) - share
        if over < 0:
            low = value
        else:
            high = value
        slope = exp(scale + (a - 1) * log(value) + (b - 1) * log(1 - value))
        step = value - over / max(slope, TINY)
        following = step if low < step < high else (low + high) / 2
        if abs(following - value) < NEAR:
            return following
        value = following
    return value


def _fraction(x: float, a: float, b: float) -> float:
    c, d = 1.0, _away(1 - (a + b) * x / (a + 1))
    d = 1 / d
    value = d
    for m in range(1, MAX_TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = 1 / _away(1 + term * d)
            c = _away(1 + term / c)
            value *= c * d
        if abs(c * d - 1) < CLOSE:
            break
    return value


def _away(value: float) -> float:
    """Keep away from zero, by which is divided."""
    return value if abs(value) > TINY else TINY

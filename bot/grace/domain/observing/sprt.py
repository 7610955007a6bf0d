"""A sequential test that may be looked at after every sample: the mixture SPRT, one-sided.

Under "no worse" the mean of n samples lies `spread` around the level before. Against it stands a
half-normal mixture of worse levels, N(0, scale^2) cut at 0; its likelihood ratio is a test
martingale, so that by Ville's inequality it ever reaches 1/alpha with probability at most alpha
(Robbins 1970; Johari, Koomen, Pekelis, Walsh: Always Valid Inference, 2015).
"""

from math import inf, log, log1p, sqrt
from statistics import NormalDist

NORMAL = NormalDist()
LARGEST = 40.0
HALVINGS = 40


def log_evidence(z: float, ratio: float) -> float:
    """Return the log of the mixture's likelihood ratio at `z` standard errors.

    `ratio`: variance of the mixture over that of the mean, above 0.
    """
    share = ratio / (1 + ratio)
    tail = NORMAL.cdf(z * sqrt(share))
    if tail <= 0:
        return -inf
    return log(2) - 0.5 * log1p(ratio) + 0.5 * z * z * share + log(tail)


def boundary(alpha: float, ratio: float) -> float:
    """Return the number of standard errors at which the evidence reaches 1/alpha."""
    low, high, wanted = 0.0, LARGEST, -log(alpha)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if log_evidence(middle, ratio) < wanted:
            low = middle
        else:
            high = middle
    return high

"""The observation judge on the Numenta Anomaly Benchmark's files, beside two simple judges.

`NAB_DIR` is the path of a clone of https://github.com/numenta/NAB; nothing of it is stored here.
The files whose path below data/ has an odd SHA-1 are those that the judge was made with;
`NAB_PARITY=even` takes the others, which have no bound here. What the figures mean stands in
docs/observation.md.
"""

import math
import os
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from statistics import fmean, median

import pytest

from bench.figures import tell
from grace.domain.observing.noise import Terms
from grace.domain.observing.ranks import rank_score
from grace.domain.observing.replay import nothing_released, ruling
from grace.domain.observing.sprt import NORMAL
from grace.domain.package import MetricTarget
from grace.domain.samples import Sample
from support.nab import NabFile, read_nab

pytestmark = pytest.mark.bench

WINDOW, FIRST, BEFORE, STEP = 120, 500, 5760, 300.0
INJECTED, ERRORS = 1.5, 3.0
MOST_FALSE, LEAST_FOUND, MOST_SAMPLES = 0.02, 0.90, 20
TERMS = Terms(
    target=MetricTarget(metric_id="metric", comparator="<", target=0),
    min_effect=0.1,
    horizon=WINDOW,
    alpha=0.02,
    early=12,
)
JUDGES = ("the judge", "3 samples over +20 %", "rank test at the end")


@dataclass(frozen=True, slots=True)
class Case:
    """One window: after how many samples each judge rolls back, unchanged and with +50 %.

    `counts`: the effect is at least 3 long-run standard errors.
    """

    unchanged: tuple[int | None, ...]
    worse: tuple[int | None, ...]
    counts: bool


def three_over(before: Sequence[float], after: Sequence[float]) -> int | None:
    """Roll back after three samples in a row that are a fifth over the mean before."""
    limit, row = 1.2 * fmean(before), 0
    for n, value in enumerate(after, start=1):
        row = row + 1 if value > limit else 0
        if row == 3:
            return n
    return None


def ranks_alone(before: Sequence[float], after: Sequence[float]) -> int | None:
    """Roll back at the end where the rank test for independent samples says so."""
    beyond = rank_score(before[-WINDOW:], after, 1.0) > NORMAL.inv_cdf(1 - TERMS.alpha)
    return len(after) if beyond else None


def long_run_error(before: Sequence[float]) -> float:
    """Return the standard error of a change between the samples before and a window's mean.

    The long-run variance is that of overlapping batch means, with batches as long as the window.
    """
    mean, sums = fmean(before), [0.0, *accumulate(before)]
    places = range(len(before) - WINDOW + 1)
    batch = fmean(((sums[p + WINDOW] - sums[p]) / WINDOW - mean) ** 2 for p in places)
    return math.sqrt(batch * (1 + WINDOW / len(before)))


def cases(file: NabFile) -> list[Case]:
    """Judge windows one behind the other, each once as it is and once with +50 % injected."""
    samples = [Sample(STEP * i, value) for i, value in enumerate(file.values)]
    found = []
    for place, known, ruled in nothing_released(samples, STEP, TERMS, BEFORE, FIRST):
        before = file.values[max(0, place - BEFORE) : place]
        after = file.values[place : place + WINDOW]
        injected = [value * INJECTED for value in after]
        again = ruling(known, injected, TERMS)
        assert again is not None
        effect = fmean(injected) - fmean(after)
        case = Case(
            (ruled.decided, three_over(before, after), ranks_alone(before, after)),
            (again.decided, three_over(before, injected), ranks_alone(before, injected)),
            effect > 0 and effect >= ERRORS * long_run_error(before),
        )
        found.append(case)
    return found


def test_the_judge_keeps_to_its_budget_on_nab_and_finds_what_is_worse(
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = os.environ.get("NAB_DIR")
    if not folder:
        pytest.skip("set NAB_DIR to a clone: git clone https://github.com/numenta/NAB")
    odd = os.environ.get("NAB_PARITY", "odd") != "even"
    files = read_nab(Path(folder), odd=odd)
    with ProcessPoolExecutor() as pool:
        every = [case for each in pool.map(cases, files) for case in each]
    counted = [case for case in every if case.counts]
    false = Counter(n for c in every for n, d in enumerate(c.unchanged) if d is not None)
    hits = Counter(n for c in counted for n, d in enumerate(c.worse) if d is not None)
    times = [sorted(c.worse[n] or math.inf for c in counted) for n in range(len(JUDGES))]
    with capsys.disabled():
        half = "odd" if odd else "even"
        tell(
            f"{len(files)} files ({half} SHA-1), {len(every)} windows of {WINDOW} samples, "
            f"{len(counted)} where +50 % is at least {ERRORS:g} long-run standard errors",
            *(
                f"{name:22} false rollbacks {false[n] / len(every):6.2%}   "
                f"found {hits[n] / len(counted):6.1%}   median of samples {median(times[n]):g}"
                for n, name in enumerate(JUDGES)
            ),
        )
    if odd:
        assert false[0] / len(every) <= MOST_FALSE
        assert hits[0] / len(counted) >= LEAST_FOUND
        assert median(times[0]) <= MOST_SAMPLES

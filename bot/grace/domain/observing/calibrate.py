"""Replay the judge over a metric's own past, where nothing was released, and hold it back."""

from collections.abc import Sequence
from dataclasses import replace
from math import isfinite

from grace.domain.observing.calibration import Calibration, Past
from grace.domain.observing.compare import Ruler, at_end, looks, ruler
from grace.domain.observing.grid import Point, apart, on_grid, turned, usual_step
from grace.domain.observing.noise import Terms, learned, seen_from
from grace.domain.samples import Series

REPLAYS = 60
RESERVE = 1.2  # the past is short: what comes may be a little wilder than all of it
MAX_STRETCH = 1e6


def calibrate(
    series: Series, end: float, interval: float, terms: Terms, control: Series = ()
) -> Calibration:
    """Learn a metric's past before `end` (seconds since the epoch), and the judge's errors on it.

    `series` and `control` oldest first; `interval`: seconds between the window's samples.
    """
    step = usual_step(series, interval)
    bent = _turned(series, terms)
    found = _replayed(on_grid(bent, step, end), step, terms)
    if not control or found.past is None:
        return found
    base = max(abs(found.past.level), found.past.matters / terms.min_effect)
    pairs = apart(bent, _turned(control, terms), step)
    beside = _replayed(on_grid(pairs, step, end), step, replace(terms, base=base))
    return found if beside.past is None else found.model_copy(update={"beside": beside})


def _turned(series: Series, terms: Terms) -> list[Point]:
    return [Point(at, turned(v, terms.target)) for at, v in series if v is not None]


def _replayed(values: Sequence[float], step: float, terms: Terms) -> Calibration:
    """Replay windows over the past and stretch the noise until few enough are rolled back."""
    past = learned(values, step, terms)
    if past is None:
        return Calibration(replays=0, false_rollbacks=0)
    kept = [min(max(v, past.low), past.high) for v in values]
    horizon = past.spread[-1][0]
    room = len(kept) - horizon - past.span
    starts = range(past.span, len(kept) - horizon + 1, max(1, room // REPLAYS))
    by = ruler(past, terms.alpha / 2, horizon)
    peaks = sorted(
        peak(seen_from(past, kept, t, terms), kept[t : t + horizon], by, terms) for t in starts
    )
    allowed = int(terms.alpha * len(peaks))
    worst = peaks[-1 - allowed] * RESERVE
    stretch = min(max(1.0, worst), MAX_STRETCH) if isfinite(worst) else MAX_STRETCH
    wrong = sum(p >= stretch for p in peaks)
    return Calibration(replays=len(peaks), false_rollbacks=wrong, stretch=stretch, past=past)


def peak(past: Past, values: Sequence[float], by: Ruler, terms: Terms) -> float:
    """Return the largest margin that any look at a whole window comes to."""
    early = max((look.margin for look in looks(past, values, by, terms.early)), default=0.0)
    return max(early, at_end(past, values, by.errors[-1], terms.alpha / 2).margin)

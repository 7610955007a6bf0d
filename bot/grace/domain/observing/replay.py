"""What the judge would have made of releases that are past, and of moments without any."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from grace.domain.observing.calibrate import calibrate
from grace.domain.observing.calibration import Calibration
from grace.domain.observing.compare import Look, at_end, looks, ruler
from grace.domain.observing.grid import turned
from grace.domain.observing.noise import MIN_PAST, Terms
from grace.domain.samples import Series


class Ruling(NamedTuple):
    """What the judge decides of one metric by itself.

    `decided`: after how many samples it rolls back; None: it does not. `look`: the last one.
    """

    decided: int | None
    look: Look


class Replay(NamedTuple):
    """One window of the past: its place among the samples, and what was decided of it."""

    place: int
    calibration: Calibration
    ruling: Ruling


def ruling(known: Calibration, values: Sequence[float], terms: Terms) -> Ruling | None:
    """Judge turned values since a release by what was known; None: by nothing, or of nothing."""
    past = known.past
    if past is None or not values:
        return None
    by = ruler(past, terms.alpha / 2, len(values))
    for look in looks(past, values, by, terms.early):
        if look.margin >= known.stretch:
            return Ruling(look.samples, look)
    end = at_end(past, values, by.errors[-1], terms.alpha / 2)
    return Ruling(end.samples if end.margin >= known.stretch else None, end)


def bent(series: Series, terms: Terms) -> list[float]:
    """Return the values that are there, turned so that more is worse."""
    return [turned(value, terms.target) for _, value in series if value is not None]


def nothing_released(
    series: Series, step: float, terms: Terms, most_before: int, first: int = MIN_PAST
) -> Iterator[Replay]:
    """Replay windows one behind the other over a whole history in which nothing was released.

    `series`: oldest first, `step` seconds apart; each window is judged by the `most_before` samples
    before it, the first begins at the sample `first`.
    """
    for place in range(first, len(series) - terms.horizon + 1, terms.horizon):
        before = series[max(0, place - most_before) : place]
        known = calibrate(before, series[place].at, step, terms)
        found = ruling(known, bent(series[place : place + terms.horizon], terms), terms)
        if found is not None:
            yield Replay(place, known, found)

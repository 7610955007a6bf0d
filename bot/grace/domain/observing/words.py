"""What the judge says of a metric, with its numbers."""

from collections.abc import Sequence
from enum import StrEnum
from math import inf

from grace.domain.observing.calibration import Past
from grace.domain.observing.compare import Look
from grace.domain.package import MetricObservation, MetricTarget


class Standing(StrEnum):
    """How a mean stands to its target."""

    MET = "met"
    MISSED = "missed"
    UNCLEAR = "unclear"


def measured(mean: float, values: int, standing: Standing) -> str:
    """Say what was measured."""
    words = f"{mean:.4g} over {values} samples"
    return f"{words}, too near the target to tell" if standing is Standing.UNCLEAR else words


def compared(look: Look | None, past: Past | None, stretch: float, target: MetricTarget) -> str:
    """Say how it compares with what was before; nothing where nothing is known of that."""
    if look is not None and past is None:
        return f"; {_errors(look, 1.0)}" if look.margin >= 1 else ""
    if past is None:
        return ""
    before = -past.level if target.comparator in {">", ">="} else past.level
    words = f"; {before:.4g} before"
    if look is None:
        return words
    if look.worse_by <= 0 or look.worse_by < past.matters:
        return f"{words}, not worse by what matters ({past.matters:.3g})"
    got = "got worse" if look.margin >= stretch else "seems worse"
    return f"{words}, {got}: {_errors(look, stretch)}"


def _errors(look: Look, stretch: float) -> str:
    """Say how far off it is, and how far decides."""
    found, decides = look.margin * look.needed, look.needed * stretch
    if found == inf:
        return "beyond all noise"
    return f"{found:.2g} standard errors off, where {decides:.2g} decide"


def missing_words(
    known: Sequence[MetricObservation], values: int, missing: int, needed: int
) -> str:
    """Say what is missing, and since when where a metric vanished."""
    last = next((s for s in reversed(known) if s.value is not None), None)
    note = next((s.note for s in reversed(known) if s.note), "")
    if missing:
        words = f"{missing} of {missing + values} samples are missing or have no value"
    else:
        words = f"{values} of at least {needed} samples"
    if last is None:
        return f"{words} ({note or 'no sample yet'})"
    ended = f"the last with a value is of {last.at:%H:%M:%S} UTC"
    return f"{words} ({ended}{f': {note}' if note else ''})"


def time_words(early: int, late: int) -> str:
    """Say which samples count for nothing because of when they say they are of."""
    words = ""
    if early:
        words += f"; {early} dated before the release count for nothing"
    if late:
        words += f"; {late} dated in the future count for nothing"
    return words

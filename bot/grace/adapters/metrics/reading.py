"""What reading a source comes to: a number with how much stands behind it, or why there is none."""

import math
from dataclasses import dataclass, replace

_NOTE_LIMIT = 300


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading; `value` None: nothing usable, and `note` says why.

    `window_s`: seconds that the value covers, 0 for a value of the moment. `samples`: how many
    observations stand behind it. `idle`: the source answered that there was nothing to measure.
    """

    value: float | None
    note: str = ""
    window_s: float = 0.0
    samples: int = 1
    idle: bool = False


def nothing(note: str) -> Reading:
    """Say why there is no value; the note may quote a stranger, so it is one short line."""
    return Reading(value=None, note=one_line(note), samples=0)


def idle(note: str) -> Reading:
    """Say why there was nothing to measure, though the source is there."""
    return Reading(value=None, note=one_line(note), samples=0, idle=True)


def scaled(reading: Reading, scale: float) -> Reading:
    """Bring a reading into the catalog's unit; what is no finite number then is no value."""
    if reading.value is None:
        return reading
    value = reading.value * scale
    if not math.isfinite(value):
        return nothing(f"the source answered {value}, which is no number to judge by")
    return reading if scale == 1 else replace(reading, value=value)


def timed(reading: Reading, age: float, stale_s: float, skew_s: float) -> Reading:
    """Judge a reading by the time that its source gave it; `age`: seconds, below 0 in the future.

    What is too old is no value. What is of the future is taken as of now, and says so.
    """
    if reading.value is None and not reading.idle:
        return reading
    if age > stale_s:
        return nothing(f"stale: the source's newest value is {age:.0f} s old")
    if age >= -skew_s:
        return reading
    ahead = f"the source's clock is {-age:.0f} s ahead of ours: taken as of now"
    return replace(reading, note="; ".join(n for n in (reading.note, ahead) if n))


def one_line(text: str) -> str:
    """Bound a stranger's text to one printable line."""
    printable = "".join(c if c.isprintable() else " " for c in text[: 4 * _NOTE_LIMIT])
    line = " ".join(printable.split())
    return line if len(line) <= _NOTE_LIMIT else line[: _NOTE_LIMIT - 1] + "…"

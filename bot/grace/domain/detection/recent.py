"""The last samples of a metric, for its chart: a ring of fixed size."""

import math
from array import array
from datetime import UTC, datetime
from typing import Self

from grace.domain.detection.anomaly import MAX_CHART, ChartPoint

_WIDTH = 8  # bytes of a double
_PART = 0.25


class Recent:
    """Keep the last MAX_CHART samples; a gap is kept as one."""

    __slots__ = ("_at", "_next", "_values")

    def __init__(self) -> None:
        self._at = array("d")
        self._values = array("d")
        self._next = 0

    def add(self, at: float, value: float | None) -> None:
        """Take the next sample; the oldest goes where the ring is full."""
        kept = math.nan if value is None else value
        if len(self._at) < MAX_CHART:
            self._at.append(at)
            self._values.append(kept)
            return
        self._at[self._next] = at
        self._values[self._next] = kept
        self._next = (self._next + 1) % MAX_CHART

    def chart(self) -> tuple[ChartPoint, ...]:
        """Draw them, oldest first."""
        order = (*range(self._next, len(self._at)), *range(self._next))
        return tuple(
            ChartPoint(
                at=datetime.fromtimestamp(self._at[i], UTC),
                value=None if math.isnan(self._values[i]) else self._values[i],
            )
            for i in order
        )

    def onset(self, since: float, usual: float, value: float) -> float:
        """Find the first sample from `since` on that lay a quarter of the way from usual to value.

        Seconds since the epoch; `since` itself where none is kept of that time.
        """
        way = value - usual
        beyond = (
            at
            for at, seen in zip(self._at, self._values, strict=True)
            if at >= since and (seen - usual) * way >= _PART * way * way
        )
        return min(beyond, default=since)

    def freeze(self) -> bytes:
        """Write the ring down, oldest first: all times, then all values."""
        times = self._at[self._next :] + self._at[: self._next]
        values = self._values[self._next :] + self._values[: self._next]
        return times.tobytes() + values.tobytes()

    @classmethod
    def thaw(cls, frozen: bytes) -> Self:
        """Read a frozen ring; ValueError where it is none."""
        size, left = divmod(len(frozen), 2 * _WIDTH)
        if left or size > MAX_CHART:
            raise ValueError("not a frozen ring of samples")
        fresh = cls()
        fresh._at.frombytes(frozen[: size * _WIDTH])
        fresh._values.frombytes(frozen[size * _WIDTH :])
        return fresh

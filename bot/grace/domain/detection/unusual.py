"""Find what is unusual in a metric that nobody described: no configuration, constant memory."""

import math
import struct
from array import array
from typing import Self

from grace.domain.detection.anomaly import Score

ALARM = 4.0
WARM_UP = 100
VERSION = 1
BINS, BINS_AN_OCTAVE = 96, 4
HUGE = 1e300
_HEAD = struct.Struct("<Bdddd")


class Unusual:
    """Measure how far each point lies from the level, against how far earlier ones lay."""

    __slots__ = ("_at", "_level", "_onset", "_points", "_seen", "_unit")

    def __init__(self) -> None:
        self._at = -math.inf
        self._level = 0.0
        self._unit = 0.0
        self._onset = 0.0
        self._points = 0.0
        self._seen = array("d", bytes(8 * BINS))

    def observe(self, at: float, value: float) -> Score:
        """Take the next point; one that is not newer than the last changes nothing."""
        if not (math.isfinite(at) and math.isfinite(value)) or at <= self._at:
            return Score(0.0, self._level if self._points >= WARM_UP else None, at)
        self._at = at
        if not self._points:
            self._level = value
        expected, off = self._level, abs(value - self._level)
        if self._unit == 0.0 < off < math.inf:
            self._unit = off
        ratio = off / self._unit if self._unit else 0.0
        place = round(BINS_AN_OCTAVE * math.log2(ratio)) + BINS // 2 if 0 < ratio < HUGE else 0
        place = min(max(place, 0), BINS - 1)
        beyond = sum(self._seen[place:])
        surprise = math.log10((self._points + 1.0) / (beyond + 1.0))
        if surprise > 1.0 and beyond < 1.0:
            surprise *= 1.5
        warm = self._points >= WARM_UP
        self._seen[place] += 1.0
        self._points += 1.0
        self._level += (value - self._level) / min(self._points, 20.0)
        return Score(surprise if warm else 0.0, expected if warm else None, at)

    def freeze(self) -> bytes:
        """Write the state down."""
        head = _HEAD.pack(VERSION, self._at, self._level, self._unit, self._points)
        return head + self._seen.tobytes()

    @classmethod
    def thaw(cls, frozen: bytes) -> Self:
        """Go on from a frozen state; ValueError where it is none of this version."""
        if len(frozen) != _HEAD.size + 8 * BINS or frozen[0] != VERSION:
            raise ValueError("not a frozen state of this detector")
        fresh = cls()
        _, fresh._at, fresh._level, fresh._unit, fresh._points = _HEAD.unpack_from(frozen)
        fresh._seen = array("d", frozen[_HEAD.size :])
        return fresh

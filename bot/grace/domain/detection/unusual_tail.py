"""How far off is far off: sizes of residuals measured against their own past extremes."""

import math
from array import array

BINS, AN_OCTAVE = 256, 8
STEP = math.log(2.0) / AN_OCTAVE
TOP, FEW = 20, 3
SHAPE, SHAPE_WEIGHT = 0.5, 5.0
FORGET = 20_000.0
LN10 = math.log(10.0)


class Tail:
    """A histogram of sizes on a scale of eighths of an octave, and the shape of its upper end.

    A size among earlier ones is as unusual as the share of them that lay as far off. Beyond the
    TOP largest the share comes from Hill's estimate (1975) of how their logarithms thin out, which
    begins as if SHAPE_WEIGHT sizes of a heavy tail had been seen. After FORGET sizes all counts
    are halved, so that the past fades.
    """

    __slots__ = ("counts", "origin", "total")

    def __init__(self, counts: bytes = b"", origin: float = math.nan, total: float = 0.0) -> None:
        self.counts = array("f", counts or bytes(4 * BINS))
        self.origin = origin
        self.total = total

    def take(self, size: float) -> float:
        """Say in decades how unusual a size (finite, at least 0) is, and count it."""
        spot, place = 0.0, 0
        if size > 0.0:
            octaves = math.log2(size)
            if math.isnan(self.origin):
                self.origin = octaves - BINS / AN_OCTAVE / 2.0
            spot = (octaves - self.origin) * AN_OCTAVE
            if spot >= BINS:
                moved = int(spot) - BINS * 3 // 4
                self._move(moved)
                spot -= moved
            spot = max(spot, 1.0)
            place = int(spot)
        decades = self._decades(place, spot) if self.total else 0.0
        self.counts[place] += 1.0
        self.total += 1.0
        if self.total >= FORGET:
            self._forget()
        return decades

    def _decades(self, place: int, spot: float) -> float:
        beyond = sum(self.counts[place + 1 :]) + self.counts[place] * (place + 1.0 - spot)
        plain = math.log10((self.total + 1.0) / (beyond + 1.0))
        if beyond >= TOP or self.total <= TOP:
            return plain
        above, logs, edge = 0.0, 0.0, BINS
        while edge > 1 and above + self.counts[edge - 1] < TOP:
            edge -= 1
            above += self.counts[edge]
            logs += self.counts[edge] * (edge + 0.5)
        if spot <= edge:
            return plain
        shape = (logs - above * edge) * STEP + SHAPE * SHAPE_WEIGHT
        further = (spot - edge) * STEP * (above + SHAPE_WEIGHT) / shape / LN10
        fitted = math.log10((self.total + 1.0) / (above + 1.0)) + further
        return min(fitted, math.log10((self.total + 1.0) / beyond)) if beyond >= FEW else fitted

    def _forget(self) -> None:
        self.total /= 2.0
        for place, count in enumerate(self.counts):
            self.counts[place] = count / 2.0
        half, seen, centre = sum(self.counts[1:]) / 2.0, 0.0, BINS // 2
        for place in range(1, BINS):
            seen += self.counts[place]
            if seen >= half > 0.0:
                centre = place
                break
        if abs(centre - BINS // 2) > BINS // 4:
            self._move(centre - BINS // 2)

    def _move(self, by: int) -> None:
        """Let the scale begin `by` bins higher (or lower): what leaves it stays in its last bin."""
        fresh = array("f", bytes(4 * BINS))
        fresh[0] = self.counts[0]
        for place in range(1, BINS):
            fresh[min(max(place - by, 1), BINS - 1)] += self.counts[place]
        self.counts = fresh
        self.origin += by / AN_OCTAVE

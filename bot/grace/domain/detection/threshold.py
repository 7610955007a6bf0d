"""The catalog's own threshold: missed so many samples in a row, it is an anomaly."""

from grace.domain.package import MetricTarget


class Threshold:
    """Count how often in a row a metric missed its target.

    `misses` and `since` (seconds since the epoch, of the first miss in the row) are its state.
    """

    __slots__ = ("_hold", "_target", "misses", "since")

    def __init__(self, target: MetricTarget, hold: int) -> None:
        self._target = target
        self._hold = hold
        self.misses = 0
        self.since = 0.0

    def observe(self, at: float, value: float) -> bool:
        """Take the next sample; tell whether the target is missed for long enough."""
        if self._target.holds(value):
            self.misses = 0
            return False
        if not self.misses:
            self.since = at
        self.misses = min(self.misses + 1, self._hold)
        return self.misses >= self._hold

"""How often somebody may ask: moving windows of one minute, in memory."""

import time
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Final

from grace.web.problems import Refused

WINDOW_S: Final = 60.0
MOST_KEYS: Final = 20_000


class TooMany(Refused):
    """Asked too often; `retry_after` seconds from now there is room again."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(429, f"too many requests: try again in {retry_after} s")
        self.retry_after = retry_after


class Rates:
    """Count what each key asked within the last minute.

    `clock` counts seconds and never goes back. Where there are more keys than `MOST_KEYS`, those
    that have asked longest ago are forgotten.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.reads = per_minute
        self.writes = max(1, per_minute // 5)
        self.strangers = max(1, per_minute // 5)
        self.sign_ins = max(1, per_minute // 30)
        self._clock = clock
        self._asked: OrderedDict[str, deque[float]] = OrderedDict()

    def take(self, key: str, limit: int) -> None:
        """Count one more; `TooMany` where the minute is full, which counts for nothing."""
        now = self._clock()
        asked = self._asked.setdefault(key, deque())
        self._asked.move_to_end(key)
        while asked and asked[0] <= now - WINDOW_S:
            asked.popleft()
        if len(asked) >= limit:
            raise TooMany(max(1, int(asked[0] + WINDOW_S - now) + 1))
        asked.append(now)
        while len(self._asked) > MOST_KEYS:
            self._asked.popitem(last=False)

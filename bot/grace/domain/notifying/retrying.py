"""When what failed is tried again."""

from datetime import datetime, timedelta
from typing import Final

_S, _M, _H = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
# The example schedule of the Standard Webhooks specification: over three days in all.
WEBHOOK: Final = (5 * _S, 5 * _M, 30 * _M, 2 * _H, 5 * _H, 10 * _H, 14 * _H, 20 * _H, 24 * _H)
MESSAGE: Final = (10 * _S, _M, 5 * _M, 15 * _M, _H)
LONGEST: Final = 24 * _H
SPREAD: Final = 0.2
_FIRST_REST: Final = 5 * _S
_LONGEST_REST: Final = 5 * _M
_DOUBLINGS: Final = 10


def next_try(
    schedule: tuple[timedelta, ...],
    tries: int,
    now: datetime,
    jitter: float,
    retry_after: timedelta | None = None,
) -> datetime | None:
    """Return when the next try is due after `tries` that failed; None: give up.

    `jitter` from 0 to 1 makes the wait up to a fifth longer. A wait that the other side asked for
    is kept where it is the longer one, up to a day.
    """
    if tries > len(schedule):
        return None
    wait = schedule[tries - 1] * (1 + SPREAD * jitter)
    if retry_after is not None:
        wait = max(wait, min(retry_after, LONGEST))
    return now + wait


def rest(failures: int, retry_after: timedelta | None = None) -> timedelta:
    """Return how long one who failed so many times in a row is left alone altogether."""
    wait = min(_FIRST_REST * (1 << min(failures - 1, _DOUBLINGS)), _LONGEST_REST)
    return wait if retry_after is None else max(wait, min(retry_after, LONGEST))

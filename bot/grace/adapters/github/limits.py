"""What GitHub's answers say of its limits. Pure.

Source: GitHub Docs, "Best practices for using the REST API": `retry-after` first, then the reset of
an exhausted quota, else a minute.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Final

_LIMIT_WORDS: Final = ("rate limit", "abuse detection", "submitted too quickly")
_DEFAULT_WAIT: Final = 60.0
_LONGEST_WAIT: Final = 3700.0


@dataclass(frozen=True, slots=True)
class Quota:
    """The requests of this hour; `resets_in` seconds."""

    limit: int
    remaining: int
    resets_in: float


def quota(headers: Mapping[str, str], now: datetime) -> Quota | None:
    """Read the quota of an answer; None where GitHub tells none, as some servers do."""
    limit = seconds(headers.get("x-ratelimit-limit"), longest=float("inf"))
    remaining = seconds(headers.get("x-ratelimit-remaining"), longest=float("inf"))
    reset = seconds(headers.get("x-ratelimit-reset"), longest=float("inf"))
    if limit is None or remaining is None or reset is None:
        return None
    resets_in = min(max(reset - now.timestamp(), 1.0), _LONGEST_WAIT)
    return Quota(_count(limit), _count(remaining), resets_in)


def limited(status: int, headers: Mapping[str, str], text: str, now: datetime) -> float | None:
    """Return the seconds to wait when a refusal is a limit, primary or secondary; else None."""
    if not _is_limit(status, headers, text):
        return None
    asked = seconds(headers.get("retry-after"))
    if asked is not None:
        return asked
    reset = seconds(headers.get("x-ratelimit-reset"), longest=float("inf"))
    if reset is None or headers.get("x-ratelimit-remaining") != "0":
        return _DEFAULT_WAIT
    return min(max(reset - now.timestamp(), 1.0), _LONGEST_WAIT)


def seconds(value: str | None, longest: float = _LONGEST_WAIT) -> float | None:
    """Read a header of a whole number; None where it is absent or something else."""
    if value is None or not (value.isascii() and value.isdigit()):
        return None
    return min(float(value), longest)


def _count(value: float) -> int:
    return int(min(value, 1e12))


def _is_limit(status: int, headers: Mapping[str, str], text: str) -> bool:
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return True
    if status != HTTPStatus.FORBIDDEN:
        return False
    exhausted = headers.get("x-ratelimit-remaining") == "0" or "retry-after" in headers
    return exhausted or any(word in text.lower() for word in _LIMIT_WORDS)

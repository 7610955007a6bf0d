"""What a refused call means, as the port's errors. Pure."""

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Final

from grace.adapters.github.wire import Refusal
from grace.ports import ForgeError, ForgeRefused, ForgeUnavailable

GONE: Final = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.GONE, 451})
_LIMIT_WORDS: Final = ("rate limit", "abuse detection", "submitted too quickly")
_DEFAULT_WAIT: Final = 60.0
_LONGEST_WAIT: Final = 3700.0


def problem(refusal: Refusal, purpose: str, now: datetime) -> ForgeError:
    """Name what a refused call means.

    Limits: `retry-after` first, then the reset of an exhausted quota, else a minute
    (GitHub's "Best practices for using the REST API").
    """
    said = f": {refusal.text}" if refusal.text else ""
    if _is_limit(refusal):
        wait = _wait(refusal.headers, now)
        return ForgeUnavailable(
            f"GitHub's rate limit stopped {purpose} ({refusal.status}){said}; "
            f"it goes on in {wait:.0f} s",
            retry_after=wait,
        )
    if refusal.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return ForgeUnavailable(
            f"GitHub answered {refusal.status} to {purpose}{said}",
            retry_after=_seconds(refusal.headers.get("retry-after")),
        )
    match refusal.status:
        case HTTPStatus.REQUEST_TIMEOUT:
            return ForgeUnavailable(f"GitHub gave up waiting on {purpose}")
        case HTTPStatus.UNAUTHORIZED:
            return ForgeRefused(
                f"GitHub does not accept our credentials for {purpose}{said}; "
                "check the app's id and private key",
                status=refusal.status,
            )
        case HTTPStatus.FORBIDDEN:
            return ForgeRefused(
                f"GitHub forbids {purpose}{said}; check the app's permissions on the repository",
                status=refusal.status,
            )
        case _:
            return ForgeRefused(
                f"GitHub refused {purpose} ({refusal.status}){said}", status=refusal.status
            )


def _is_limit(refusal: Refusal) -> bool:
    if refusal.status == HTTPStatus.TOO_MANY_REQUESTS:
        return True
    if refusal.status != HTTPStatus.FORBIDDEN:
        return False
    headers = refusal.headers
    exhausted = headers.get("x-ratelimit-remaining") == "0" or "retry-after" in headers
    return exhausted or any(word in refusal.text.lower() for word in _LIMIT_WORDS)


def _wait(headers: Mapping[str, str], now: datetime) -> float:
    asked = _seconds(headers.get("retry-after"))
    if asked is not None:
        return asked
    reset = _seconds(headers.get("x-ratelimit-reset"), longest=float("inf"))
    if reset is None or headers.get("x-ratelimit-remaining") != "0":
        return _DEFAULT_WAIT
    return min(max(reset - now.timestamp(), 1.0), _LONGEST_WAIT)


def _seconds(value: str | None, longest: float = _LONGEST_WAIT) -> float | None:
    """Read a header of whole seconds; None where it is absent or something else."""
    if value is None or not (value.isascii() and value.isdigit()):
        return None
    return min(float(value), longest)

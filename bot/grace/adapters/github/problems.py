"""What a refused call means, as the port's errors. Pure."""

from datetime import datetime
from http import HTTPStatus
from typing import Final

from grace.adapters.github.limits import limited, seconds
from grace.adapters.github.wire import Refusal
from grace.ports import ForgeError, ForgeRefused, ForgeUnavailable

GONE: Final = frozenset({int(HTTPStatus.NOT_FOUND), int(HTTPStatus.GONE), 451})


def problem(refusal: Refusal, purpose: str, now: datetime) -> ForgeError:
    """Name what a refused call means."""
    said = f": {refusal.text}" if refusal.text else ""
    wait = limited(refusal.status, refusal.headers, refusal.text, now)
    if wait is not None:
        return ForgeUnavailable(
            f"GitHub's rate limit stopped {purpose} ({refusal.status}){said}; "
            f"it goes on in {wait:.0f} s",
            retry_after=wait,
        )
    if refusal.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return ForgeUnavailable(
            f"GitHub answered {refusal.status} to {purpose}{said}",
            retry_after=seconds(refusal.headers.get("retry-after")),
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

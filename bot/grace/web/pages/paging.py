"""How long lists of ledger entries are read page by page."""

from collections.abc import Sequence
from typing import Final

from aiohttp import web

from grace.ports.hub import FeedEntry
from grace.web.problems import Refused

_DIGITS: Final = 15


def before_of(request: web.Request) -> int | None:
    """Read in front of which position a list ends; None: it is the newest part."""
    written = request.query.get("before", "")
    if not written:
        return None
    if not (written.isascii() and written.isdigit()) or len(written) > _DIGITS:
        raise Refused(422, "This page of the list is not there: begin at the first.")
    return int(written)


def older(request: web.Request, entries: Sequence[FeedEntry], limit: int) -> str | None:
    """Write the address of the next, older part of a list; None: this is the last one."""
    if len(entries) < limit:
        return None
    return str(request.rel_url.update_query(before=str(entries[-1].position)))

"""What a page is asked for, and how long lists of ledger entries are read page by page."""

from collections.abc import Sequence
from typing import Final, TypeVar

from aiohttp import web
from pydantic import ValidationError

from grace.domain.base import Frozen
from grace.ports.hub import FeedEntry
from grace.web.problems import Refused, fields_of

Wanted = TypeVar("Wanted", bound=Frozen)

_DIGITS: Final = 15


def asked_for(request: web.Request, model: type[Wanted]) -> Wanted:
    """Read the filter of a page from its address; `Refused` 422 names what is wrong."""
    try:
        return model.model_validate(dict(request.query))
    except ValidationError as error:
        said = "; ".join(f"{e['field']}: {e['problem']}" for e in fields_of(error))
        raise Refused(422, f"The filter is not understood. {said}") from error


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

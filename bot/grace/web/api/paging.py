"""Lists in pages: what is behind a cursor, and how many."""

from typing import Annotated

from pydantic import Field

from grace.domain.access import OWN_LOG, Reach
from grace.domain.base import Frozen
from grace.domain.signing import SAFE_INTEGER
from grace.ports.hub import HubStore

Limit = Annotated[int, Field(ge=1, le=200, description="how many at most")]
Cursor = Annotated[str, Field(max_length=500, description="`next` of the answer before")]
Number = Annotated[int, Field(ge=0, le=SAFE_INTEGER)]


class Paged(Frozen):
    """Which page of a list."""

    after: Cursor | None = None
    limit: Limit = 50


class Numbered(Frozen):
    """Which page of a list that is in the order of numbers."""

    after: Annotated[Number, Field(description="the number that came last")] = 0
    limit: Limit = 50


async def logs_seen(reach: Reach, store: HubStore) -> frozenset[str] | None:
    """Name the logs that exist for somebody; None: every one, the bot's own among them."""
    if reach.logs is None:
        return None if reach.own else frozenset(await store.logs()) - {OWN_LOG}
    return reach.logs | {OWN_LOG} if reach.own else reach.logs - {OWN_LOG}

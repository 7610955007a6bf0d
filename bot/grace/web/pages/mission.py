"""The page of one mission."""

import re
from typing import Final

from aiohttp import web

from grace.domain.package import MISSION_ID
from grace.domain.verdict import Verdict
from grace.ports.hub import FeedFilter
from grace.web.hub import HUB, principal_of, reach_of
from grace.web.pages.entries import tell_all
from grace.web.pages.mission_view import view
from grace.web.pages.paging import before_of, older
from grace.web.pages.rendering import page
from grace.web.problems import Refused

ENTRIES: Final = 30
_NAME: Final = re.compile(MISSION_ID)


async def mission(request: web.Request) -> web.Response:
    """Show a mission; one that the reader may not see is answered like one that is not there."""
    hub, reach, name = request.app[HUB], await reach_of(request), request.match_info["mission_id"]
    now = hub.clock.now()
    row = await hub.store.mission_row(name, now) if _NAME.fullmatch(name) else None
    if row is None or not reach.sees(row.log):
        raise Refused(404, "There is no mission of this name for you.")
    found = await hub.store.find(name)
    assert found is not None  # a row in the list has a mission behind it
    verdict = None if found[2] is None else Verdict.model_validate(found[2])
    shown = view((found[0], found[1], verdict, found[3]), hub.about.forge_web_url, now)
    entries = await hub.store.feed_back(
        FeedFilter(logs=frozenset({row.log}), mission=name),
        before=before_of(request),
        limit=ENTRIES,
    )
    context: dict[str, object] = {
        "view": shown,
        "row": row,
        "entries": tell_all(entries),
        "older": older(request, entries, ENTRIES),
        "may_order": principal_of(request).login is not None,
    }
    return await page(request, "mission", context)

"""Pages that list: activity, queue, systems, the ledger."""

from typing import Annotated, Final

from aiohttp import web
from pydantic import BeforeValidator

from grace.domain.access import OWN_LOG
from grace.domain.base import Frozen
from grace.domain.health import overall
from grace.domain.ledger import Head
from grace.domain.package import MissionId
from grace.domain.topics import EVERYTHING, Pattern
from grace.ports.hub import BadCursor, FeedFilter, MissionFilter
from grace.web.api.paging import logs_seen
from grace.web.api.status import health_seen
from grace.web.hub import HUB, reach_of
from grace.web.pages.entries import tell_all
from grace.web.pages.map_view import draw
from grace.web.pages.paging import asked_for, before_of, older
from grace.web.pages.rendering import page
from grace.web.problems import Refused

ENTRIES: Final = 50
IN_QUEUE: Final = 50
PATTERNS: Final = (
    (EVERYTHING, "everything"),
    ("mission.*", "missions"),
    ("elite.*", "agents and healing"),
    ("integration.*", "health"),
    ("crypto.*", "keys, tokens, signatures"),
    ("capa.*", "CAPAs"),
    ("brake.*", "kill switches"),
    ("policy.*", "rules"),
)


class LogHead(Frozen):
    """One log on the ledger page."""

    log: str
    repository: str
    count: int
    hash: str
    time: str | None

    @classmethod
    def of(cls, head: Head, repository: str) -> "LogHead":
        return cls(
            log=head.log, repository=repository, count=head.seq, hash=head.hash, time=head.time
        )


def _blank(value: object) -> object:
    return None if value == "" else value


class Wanted(Frozen):
    """Which activity is wanted."""

    pattern: Pattern = EVERYTHING
    mission: Annotated[MissionId | None, BeforeValidator(_blank)] = None
    before: str = ""


async def activity(request: web.Request) -> web.Response:
    """Show what happened, the newest first."""
    wanted = asked_for(request, Wanted)
    hub, reach = request.app[HUB], await reach_of(request)
    before = before_of(request)
    logs = await logs_seen(reach, hub.store)
    asked = FeedFilter(logs=logs, patterns=(wanted.pattern,), mission=wanted.mission)
    entries = await hub.store.feed_back(asked, before=before, limit=ENTRIES)
    source = request.rel_url.with_path("/mission-control/activity").with_query(
        limit=str(ENTRIES),
        pattern=wanted.pattern,
        **({"mission": wanted.mission} if wanted.mission else {}),
        **({"after": str(before)} if before else {}),
    )
    context: dict[str, object] = {
        "wanted": wanted,
        "patterns": PATTERNS,
        "entries": tell_all(entries),
        "source": str(source),
        "older": older(request, entries, ENTRIES),
        "newest": before is None,
    }
    return await page(request, "activity", context)


async def queue(request: web.Request) -> web.Response:
    """Show the missions that are not closed in the order in which they are taken."""
    hub, reach = request.app[HUB], await reach_of(request)
    after = request.query.get("after") or None
    try:
        found = await hub.store.mission_page(
            MissionFilter(logs=reach.logs, live=True),
            "urgency",
            hub.clock.now(),
            after=after,
            limit=IN_QUEUE,
        )
    except BadCursor as error:
        raise Refused(422, "This page of the queue is not there: begin at the first.") from error
    following = found.following and str(request.rel_url.with_query(after=found.following))
    context: dict[str, object] = {"rows": found.rows, "following": following, "first": not after}
    return await page(request, "queue", context)


async def systems(request: web.Request) -> web.Response:
    """Show the subsystems, how well each is, and their ties."""
    reach = await reach_of(request)
    found = health_seen(tuple(request.app[HUB].board.health()), reach)
    context: dict[str, object] = {
        "found": found,
        "drawing": draw(found),
        "overall": overall(found) if found else None,
    }
    return await page(request, "map", context)


async def ledger(request: web.Request) -> web.Response:
    """Show the logs; the browser verifies every entry of the one that is chosen."""
    hub, reach = request.app[HUB], await reach_of(request)
    names = {ref.log: ref.repository for ref in hub.refs.values()}
    heads = []
    for log in await hub.store.logs():
        head = await hub.store.head(log) if reach.sees(log) else None
        if head is not None:
            heads.append(LogHead.of(head, names.get(log, "")))
    heads.sort(key=lambda head: (head.log == OWN_LOG, head.repository, head.log))
    chosen = request.query.get("log") or (heads[0].log if heads else None)
    if chosen is not None and all(head.log != chosen for head in heads):
        raise Refused(404, "There is no log of this name for you.")
    context: dict[str, object] = {
        "heads": heads,
        "chosen": next((head for head in heads if head.log == chosen), None),
        "keys": sorted(hub.about.keys.items()),
    }
    return await page(request, "ledger", context)

"""Who is told of an entry, and when."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from grace.domain.notifying.config import Notifications, Route, Wanted
from grace.domain.notifying.news import News, Notice
from grace.domain.notifying.words import detail_of, link_of, subject_of, title_of, tone_of
from grace.domain.topics import any_matches

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def wants(wanted: Wanted, news: News) -> bool:
    """Tell whether an entry is wanted."""
    if not any_matches(wanted.patterns, news.kind):
        return False
    if wanted.severities and news.severity not in wanted.severities:
        return False
    if wanted.subsystems and news.subsystem not in wanted.subsystems:
        return False
    asked = {repository.lower() for repository in wanted.repositories}
    return not asked or (news.repository or "").lower() in asked


def due(route: Route, news: News, now: datetime) -> datetime:
    """Return when a route says something: now, when its digest is due, or after quiet hours."""
    at = now if route.digest_minutes is None else _end_of_stretch(now, route.digest_minutes)
    quiet = route.quiet_hours
    if quiet is None or (news.severity is not None and news.severity in quiet.except_severities):
        return at
    return quiet.calendar().ends(at) or at


def notices(config: Notifications, web_url: str, news: News, now: datetime) -> Iterator[Notice]:
    """Make what is said of an entry: one notice for each route and channel.

    `web_url`: the forge's pages, for links where the page of Grace has no address.
    """
    for route in config.routes:
        if not wants(route, news):
            continue
        at = due(route, news, now)
        for channel in dict.fromkeys(route.channels):
            yield Notice(
                route=route.name,
                channel=channel,
                position=news.position,
                subject=subject_of(news),
                tone=tone_of(news),
                title=title_of(news),
                detail=detail_of(news),
                link=link_of(news, config.page_url, web_url),
                due_at=at,
            )


def _end_of_stretch(now: datetime, minutes: int) -> datetime:
    """Return the end of the stretch of time that a moment is in; they are counted since 1970."""
    stretch = timedelta(minutes=minutes)
    return _EPOCH + ((now - _EPOCH) // stretch + 1) * stretch

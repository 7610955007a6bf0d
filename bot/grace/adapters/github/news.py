"""What happened without a webhook: labelled issues and new comments since a moment, as events."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Final

from pydantic import AwareDatetime

from grace.adapters.github.arrivals import about_issue, commanded
from grace.adapters.github.ours import Ours
from grace.adapters.github.payloads import Comment, Issue, Lenient, User, fit
from grace.adapters.github.session import PAGE, Session, on
from grace.domain.mission import MissionRef
from grace.ports import Routed

_PAGES: Final = 20
_NUMBER: Final = re.compile(r"/issues/([0-9]{1,18})$")


class _Issue(Issue):
    closed_by: User | None = None


class _Issues(Lenient):
    items: tuple[_Issue, ...]


class _Comment(Comment):
    created_at: AwareDatetime
    updated_at: AwareDatetime
    issue_url: str
    html_url: str = ""


class _Comments(Lenient):
    items: tuple[_Comment, ...]


async def news(
    session: Session, ref: MissionRef, ours: Ours, since: datetime
) -> tuple[Routed, ...]:
    """Read issues, then comments; each a call for each hundred, oldest change first.

    The events are those that webhooks would have made, with the same ids, so hearing both is
    hearing one. A reading does not say who edited an issue: its author is taken, and an editor
    other than the author has write permission anyway. A comment that was edited commands nothing.
    """
    found = [routed async for routed in _issues(session, ref, ours, since)]
    found += [routed async for routed in _comments(session, ref, ours, since)]
    return tuple(found)


async def _issues(
    session: Session, ref: MissionRef, ours: Ours, since: datetime
) -> AsyncIterator[Routed]:
    request = on(
        ref,
        "news of issues",
        "GET /issues{?labels,state,since,sort,direction,per_page}",
        labels=ours.label,
        state="all",
        since=_moment(since),
        sort="updated",
        direction="asc",
        per_page=PAGE,
    )
    async for page in session.pages(ref, request, _PAGES):
        for issue in fit(_Issues, {"items": page}, request.purpose).items:
            if issue.pull_request is not None:
                continue
            action, sender = "opened", issue.user
            if issue.state == "closed":
                action, sender = "closed", issue.closed_by or await _closer(session, ref, issue)
            for routed in about_issue(ref, issue, action, sender, ours)[0]:
                yield routed


async def _closer(session: Session, ref: MissionRef, issue: Issue) -> User | None:
    """Ask who closed an issue, where the listing does not say."""
    request = on(ref, "who closed", "GET /issues/{number}", number=issue.number)
    return fit(_Issue, (await session.call(ref, request)).data, request.purpose).closed_by


async def _comments(
    session: Session, ref: MissionRef, ours: Ours, since: datetime
) -> AsyncIterator[Routed]:
    request = on(
        ref,
        "news of comments",
        "GET /issues/comments{?sort,direction,since,per_page}",
        sort="updated",
        direction="asc",
        since=_moment(since),
        per_page=PAGE,
    )
    async for page in session.pages(ref, request, _PAGES):
        for comment in fit(_Comments, {"items": page}, request.purpose).items:
            number = _NUMBER.search(comment.issue_url)
            fresh = comment.created_at == comment.updated_at
            if number is None or not fresh or comment.created_at < since.replace(microsecond=0):
                continue
            on_pull = "/pull/" in comment.html_url
            for routed in commanded(ref, comment, (int(number[1]), on_pull), ours)[0]:
                yield routed


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

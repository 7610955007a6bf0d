"""What happened without a webhook: labelled issues and new comments since a moment, as events."""

import re
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Final

from pydantic import AwareDatetime

from grace.adapters.github.arrivals import about_issue, commanded
from grace.adapters.github.graph import ask, quoted
from grace.adapters.github.live import WhoNode
from grace.adapters.github.ours import Ours
from grace.adapters.github.payloads import Comment, Issue, Lenient, User, fit
from grace.adapters.github.session import PAGE, Session, named, on
from grace.domain.mission import MissionRef
from grace.ports import Routed

_PAGES: Final = 20
_EDITORS: Final = """query {{
  repository(owner: {owner}, name: {repo}) {{ {issues} }}
}}
fragment who on Actor {{
  __typename login ... on User {{ databaseId }} ... on Bot {{ databaseId }}
}}
"""
_NUMBER: Final = re.compile(r"/issues/([0-9]{1,18})$")


class _Issue(Issue):
    created_at: AwareDatetime
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
    hearing one. Who edited an issue last is asked in one query more for each page with issues that
    changed. A comment that was edited commands nothing.
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
        issues = fit(_Issues, {"items": page}, request.purpose).items
        issues = tuple(issue for issue in issues if issue.pull_request is None)
        editors = await _editors(session, ref, issues)
        for issue in issues:
            action, sender = "opened", editors.get(issue.number, issue.user)
            if issue.state == "closed":
                action, sender = "closed", issue.closed_by or await _closer(session, ref, issue)
            for routed in about_issue(ref, issue, action, sender, ours)[0]:
                yield routed


async def _editors(session: Session, ref: MissionRef, issues: Sequence[_Issue]) -> dict[int, User]:
    """Ask who edited issues last: who writes a contract may not approve it."""
    changed = [issue.number for issue in issues if issue.updated_at != issue.created_at]
    if not changed:
        return {}
    where = {key: quoted(str(value)) for key, value in named(ref.repository).items()}
    fields = "\n".join(f"i{n}: issue(number: {n}) {{ editor {{ ...who }} }}" for n in changed)
    document = _EDITORS.format(**where, issues=fields)
    found = await ask(session, ref, "who edited", document)
    repository = found.data.get("repository") or {}
    known = {n: (repository.get(f"i{n}") or {}).get("editor") for n in changed}
    return {n: fit(WhoNode, who, "who edited").user() for n, who in known.items() if who}


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

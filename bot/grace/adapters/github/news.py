"""What happened without a webhook: labelled issues and new comments since a moment, as events."""

import re
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Final

from pydantic import AwareDatetime

from grace.adapters.github.arrivals import about_issue, commanded
from grace.adapters.github.courteous import about_pull
from grace.adapters.github.governing import tickets
from grace.adapters.github.graph import Node, ask, quoted
from grace.adapters.github.ours import Ours
from grace.adapters.github.payloads import Comment, Id, Issue, Lenient, Tip, User, fit
from grace.adapters.github.session import PAGE, Session, named, on
from grace.adapters.github.who import WhoNode
from grace.domain.mission import MissionRef
from grace.ports import Courtesy, ForgeUnavailable, Routed

_PAGES: Final = 20
_PULL_PAGES: Final = 10
_EDITORS: Final = """query {{
  repository(owner: {owner}, name: {repo}) {{ {issues} }}
}}
fragment edits on Issue {{
  lastEditedAt editor {{ ...who }}
  userContentEdits(last: 20) {{ nodes {{ editor {{ ...who }} }} }}
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


class _Edits(Node):
    """Who wrote a body: the last editor, and the newest twenty of all; None: a lost account."""

    last_edited_at: AwareDatetime | None = None
    editor: WhoNode | None = None
    user_content_edits: "_EditNodes | None" = None

    def editors(self) -> tuple[User | None, ...]:
        """Return the last editor, then the others; nobody where nobody edited."""
        if self.last_edited_at is None:
            return ()
        listed = () if self.user_content_edits is None else self.user_content_edits.nodes
        nodes = [self.editor, *(edit.editor for edit in listed if edit is not None)]
        return tuple(dict.fromkeys(None if who is None else who.user() for who in nodes))


class _Edit(Node):
    editor: WhoNode | None = None


class _EditNodes(Node):
    nodes: tuple[_Edit | None, ...] = ()


class _OpenPull(Lenient):
    number: Id
    head: Tip


class _OpenPulls(Lenient):
    items: tuple[_OpenPull, ...]


async def open_heads(session: Session, ref: MissionRef) -> tuple[Courtesy, ...]:
    """List the heads of other people's open pull requests, newest change first: a call for 100.

    Where there are more than 1000, the others wait until somebody moves them.
    """
    request = on(
        ref,
        "open pull requests",
        "GET /pulls{?state,sort,direction,per_page}",
        state="open",
        sort="updated",
        direction="desc",
        per_page=PAGE,
    )
    found: list[Courtesy] = []
    async for page in session.pages(ref, request, _PULL_PAGES, strict=False):
        for pull in fit(_OpenPulls, {"items": page}, request.purpose).items:
            found += about_pull(ref, pull.number, pull.head)
    return tuple(found)


async def news(
    session: Session, ref: MissionRef, ours: Ours, since: datetime
) -> tuple[Routed, ...]:
    """Read issues, then comments, each a call for each hundred, oldest change first, then tickets.

    The events are those that webhooks would have made, with the same ids, so hearing both is
    hearing one. Who edited an issue, and when last, is asked in one query more for each page with
    issues that changed: a label or comment changes an issue's time too, but not what it says. A
    comment that was edited commands nothing.
    """
    found = [routed async for routed in _issues(session, ref, ours, since)]
    found += [routed async for routed in _comments(session, ref, ours, since)]
    found += await tickets(session, ref, ours)
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
        open_ones = [issue for issue in issues if issue.state != "closed"]
        edits = await _edits(session, ref, open_ones)
        for issue in issues:
            if issue.state == "closed":
                closer = issue.closed_by or await _closer(session, ref, issue)
                told = about_issue(ref, issue, "closed", closer, ours)[0]
            else:
                told = _written(ref, issue, edits.get(issue.number, _Edits()), ours)
            for routed in told:
                yield routed


def _written(ref: MissionRef, issue: _Issue, edits: _Edits, ours: Ours) -> tuple[Routed, ...]:
    """Tell what an issue says, by each who wrote it, and from when that is."""
    at = edits.last_edited_at or issue.created_at
    written = issue.model_copy(update={"updated_at": at})
    editors = edits.editors()
    if not editors:
        return tuple(about_issue(ref, written, "opened", issue.user, ours)[0])
    told = (about_issue(ref, written, "edited", editor, ours)[0] for editor in editors)
    return tuple(routed for each in told for routed in each)


async def _edits(session: Session, ref: MissionRef, issues: Sequence[_Issue]) -> dict[int, _Edits]:
    """Ask who edited issues: who writes a contract may not approve it, so all of it must be told.

    Raises `ForgeUnavailable` where it is not.
    """
    changed = [issue.number for issue in issues if issue.updated_at != issue.created_at]
    if not changed:
        return {}
    where = {key: quoted(str(value)) for key, value in named(ref.repository).items()}
    fields = "\n".join(f"i{n}: issue(number: {n}) {{ ...edits }}" for n in changed)
    document = _EDITORS.format(**where, issues=fields)
    found = await ask(session, ref, "who edited", document)
    repository = found.data.get("repository") or {}
    known = {n: repository.get(f"i{n}") for n in changed}
    untold = [n for n, said in known.items() if said is None]
    if found.errors or untold:
        said = "; ".join(error.message for error in found.errors)[:600]
        raise ForgeUnavailable(f"GitHub does not say who edited {ref.repository}'s issues: {said}")
    return {n: fit(_Edits, said, "who edited") for n, said in known.items()}


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

"""Which commit stood before a landing, by the API: its parent, or what rebased commits are on."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Final

from grace.adapters.github.commits import Commit
from grace.adapters.github.payloads import Lenient, fit
from grace.adapters.github.session import PAGE, Session, on
from grace.domain.mission import MissionRef
from grace.domain.ranges import CommitLine, PullCommits, before
from grace.domain.results import Sha

MAX_COMMITS: Final = 300
UNTOLD: Final = "not told what it is on"
_PAGES: Final = MAX_COMMITS // PAGE + 1


class _Sha(Lenient):
    sha: Sha


class _Person(Lenient):
    name: str = ""
    email: str = ""
    date: datetime


class _Said(Lenient):
    author: _Person
    message: str = ""


class _Listed(Lenient):
    sha: Sha
    parents: tuple[_Sha, ...] = ()
    commit: _Said

    def line(self) -> CommitLine:
        author = self.commit.author
        return CommitLine(
            sha=self.sha,
            parents=tuple(parent.sha for parent in self.parents),
            author=f"{author.name} <{author.email}> {author.date.timestamp():.0f}",
            message=self.commit.message,
        )


class _Page(Lenient):
    commits: tuple[_Listed, ...] = ()


async def commit_before(
    session: Session, ref: MissionRef, landed: Commit, pull: PullCommits | None
) -> str | None:
    """Return the commit that stood before a landing, None where it cannot be told.

    No call where a merge or one commit of ours landed; else one for each hundred commits of the
    pull request, and of the history that they are compared with.
    """
    parents = [parent.sha for parent in landed.parents]
    if pull is None or len(parents) != 1:
        return next(iter(parents), None)
    own = [line async for line in _own(session, ref, pull)]
    if len(own) > MAX_COMMITS:
        return None
    history: list[CommitLine] = []
    async for line in _history(session, ref, landed.sha):
        history.append(line)
        if len(history) > len(own):
            break
    return before(history, own[::-1])


async def _own(session: Session, ref: MissionRef, pull: PullCommits) -> AsyncIterator[CommitLine]:
    """Yield the commits of a pull request, oldest first."""
    call = "GET /compare/{fork}...{head}{?per_page}"
    request = on(ref, "compare", call, fork=pull.fork, head=pull.head, per_page=PAGE)
    async for page in session.pages(ref, request, _PAGES):
        for found in fit(_Page, page, request.purpose).commits:
            yield found.line()


async def _history(session: Session, ref: MissionRef, sha: str) -> AsyncIterator[CommitLine]:
    """Yield commits by their first parents, the newest first."""
    known: dict[str, CommitLine] = {}
    at: str | None = sha
    while at is not None:
        if at not in known:
            call = "GET /commits{?sha,per_page}"
            request = on(ref, "read history", call, sha=at, per_page=PAGE)
            answer = await session.call(ref, request)
            page = fit(_Page, {"commits": answer.data}, request.purpose)
            known = {found.sha: found.line() for found in page.commits}
        line = known[at]
        yield line
        at = next(iter(line.parents), None)

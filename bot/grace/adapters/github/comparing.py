"""Compare two commits at GitHub: who made what lies between them, and how many lines changed.

Source: GitHub Docs, "Compare two commits": commits come in pages, oldest first; the files, up to
300 of them, on the first page alone.
"""

from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import BeforeValidator, Field

from grace.adapters.github.payloads import Lenient, User, fit
from grace.adapters.github.seen import actor_of
from grace.adapters.github.session import PAGE, Session, on
from grace.domain.mission import MissionRef
from grace.domain.people import Actor
from grace.domain.results import Sha

MAX_FILES: Final = 300
_AUTHOR_PAGES: Final = 3
# GitHub itself, which commits what people do on its pages and through its API.
_WEB_FLOW: Final = "web-flow"


def _filled(value: object) -> object:
    """Read an empty object as nothing, as GitHub means it."""
    return value or None


Account = Annotated[User | None, BeforeValidator(_filled)]


class _Commit(Lenient):
    sha: Sha


class _Person(Lenient):
    email: str | None = None


class Verification(Lenient):
    """What GitHub says of a signature."""

    verified: bool = False
    reason: str = "unsigned"


class _Inner(Lenient):
    author: _Person | None = None
    verification: Verification = Verification()


class ComparedCommit(Lenient):
    """A commit between the two, with the accounts behind it."""

    sha: Sha
    commit: _Inner = _Inner()
    author: Account = None
    committer: Account = None
    parents: tuple[_Commit, ...] = ()


class ComparedFile(Lenient):
    """A file that differs, renames found."""

    filename: str
    status: str
    additions: int = 0
    deletions: int = 0


class _Page(Lenient):
    merge_base_commit: _Commit
    total_commits: Annotated[int, Field(ge=0)]
    commits: tuple[ComparedCommit, ...] = ()
    files: tuple[ComparedFile, ...] = ()


@dataclass(frozen=True, slots=True)
class Comparison:
    """What two commits have between them; `total`: how many commits, read or not."""

    merge_base: str
    total: int
    commits: tuple[ComparedCommit, ...]
    files: tuple[ComparedFile, ...]


async def compare(
    session: Session, ref: MissionRef, ends: tuple[str, str], pages: int
) -> Comparison:
    """Compare two commits or branches: a call for each hundred commits, `pages` at most."""
    base, head = ends
    commits: list[ComparedCommit] = []
    files: tuple[ComparedFile, ...] = ()
    for number in range(1, pages + 1):
        request = on(
            ref,
            "compare",
            "GET /compare/{base}...{head}{?per_page,page}",
            base=base,
            head=head,
            per_page=PAGE,
            page=number,
        )
        page = fit(_Page, (await session.call(ref, request)).data, request.purpose)
        commits += page.commits
        files = files or page.files
        if len(commits) >= page.total_commits or not page.commits:
            break
    return Comparison(page.merge_base_commit.sha, page.total_commits, tuple(commits), files)


async def authors(
    session: Session, ref: MissionRef, base: str, head: str
) -> tuple[tuple[Actor, ...], int]:
    """List who wrote or made the commits between; 1 call, 3 at most.

    With the number of those with an author or committer whom GitHub does not know. What is beyond
    300 commits counts as unknown. GitHub as the committer is nobody.
    """
    compared = await compare(session, ref, (base, head), _AUTHOR_PAGES)
    people: dict[int, Actor] = {}
    unknown = max(compared.total - len(compared.commits), 0)
    for commit in compared.commits:
        unknown += commit.author is None or commit.committer is None
        for account in (commit.author, commit.committer):
            if account is not None and account.login != _WEB_FLOW:
                people[account.id] = actor_of(account)
    return tuple(people.values()), unknown

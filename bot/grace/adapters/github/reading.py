"""Listings at GitHub: what is there already, and the state of a pull request."""

from typing import Final

from grace.adapters.github.payloads import (
    AppId,
    CheckRun,
    Comment,
    Issue,
    Lenient,
    Pull,
    Review,
    fit,
)
from grace.adapters.github.seen import check_seen, review_seen
from grace.adapters.github.session import PAGE, Session, on
from grace.domain.events import CheckSeen, ReviewSeen
from grace.domain.mission import MissionRef
from grace.ports import Clock

_COMMENT_PAGES: Final = 20
_ISSUE_PAGES: Final = 5
_STATE_PAGES: Final = 10


class _Comments(Lenient):
    items: tuple[Comment, ...]


class _Issues(Lenient):
    items: tuple[Issue, ...]


class _Pulls(Lenient):
    items: tuple[Pull, ...]


class _Reviews(Lenient):
    items: tuple[Review, ...]


class _Checks(Lenient):
    check_runs: tuple[CheckRun, ...]


class Reading:
    """Read listings, a call for each hundred entries. Markers count only on what is our own."""

    def __init__(self, session: Session, app_id: int, clock: Clock) -> None:
        self._session = session
        self._app_id = app_id
        self._clock = clock

    async def comment(self, ref: MissionRef, number: int, marker: str) -> str | None:
        """Find our comment with the marker on an issue or pull request."""
        call = "GET /issues/{number}/comments{?per_page}"
        request = on(ref, "find comment", call, number=number, per_page=PAGE)
        async for page in self._session.pages(ref, request, _COMMENT_PAGES):
            for comment in fit(_Comments, {"items": page}, request.purpose).items:
                if marker in (comment.body or "") and await self._is_ours(comment):
                    return str(comment.id)
        return None

    async def issue(self, ref: MissionRef, label: str, marker: str) -> Issue | None:
        """Find our issue with the marker among the newest 500 that have the label."""
        request = on(
            ref,
            "find issue",
            "GET /issues{?labels,state,sort,direction,per_page}",
            labels=label,
            state="all",
            sort="created",
            direction="desc",
            per_page=PAGE,
        )
        async for page in self._session.pages(ref, request, _ISSUE_PAGES, strict=False):
            for issue in fit(_Issues, {"items": page}, request.purpose).items:
                marked = issue.pull_request is None and marker in (issue.body or "")
                if marked and await self._is_ours(issue):
                    return issue
        return None

    async def check(self, ref: MissionRef, sha: str, external_id: str) -> str | None:
        """Find our newest check run of a commit by its `external_id`."""
        request = on(
            ref,
            "find check",
            "GET /commits/{sha}/check-runs{?app_id,filter,per_page}",
            sha=sha,
            app_id=self._app_id,
            filter="all",
            per_page=PAGE,
        )
        found: list[int] = []
        async for page in self._session.pages(ref, request, _STATE_PAGES):
            found += [
                run.id
                for run in fit(_Checks, page, request.purpose).check_runs
                if run.external_id == external_id and self._is_app(run.app)
            ]
        return str(max(found)) if found else None

    async def open_pull(self, ref: MissionRef, head: str, base: str) -> Pull | None:
        """Find the open pull request of a branch of the repository itself."""
        owner = ref.repository.partition("/")[0]
        call = "GET /pulls{?state,head,base,per_page}"
        request = on(
            ref,
            "find pull request",
            call,
            state="open",
            head=f"{owner}:{head}",
            base=base,
            per_page=PAGE,
        )
        answer = await self._session.call(ref, request)
        for pull in fit(_Pulls, {"items": answer.data}, request.purpose).items:
            same = pull.head.repo is not None and pull.head.repo.id == ref.repository_id
            if same and pull.head.ref == head and pull.base.ref == base:
                return pull
        return None

    async def reviews(self, ref: MissionRef, number: int) -> tuple[ReviewSeen, ...]:
        """Read all reviews that were submitted, oldest first."""
        call = "GET /pulls/{number}/reviews{?per_page}"
        request = on(ref, "read reviews", call, number=number, per_page=PAGE)
        seen: list[ReviewSeen] = []
        async for page in self._session.pages(ref, request, _STATE_PAGES):
            for review in fit(_Reviews, {"items": page}, request.purpose).items:
                event = review_seen(number, review)
                if event is not None:
                    seen.append(event)
        return tuple(seen)

    async def checks(self, ref: MissionRef, sha: str) -> tuple[CheckSeen, ...]:
        """Read the newest check run of each name on a commit, except our own."""
        call = "GET /commits/{sha}/check-runs{?filter,per_page}"
        request = on(ref, "read checks", call, sha=sha, filter="latest", per_page=PAGE)
        now = self._clock.now()
        seen: list[CheckSeen] = []
        async for page in self._session.pages(ref, request, _STATE_PAGES):
            runs = fit(_Checks, page, request.purpose).check_runs
            seen += [check_seen(run, now) for run in runs if not self._is_app(run.app)]
        return tuple(seen)

    def _is_app(self, app: AppId | None) -> bool:
        return app is not None and app.id == self._app_id

    async def _is_ours(self, thing: Comment | Issue) -> bool:
        """Tell whether our app wrote it: by app id, else by login; strangers copy markers."""
        if self._is_app(thing.performed_via_github_app):
            return True
        login = (await self._session.identity()).bot_login
        return thing.user is not None and thing.user.login.lower() == login.lower()

"""GitHub's objects as the domain's observations. Pure; used for webhooks and reads alike."""

import re
from datetime import datetime
from typing import Final

from grace.adapters.github.payloads import AppId, CheckRun, Issue, Pull, Review, User
from grace.domain.events import Actor, CheckSeen, IssueSeen, PullSeen, ReviewSeen, ReviewState

_STATUS_CONCLUSIONS: Final = {
    "success": "success",
    "failure": "failure",
    "error": "failure",
    "pending": None,
    "expected": None,
}
_RUN: Final = re.compile(
    r"https?://[^/?#]+/[^/?#]+/[^/?#]+/actions/runs/(\d{1,18})(?:[/?#]|$)", re.ASCII
)
_REVIEW_STATES: Final = frozenset(ReviewState)


def actor_of(user: User | None, app: AppId | None = None) -> Actor:
    """Name who did something; a deleted account is GitHub's user `ghost`."""
    if user is None:
        return Actor(login="ghost")
    return Actor(login=user.login, id=user.id, app_id=app.id if app else None)


def issue_seen(issue: Issue, sender: Actor, *, edited: bool = False) -> IssueSeen:
    """Tell what an issue says."""
    return IssueSeen(
        number=issue.number,
        title=issue.title,
        body=issue.body or "",
        author=actor_of(issue.user, issue.performed_via_github_app),
        sender=sender,
        state="closed" if issue.state == "closed" else "open",
        updated_at=issue.updated_at,
        edited=edited,
    )


def pull_seen(pull: Pull, sender: Actor) -> PullSeen:
    """Tell a pull request's state. Before the merge `merge_commit_sha` is only a test merge."""
    merged = bool(pull.merged)
    return PullSeen(
        number=pull.number,
        head_ref=pull.head.ref,
        head_sha=pull.head.sha,
        base_sha=pull.base.sha,
        state="closed" if pull.state == "closed" else "open",
        merged=merged,
        merge_sha=pull.merge_commit_sha if merged else None,
        draft=bool(pull.draft),
        sender=sender,
        at=pull.updated_at,
    )


def review_seen(pull: int, review: Review) -> ReviewSeen | None:
    """Tell what a review says; None for one that is not submitted or names no commit."""
    state = review.state.lower()
    if state not in _REVIEW_STATES or review.commit_id is None or review.submitted_at is None:
        return None
    return ReviewSeen(
        id=str(review.id),
        pull=pull,
        state=ReviewState(state),
        sha=review.commit_id,
        actor=actor_of(review.user),
        at=review.submitted_at,
    )


def check_seen(run: CheckRun, otherwise: datetime) -> CheckSeen:
    """Tell a check run's state; `otherwise` is its time when the run has none of its own."""
    done = run.status == "completed"
    times = (run.completed_at if done else None, run.started_at, otherwise)
    return CheckSeen(
        id=str(run.id),
        name=run.name,
        sha=run.head_sha,
        app_id=run.app.id if run.app else None,
        run_id=_run_of(run),
        conclusion=run.conclusion if done else None,
        url=run.html_url or run.details_url or "",
        at=next(time for time in times if time is not None),
    )


def _run_of(check: CheckRun) -> int:
    """Read which workflow run a check is a job of; 0 where GitHub's address of it names none."""
    for url in (check.details_url, check.html_url):
        found = _RUN.match(url or "")
        if found is not None:
            return int(found[1])
    return 0


def status_seen(sha: str, context: str, state: str, at: datetime) -> CheckSeen | None:
    """Tell a commit status as a check named by its context; None for a state that is not known."""
    if state not in _STATUS_CONCLUSIONS:
        return None
    return CheckSeen(
        id=f"status:{context}",
        name=context,
        sha=sha,
        conclusion=_STATUS_CONCLUSIONS[state],
        at=at,
    )

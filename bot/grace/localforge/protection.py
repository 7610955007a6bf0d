"""Branch protection: what a branch asks for, and what is still missing."""

from dataclasses import dataclass
from typing import Any

from grace.localforge.core import Core, Json, has_role
from grace.localforge.db import Row

PASSING = {"success", "neutral", "skipped"}
THROUGH_QUEUE = "Changes must be made through the merge queue"
QUEUE_BRANCHES = "gh-readonly-queue/"


@dataclass(frozen=True, slots=True)
class RequiredCheck:
    """A check that must pass; `app_id` None accepts it from anybody."""

    context: str
    app_id: int | None


@dataclass(frozen=True, slots=True)
class Protection:
    """The settings of one branch. `approvals` is None where no review is asked for."""

    checks: tuple[RequiredCheck, ...] | None
    strict: bool
    approvals: int | None
    dismiss_stale: bool
    enforce_admins: bool
    allow_force_pushes: bool
    allow_deletions: bool


def protection_of(core: Core, repo: Row, branch: str) -> Protection | None:
    """Return the protection of a branch, or None."""
    settings: Json | None = core.db.scalar(
        "SELECT settings_json FROM protections WHERE repository_id=? AND branch=?",
        repo["id"],
        branch,
    )
    return None if settings is None else parse(settings)


def queue_method(core: Core, repo: Row, branch: str) -> str | None:
    """Return how a branch's merge queue merges; None where there is no queue.

    Nobody goes around a queue: it is a rule without a list of those whom it spares.
    """
    method: str | None = core.db.scalar(
        "SELECT method FROM merge_queues WHERE repository_id=? AND branch=?", repo["id"], branch
    )
    return method


def queue_refusal(core: Core, repo: Row, branch: str) -> str | None:
    """Return why nobody but the queue may move a branch; None when anybody may."""
    if branch.startswith(QUEUE_BRANCHES):
        return "The branches of the merge queue are read-only"
    return None if queue_method(core, repo, branch) is None else THROUGH_QUEUE


def parse(settings: Json) -> Protection:
    """Read stored settings, which have the shape of GitHub's PUT body."""
    required: dict[str, Any] | None = settings["required_status_checks"]
    reviews: dict[str, Any] | None = settings["required_pull_request_reviews"]
    return Protection(
        checks=None
        if required is None
        else tuple(RequiredCheck(c["context"], c["app_id"]) for c in required["checks"]),
        strict=bool(required and required["strict"]),
        approvals=None if reviews is None else reviews["required_approving_review_count"],
        dismiss_stale=bool(reviews and reviews["dismiss_stale_reviews"]),
        enforce_admins=settings["enforce_admins"],
        allow_force_pushes=settings["allow_force_pushes"],
        allow_deletions=settings["allow_deletions"],
    )


def check_state(core: Core, repo: Row, sha: str, check: RequiredCheck) -> str:
    """Return passing, failing, pending or expected (nobody reported it)."""
    run = core.db.one(
        "SELECT * FROM check_runs WHERE repository_id=? AND head_sha=? AND name=?"
        " AND (? IS NULL OR app_id=?) ORDER BY id DESC LIMIT 1",
        repo["id"],
        sha,
        check.context,
        check.app_id,
        check.app_id,
    )
    if run is not None:
        if run["status"] != "completed":
            return "pending"
        return "passing" if run["conclusion"] in PASSING else "failing"
    status = core.db.scalar(
        "SELECT state FROM statuses WHERE repository_id=? AND sha=? AND context=?"
        " ORDER BY id DESC LIMIT 1",
        repo["id"],
        sha,
        check.context,
    )
    if status is None or check.app_id is not None:
        return "expected"
    return {"success": "passing", "pending": "pending"}.get(status, "failing")


def unmet_checks(core: Core, repo: Row, sha: str, protection: Protection) -> list[str]:
    """Return GitHub's sentence for each required check that does not pass."""
    words = {"failing": "is failing", "pending": "is in progress", "expected": "is expected"}
    states = [(c.context, check_state(core, repo, sha, c)) for c in protection.checks or ()]
    return [
        f'Required status check "{context}" {words[state]}.'
        for context, state in states
        if state != "passing"
    ]


def decisive_reviews(core: Core, pull: Row) -> dict[int, str]:
    """Return the standing decision of each reviewer by user id."""
    rows = core.db.all(
        "SELECT user_id, state FROM reviews WHERE pull_id=?"
        " AND state NOT IN ('COMMENTED','PENDING') ORDER BY id",
        pull["id"],
    )
    return {row["user_id"]: row["state"] for row in rows}


def unmet_reviews(core: Core, repo: Row, pull: Row, protection: Protection) -> list[str]:
    """Return GitHub's sentence when approvals by writers are missing or changes are asked for."""
    if protection.approvals is None:
        return []
    author = core.db.get("issues", pull["issue_id"])["user_id"]
    states = [
        state
        for user_id, state in decisive_reviews(core, pull).items()
        if user_id != author and has_role(core.role(repo, core.user(user_id)), "write")
    ]
    if "CHANGES_REQUESTED" in states:
        return ["Changes have been requested by a reviewer with write access."]
    if states.count("APPROVED") < protection.approvals:
        count = protection.approvals
        noun = "review is" if count == 1 else "reviews are"
        return [f"At least {count} approving {noun} required by reviewers with write access."]
    return []


def protection_json(url: str, settings: Json) -> Json:
    """Return stored settings in the shape of GitHub's GET."""
    required, reviews = (
        settings["required_status_checks"],
        settings["required_pull_request_reviews"],
    )
    shape: Json = {
        "url": url,
        "enforce_admins": {"url": f"{url}/enforce_admins", "enabled": settings["enforce_admins"]},
    }
    for name in (
        "required_linear_history",
        "allow_force_pushes",
        "allow_deletions",
        "block_creations",
        "required_conversation_resolution",
        "lock_branch",
        "allow_fork_syncing",
    ):
        shape[name] = {"enabled": settings[name]}
    signatures = f"{url}/required_signatures"
    shape["required_signatures"] = {"url": signatures, "enabled": False}
    if required is not None:
        checks = f"{url}/required_status_checks"
        shape["required_status_checks"] = {
            "url": checks,
            "strict": required["strict"],
            "contexts": [check["context"] for check in required["checks"]],
            "contexts_url": f"{checks}/contexts",
            "checks": required["checks"],
        }
    if reviews is not None:
        shape["required_pull_request_reviews"] = {
            "url": f"{url}/required_pull_request_reviews",
            **reviews,
        }
    return shape

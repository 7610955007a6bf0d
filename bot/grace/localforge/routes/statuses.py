"""Commit statuses."""

from typing import Final

from grace.localforge.api import Call, Need, Reply, Route
from grace.localforge.db import Row
from grace.localforge.errors import unprocessable
from grace.localforge.events import Event, emit
from grace.localforge.routes.checks import sha_of
from grace.localforge.routes.repos import R
from grace.localforge.shapes.checks import combined_status_json, status_json
from grace.localforge.shapes.repos import commit_json


async def create_status(call: Call) -> Reply:
    """Set a commit status."""
    core, repo, body = call.core, call.repo, call.body("Status")
    sha = call.param("sha")
    if await core.git(repo).kind(sha) != "commit":
        raise unprocessable(f"No commit found for SHA: {sha}")
    number = core.db.insert(
        "statuses",
        repository_id=repo["id"],
        sha=sha,
        state=body.choice("state", ("error", "failure", "pending", "success")),
        context=body.text("context", "default"),
        description=body.optional("description"),
        target_url=body.optional("target_url"),
        creator_id=call.user["id"],
        created_at=core.now(),
        updated_at=core.now(),
    )
    status = core.db.get("statuses", number)
    shape = status_json(core, repo, status)
    kept = ("id", "state", "context", "description", "target_url", "created_at", "updated_at")
    event: dict[str, object] = {name: shape[name] for name in kept}
    commit = commit_json(core, repo, await core.git(repo).commit(sha))
    branches = await core.git(repo).text(
        "for-each-ref", f"--points-at={sha}", "--format=%(refname:lstrip=2)", "refs/heads"
    )
    named = [
        {"name": name, "commit": {"sha": sha, "url": commit["url"]}, "protected": False}
        for name in branches.splitlines()
    ]
    full_name = f"{repo['owner']}/{repo['name']}"
    event |= {"sha": sha, "name": full_name, "commit": commit, "branches": named}
    emit(core, Event("status", call.user, repo, body=event))
    if core.queue is not None:
        core.queue.checked(repo, sha)
    return Reply(shape, 201)


def _statuses(call: Call, sha: str) -> list[Row]:
    return call.core.db.all(
        "SELECT * FROM statuses WHERE repository_id=? AND sha=? ORDER BY id DESC",
        call.repo["id"],
        sha,
    )


async def list_statuses(call: Call) -> Reply:
    """List the statuses of a commit, newest first."""
    rows = _statuses(call, await sha_of(call))
    return call.page(rows, lambda row: status_json(call.core, call.repo, row))


async def combined_status(call: Call) -> Reply:
    """Return the worst of the latest statuses of a commit."""
    sha = await sha_of(call)
    return Reply(combined_status_json(call.core, call.repo, sha, _statuses(call, sha)))


_COMMIT: Final = f"{R}/commits/{{ref:.+}}"

ROUTES: Final = (
    Route("POST", f"{R}/statuses/{{sha}}", create_status, Need("statuses:write", "write")),
    Route("GET", f"{_COMMIT}/statuses", list_statuses, Need("statuses:read")),
    Route("GET", f"{_COMMIT}/status", combined_status, Need("statuses:read")),
)

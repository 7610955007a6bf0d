"""Deployments and their statuses."""

import json
from typing import Final

from grace.localforge.api import Call, Need, Reply, Route
from grace.localforge.db import Row
from grace.localforge.errors import ApiError, invalid, not_found, unprocessable
from grace.localforge.events import Event, emit
from grace.localforge.protection import PASSING
from grace.localforge.routes.repos import R
from grace.localforge.shapes.checks import deployment_json, deployment_status_json

STATES: Final = (
    "error",
    "failure",
    "inactive",
    "in_progress",
    "queued",
    "pending",
    "success",
)


def _deployment(call: Call) -> Row:
    row = call.core.db.one(
        "SELECT * FROM deployments WHERE id=? AND repository_id=?",
        call.number("id"),
        call.repo["id"],
    )
    if row is None:
        raise not_found()
    return row


async def create_deployment(call: Call) -> Reply:
    """Create a deployment of a ref; 409 when its commit's statuses or checks do not pass."""
    core, repo, body = call.core, call.repo, call.body("Deployment")
    ref = body.text("ref")
    sha = await core.git(repo).resolve(ref)
    if sha is None:
        raise unprocessable(f"No ref found for: {ref}")
    if "required_contexts" not in body or body.strings("required_contexts"):
        _require_green(call, sha, body.strings("required_contexts"))
    payload = body.data.get("payload", {})
    if not isinstance(payload, dict | str):
        raise invalid("Deployment", "payload")
    number = core.db.insert(
        "deployments",
        repository_id=repo["id"],
        sha=sha,
        ref=ref,
        task=body.text("task", "deploy"),
        payload_json=payload,
        environment=body.text("environment", "production"),
        description=body.optional("description"),
        creator_id=call.user["id"],
        created_at=core.now(),
        updated_at=core.now(),
    )
    shape = deployment_json(core, repo, core.db.get("deployments", number))
    event = {"deployment": shape, "workflow": None, "workflow_run": None}
    emit(core, Event("deployment", call.user, repo, "created", event))
    return Reply(shape, 201)


def _require_green(call: Call, sha: str, contexts: list[str]) -> None:
    db, where = call.core.db, (call.repo["id"], sha)
    sql = "SELECT * FROM check_runs WHERE repository_id=? AND head_sha=? ORDER BY id"
    states = {row["name"]: row["conclusion"] for row in db.all(sql, *where)}
    sql = "SELECT * FROM statuses WHERE repository_id=? AND sha=? ORDER BY id"
    states |= {row["context"]: row["state"] for row in db.all(sql, *where)}
    wanted = contexts or list(states)
    if all(states.get(name) in PASSING for name in wanted):
        return
    bad = [name for name in wanted if states.get(name) not in PASSING]
    raise ApiError(409, f"Conflict: Commit status checks failed for {json.dumps(bad)}")


async def list_deployments(call: Call) -> Reply:
    """List deployments by sha, ref, task, environment; newest first."""
    sql = "SELECT * FROM deployments WHERE repository_id=? ORDER BY id DESC"
    rows = call.core.db.all(sql, call.repo["id"])
    for name in ("sha", "ref", "task", "environment"):
        if call.query(name):
            rows = [row for row in rows if row[name] == call.query(name)]
    return call.page(rows, lambda row: deployment_json(call.core, call.repo, row))


async def get_deployment(call: Call) -> Reply:
    """Return a deployment."""
    return Reply(deployment_json(call.core, call.repo, _deployment(call)))


async def create_status(call: Call) -> Reply:
    """Report the state of a deployment."""
    core, repo, body, deployment = call.core, call.repo, call.body("Status"), _deployment(call)
    number = core.db.insert(
        "deployment_statuses",
        deployment_id=deployment["id"],
        state=body.choice("state", STATES),
        description=body.text("description", ""),
        environment=body.text("environment", deployment["environment"]),
        log_url=body.text("log_url", body.text("target_url", "")),
        environment_url=body.text("environment_url", ""),
        creator_id=call.user["id"],
        created_at=core.now(),
    )
    deployment = core.db.update("deployments", deployment["id"], updated_at=core.now())
    shape = deployment_status_json(core, repo, core.db.get("deployment_statuses", number))
    event = {
        "deployment_status": shape,
        "deployment": deployment_json(core, repo, deployment),
        "workflow": None,
        "workflow_run": None,
        "check_run": None,
    }
    emit(core, Event("deployment_status", call.user, repo, "created", event))
    return Reply(shape, 201)


async def list_statuses(call: Call) -> Reply:
    """List the statuses of a deployment, newest first."""
    sql = "SELECT * FROM deployment_statuses WHERE deployment_id=? ORDER BY id DESC"
    rows = call.core.db.all(sql, _deployment(call)["id"])
    return call.page(rows, lambda row: deployment_status_json(call.core, call.repo, row))


async def get_status(call: Call) -> Reply:
    """Return one status of a deployment."""
    sql = "SELECT * FROM deployment_statuses WHERE deployment_id=? AND id=?"
    row = call.core.db.one(sql, _deployment(call)["id"], call.number("status"))
    if row is None:
        raise not_found()
    return Reply(deployment_status_json(call.core, call.repo, row))


_READ: Final = Need("deployments:read")
_WRITE: Final = Need("deployments:write", "write")
_ONE: Final = f"{R}/deployments/{{id}}"

ROUTES: Final = (
    Route("GET", f"{R}/deployments", list_deployments, _READ),
    Route("POST", f"{R}/deployments", create_deployment, _WRITE),
    Route("GET", _ONE, get_deployment, _READ),
    Route("GET", f"{_ONE}/statuses", list_statuses, _READ),
    Route("POST", f"{_ONE}/statuses", create_status, _WRITE),
    Route("GET", f"{_ONE}/statuses/{{status}}", get_status, _READ),
)

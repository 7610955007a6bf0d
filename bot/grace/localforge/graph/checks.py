"""Check runs, commit statuses and deployments of a commit."""

from collections.abc import Sequence
from typing import Final

from grace.localforge.core import node_id
from grace.localforge.db import Row
from grace.localforge.errors import ApiError
from grace.localforge.graph.viewing import Node, Viewer, actor_node, connection
from grace.localforge.protection import PASSING
from grace.localforge.shapes.repos import html_url

LATEST_CHECKS: Final = (
    "SELECT * FROM check_runs WHERE id IN (SELECT max(id) FROM check_runs"
    " WHERE repository_id=? AND head_sha=? GROUP BY app_id, name) ORDER BY id"
)
LATEST_STATUSES: Final = (
    "SELECT * FROM statuses WHERE id IN (SELECT max(id) FROM statuses"
    " WHERE repository_id=? AND sha=? GROUP BY context) ORDER BY id"
)


def rollup_node(seen: Viewer, repo: Row, sha: str) -> Node | None:
    """Return what reported on a commit, the latest of each name; None where nothing did."""
    seen.need(repo, "checks:read|statuses:read")
    checks = seen.core.db.all(LATEST_CHECKS, repo["id"], sha)
    statuses = seen.core.db.all(LATEST_STATUSES, repo["id"], sha)
    if not checks and not statuses:
        return None
    # Commits have no row: the SHA makes the id unique.
    return {
        "__typename": "StatusCheckRollup",
        "id": node_id(f"StatusCheckRollup{sha}", repo["id"]),
        "state": _state(checks, statuses),
        "contexts": connection(
            "contexts", lambda: [*checks, *statuses], lambda row: _context(seen, repo, row)
        ),
    }


def _state(checks: list[Row], statuses: list[Row]) -> str:
    outcomes = {row["conclusion"] or "pending" for row in checks}
    outcomes |= {row["state"] for row in statuses}
    if outcomes - PASSING - {"pending"}:
        return "FAILURE"
    return "PENDING" if "pending" in outcomes else "SUCCESS"


def _context(seen: Viewer, repo: Row, row: Row) -> Node | Exception:
    """Return one context; an App that may not read its kind gets an error in its place."""
    is_check = "conclusion" in row
    try:
        seen.need(repo, "checks:read" if is_check else "statuses:read")
    except ApiError as refusal:
        return refusal
    return _check(seen, repo, row) if is_check else _status(seen, row)


def _check(seen: Viewer, repo: Row, run: Row) -> Node:
    output = run["output_json"]
    return {
        "__typename": "CheckRun",
        "id": node_id("CheckRun", run["id"]),
        "databaseId": run["id"],
        "name": run["name"],
        "status": run["status"].upper(),
        "conclusion": run["conclusion"] and run["conclusion"].upper(),
        "detailsUrl": run["details_url"] or f"{html_url(seen.core, repo)}/runs/{run['id']}",
        "externalId": run["external_id"],
        "title": output.get("title"),
        "summary": output.get("summary"),
        "startedAt": run["started_at"],
        "completedAt": run["completed_at"],
        "checkSuite": lambda _: _suite(seen, repo, run["suite_id"]),
    }


def _suite(seen: Viewer, repo: Row, suite_id: int) -> Node:
    core = seen.core
    suite = core.db.get("suites", suite_id)
    app = core.db.get("apps", suite["app_id"])
    return {
        "__typename": "CheckSuite",
        "id": node_id("CheckSuite", suite["id"]),
        "databaseId": suite["id"],
        "app": {
            "__typename": "App",
            "id": node_id("App", app["id"]),
            "databaseId": app["id"],
            "name": app["name"],
            "slug": app["slug"],
            "url": f"{core.url}/apps/{app['slug']}",
        },
        "workflowRun": lambda _: _workflow_run(seen, repo, suite_id),
    }


def _workflow_run(seen: Viewer, repo: Row, suite_id: int) -> Node | None:
    seen.need(repo, "actions:read")
    run = seen.core.db.one("SELECT * FROM workflow_runs WHERE suite_id=?", suite_id)
    if run is None:
        return None
    workflow = seen.core.db.get("workflows", run["workflow_id"])
    return {
        "__typename": "WorkflowRun",
        "id": node_id("WorkflowRun", run["id"]),
        "databaseId": run["id"],
        "event": run["event"],
        "runNumber": run["run_number"],
        "workflow": {
            "__typename": "Workflow",
            "id": node_id("Workflow", workflow["id"]),
            "databaseId": workflow["id"],
            "name": workflow["name"],
        },
    }


def _status(seen: Viewer, status: Row) -> Node:
    return {
        "__typename": "StatusContext",
        "id": node_id("Status", status["id"]),
        "context": status["context"],
        "state": status["state"].upper(),
        "description": status["description"],
        "targetUrl": status["target_url"],
        "creator": actor_node(seen.core, status["creator_id"]),
        "createdAt": status["created_at"],
    }


def deployments_of(seen: Viewer, repo: Row, sha: str) -> list[Row]:
    """Return the deployments of a commit, oldest first."""
    seen.need(repo, "deployments:read")
    sql = "SELECT * FROM deployments WHERE repository_id=? AND sha=? ORDER BY id"
    return seen.core.db.all(sql, repo["id"], sha)


def deployments_to(seen: Viewer, repo: Row, environments: Sequence[str] | None) -> list[Row]:
    """Return a repository's deployments, oldest first; None: to every environment."""
    seen.need(repo, "deployments:read")
    sql = "SELECT * FROM deployments WHERE repository_id=? ORDER BY id"
    found = seen.core.db.all(sql, repo["id"])
    return [row for row in found if environments is None or row["environment"] in environments]


def deployment_node(seen: Viewer, deployment: Row) -> Node:
    """Return a deployment with its latest status."""
    sql = "SELECT * FROM deployment_statuses WHERE deployment_id=? ORDER BY id DESC LIMIT 1"
    status = seen.core.db.one(sql, deployment["id"])
    return {
        "__typename": "Deployment",
        "id": node_id("Deployment", deployment["id"]),
        "databaseId": deployment["id"],
        "environment": deployment["environment"],
        "commitOid": deployment["sha"],
        "createdAt": deployment["created_at"],
        "latestStatus": status
        and {
            "__typename": "DeploymentStatus",
            "id": node_id("DeploymentStatus", status["id"]),
            "state": status["state"].upper(),
            "description": status["description"],
            "createdAt": status["created_at"],
            "updatedAt": status["created_at"],
        },
    }

"""Check suites and runs, commit statuses, deployments."""

from grace.localforge.core import Core, Json, node_id
from grace.localforge.db import Row
from grace.localforge.shapes.people import app_json, user_json
from grace.localforge.shapes.pulls import pulls_of_sha
from grace.localforge.shapes.repos import api_url, html_url, repository_json


def suite_json(core: Core, repo: Row, suite: Row) -> Json:
    """Return a check suite as webhooks and check runs carry it."""
    url = f"{api_url(core, repo)}/check-suites/{suite['id']}"
    app = core.db.get("apps", suite["app_id"])
    count = core.db.scalar("SELECT count(*) FROM check_runs WHERE suite_id=?", suite["id"])
    return {
        "id": suite["id"],
        "node_id": node_id("CheckSuite", suite["id"]),
        "head_branch": suite["head_branch"],
        "head_sha": suite["head_sha"],
        "head_commit": suite["head_commit_json"],
        "status": suite["status"],
        "conclusion": suite["conclusion"],
        "url": url,
        "before": None,
        "after": suite["head_sha"],
        "pull_requests": pulls_of_sha(core, repo, suite["head_sha"]),
        "app": app_json(core, app),
        "created_at": suite["created_at"],
        "updated_at": suite["updated_at"],
        "latest_check_runs_count": count,
        "check_runs_url": f"{url}/check-runs",
        "rerequestable": True,
        "runs_rerequestable": True,
    }


def check_run_json(core: Core, repo: Row, run: Row, *, with_suite: bool = False) -> Json:
    """Return a check run; webhooks carry its whole suite, the API only the suite's id."""
    url = f"{api_url(core, repo)}/check-runs/{run['id']}"
    suite = core.db.get("suites", run["suite_id"])
    output, page = run["output_json"], f"{html_url(core, repo)}/runs/{run['id']}"
    return {
        "id": run["id"],
        "name": run["name"],
        "node_id": node_id("CheckRun", run["id"]),
        "head_sha": run["head_sha"],
        "external_id": run["external_id"],
        "url": url,
        "html_url": page,
        "details_url": run["details_url"] or page,
        "status": run["status"],
        "conclusion": run["conclusion"],
        "started_at": run["started_at"],
        "completed_at": run["completed_at"],
        "output": {
            "title": output.get("title"),
            "summary": output.get("summary"),
            "text": output.get("text"),
            "annotations_count": len(run["annotations_json"]),
            "annotations_url": f"{url}/annotations",
        },
        "check_suite": suite_json(core, repo, suite) if with_suite else {"id": suite["id"]},
        "app": app_json(core, core.db.get("apps", run["app_id"])),
        "pull_requests": pulls_of_sha(core, repo, run["head_sha"]),
        "deployment": None,
        **({"actions": run["actions_json"]} if run["actions_json"] and with_suite else {}),
    } | ({} if with_suite else {"actions": run["actions_json"]})


def status_json(core: Core, repo: Row, status: Row) -> Json:
    """Return a commit status."""
    creator = user_json(core, core.user(status["creator_id"]))
    return {
        "url": f"{api_url(core, repo)}/statuses/{status['sha']}",
        "avatar_url": creator["avatar_url"],
        "id": status["id"],
        "node_id": node_id("Status", status["id"]),
        "state": status["state"],
        "description": status["description"],
        "target_url": status["target_url"],
        "context": status["context"],
        "created_at": status["created_at"],
        "updated_at": status["updated_at"],
        "creator": creator,
    }


def combined_status_json(core: Core, repo: Row, sha: str, statuses: list[Row]) -> Json:
    """Return the latest status of each context and their worst state."""
    latest = {row["context"]: row for row in reversed(statuses)}
    states = {row["state"] for row in latest.values()}
    if states & {"failure", "error"}:
        state = "failure"
    else:
        state = "success" if states == {"success"} else "pending"
    url = f"{api_url(core, repo)}/commits/{sha}"
    return {
        "state": state,
        "statuses": [status_json(core, repo, row) | {"required": None} for row in latest.values()],
        "sha": sha,
        "total_count": len(latest),
        "repository": repository_json(core, repo),
        "commit_url": url,
        "url": f"{url}/status",
    }


def deployment_json(core: Core, repo: Row, deployment: Row) -> Json:
    """Return a deployment."""
    url = f"{api_url(core, repo)}/deployments/{deployment['id']}"
    return {
        "url": url,
        "id": deployment["id"],
        "node_id": node_id("Deployment", deployment["id"]),
        "sha": deployment["sha"],
        "ref": deployment["ref"],
        "task": deployment["task"],
        "payload": deployment["payload_json"],
        "original_environment": deployment["environment"],
        "environment": deployment["environment"],
        "description": deployment["description"],
        "creator": user_json(core, core.user(deployment["creator_id"])),
        "created_at": deployment["created_at"],
        "updated_at": deployment["updated_at"],
        "statuses_url": f"{url}/statuses",
        "repository_url": api_url(core, repo),
        "transient_environment": False,
        "production_environment": deployment["environment"] == "production",
        "performed_via_github_app": None,
    }


def deployment_status_json(core: Core, repo: Row, status: Row) -> Json:
    """Return a status of a deployment."""
    deployment = f"{api_url(core, repo)}/deployments/{status['deployment_id']}"
    return {
        "url": f"{deployment}/statuses/{status['id']}",
        "id": status["id"],
        "node_id": node_id("DeploymentStatus", status["id"]),
        "state": status["state"],
        "creator": user_json(core, core.user(status["creator_id"])),
        "description": status["description"],
        "environment": status["environment"],
        "target_url": status["log_url"],
        "log_url": status["log_url"],
        "environment_url": status["environment_url"],
        "created_at": status["created_at"],
        "updated_at": status["created_at"],
        "deployment_url": deployment,
        "repository_url": api_url(core, repo),
        "performed_via_github_app": None,
    }

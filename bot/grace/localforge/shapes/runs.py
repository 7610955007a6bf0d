"""Workflows, workflow runs, jobs and artifacts."""

from datetime import datetime, timedelta

from grace.localforge.core import ACTIONS_SLUG, Core, Json, iso, node_id
from grace.localforge.db import Row
from grace.localforge.gitrepo import CommitObject
from grace.localforge.shapes.people import user_json
from grace.localforge.shapes.pulls import minimal_pull_json
from grace.localforge.shapes.repos import (
    api_url,
    full_name,
    html_url,
    repository_json,
    simple_commit_json,
)


def workflow_json(core: Core, repo: Row, workflow: Row) -> Json:
    """Return a workflow."""
    url = f"{api_url(core, repo)}/actions/workflows/{workflow['id']}"
    return {
        "id": workflow["id"],
        "node_id": node_id("Workflow", workflow["id"]),
        "name": workflow["name"],
        "path": workflow["path"],
        "state": "active",
        "created_at": workflow["created_at"],
        "updated_at": workflow["created_at"],
        "url": url,
        "html_url": f"{html_url(core, repo)}/blob/{repo['default_branch']}/{workflow['path']}",
        "badge_url": f"{html_url(core, repo)}/workflows/{workflow['name']}/badge.svg",
    }


def run_url(core: Core, repo: Row, run: Row) -> str:
    """Return the page of a workflow run."""
    return f"{html_url(core, repo)}/actions/runs/{run['id']}"


def run_json(core: Core, repo: Row, run: Row, head: CommitObject) -> Json:
    """Return a workflow run; `head` is its head commit."""
    url = f"{api_url(core, repo)}/actions/runs/{run['id']}"
    workflow = core.db.get("workflows", run["workflow_id"])
    actor = user_json(core, core.user(run["actor_id"]))
    pull = core.db.one(
        "SELECT * FROM pulls WHERE repository_id=? AND number=?", repo["id"], run["pull_number"]
    )
    inner = repository_json(core, repo)
    suite = f"{api_url(core, repo)}/check-suites/{run['suite_id']}"
    return {
        "id": run["id"],
        "name": workflow["name"],
        "node_id": node_id("WorkflowRun", run["id"]),
        "check_suite_id": run["suite_id"],
        "check_suite_node_id": node_id("CheckSuite", run["suite_id"]),
        "head_branch": run["head_branch"],
        "head_sha": run["head_sha"],
        "path": workflow["path"],
        "run_number": run["run_number"],
        "run_attempt": run["run_attempt"],
        "referenced_workflows": [],
        "event": run["event"],
        "status": run["status"],
        "conclusion": run["conclusion"],
        "workflow_id": workflow["id"],
        "url": url,
        "html_url": run_url(core, repo, run),
        "pull_requests": [minimal_pull_json(core, repo, pull)] if pull else [],
        "created_at": run["created_at"],
        "updated_at": run["updated_at"],
        "actor": actor,
        "triggering_actor": user_json(core, core.user(run["triggering_id"])),
        "run_started_at": run["started_at"],
        "jobs_url": f"{url}/jobs",
        "logs_url": f"{url}/logs",
        "check_suite_url": suite,
        "artifacts_url": f"{url}/artifacts",
        "cancel_url": f"{url}/cancel",
        "rerun_url": f"{url}/rerun",
        "previous_attempt_url": None,
        "workflow_url": f"{api_url(core, repo)}/actions/workflows/{workflow['id']}",
        "head_commit": simple_commit_json(head),
        "repository": inner,
        "head_repository": inner,
        "display_title": run["title"],
    }


def job_json(core: Core, repo: Row, run: Row, job: Row) -> Json:
    """Return a job of a workflow run."""
    base = api_url(core, repo)
    workflow = core.db.get("workflows", run["workflow_id"])
    return {
        "id": job["id"],
        "run_id": run["id"],
        "run_url": f"{base}/actions/runs/{run['id']}",
        "run_attempt": job["attempt"],
        "node_id": node_id("Job", job["id"]),
        "head_sha": run["head_sha"],
        "head_branch": run["head_branch"],
        "workflow_name": workflow["name"],
        "url": f"{base}/actions/jobs/{job['id']}",
        "html_url": job_page(core, repo, run, job["id"]),
        "status": job["status"],
        "conclusion": job["conclusion"],
        "created_at": job["created_at"],
        "started_at": job["started_at"] or job["created_at"],
        "completed_at": job["completed_at"],
        "name": job["name"],
        "steps": [],
        "check_run_url": f"{base}/check-runs/{job['check_run_id']}",
        "labels": ["ubuntu-latest"],
        "runner_id": 1,
        "runner_name": ACTIONS_SLUG,
        "runner_group_id": 1,
        "runner_group_name": "local",
    }


def job_page(core: Core, repo: Row, run: Row, job_id: int) -> str:
    """Return the address of a job for people: the `details_url` of its check run."""
    return f"{run_url(core, repo, run)}/job/{job_id}"


def artifact_json(core: Core, repo: Row, artifact: Row) -> Json:
    """Return an artifact."""
    url = f"{api_url(core, repo)}/actions/artifacts/{artifact['id']}"
    run = core.db.get("workflow_runs", artifact["run_id"])
    created = datetime.fromisoformat(artifact["created_at"])
    return {
        "id": artifact["id"],
        "node_id": node_id("Artifact", artifact["id"]),
        "name": artifact["name"],
        "size_in_bytes": artifact["size"],
        "url": url,
        "archive_download_url": f"{url}/zip",
        "expired": False,
        "digest": artifact["digest"],
        "created_at": artifact["created_at"],
        "updated_at": artifact["created_at"],
        "expires_at": iso(created + timedelta(days=90)),
        "workflow_run": {
            "id": run["id"],
            "repository_id": repo["id"],
            "head_repository_id": repo["id"],
            "head_branch": run["head_branch"],
            "head_sha": run["head_sha"],
        },
    }


def workflow_ref(repo: Row, run: Row, path: str) -> str:
    """Return `owner/name/path@ref`, as OIDC claims carry it."""
    return f"{full_name(repo)}/{path}@{run['ref']}"

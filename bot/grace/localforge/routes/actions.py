"""Runs of workflows, their jobs, logs and artifacts."""

import io
import zipfile
from typing import Final

from grace.localforge.api import Call, Need, Reply, Route
from grace.localforge.core import Json
from grace.localforge.db import Row
from grace.localforge.errors import ApiError, forbidden, not_found
from grace.localforge.routes.repos import R
from grace.localforge.routes.workflows import runner_of, workflow_of
from grace.localforge.runlog import artifact_files, folders
from grace.localforge.shapes.runs import artifact_json, job_json, run_json


def _run(call: Call) -> Row:
    row = call.core.db.one(
        "SELECT * FROM workflow_runs WHERE id=? AND repository_id=?",
        call.number("id"),
        call.repo["id"],
    )
    if row is None:
        raise not_found()
    return row


async def _run_json(call: Call, run: Row) -> Json:
    head = await call.core.git(call.repo).commit(run["head_sha"])
    return run_json(call.core, call.repo, run, head)


async def list_runs(call: Call) -> Reply:
    """List runs by head_sha, branch, event, actor, status, `created=>=TIME`; newest first."""
    sql = "SELECT * FROM workflow_runs WHERE repository_id=? ORDER BY id DESC"
    rows = call.core.db.all(sql, call.repo["id"])
    for query, column in (("head_sha", "head_sha"), ("branch", "head_branch"), ("event", "event")):
        if call.query(query):
            rows = [row for row in rows if row[column] == call.query(query)]
    if login := call.query("actor"):
        actor = call.core.user_named(login)
        rows = [row for row in rows if actor is not None and row["actor_id"] == actor["id"]]
    if status := call.query("status"):
        rows = [row for row in rows if status in {row["status"], row["conclusion"]}]
    if created := call.query("created"):
        rows = [row for row in rows if row["created_at"] >= created.removeprefix(">=")]
    if "workflow" in call.request.match_info:
        workflow = await workflow_of(call)
        rows = [row for row in rows if row["workflow_id"] == workflow["id"]]
    start, end, headers = call.window(len(rows))
    shaped = [await _run_json(call, row) for row in rows[start:end]]
    return Reply({"total_count": len(rows), "workflow_runs": shaped}, headers=headers)


async def get_run(call: Call) -> Reply:
    """Return a workflow run."""
    return Reply(await _run_json(call, _run(call)))


async def rerun(call: Call) -> Reply:
    """Run a finished run again."""
    run, runner = _run(call), runner_of(call)
    if run["status"] != "completed":
        raise forbidden("This workflow is already running")
    await runner.rerun(run, call.user)
    return Reply({}, 201)


async def cancel(call: Call) -> Reply:
    """Stop a run; 409 when it is over."""
    run, runner = _run(call), runner_of(call)
    if run["status"] == "completed":
        raise ApiError(409, "Cannot cancel a workflow run that is completed.")
    await runner.cancel(run)
    return Reply({}, 202)


async def list_jobs(call: Call) -> Reply:
    """List the jobs of a run's latest attempt, of all with `filter=all`."""
    run = _run(call)
    rows = call.core.db.all("SELECT * FROM jobs WHERE run_id=? ORDER BY id", run["id"])
    if call.query("filter", "latest") == "latest":
        rows = [row for row in rows if row["attempt"] == run["run_attempt"]]
    return call.page(rows, lambda row: job_json(call.core, call.repo, run, row), "jobs")


def _job(call: Call) -> tuple[Row, Row]:
    row = call.core.db.one("SELECT * FROM jobs WHERE id=?", call.number("job"))
    run = row and call.core.db.one(
        "SELECT * FROM workflow_runs WHERE id=? AND repository_id=?",
        row["run_id"],
        call.repo["id"],
    )
    if not row or not run:
        raise not_found()
    return run, row


async def get_job(call: Call) -> Reply:
    """Return a job."""
    run, job = _job(call)
    return Reply(job_json(call.core, call.repo, run, job))


def _log(call: Call, run: Row, job: Row) -> bytes:
    logs, _ = folders(call.core, {**run, "run_attempt": job["attempt"]})
    file = logs / f"{job['id']}.txt"
    return file.read_bytes() if file.exists() else b""


async def job_log(call: Call) -> Reply:
    """Return a job's log as text. GitHub answers 302 to its storage; the log is here."""
    return Reply(raw=_log(call, *_job(call)), headers={"Content-Type": "text/plain; charset=utf-8"})


def _zip(files: list[tuple[str, bytes]]) -> Reply:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files:
            archive.writestr(name, data)
    return Reply(raw=buffer.getvalue(), headers={"Content-Type": "application/zip"})


async def run_logs(call: Call) -> Reply:
    """Return the logs of a run's latest attempt as a zip, one file a job."""
    run = _run(call)
    rows = call.core.db.all(
        "SELECT * FROM jobs WHERE run_id=? AND attempt=? ORDER BY id", run["id"], run["run_attempt"]
    )
    names = [(f"{i}_{row['name'].replace('/', '_')}.txt", row) for i, row in enumerate(rows)]
    return _zip([(name, _log(call, run, row)) for name, row in names])


async def list_artifacts(call: Call) -> Reply:
    """List artifacts of a run or of the repository, by name when asked."""
    if "id" in call.request.match_info:
        rows = call.core.db.all("SELECT * FROM artifacts WHERE run_id=?", _run(call)["id"])
    else:
        rows = call.core.db.all(
            "SELECT a.* FROM artifacts a JOIN workflow_runs r ON r.id=a.run_id"
            " WHERE r.repository_id=? ORDER BY a.id DESC",
            call.repo["id"],
        )
    if name := call.query("name"):
        rows = [row for row in rows if row["name"] == name]
    return call.page(rows, lambda row: artifact_json(call.core, call.repo, row), "artifacts")


def _artifact(call: Call) -> tuple[Row, Row]:
    row = call.core.db.one(
        "SELECT a.* FROM artifacts a JOIN workflow_runs r ON r.id=a.run_id"
        " WHERE a.id=? AND r.repository_id=?",
        call.number("artifact"),
        call.repo["id"],
    )
    if row is None:
        raise not_found()
    return row, call.core.db.get("workflow_runs", row["run_id"])


async def get_artifact(call: Call) -> Reply:
    """Return an artifact."""
    return Reply(artifact_json(call.core, call.repo, _artifact(call)[0]))


async def download_artifact(call: Call) -> Reply:
    """Return an artifact as a zip. GitHub answers 302 to its storage; the bytes are here."""
    artifact, run = _artifact(call)
    _, root = folders(call.core, {**run, "run_attempt": artifact["attempt"]})
    folder = root / artifact["name"]
    files = artifact_files(folder)
    return _zip([(file.relative_to(folder).as_posix(), file.read_bytes()) for file in files])


_READ: Final = Need("actions:read")
_WRITE: Final = Need("actions:write", "write")
_A: Final = f"{R}/actions"
_RUN: Final = f"{_A}/runs/{{id}}"

ROUTES: Final = (
    Route("GET", f"{_A}/runs", list_runs, _READ),
    Route("GET", _RUN, get_run, _READ),
    Route("POST", f"{_RUN}/rerun", rerun, _WRITE),
    Route("POST", f"{_RUN}/cancel", cancel, _WRITE),
    Route("GET", f"{_RUN}/jobs", list_jobs, _READ),
    Route("GET", f"{_RUN}/logs", run_logs, _READ),
    Route("GET", f"{_RUN}/artifacts", list_artifacts, _READ),
    Route("GET", f"{_A}/jobs/{{job}}", get_job, _READ),
    Route("GET", f"{_A}/jobs/{{job}}/logs", job_log, _READ),
    Route("GET", f"{_A}/artifacts", list_artifacts, _READ),
    Route("GET", f"{_A}/artifacts/{{artifact}}", get_artifact, _READ),
    Route("GET", f"{_A}/artifacts/{{artifact}}/zip", download_artifact, _READ),
    Route("GET", f"{_A}/workflows/{{workflow}}/runs", list_runs, _READ),
)

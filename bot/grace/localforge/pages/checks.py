"""Pages of check runs and workflow runs."""

from dataclasses import dataclass
from typing import Final

from aiohttp import web

from grace.localforge.checks import press
from grace.localforge.core import Json
from grace.localforge.db import Row
from grace.localforge.errors import ApiError, not_found
from grace.localforge.pages.visit import PageRoute, R, Visit
from grace.localforge.routes.actions import (
    cancel,
    get_run,
    list_artifacts,
    list_jobs,
    list_runs,
    rerun,
)
from grace.localforge.routes.checks import get_run as get_check
from grace.localforge.routes.checks import list_annotations, list_for_ref, rerequest_run
from grace.localforge.routes.statuses import combined_status
from grace.localforge.runlog import folders

MAX_LOG: Final = 200_000


@dataclass(frozen=True, slots=True)
class Check:
    """A check run as the API shapes it, with its annotations."""

    run: Json
    annotations: list[Json]


@dataclass(frozen=True, slots=True)
class Checks:
    """All that was reported on a commit."""

    runs: list[Check]
    statuses: list[Json]


async def checks_of(visit: Visit, sha: str) -> Checks:
    """Return the latest check runs and statuses of a commit."""
    found = await visit.ask_all(list_for_ref, "check_runs", ref=sha)
    combined = await visit.ask(combined_status, ref=sha)
    return Checks([await _check(visit, run) for run in found], combined["statuses"])


async def _check(visit: Visit, run: Json) -> Check:
    if not run["output"]["annotations_count"]:
        return Check(run, [])
    return Check(run, await visit.ask_all(list_annotations, id=run["id"]))


async def show_check(visit: Visit) -> web.StreamResponse:
    """Show one check run in full."""
    check = await _check(visit, await visit.ask(get_check))
    pull = next(iter(check.run["pull_requests"]), None)
    may = visit.may("write")
    return visit.page("check.html", repo=visit.repo, check=check, pull=pull, may_press=may)


async def act_on_check(visit: Visit) -> web.StreamResponse:
    """Press a button of a check run, or ask for it to run again; both need push access."""
    check = await visit.ask(get_check)
    identifier = visit.value("identifier")
    user = visit.user
    if user is None or not visit.may("write"):
        raise ApiError(403, "You must have push access to this repository to do this.")
    if not identifier:
        await visit.ask(rerequest_run)
    elif identifier in {action.get("identifier") for action in check["actions"]}:
        row = visit.core.db.get("check_runs", check["id"])
        press(visit.core, visit.repo, row, user, identifier)
    else:
        raise ApiError(422, "This check run offers no such action any more.")
    pull = next(iter(check["pull_requests"]), None)
    place = f"/runs/{check['id']}" if pull is None else f"/pull/{pull['number']}#checks"
    return visit.see(visit.below(place))


async def show_runs(visit: Visit) -> web.StreamResponse:
    """List workflow runs, newest first."""
    found = await visit.ask(list_runs, _per_page=50)
    return visit.page("runs.html", repo=visit.repo, runs=found["workflow_runs"])


async def show_run(visit: Visit) -> web.StreamResponse:
    """Show a workflow run: its jobs with their logs, and what it left."""
    run = await visit.ask(get_run)
    jobs = await visit.ask_all(list_jobs, "jobs")
    artifacts = await visit.ask_all(list_artifacts, "artifacts")
    row = visit.core.db.get("workflow_runs", run["id"])
    logs = {job["id"]: _log(visit, row, job) for job in jobs}
    chosen = visit.request.match_info.get("job")
    if chosen is not None and chosen not in {str(job["id"]) for job in jobs}:
        raise not_found()
    return visit.page(
        "run.html",
        repo=visit.repo,
        run=run,
        jobs=jobs,
        logs=logs,
        artifacts=artifacts,
        chosen=chosen,
        may_press=visit.may("write"),
    )


def _log(visit: Visit, run: Row, job: Json) -> str:
    """Return the end of a job's log."""
    logs, _ = folders(visit.core, {**run, "run_attempt": job["run_attempt"]})
    file = logs / f"{job['id']}.txt"
    if not file.exists():
        return ""
    text = file.read_text("utf-8", errors="replace")
    return text if len(text) <= MAX_LOG else f"(the beginning is left out)\n{text[-MAX_LOG:]}"


async def act_on_run(visit: Visit) -> web.StreamResponse:
    """Run a finished run again, or stop one."""
    await visit.ask(cancel if visit.value("act") == "cancel" else rerun)
    return visit.see(visit.below(f"/actions/runs/{visit.param('id')}"))


ROUTES: Final = (
    PageRoute("GET", f"{R}/runs/{{id}}", show_check),
    PageRoute("POST", f"{R}/runs/{{id}}", act_on_check),
    PageRoute("GET", f"{R}/actions", show_runs),
    PageRoute("GET", f"{R}/actions/runs/{{id}}", show_run),
    PageRoute("POST", f"{R}/actions/runs/{{id}}", act_on_run),
    PageRoute("GET", f"{R}/actions/runs/{{id}}/job/{{job}}", show_run),
)

"""Check suites, check runs and commit statuses."""

from typing import Final

from grace.localforge.api import Body, Call, Need, Reply, Route
from grace.localforge.checks import (
    WORST,
    NewCheck,
    check_event,
    create_check,
    suite_for,
    update_check,
)
from grace.localforge.core import ACTIONS_SLUG, Json
from grace.localforge.db import Row
from grace.localforge.errors import forbidden, invalid, not_found, unprocessable
from grace.localforge.events import Act, Event, emit
from grace.localforge.routes.repos import R
from grace.localforge.shapes.checks import (
    check_run_json,
    suite_json,
)
from grace.localforge.shapes.repos import repository_json

STATUSES: Final = ("queued", "in_progress", "completed", "waiting", "requested", "pending")
MAX_ANNOTATIONS: Final = 50
MAX_ACTIONS: Final = 3


def _app(call: Call) -> Row:
    if call.actor.app is None:
        raise forbidden("You must authenticate via a GitHub App.")
    return call.actor.app


def _run(call: Call) -> Row:
    row = call.core.db.one(
        "SELECT * FROM check_runs WHERE id=? AND repository_id=?",
        call.number("id"),
        call.repo["id"],
    )
    if row is None:
        raise not_found()
    return row


def _suite(call: Call) -> Row:
    row = call.core.db.one(
        "SELECT * FROM suites WHERE id=? AND repository_id=?", call.number("id"), call.repo["id"]
    )
    if row is None:
        raise not_found()
    return row


async def sha_of(call: Call) -> str:
    """Return the commit that the path names; 422 when there is none."""
    sha = await call.core.git(call.repo).resolve(call.param("ref"))
    if sha is None:
        raise unprocessable(f"No commit found for SHA: {call.param('ref')}")
    return sha


def _state(call: Call, body: Body, default: str) -> Json:
    """Return the columns of status and conclusion; a conclusion completes the run."""
    conclusion = body.optional("conclusion")
    if conclusion is not None and conclusion not in WORST:
        raise invalid("CheckRun", "conclusion")
    status = body.choice("status", STATUSES, "completed" if conclusion else default)
    if conclusion is not None:
        status = "completed"
    elif status == "completed":
        raise invalid("CheckRun", "conclusion", "missing_field")
    completed = body.text("completed_at", call.core.now()) if conclusion else None
    return {"status": status, "conclusion": conclusion, "completed_at": completed}


def _output(body: Body) -> tuple[Json, list[Json]]:
    given = Body("CheckRun", body.object("output"))
    if not given.data:
        return {}, []
    annotations = given.objects("annotations")
    if len(annotations) > MAX_ANNOTATIONS:
        raise invalid("CheckRun", "output", message="at most 50 annotations a request")
    for name in ("summary", "text"):
        if len(given.text(name, "")) > 65_535:  # noqa: PLR2004 - GitHub's bound
            raise invalid(
                "CheckRun", "output", message=f"{name} exceeds a maximum of 65535 characters"
            )
    output = {name: given.optional(name) for name in ("title", "summary", "text") if name in given}
    return output, annotations


def _actions(body: Body) -> list[Json]:
    actions = body.objects("actions")
    if len(actions) > MAX_ACTIONS:
        raise invalid("CheckRun", "actions", message="at most 3 actions")
    return actions


async def create_run(call: Call) -> Reply:
    """Create a check run; only an App can."""
    core, repo, body, app = call.core, call.repo, call.body("CheckRun"), _app(call)
    sha = body.text("head_sha")
    if await core.git(repo).kind(sha) != "commit":
        raise unprocessable(f"No commit found for SHA: {sha}")
    output, annotations = _output(body)
    state = _state(call, body, "queued")
    new = NewCheck(
        name=body.text("name"),
        head_sha=sha,
        status=state["status"],
        conclusion=state["conclusion"],
        completed_at=state["completed_at"],
        external_id=body.text("external_id", ""),
        details_url=body.optional("details_url"),
        started_at=body.optional("started_at"),
        output=output,
        actions=_actions(body),
    )
    suite = await suite_for(core, repo, app, sha)
    run = create_check(core, repo, suite, new, call.user)
    if annotations:
        run = core.db.update("check_runs", run["id"], annotations_json=annotations)
    return Reply(check_run_json(core, repo, run), 201)


async def edit_run(call: Call) -> Reply:
    """Change one's own check run; annotations add up."""
    core, repo, body, run = call.core, call.repo, call.body("CheckRun"), _run(call)
    if run["app_id"] != _app(call)["id"]:
        number = _app(call)["id"]
        raise forbidden(f"Invalid app_id `{number}` - check run can only be modified by its App.")
    changes: Json = {}
    if "status" in body or "conclusion" in body:
        changes |= _state(call, body, run["status"])
    for name in ("name", "external_id", "details_url", "started_at"):
        if name in body:
            changes[name] = body.text(name)
    if "actions" in body:
        changes["actions_json"] = _actions(body)
    if "output" in body:
        output, annotations = _output(body)
        changes["output_json"] = {**run["output_json"], **output}
        changes["annotations_json"] = run["annotations_json"] + annotations
    run = update_check(core, repo, run, changes, call.user)
    return Reply(check_run_json(core, repo, run))


async def get_run(call: Call) -> Reply:
    """Return a check run."""
    return Reply(check_run_json(call.core, call.repo, _run(call)))


async def list_annotations(call: Call) -> Reply:
    """List a check run's annotations."""
    run = _run(call)
    empty: Json = dict.fromkeys(("start_column", "end_column", "title", "raw_details"))
    return call.page(
        run["annotations_json"], lambda a: {**empty, **a, "blob_href": f"{call.core.url}/blob"}
    )


async def rerequest_run(call: Call) -> Reply:
    """Ask the App of a check run to run it again; a workflow's job runs its workflow again."""
    core, run = call.core, _run(call)
    app = core.db.get("apps", run["app_id"])
    if app["slug"] != ACTIONS_SLUG:
        fresh: Json = {"status": "queued", "conclusion": None, "completed_at": None}
        run = update_check(core, call.repo, run, fresh, call.user)
    check_event(core, call.repo, run, Act("rerequested", call.user))
    job = core.db.one("SELECT * FROM jobs WHERE check_run_id=?", run["id"])
    if app["slug"] == ACTIONS_SLUG and job is not None and core.actions is not None:
        workflow_run = core.db.get("workflow_runs", job["run_id"])
        if workflow_run["status"] == "completed":
            await core.actions.rerun(workflow_run, call.user)
    return Reply({}, 201)


async def rerequest_suite(call: Call) -> Reply:
    """Ask the App of a check suite to run all of it again."""
    core, suite = call.core, _suite(call)
    suite = core.db.update("suites", suite["id"], status="queued", conclusion=None)
    body = {"check_suite": suite_json(core, call.repo, suite)}
    only = suite["app_id"]
    emit(core, Event("check_suite", call.user, call.repo, "rerequested", body, only_app=only))
    return Reply({}, 201)


def _filter(call: Call, rows: list[Row]) -> list[Row]:
    for query, column in (("check_name", "name"), ("status", "status")):
        if call.query(query):
            rows = [row for row in rows if row[column] == call.query(query)]
    if call.query("app_id"):
        rows = [row for row in rows if str(row["app_id"]) == call.query("app_id")]
    if call.query("filter", "latest") == "latest":
        latest = {(row["app_id"], row["suite_id"], row["name"]): row["id"] for row in rows}
        rows = [row for row in rows if row["id"] in latest.values()]
    return rows


async def list_for_ref(call: Call) -> Reply:
    """List the check runs of a commit, the latest of each name unless `filter=all`."""
    rows = call.core.db.all(
        "SELECT * FROM check_runs WHERE repository_id=? AND head_sha=? ORDER BY id",
        call.repo["id"],
        await sha_of(call),
    )
    shape = _filter(call, rows)
    return call.page(shape, lambda row: check_run_json(call.core, call.repo, row), "check_runs")


async def list_for_suite(call: Call) -> Reply:
    """List the check runs of a suite."""
    sql = "SELECT * FROM check_runs WHERE suite_id=? ORDER BY id"
    rows = _filter(call, call.core.db.all(sql, _suite(call)["id"]))
    return call.page(rows, lambda row: check_run_json(call.core, call.repo, row), "check_runs")


def _full_suite(call: Call, suite: Row) -> Json:
    repository = repository_json(call.core, call.repo)
    return {**suite_json(call.core, call.repo, suite), "repository": repository}


async def get_suite(call: Call) -> Reply:
    """Return a check suite."""
    return Reply(_full_suite(call, _suite(call)))


async def list_suites(call: Call) -> Reply:
    """List the check suites of a commit."""
    rows = call.core.db.all(
        "SELECT * FROM suites WHERE repository_id=? AND head_sha=? ORDER BY id",
        call.repo["id"],
        await sha_of(call),
    )
    if call.query("app_id"):
        rows = [row for row in rows if str(row["app_id"]) == call.query("app_id")]
    return call.page(rows, lambda row: _full_suite(call, row), "check_suites")


_READ: Final = Need("checks:read")
_WRITE: Final = Need("checks:write", "write")
_RUN: Final = f"{R}/check-runs/{{id}}"
_SUITE: Final = f"{R}/check-suites/{{id}}"
_COMMIT: Final = f"{R}/commits/{{ref:.+}}"

ROUTES: Final = (
    Route("POST", f"{R}/check-runs", create_run, _WRITE),
    Route("GET", _RUN, get_run, _READ),
    Route("PATCH", _RUN, edit_run, _WRITE),
    Route("GET", f"{_RUN}/annotations", list_annotations, _READ),
    Route("POST", f"{_RUN}/rerequest", rerequest_run, _WRITE),
    Route("GET", _SUITE, get_suite, _READ),
    Route("GET", f"{_SUITE}/check-runs", list_for_suite, _READ),
    Route("POST", f"{_SUITE}/rerequest", rerequest_suite, _WRITE),
    Route("GET", f"{_COMMIT}/check-runs", list_for_ref, _READ),
    Route("GET", f"{_COMMIT}/check-suites", list_suites, _READ),
)

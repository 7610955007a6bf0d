"""Check suites and check runs: their rows, how a suite follows its runs, and their events."""

from dataclasses import dataclass, field
from typing import Final

from grace.localforge.core import Core, Json
from grace.localforge.db import Row
from grace.localforge.events import Act, Event, emit
from grace.localforge.shapes.checks import check_run_json, suite_json
from grace.localforge.shapes.repos import simple_commit_json

# The first of these that any run of a suite has is the suite's conclusion.
WORST: Final = (
    "failure",
    "timed_out",
    "action_required",
    "cancelled",
    "stale",
    "success",
    "neutral",
    "skipped",
)


@dataclass(frozen=True, slots=True)
class NewCheck:
    """The columns of a check run to be."""

    name: str
    head_sha: str
    status: str = "queued"
    conclusion: str | None = None
    external_id: str = ""
    details_url: str | None = None
    started_at: str | None = None
    completed_at: str | None = None
    output: Json = field(default_factory=dict)
    actions: list[Json] = field(default_factory=list)


async def suite_for(core: Core, repo: Row, app: Row, sha: str, *, fresh: bool = False) -> Row:
    """Return an App's suite on a commit, made when it is missing; workflow runs have their own."""
    found = core.db.one(
        "SELECT * FROM suites WHERE repository_id=? AND app_id=? AND head_sha=? ORDER BY id",
        repo["id"],
        app["id"],
        sha,
    )
    if found is not None and not fresh:
        return found
    branch = await _branch_of(core, repo, sha)
    commit = await core.git(repo).commit(sha)
    number = core.db.insert(
        "suites",
        repository_id=repo["id"],
        app_id=app["id"],
        head_sha=sha,
        head_branch=branch,
        head_commit_json=simple_commit_json(commit),
        status="queued",
        created_at=core.now(),
        updated_at=core.now(),
    )
    return core.db.get("suites", number)


async def _branch_of(core: Core, repo: Row, sha: str) -> str | None:
    pull = core.db.one(
        "SELECT head_ref FROM pulls WHERE repository_id=? AND head_sha=? ORDER BY id DESC",
        repo["id"],
        sha,
    )
    if pull is not None:
        return str(pull["head_ref"])
    names = await core.git(repo).text(
        "for-each-ref", f"--points-at={sha}", "--format=%(refname:lstrip=2)", "refs/heads"
    )
    branches = names.splitlines()
    default = str(repo["default_branch"])
    return default if default in branches else next(iter(branches), None)


def create_check(core: Core, repo: Row, suite: Row, new: NewCheck, sender: Row) -> Row:
    """Store a check run and tell of it."""
    number = core.db.insert(
        "check_runs",
        repository_id=repo["id"],
        suite_id=suite["id"],
        app_id=suite["app_id"],
        name=new.name,
        head_sha=new.head_sha,
        external_id=new.external_id,
        details_url=new.details_url,
        status=new.status,
        conclusion=new.conclusion,
        started_at=new.started_at or core.now(),
        completed_at=new.completed_at,
        output_json=new.output,
        actions_json=new.actions,
        annotations_json=[],
    )
    run = core.db.get("check_runs", number)
    check_event(core, repo, run, Act("created", sender))
    if run["status"] == "completed":
        check_event(core, repo, run, Act("completed", sender))
    follow_suite(core, repo, suite["id"], sender)
    if core.queue is not None:
        core.queue.checked(repo, run["head_sha"])
    return run


def update_check(core: Core, repo: Row, run: Row, changes: Json, sender: Row) -> Row:
    """Change a check run's columns; tell of it when that completes it."""
    after = core.db.update("check_runs", run["id"], **changes)
    if after["status"] == "completed" and run["status"] != "completed":
        check_event(core, repo, after, Act("completed", sender))
    follow_suite(core, repo, run["suite_id"], sender)
    if core.queue is not None:
        core.queue.checked(repo, run["head_sha"])
    return after


def check_event(core: Core, repo: Row, run: Row, act: Act) -> None:
    """Tell of a check run; requests to act on it go to its own App alone."""
    only = run["app_id"] if act.action in {"rerequested", "requested_action"} else None
    body = {"check_run": check_run_json(core, repo, run, with_suite=True), **act.extra}
    emit(core, Event("check_run", act.sender, repo, act.action, body, only_app=only))


def press(core: Core, repo: Row, run: Row, sender: Row, identifier: str) -> None:
    """Tell a check run's App that a person pressed one of its buttons."""
    extra = {"requested_action": {"identifier": identifier}}
    check_event(core, repo, run, Act("requested_action", sender, extra))


def follow_suite(core: Core, repo: Row, suite_id: int, sender: Row) -> None:
    """Derive a suite's status from the latest run of each name; tell when it completes."""
    suite = core.db.get("suites", suite_id)
    runs = core.db.all(
        "SELECT * FROM check_runs WHERE id IN"
        " (SELECT max(id) FROM check_runs WHERE suite_id=? GROUP BY name)",
        suite_id,
    )
    states = {run["status"] for run in runs}
    conclusion = None
    if states == {"completed"}:
        status = "completed"
        conclusions = {run["conclusion"] for run in runs}
        conclusion = next((name for name in WORST if name in conclusions), "neutral")
    else:
        status = "in_progress" if states & {"in_progress", "completed"} else "queued"
    if (status, conclusion) == (suite["status"], suite["conclusion"]):
        return
    changes = {"status": status, "conclusion": conclusion, "updated_at": core.now()}
    suite = core.db.update("suites", suite_id, **changes)
    if status == "completed":
        body = {"check_suite": suite_json(core, repo, suite)}
        emit(core, Event("check_suite", sender, repo, "completed", body))

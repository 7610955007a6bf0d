"""Workflows, and starting one by hand."""

import re
from typing import Final

from grace.localforge.actions import BY_HAND, Actions, Trigger
from grace.localforge.api import NO_CONTENT, Call, Need, Reply, Route
from grace.localforge.core import Json
from grace.localforge.db import Row
from grace.localforge.errors import not_found, unprocessable
from grace.localforge.routes.repos import R
from grace.localforge.runs import InputsRefused
from grace.localforge.shapes.people import user_json
from grace.localforge.shapes.repos import repository_json
from grace.localforge.shapes.runs import workflow_json

_MAX_INPUTS: Final = 25
_MAX_PAYLOAD: Final = 65_535
_REF: Final = re.compile(r"[\w./-]+")
_NAME: Final = re.compile(rb"^name:[ \t]*(.*?)[ \t]*\r?$", re.MULTILINE)


def runner_of(call: Call) -> Actions:
    """Return what runs workflows here; 422 where nothing does."""
    if call.core.actions is None:
        raise unprocessable("This forge runs no workflows: it was started without a runner.")
    return call.core.actions


async def workflow_of(call: Call) -> Row:
    """Return the workflow that the path names by id or file name; 404 when there is none."""
    name = call.param("workflow")
    for row in await _registered(call):
        if name in {str(row["id"]), row["path"], row["path"].rpartition("/")[2]}:
            return row
    raise not_found()


async def list_workflows(call: Call) -> Reply:
    """List the workflows of the default branch, and those that ran on another."""
    rows = await _registered(call)
    return call.page(rows, lambda row: workflow_json(call.core, call.repo, row), "workflows")


async def get_workflow(call: Call) -> Reply:
    """Return a workflow by id or file name."""
    return Reply(workflow_json(call.core, call.repo, await workflow_of(call)))


async def dispatch(call: Call) -> Reply:
    """Start a workflow by hand, as it stands on a branch or tag."""
    core, repo, body = call.core, call.repo, call.body("Workflow")
    workflow, runner = await workflow_of(call), runner_of(call)
    inputs, named = body.object("inputs"), body.text("ref")
    if len(inputs) > _MAX_INPUTS:
        raise unprocessable(f"you may only define up to {_MAX_INPUTS} `inputs`")
    if sum(len(str(name)) + len(str(value)) for name, value in inputs.items()) > _MAX_PAYLOAD:
        raise unprocessable("inputs are too large.")
    ref, sha = await _ref(call, named)
    event: Json = {
        "inputs": inputs,
        "ref": ref,
        "workflow": workflow["path"],
        "repository": repository_json(core, repo),
        "sender": user_json(core, call.user),
    }
    short = ref.split("/", 2)[2]
    trigger = Trigger(repo, BY_HAND, event, sha, ref, short, call.user)
    try:
        started = await runner.dispatch(trigger, workflow["path"])
    except InputsRefused as refused:
        raise unprocessable(str(refused)) from refused
    if not started:
        raise unprocessable("Workflow does not have 'workflow_dispatch' trigger")
    return NO_CONTENT


async def _ref(call: Call, named: str) -> tuple[str, str]:
    """Return a branch or tag by its full name, with its commit; a branch goes first."""
    full = named.startswith(("refs/heads/", "refs/tags/"))
    git = call.core.git(call.repo)
    plain = _REF.fullmatch(named) is not None
    for ref in [named] if full else [f"refs/heads/{named}", f"refs/tags/{named}"]:
        sha = await git.ref(f"{ref}^{{commit}}") if plain else None
        if sha is not None:
            return ref, sha
    raise unprocessable(f"No ref found for: {named}")


async def _registered(call: Call) -> list[Row]:
    """Return all workflows; those of the default branch are known before they ever ran."""
    core, repo = call.core, call.repo
    if core.actions is not None:
        tip = await core.git(repo).ref(f"refs/heads/{repo['default_branch']}")
        for path, text in ({} if tip is None else await core.actions.files(repo, tip)).items():
            named = _NAME.search(text)
            name = named[1].decode(errors="replace").strip("\"'") if named else ""
            core.actions.registered(repo, path, name)
    return core.db.all("SELECT * FROM workflows WHERE repository_id=? ORDER BY id", repo["id"])


_READ: Final = Need("actions:read")
_WRITE: Final = Need("actions:write", "write")
_W: Final = f"{R}/actions/workflows"

ROUTES: Final = (
    Route("GET", _W, list_workflows, _READ),
    Route("GET", f"{_W}/{{workflow}}", get_workflow, _READ),
    Route("POST", f"{_W}/{{workflow}}/dispatches", dispatch, _WRITE),
)

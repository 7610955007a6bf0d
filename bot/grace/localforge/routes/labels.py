"""Labels of a repository and of an issue."""

from typing import Final

from grace.localforge.api import NO_CONTENT, Body, Call, Need, Reply, Route
from grace.localforge.changes import set_labels
from grace.localforge.db import Row
from grace.localforge.errors import ApiError, invalid, not_found
from grace.localforge.issues import label_ids
from grace.localforge.routes.issues import issue_of
from grace.localforge.routes.repos import R
from grace.localforge.shapes.issues import label_json, labels_json


def _label(call: Call) -> Row:
    row = call.core.db.one(
        "SELECT * FROM labels WHERE repository_id=? AND name=?",
        call.repo["id"],
        call.param("name"),
    )
    if row is None:
        raise not_found()
    return row


async def list_labels(call: Call) -> Reply:
    """List a repository's labels."""
    rows = call.core.db.all("SELECT * FROM labels WHERE repository_id=?", call.repo["id"])
    return call.page(rows, lambda row: label_json(call.core, call.repo, row))


async def get_label(call: Call) -> Reply:
    """Return a label."""
    return Reply(label_json(call.core, call.repo, _label(call)))


async def create_label(call: Call) -> Reply:
    """Create a label; 422 when its name is taken."""
    body, db = call.body("Label"), call.core.db
    name = body.text("name")
    if db.one("SELECT 1 FROM labels WHERE repository_id=? AND name=?", call.repo["id"], name):
        raise invalid("Label", "name", "already_exists")
    number = db.insert(
        "labels",
        repository_id=call.repo["id"],
        name=name,
        color=body.text("color", "ededed").lstrip("#"),
        description=body.optional("description"),
    )
    return Reply(label_json(call.core, call.repo, db.get("labels", number)), 201)


async def edit_label(call: Call) -> Reply:
    """Change a label."""
    body, label = call.body("Label"), _label(call)
    changes = {
        "name": body.text("new_name", label["name"]),
        "color": body.text("color", label["color"]).lstrip("#"),
        "description": body.optional("description") or label["description"],
    }
    label = call.core.db.update("labels", label["id"], **changes)
    return Reply(label_json(call.core, call.repo, label))


async def delete_label(call: Call) -> Reply:
    """Delete a label; issues lose it."""
    call.core.db.run("DELETE FROM labels WHERE id=?", _label(call)["id"])
    return NO_CONTENT


def _label_names(call: Call) -> list[str]:
    data = call.json()
    wrapped = {"labels": data} if isinstance(data, list) else data
    if not isinstance(wrapped, dict):
        raise ApiError(400, "Problems parsing JSON")
    return Body("Label", wrapped).strings("labels")


async def issue_labels(call: Call) -> Reply:
    """List an issue's labels."""
    return call.page(labels_json(call.core, call.repo, issue_of(call)), lambda label: label)


async def _give_labels(call: Call, ids: list[int]) -> Reply:
    issue = await set_labels(call.core, call.repo, issue_of(call), ids, call.user)
    return Reply(labels_json(call.core, call.repo, issue))


async def add_labels(call: Call) -> Reply:
    """Add labels to an issue."""
    have = issue_of(call)["labels_json"]
    new = label_ids(call.core, call.repo, _label_names(call))
    return await _give_labels(call, have + [i for i in new if i not in have])


async def put_labels(call: Call) -> Reply:
    """Give an issue exactly these labels."""
    return await _give_labels(call, label_ids(call.core, call.repo, _label_names(call)))


async def remove_labels(call: Call) -> Reply:
    """Take all labels from an issue."""
    await _give_labels(call, [])
    return NO_CONTENT


async def remove_label(call: Call) -> Reply:
    """Take one label from an issue; 404 when it has not got it."""
    label, have = _label(call), issue_of(call)["labels_json"]
    if label["id"] not in have:
        raise ApiError(404, "Label does not exist")
    return await _give_labels(call, [i for i in have if i != label["id"]])


_READ: Final = Need("issues:read|pull_requests:read")
_WRITE: Final = Need("issues:write|pull_requests:write")
_TRIAGE: Final = Need("issues:write|pull_requests:write", "triage")
_PUSH: Final = Need("issues:write|pull_requests:write", "write")
_ISSUE: Final = f"{R}/issues/{{number}}"
_COMMENT: Final = f"{R}/issues/comments/{{id}}"

ROUTES: Final = (
    Route("GET", f"{_ISSUE}/labels", issue_labels, _READ),
    Route("POST", f"{_ISSUE}/labels", add_labels, _TRIAGE),
    Route("PUT", f"{_ISSUE}/labels", put_labels, _TRIAGE),
    Route("DELETE", f"{_ISSUE}/labels", remove_labels, _TRIAGE),
    Route("DELETE", f"{_ISSUE}/labels/{{name}}", remove_label, _TRIAGE),
    Route("GET", f"{R}/labels", list_labels, _READ),
    Route("POST", f"{R}/labels", create_label, _PUSH),
    Route("GET", f"{R}/labels/{{name}}", get_label, _READ),
    Route("PATCH", f"{R}/labels/{{name}}", edit_label, _PUSH),
    Route("DELETE", f"{R}/labels/{{name}}", delete_label, _PUSH),
)

"""Issues, labels, comments, reactions."""

from typing import Final

from grace.localforge.api import Body, Call, Need, Reply, Route
from grace.localforge.changes import issue_event, set_labels
from grace.localforge.core import Json, has_role
from grace.localforge.db import Row
from grace.localforge.errors import forbidden, invalid, not_found
from grace.localforge.events import Act
from grace.localforge.issues import (
    assignee_ids,
    find_issue,
    happened,
    label_ids,
    next_number,
    set_state,
)
from grace.localforge.routes.repos import R
from grace.localforge.shapes.issues import (
    issue_json,
    labels_json,
)
from grace.localforge.timeparse import parse_time

MAX_TEXT: Final = 65_536


def issue_of(call: Call) -> Row:
    """Return the issue of the path; 404 when there is none."""
    issue = find_issue(call.core, call.repo, call.number("number"))
    if issue is None:
        raise not_found()
    return issue


def text_of(body: Body, name: str) -> str | None:
    """Return a text for people, bounded as GitHub bounds it."""
    text = body.optional(name)
    if text is not None and len(text) > MAX_TEXT:
        message = f"{name} is too long (maximum is {MAX_TEXT} characters)"
        raise invalid(body.resource, name, "custom", message)
    return text


def _may_triage(call: Call) -> bool:
    if call.actor.kind == "installation":
        return True
    return has_role(call.core.role(call.repo, call.user), "triage")


async def create_issue(call: Call) -> Reply:
    """Open an issue; labels and assignees of people without triage rights are ignored."""
    core, repo, body = call.core, call.repo, call.body("Issue")
    title, text = body.text("title"), text_of(body, "body")
    if not title.strip():
        raise invalid("Issue", "title", "missing_field")
    labels, assignees = body.strings("labels"), body.strings("assignees")
    with core.db.transaction():
        number = core.db.insert(
            "issues",
            repository_id=repo["id"],
            number=next_number(core, repo),
            title=title,
            body=text,
            user_id=call.user["id"],
            labels_json=label_ids(core, repo, labels) if _may_triage(call) else [],
            assignees_json=assignee_ids(core, repo, assignees) if _may_triage(call) else [],
            created_at=core.now(),
            updated_at=core.now(),
        )
    issue = core.db.get("issues", number)
    await issue_event(core, repo, issue, Act("opened", call.user))
    for label in labels_json(core, repo, issue):
        happened(core, issue, "labeled", call.user, label["name"])
        await issue_event(core, repo, issue, Act("labeled", call.user, {"label": label}))
    return Reply(issue_json(core, repo, issue), 201)


async def list_issues(call: Call) -> Reply:
    """List issues and pull requests by state, labels, creator, since; newest first."""
    core, repo = call.core, call.repo
    rows = core.db.all("SELECT * FROM issues WHERE repository_id=?", repo["id"])
    if (state := call.query("state", "open")) != "all":
        rows = [row for row in rows if row["state"] == state]
    if names := {name for name in call.query("labels").split(",") if name}:
        known = {
            row["id"]: row["name"]
            for row in core.db.all("SELECT * FROM labels WHERE repository_id=?", repo["id"])
        }
        rows = [row for row in rows if names <= {known.get(i) for i in row["labels_json"]}]
    if login := call.query("creator"):
        creator = core.user_named(login)
        rows = [row for row in rows if creator and row["user_id"] == creator["id"]]
    if since := call.query("since"):
        moment = parse_time(since, "Issue", "since").strftime("%Y-%m-%dT%H:%M:%SZ")
        rows = [row for row in rows if row["updated_at"] >= moment]
    key = {"updated": "updated_at"}.get(call.query("sort"), "created_at")
    newest_first = call.query("direction", "desc") != "asc"
    rows.sort(key=lambda row: (row[key], row["number"]), reverse=newest_first)
    return call.page(rows, lambda row: issue_json(core, repo, row))


async def get_issue(call: Call) -> Reply:
    """Return an issue."""
    return Reply(issue_json(call.core, call.repo, issue_of(call)))


async def edit_issue(call: Call) -> Reply:
    """Change title, text, state, labels or assignees; authors may change their own."""
    core, repo, body, issue = call.core, call.repo, call.body("Issue"), issue_of(call)
    if issue["user_id"] != call.user["id"] and not _may_triage(call):
        raise forbidden("Must have admin rights to Repository.")
    changed: Json = {}
    if "title" in body and body.text("title") != issue["title"]:
        changed["title"] = body.text("title")
    if "body" in body and text_of(body, "body") != issue["body"]:
        changed["body"] = text_of(body, "body")
    if changed:
        before = {name: {"from": issue[name] or ""} for name in changed}
        if "body" in changed:
            core.db.insert("edits", issue_id=issue["id"], editor_id=call.user["id"], at=core.now())
        issue = core.db.update("issues", issue["id"], **changed, updated_at=core.now())
        await issue_event(core, repo, issue, Act("edited", call.user, {"changes": before}))
    if "assignees" in body and _may_triage(call):
        ids = assignee_ids(core, repo, body.strings("assignees"))
        issue = core.db.update("issues", issue["id"], assignees_json=ids, updated_at=core.now())
    if "labels" in body and _may_triage(call):
        ids = label_ids(core, repo, body.strings("labels"))
        issue = await set_labels(core, repo, issue, ids, call.user)
    if "state" in body:
        issue = await _change_state(call, issue, body)
    return Reply(issue_json(core, repo, issue))


async def _change_state(call: Call, issue: Row, body: Body) -> Row:
    state = body.choice("state", ("open", "closed"))
    reason = body.optional("state_reason")
    if reason not in {None, "completed", "not_planned", "reopened", "duplicate"}:
        raise invalid("Issue", "state_reason")
    if state == issue["state"]:
        return issue
    reason = reason or ("completed" if state == "closed" else "reopened")
    issue = set_state(call.core, issue, state, reason, call.user)
    action = "closed" if state == "closed" else "reopened"
    await issue_event(call.core, call.repo, issue, Act(action, call.user))
    return issue


_READ: Final = Need("issues:read|pull_requests:read")
_WRITE: Final = Need("issues:write|pull_requests:write")
_TRIAGE: Final = Need("issues:write|pull_requests:write", "triage")
_PUSH: Final = Need("issues:write|pull_requests:write", "write")
_ISSUE: Final = f"{R}/issues/{{number}}"
_COMMENT: Final = f"{R}/issues/comments/{{id}}"

ROUTES: Final = (
    Route("GET", f"{R}/issues", list_issues, _READ),
    Route("POST", f"{R}/issues", create_issue, Need("issues:write")),
    Route("GET", _ISSUE, get_issue, _READ),
    Route("PATCH", _ISSUE, edit_issue, _WRITE),
)

"""Comments and reactions."""

from typing import Final

from grace.localforge.api import NO_CONTENT, Call, Need, Reply, Route
from grace.localforge.auth import can_push
from grace.localforge.commenting import add_comment, change_comment, comment_event
from grace.localforge.db import Row
from grace.localforge.errors import forbidden, invalid, not_found
from grace.localforge.events import Act
from grace.localforge.routes.issues import issue_of, text_of
from grace.localforge.routes.repos import R
from grace.localforge.shapes.issues import REACTIONS, comment_json, reaction_json


def _comment(call: Call) -> Row:
    row = call.core.db.one(
        "SELECT * FROM comments WHERE id=? AND repository_id=?", call.number("id"), call.repo["id"]
    )
    if row is None:
        raise not_found()
    return row


def _own_comment(call: Call) -> Row:
    row = _comment(call)
    if row["user_id"] != call.user["id"] and not can_push(call.core, call.actor, call.repo):
        raise forbidden("Must have admin rights to Repository.")
    return row


async def list_comments(call: Call) -> Reply:
    """List an issue's comments, oldest first."""
    sql = "SELECT * FROM comments WHERE issue_id=? AND updated_at>=? ORDER BY id"
    rows = call.core.db.all(sql, issue_of(call)["id"], call.query("since"))
    return call.page(rows, lambda row: comment_json(call.core, call.repo, row))


async def list_all_comments(call: Call) -> Reply:
    """List the comments of all issues, oldest first."""
    sql = "SELECT * FROM comments WHERE repository_id=? AND updated_at>=? ORDER BY id"
    rows = call.core.db.all(sql, call.repo["id"], call.query("since"))
    return call.page(rows, lambda row: comment_json(call.core, call.repo, row))


def _comment_text(call: Call) -> str:
    text = text_of(call.body("IssueComment"), "body")
    if not text or not text.strip():
        raise invalid("IssueComment", "body", "missing_field")
    return text


async def create_comment(call: Call) -> Reply:
    """Comment on an issue or pull request."""
    issue, text = issue_of(call), _comment_text(call)
    comment = add_comment(call.core, call.repo, issue, call.user, text)
    return Reply(comment_json(call.core, call.repo, comment), 201)


async def get_comment(call: Call) -> Reply:
    """Return a comment."""
    return Reply(comment_json(call.core, call.repo, _comment(call)))


async def edit_comment(call: Call) -> Reply:
    """Change a comment's text."""
    comment, text = _own_comment(call), _comment_text(call)
    comment = change_comment(call.core, call.repo, comment, call.user, text)
    return Reply(comment_json(call.core, call.repo, comment))


async def delete_comment(call: Call) -> Reply:
    """Delete a comment."""
    comment = _own_comment(call)
    comment_event(call.core, call.repo, comment, Act("deleted", call.user))
    call.core.db.run("DELETE FROM comments WHERE id=?", comment["id"])
    return NO_CONTENT


def _subject(call: Call) -> tuple[str, int]:
    if "number" in call.request.match_info:
        return "issue", issue_of(call)["id"]
    return "comment", _comment(call)["id"]


async def list_reactions(call: Call) -> Reply:
    """List the reactions to an issue or comment."""
    sql = "SELECT * FROM reactions WHERE subject=? AND subject_id=? ORDER BY id"
    rows = call.core.db.all(sql, *_subject(call))
    return call.page(rows, lambda row: reaction_json(call.core, row))


async def create_reaction(call: Call) -> Reply:
    """React to an issue or comment; 200 when the reaction was already there."""
    content = call.body("Reaction").choice("content", REACTIONS)
    db, (subject, number) = call.core.db, _subject(call)
    sql = "SELECT * FROM reactions WHERE subject=? AND subject_id=? AND user_id=? AND content=?"
    found = db.one(sql, subject, number, call.user["id"], content)
    if found is not None:
        return Reply(reaction_json(call.core, found))
    made = db.insert(
        "reactions",
        subject=subject,
        subject_id=number,
        user_id=call.user["id"],
        content=content,
        created_at=call.core.now(),
    )
    return Reply(reaction_json(call.core, db.get("reactions", made)), 201)


async def delete_reaction(call: Call) -> Reply:
    """Take back one's own reaction."""
    subject, number = _subject(call)
    call.core.db.run(
        "DELETE FROM reactions WHERE subject=? AND subject_id=? AND id=? AND user_id=?",
        subject,
        number,
        call.number("reaction"),
        call.user["id"],
    )
    return NO_CONTENT


_READ: Final = Need("issues:read|pull_requests:read")
_WRITE: Final = Need("issues:write|pull_requests:write")
_TRIAGE: Final = Need("issues:write|pull_requests:write", "triage")
_PUSH: Final = Need("issues:write|pull_requests:write", "write")
_ISSUE: Final = f"{R}/issues/{{number}}"
_COMMENT: Final = f"{R}/issues/comments/{{id}}"

ROUTES: Final = (
    Route("GET", f"{R}/issues/comments", list_all_comments, _READ),
    Route("GET", _COMMENT, get_comment, _READ),
    Route("PATCH", _COMMENT, edit_comment, _WRITE),
    Route("DELETE", _COMMENT, delete_comment, _WRITE),
    Route("GET", f"{_COMMENT}/reactions", list_reactions, _READ),
    Route("POST", f"{_COMMENT}/reactions", create_reaction, _WRITE),
    Route("DELETE", f"{_COMMENT}/reactions/{{reaction}}", delete_reaction, _WRITE),
    Route("GET", f"{_ISSUE}/comments", list_comments, _READ),
    Route("POST", f"{_ISSUE}/comments", create_comment, _WRITE),
    Route("GET", f"{_ISSUE}/reactions", list_reactions, _READ),
    Route("POST", f"{_ISSUE}/reactions", create_reaction, _WRITE),
    Route("DELETE", f"{_ISSUE}/reactions/{{reaction}}", delete_reaction, _WRITE),
)

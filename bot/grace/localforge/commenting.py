"""Comments: made, changed, and told of."""

from grace.localforge.core import Core
from grace.localforge.db import Row
from grace.localforge.events import Act, Event, emit
from grace.localforge.shapes.issues import comment_json, issue_json


def comment_event(core: Core, repo: Row, comment: Row, act: Act) -> None:
    """Tell of a comment."""
    issue = core.db.get("issues", comment["issue_id"])
    body = {
        "issue": issue_json(core, repo, issue),
        "comment": comment_json(core, repo, comment),
        **act.extra,
    }
    emit(core, Event("issue_comment", act.sender, repo, act.action, body))


def add_comment(core: Core, repo: Row, issue: Row, sender: Row, text: str) -> Row:
    """Comment on an issue or pull request and tell of it."""
    number = core.db.insert(
        "comments",
        repository_id=repo["id"],
        issue_id=issue["id"],
        user_id=sender["id"],
        body=text,
        created_at=core.now(),
        updated_at=core.now(),
    )
    core.db.update("issues", issue["id"], updated_at=core.now())
    comment = core.db.get("comments", number)
    comment_event(core, repo, comment, Act("created", sender))
    return comment


def change_comment(core: Core, repo: Row, comment: Row, sender: Row, text: str) -> Row:
    """Change the text of a comment and tell of it."""
    changes = {"changes": {"body": {"from": comment["body"]}}}
    comment = core.db.update("comments", comment["id"], body=text, updated_at=core.now())
    comment_event(core, repo, comment, Act("edited", sender, changes))
    return comment

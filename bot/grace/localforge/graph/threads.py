"""Issues and comments."""

from grace.localforge.core import node_id
from grace.localforge.db import Row
from grace.localforge.graph.timeline import timeline
from grace.localforge.graph.viewing import Field, Node, Viewer, actor_node, connection
from grace.localforge.shapes.repos import html_url


def issue_node(seen: Viewer, repo: Row, issue: Row) -> Node:
    """Return an issue."""
    reason = issue["state_reason"]
    made = seen.core.db.all("SELECT * FROM edits WHERE issue_id=? ORDER BY id", issue["id"])
    last = made[-1] if made else None
    return {
        "__typename": "Issue",
        "id": node_id("Issue", issue["id"]),
        "databaseId": issue["id"],
        "number": issue["number"],
        "title": issue["title"],
        "body": issue["body"] or "",
        "url": f"{html_url(seen.core, repo)}/issues/{issue['number']}",
        "author": actor_node(seen.core, issue["user_id"]),
        "editor": last and actor_node(seen.core, last["editor_id"]),
        "lastEditedAt": last and last["at"],
        "userContentEdits": connection(
            "userContentEdits", lambda: made, lambda row: edit_node(seen, row)
        ),
        "state": issue["state"].upper(),
        "stateReason": reason and reason.upper(),
        "createdAt": issue["created_at"],
        "updatedAt": issue["updated_at"],
        "closedAt": issue["closed_at"],
        "labels": labels(seen, issue),
        "timelineItems": timeline(seen, issue),
        "comments": comments(seen, repo, issue),
    }


def edit_node(seen: Viewer, edit: Row) -> Node:
    """Return one edit of a text; who made it, and when."""
    return {
        "__typename": "UserContentEdit",
        "id": node_id("UserContentEdit", edit["id"]),
        "editor": actor_node(seen.core, edit["editor_id"]),
        "editedAt": edit["at"],
        "createdAt": edit["at"],
    }


def labels(seen: Viewer, issue: Row) -> Field:
    """Return the labels of an issue or pull request."""

    def here() -> list[Row]:
        sql = "SELECT * FROM labels WHERE id=?"
        found = (seen.core.db.one(sql, number) for number in issue["labels_json"])
        return [label for label in found if label is not None]

    def shape(label: Row) -> Node:
        return {
            "__typename": "Label",
            "id": node_id("Label", label["id"]),
            "name": label["name"],
            "color": label["color"],
            "description": label["description"],
        }

    return connection("labels", here, shape)


def comments(seen: Viewer, repo: Row, issue: Row) -> Field:
    """Return the comments on an issue or pull request, oldest first."""
    sql = "SELECT * FROM comments WHERE issue_id=? ORDER BY id"
    return connection(
        "comments",
        lambda: seen.core.db.all(sql, issue["id"]),
        lambda row: comment_node(seen, repo, row),
    )


def comment_node(seen: Viewer, repo: Row, comment: Row) -> Node:
    """Return a comment on an issue or pull request."""
    issue = seen.core.db.get("issues", comment["issue_id"])
    kind = "pull" if issue["is_pull"] else "issues"
    page = f"{html_url(seen.core, repo)}/{kind}/{issue['number']}"
    return {
        "__typename": "IssueComment",
        "id": node_id("IssueComment", comment["id"]),
        "databaseId": comment["id"],
        "author": actor_node(seen.core, comment["user_id"]),
        "body": comment["body"],
        "url": f"{page}#issuecomment-{comment['id']}",
        "createdAt": comment["created_at"],
        "updatedAt": comment["updated_at"],
    }

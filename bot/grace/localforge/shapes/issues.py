"""Issues, labels, comments and reactions."""

from typing import Any, Final

from grace.localforge.core import Core, Json, node_id
from grace.localforge.db import Row
from grace.localforge.shapes.people import association, user_json
from grace.localforge.shapes.repos import api_url, html_url

REACTIONS: Final = ("+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes")


def label_json(core: Core, repo: Row, label: Row) -> Json:
    """Return a label."""
    return {
        "id": label["id"],
        "node_id": node_id("Label", label["id"]),
        "url": f"{api_url(core, repo)}/labels/{label['name']}",
        "name": label["name"],
        "color": label["color"],
        "default": False,
        "description": label["description"],
        "archived_at": None,
        "archived_by": None,
    }


def labels_json(core: Core, repo: Row, issue: Row) -> list[Json]:
    """Return the labels of an issue, in the order they were added."""
    rows = [
        core.db.one("SELECT * FROM labels WHERE id=?", label_id)
        for label_id in issue["labels_json"]
    ]
    return [label_json(core, repo, row) for row in rows if row is not None]


def assignees_json(core: Core, issue: Row) -> list[Json]:
    """Return the users an issue is assigned to."""
    return [user_json(core, core.user(user_id)) for user_id in issue["assignees_json"]]


def rollup_json(core: Core, subject: str, row: Row, url: str) -> Json:
    """Return the count of each reaction to an issue or comment."""
    counts = {
        found["content"]: found["n"]
        for found in core.db.all(
            "SELECT content, count(*) AS n FROM reactions"
            " WHERE subject=? AND subject_id=? GROUP BY content",
            subject,
            row["id"],
        )
    }
    each = {name: counts.get(name, 0) for name in REACTIONS}
    return {"url": f"{url}/reactions", "total_count": sum(counts.values()), **each}


def comment_count(core: Core, issue: Row) -> int:
    """Return how many comments an issue has."""
    return int(core.db.scalar("SELECT count(*) FROM comments WHERE issue_id=?", issue["id"]))


def issue_json(core: Core, repo: Row, issue: Row) -> Json:
    """Return an issue; a pull request as an issue has the key `pull_request`."""
    url = f"{api_url(core, repo)}/issues/{issue['number']}"
    page = html_url(core, repo)
    author = core.user(issue["user_id"])
    assignees = assignees_json(core, issue)
    shape: dict[str, Any] = {
        "id": issue["id"],
        "node_id": node_id("Issue", issue["id"]),
        "url": url,
        "repository_url": api_url(core, repo),
        "labels_url": f"{url}/labels{{/name}}",
        "comments_url": f"{url}/comments",
        "events_url": f"{url}/events",
        "timeline_url": f"{url}/timeline",
        "html_url": f"{page}/{'pull' if issue['is_pull'] else 'issues'}/{issue['number']}",
        "number": issue["number"],
        "state": issue["state"],
        "state_reason": issue["state_reason"],
        "title": issue["title"],
        "body": issue["body"],
        "user": user_json(core, author),
        "labels": labels_json(core, repo, issue),
        "assignee": assignees[0] if assignees else None,
        "assignees": assignees,
        "milestone": None,
        "locked": False,
        "active_lock_reason": None,
        "comments": comment_count(core, issue),
        "created_at": issue["created_at"],
        "updated_at": issue["updated_at"],
        "closed_at": issue["closed_at"],
        "closed_by": user_json(core, core.user(issue["closed_by"])) if issue["closed_by"] else None,
        "author_association": association(core, repo, author),
        "reactions": rollup_json(core, "issue", issue, url),
        "performed_via_github_app": None,
    }
    if issue["is_pull"]:
        pull = core.db.one("SELECT * FROM pulls WHERE issue_id=?", issue["id"])
        shape["draft"] = bool(pull and pull["draft"])
        shape["pull_request"] = {
            "url": f"{api_url(core, repo)}/pulls/{issue['number']}",
            "html_url": shape["html_url"],
            "diff_url": f"{shape['html_url']}.diff",
            "patch_url": f"{shape['html_url']}.patch",
            "merged_at": pull["merged_at"] if pull else None,
        }
    return shape


def comment_json(core: Core, repo: Row, comment: Row) -> Json:
    """Return a comment of an issue or pull request."""
    issue = core.db.get("issues", comment["issue_id"])
    url = f"{api_url(core, repo)}/issues/comments/{comment['id']}"
    author = core.user(comment["user_id"])
    kind = "pull" if issue["is_pull"] else "issues"
    page = f"{html_url(core, repo)}/{kind}/{issue['number']}"
    return {
        "id": comment["id"],
        "node_id": node_id("IssueComment", comment["id"]),
        "url": url,
        "html_url": f"{page}#issuecomment-{comment['id']}",
        "issue_url": f"{api_url(core, repo)}/issues/{issue['number']}",
        "user": user_json(core, author),
        "body": comment["body"],
        "created_at": comment["created_at"],
        "updated_at": comment["updated_at"],
        "author_association": association(core, repo, author),
        "reactions": rollup_json(core, "comment", comment, url),
        "performed_via_github_app": None,
    }


def reaction_json(core: Core, reaction: Row) -> Json:
    """Return a reaction."""
    return {
        "id": reaction["id"],
        "node_id": node_id("Reaction", reaction["id"]),
        "user": user_json(core, core.user(reaction["user_id"])),
        "content": reaction["content"],
        "created_at": reaction["created_at"],
    }

"""The fields of Query: repositories, nodes by id, the limits, who asks."""

from datetime import UTC, datetime
from typing import Any

from grace.localforge.core import iso, node_id
from grace.localforge.db import Row
from grace.localforge.errors import ApiError
from grace.localforge.graph.checks import deployment_node, deployments_to
from grace.localforge.graph.objects import object_node, ref_node
from grace.localforge.graph.pulls import pull_node, queue_node
from grace.localforge.graph.threads import comment_node, issue_node
from grace.localforge.graph.viewing import (
    Arguments,
    Fault,
    Node,
    Viewer,
    actor_node,
    connection,
    decode_id,
    missing,
    unknown_id,
)
from grace.localforge.issues import find_issue
from grace.localforge.shapes.repos import full_name, html_url

TABLES = {"Issue": "issues", "PullRequest": "pulls", "IssueComment": "comments"}
PERMISSIONS = {
    "Issue": "issues:read",
    "PullRequest": "pull_requests:read",
    "IssueComment": "issues:read|pull_requests:read",
}


def query_root(seen: Viewer) -> Node:
    """Return the fields of a query."""
    return {
        "repository": lambda arguments: _repository(seen, arguments),
        "node": lambda arguments: by_id(seen, arguments["id"]),
        "nodes": lambda arguments: [_or_error(seen, text) for text in arguments["ids"]],
        "rateLimit": lambda _: _rate_limit(seen),
        "viewer": lambda _: _me(seen),
    }


def _repository(seen: Viewer, arguments: Arguments) -> Node:
    owner, name = arguments["owner"], arguments["name"]
    try:
        repo = _named(seen, arguments)
        seen.need(repo, "metadata:read")
    except ApiError as error:
        raise missing("a Repository", f"the name '{owner}/{name}'") from error
    return repository_node(seen, repo)


def _named(seen: Viewer, arguments: Arguments) -> Row:
    """Find a repository; a former name leads to it unless the question forbids that."""
    owner, name = arguments["owner"], arguments["name"]
    try:
        return seen.core.repository(owner, name)
    except ApiError:
        found = seen.core.renamed(owner, name) if arguments["followRenames"] else None
        if found is None:
            raise
        return found


def repository_node(seen: Viewer, repo: Row) -> Node:
    """Return a repository."""
    core, branch = seen.core, repo["default_branch"]
    return {
        "__typename": "Repository",
        "id": node_id("Repository", repo["id"]),
        "databaseId": repo["id"],
        "name": repo["name"],
        "nameWithOwner": full_name(repo),
        "isPrivate": bool(repo["private"]),
        "url": html_url(core, repo),
        "defaultBranchRef": lambda _: ref_node(seen, repo, f"refs/heads/{branch}"),
        "issue": lambda arguments: _issue(seen, repo, arguments["number"]),
        "issues": lambda arguments: _issues(seen, repo, arguments),
        "pullRequest": lambda arguments: _pull(seen, repo, arguments["number"]),
        "ref": lambda arguments: ref_node(seen, repo, arguments["qualifiedName"]),
        "object": lambda arguments: _object(seen, repo, arguments),
        "mergeQueue": lambda arguments: queue_node(seen, repo, arguments.get("branch") or branch),
        "deployments": lambda arguments: connection(
            "deployments",
            lambda: deployments_to(seen, repo, arguments.get("environments")),
            lambda row: deployment_node(seen, row),
        )(arguments),
    }


def _issue(seen: Viewer, repo: Row, number: int) -> Node:
    seen.need(repo, "issues:read")
    issue = find_issue(seen.core, repo, number)
    if issue is None or issue["is_pull"]:
        raise missing("an Issue", f"the number of {number}")
    return issue_node(seen, repo, issue)


def _issues(seen: Viewer, repo: Row, arguments: Arguments) -> Any:
    """List issues that have any of the labels, in any of the states."""
    seen.need(repo, "issues:read")
    rows = seen.core.db.all(
        "SELECT * FROM issues WHERE repository_id=? AND is_pull=0 ORDER BY id", repo["id"]
    )
    states = {state.lower() for state in arguments.get("states") or ("OPEN", "CLOSED")}
    rows = [row for row in rows if row["state"] in states]
    if (names := arguments.get("labels")) is not None:
        wanted = {name.lower() for name in names}
        known = seen.core.db.all("SELECT * FROM labels WHERE repository_id=?", repo["id"])
        ids = {row["id"] for row in known if row["name"].lower() in wanted}
        rows = [row for row in rows if ids & set(row["labels_json"])]
    order = arguments.get("orderBy") or {"field": "CREATED_AT", "direction": "ASC"}
    column = "updated_at" if order["field"] == "UPDATED_AT" else "created_at"
    rows.sort(key=lambda row: (row[column], row["id"]), reverse=order["direction"] == "DESC")
    return connection("issues", lambda: rows, lambda row: issue_node(seen, repo, row))(arguments)


def _pull(seen: Viewer, repo: Row, number: int) -> Node:
    seen.need(repo, "pull_requests:read")
    sql = "SELECT * FROM pulls WHERE repository_id=? AND number=?"
    pull = seen.core.db.one(sql, repo["id"], number)
    if pull is None:
        raise missing("a PullRequest", f"the number of {number}")
    return pull_node(seen, repo, pull)


async def _object(seen: Viewer, repo: Row, arguments: Arguments) -> Node | None:
    name = arguments.get("oid") or arguments.get("expression")
    if not name:
        raise Fault("UNPROCESSABLE", "`object` needs an `oid` or an `expression`.")
    return await object_node(seen, repo, name)


def found_by_id(seen: Viewer, text: str, *kinds: str) -> tuple[str, Row, Row]:
    """Return (kind, repository, row) of a global id of one of these kinds; NOT_FOUND otherwise."""
    kind, number = decode_id(text)
    if kind not in kinds:
        raise unknown_id(text)
    row = seen.core.db.one(f"SELECT * FROM {TABLES[kind]} WHERE id=?", number)  # noqa: S608 - our own table names
    if row is None:
        raise unknown_id(text)
    repo = seen.core.db.get("repositories", row["repository_id"])
    try:
        seen.need(repo, PERMISSIONS[kind])
    except ApiError as error:
        raise unknown_id(text) from error
    return kind, repo, row


def by_id(seen: Viewer, text: str) -> Node | None:
    """Return an issue, pull request, comment, repository or account by its global id."""
    kind, number = decode_id(text)
    if kind == "User" and seen.core.db.one("SELECT 1 FROM users WHERE id=?", number):
        return actor_node(seen.core, number)
    if kind == "Repository":
        repo = seen.core.db.one("SELECT * FROM repositories WHERE id=?", number)
        if repo is None:
            raise unknown_id(text)
        return _repository(seen, {"owner": repo["owner"], "name": repo["name"]})
    kind, repo, row = found_by_id(seen, text, *TABLES)
    shapes = {"Issue": issue_node, "PullRequest": pull_node, "IssueComment": comment_node}
    return shapes[kind](seen, repo, row)


def _or_error(seen: Viewer, text: str) -> Node | Exception | None:
    try:
        return by_id(seen, text)
    except Fault as fault:
        return fault


def _rate_limit(seen: Viewer) -> Node:
    now = seen.core.clock().timestamp()
    status = seen.core.limits.status(seen.actor.caller, "graphql", now)
    return {
        "__typename": "RateLimit",
        "cost": seen.cost,
        "limit": status["limit"],
        "nodeCount": seen.nodes,
        "remaining": status["remaining"],
        "resetAt": iso(datetime.fromtimestamp(status["reset"], UTC)),
        "used": status["used"],
    }


def _me(seen: Viewer) -> Node:
    """Return who asks; GitHub shows an App's bot as a user here."""
    return {**(actor_node(seen.core, seen.actor.person["id"]) or {}), "__typename": "User"}

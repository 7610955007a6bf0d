"""Pull requests, their commits and reviews, and the merge queue."""

from typing import Any

from grace.localforge.core import node_id
from grace.localforge.db import Row
from grace.localforge.graph.objects import commit_node
from grace.localforge.graph.threads import comments, labels
from grace.localforge.graph.timeline import timeline
from grace.localforge.graph.viewing import Arguments, Node, Viewer, actor_node, connection
from grace.localforge.protection import queue_method
from grace.localforge.pulls import mergeability
from grace.localforge.shapes.repos import html_url


def pull_node(seen: Viewer, repo: Row, pull: Row) -> Node:
    """Return a pull request."""
    core, issue = seen.core, seen.core.db.get("issues", pull["issue_id"])

    async def mergeable(_: Arguments) -> str:
        found, _state = await mergeability(core, repo, pull)
        return {True: "MERGEABLE", False: "CONFLICTING", None: "UNKNOWN"}[found]

    return {
        "__typename": "PullRequest",
        "id": node_id("PullRequest", pull["id"]),
        "databaseId": pull["id"],
        "number": pull["number"],
        "title": issue["title"],
        "body": issue["body"] or "",
        "url": f"{html_url(core, repo)}/pull/{pull['number']}",
        "author": actor_node(core, issue["user_id"]),
        "state": "MERGED" if pull["merged"] else issue["state"].upper(),
        "merged": bool(pull["merged"]),
        "mergedAt": pull["merged_at"],
        "mergedBy": actor_node(core, pull["merged_by"]),
        "mergeCommit": commit_node(seen, repo, pull["merge_sha"]) if pull["merged"] else None,
        "mergeable": mergeable,
        "isDraft": bool(pull["draft"]),
        "isCrossRepository": pull["head_repository_id"] != repo["id"],
        "headRefName": pull["head_ref"],
        "headRefOid": pull["head_sha"],
        "baseRefName": pull["base_ref"],
        "baseRefOid": pull["base_sha"],
        "createdAt": issue["created_at"],
        "updatedAt": issue["updated_at"],
        "closedAt": issue["closed_at"],
        "labels": labels(seen, issue),
        "timelineItems": timeline(seen, issue),
        "comments": comments(seen, repo, issue),
        **_lists(seen, repo, pull),
        **_queue_fields(seen, repo, pull),
    }


def _lists(seen: Viewer, repo: Row, pull: Row) -> dict[str, Any]:
    async def shas() -> list[str]:
        git = seen.core.git(repo)
        out = await git.text("rev-list", "--reverse", f"{pull['base_sha']}..{pull['head_sha']}")
        return out.split()

    def commit(sha: str) -> Node:
        return {
            "__typename": "PullRequestCommit",
            "id": node_id(f"PullRequestCommit{sha}", pull["id"]),
            "commit": commit_node(seen, repo, sha),
            "pullRequest": lambda _: pull_node(seen, repo, pull),
        }

    return {
        "commits": connection("commits", shas, commit),
        "reviews": connection(
            "reviews", lambda: _reviews(seen, pull), lambda row: _review(seen, repo, row)
        ),
    }


def _reviews(seen: Viewer, pull: Row) -> list[Row]:
    """Return the reviews of a pull request, oldest first; pending ones are their author's alone."""
    me = seen.actor.person["id"]
    sql = "SELECT * FROM reviews WHERE pull_id=? AND (state<>'PENDING' OR user_id=?) ORDER BY id"
    return seen.core.db.all(sql, pull["id"], me)


def _review(seen: Viewer, repo: Row, review: Row) -> Node:
    submitted = None if review["state"] == "PENDING" else review["submitted_at"]
    return {
        "__typename": "PullRequestReview",
        "id": node_id("PullRequestReview", review["id"]),
        "databaseId": review["id"],
        "author": actor_node(seen.core, review["user_id"]),
        "body": review["body"],
        "state": review["state"],
        "commit": commit_node(seen, repo, review["commit_id"]),
        "submittedAt": submitted,
        "createdAt": review["submitted_at"],
        "updatedAt": review["submitted_at"],
    }


def _queue_fields(seen: Viewer, repo: Row, pull: Row) -> dict[str, Any]:
    sql = "SELECT * FROM queue_entries WHERE pull_id=?"
    entry = seen.core.db.one(sql, pull["id"])
    return {
        "isInMergeQueue": entry is not None,
        "isMergeQueueEnabled": queue_method(seen.core, repo, pull["base_ref"]) is not None,
        "mergeQueueEntry": entry and entry_node(seen, repo, entry),
    }


def entry_node(seen: Viewer, repo: Row, entry: Row) -> Node:
    """Return a pull request's place in the merge queue."""
    core, queue = seen.core, seen.core.queue

    def commit(name: str) -> Node | None:
        return None if entry[name] is None else commit_node(seen, repo, entry[name])

    return {
        "__typename": "MergeQueueEntry",
        "id": node_id("MergeQueueEntry", entry["id"]),
        "position": 0 if queue is None else queue.position(entry),
        "state": "QUEUED" if queue is None else queue.state(repo, entry),
        "enqueuedAt": entry["created_at"],
        "enqueuer": actor_node(core, entry["enqueuer_id"]),
        "headCommit": commit("head_sha"),
        "baseCommit": commit("base_sha"),
        "pullRequest": lambda _: pull_node(seen, repo, core.db.get("pulls", entry["pull_id"])),
    }


def queue_node(seen: Viewer, repo: Row, branch: str) -> Node | None:
    """Return the merge queue of a branch; None where there is none."""
    if queue_method(seen.core, repo, branch) is None:
        return None
    sql = "SELECT * FROM queue_entries WHERE repository_id=? AND base_ref=? ORDER BY id"
    return {
        "__typename": "MergeQueue",
        "id": node_id(f"MergeQueue{branch}", repo["id"]),
        "url": f"{html_url(seen.core, repo)}/queue/{branch}",
        "entries": connection(
            "entries",
            lambda: seen.core.db.all(sql, repo["id"], branch),
            lambda row: entry_node(seen, repo, row),
        ),
    }

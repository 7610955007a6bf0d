"""Pull requests and reviews."""

from typing import Any

from grace.localforge.core import Core, Json, node_id
from grace.localforge.db import Row
from grace.localforge.diff import diff_files
from grace.localforge.gitrepo import EMPTY_TREE
from grace.localforge.shapes.issues import assignees_json, comment_count, labels_json
from grace.localforge.shapes.people import association, user_json
from grace.localforge.shapes.repos import api_url, html_url, repository_json


def _side(core: Core, repo: Row | None, ref: str, sha: str) -> Json:
    if repo is None:
        return {"label": f"unknown:{ref}", "ref": ref, "sha": sha, "user": None, "repo": None}
    return {
        "label": f"{repo['owner']}:{ref}",
        "ref": ref,
        "sha": sha,
        "user": user_json(core, core.user(repo["owner_id"])),
        "repo": repository_json(core, repo),
    }


def _links(core: Core, repo: Row, pull: Row) -> Json:
    base, number = api_url(core, repo), pull["number"]
    url, issue = f"{base}/pulls/{number}", f"{base}/issues/{number}"
    links = {
        "self": url,
        "html": f"{html_url(core, repo)}/pull/{number}",
        "issue": issue,
        "comments": f"{issue}/comments",
        "review_comments": f"{url}/comments",
        "review_comment": f"{base}/pulls/comments{{/number}}",
        "commits": f"{url}/commits",
        "statuses": f"{base}/statuses/{pull['head_sha']}",
    }
    return {name: {"href": href} for name, href in links.items()}


def simple_pull_json(core: Core, repo: Row, pull: Row) -> Json:
    """Return a pull request as lists carry it."""
    issue = core.db.get("issues", pull["issue_id"])
    author = core.user(issue["user_id"])
    links = _links(core, repo, pull)
    head_repo = core.db.one("SELECT * FROM repositories WHERE id=?", pull["head_repository_id"])
    assignees = assignees_json(core, issue)
    page = links["html"]["href"]
    return {
        "id": pull["id"],
        "node_id": node_id("PullRequest", pull["id"]),
        "url": links["self"]["href"],
        "html_url": page,
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
        "issue_url": links["issue"]["href"],
        "commits_url": links["commits"]["href"],
        "comments_url": links["comments"]["href"],
        "review_comments_url": links["review_comments"]["href"],
        "review_comment_url": links["review_comment"]["href"],
        "statuses_url": links["statuses"]["href"],
        "number": pull["number"],
        "state": issue["state"],
        "locked": False,
        "active_lock_reason": None,
        "title": issue["title"],
        "body": issue["body"],
        "user": user_json(core, author),
        "labels": labels_json(core, repo, issue),
        "milestone": None,
        "assignee": assignees[0] if assignees else None,
        "assignees": assignees,
        "requested_reviewers": [user_json(core, core.user(i)) for i in pull["reviewers_json"]],
        "requested_teams": [],
        "created_at": issue["created_at"],
        "updated_at": issue["updated_at"],
        "closed_at": issue["closed_at"],
        "merged_at": pull["merged_at"],
        "merge_commit_sha": pull["merge_sha"],
        "head": _side(core, head_repo, pull["head_ref"], pull["head_sha"]),
        "base": _side(core, repo, pull["base_ref"], pull["base_sha"]),
        "_links": links,
        "author_association": association(core, repo, author),
        "auto_merge": None,
        "draft": bool(pull["draft"]),
    }


async def pull_json(core: Core, repo: Row, pull: Row, mergeable: tuple[bool | None, str]) -> Json:
    """Return a pull request in full; `mergeable` is the pair (mergeable, mergeable_state)."""
    git = core.git(repo)
    base = await git.merge_base(pull["base_sha"], pull["head_sha"])
    files = await diff_files(git, base or EMPTY_TREE, pull["head_sha"])
    issue = core.db.get("issues", pull["issue_id"])
    merged_by = core.user(pull["merged_by"]) if pull["merged_by"] else None
    counted: dict[str, Any] = {
        "merged": bool(pull["merged"]),
        "mergeable": mergeable[0],
        "mergeable_state": mergeable[1],
        "rebaseable": mergeable[0],
        "merged_by": None if merged_by is None else user_json(core, merged_by),
        "comments": comment_count(core, issue),
        "review_comments": 0,
        "maintainer_can_modify": False,
        "commits": await git.count(f"{pull['base_sha']}..{pull['head_sha']}"),
        "additions": sum(file.additions for file in files),
        "deletions": sum(file.deletions for file in files),
        "changed_files": len(files),
    }
    return {**simple_pull_json(core, repo, pull), **counted}


def review_json(core: Core, repo: Row, pull: Row, review: Row) -> Json:
    """Return a review."""
    page = f"{html_url(core, repo)}/pull/{pull['number']}#pullrequestreview-{review['id']}"
    url = f"{api_url(core, repo)}/pulls/{pull['number']}"
    author = core.user(review["user_id"])
    return {
        "id": review["id"],
        "node_id": node_id("PullRequestReview", review["id"]),
        "user": user_json(core, author),
        "body": review["body"],
        "state": review["state"],
        "html_url": page,
        "pull_request_url": url,
        "_links": {"html": {"href": page}, "pull_request": {"href": url}},
        "submitted_at": review["submitted_at"],
        "commit_id": review["commit_id"],
        "author_association": association(core, repo, author),
    }


def minimal_pull_json(core: Core, repo: Row, pull: Row) -> Json:
    """Return a pull request as checks and workflow runs carry it."""

    def side(of: Row, ref: str, sha: str) -> Json:
        inner = {"id": of["id"], "url": api_url(core, of), "name": of["name"]}
        return {"ref": ref, "sha": sha, "repo": inner}

    head_repo = core.db.one("SELECT * FROM repositories WHERE id=?", pull["head_repository_id"])
    return {
        "url": f"{api_url(core, repo)}/pulls/{pull['number']}",
        "id": pull["id"],
        "number": pull["number"],
        "head": side(head_repo or repo, pull["head_ref"], pull["head_sha"]),
        "base": side(repo, pull["base_ref"], pull["base_sha"]),
    }


def pulls_of_sha(core: Core, repo: Row, sha: str) -> list[Json]:
    """Return the open pull requests from the repository itself whose head is this commit."""
    rows = core.db.all(
        "SELECT p.* FROM pulls p JOIN issues i ON i.id=p.issue_id WHERE p.repository_id=?"
        " AND p.head_repository_id=p.repository_id AND p.head_sha=? AND i.state='open'",
        repo["id"],
        sha,
    )
    return [minimal_pull_json(core, repo, row) for row in rows]

"""Repositories, commits, refs and diffs."""

from typing import Any

from grace.localforge.core import Core, Json, iso, node_id
from grace.localforge.db import Row
from grace.localforge.diff import FileChange
from grace.localforge.gitrepo import CommitObject, Identity
from grace.localforge.shapes.people import email, user_by_email, user_json

_TEMPLATES = {
    "archive_url": "{archive_format}{/ref}",
    "assignees_url": "assignees{/user}",
    "blobs_url": "git/blobs{/sha}",
    "branches_url": "branches{/branch}",
    "collaborators_url": "collaborators{/collaborator}",
    "comments_url": "comments{/number}",
    "commits_url": "commits{/sha}",
    "compare_url": "compare/{base}...{head}",
    "contents_url": "contents/{+path}",
    "contributors_url": "contributors",
    "deployments_url": "deployments",
    "downloads_url": "downloads",
    "events_url": "events",
    "forks_url": "forks",
    "git_commits_url": "git/commits{/sha}",
    "git_refs_url": "git/refs{/sha}",
    "git_tags_url": "git/tags{/sha}",
    "hooks_url": "hooks",
    "issue_comment_url": "issues/comments{/number}",
    "issue_events_url": "issues/events{/number}",
    "issues_url": "issues{/number}",
    "keys_url": "keys{/key_id}",
    "labels_url": "labels{/name}",
    "languages_url": "languages",
    "merges_url": "merges",
    "milestones_url": "milestones{/number}",
    "notifications_url": "notifications{?since,all,participating}",
    "pulls_url": "pulls{/number}",
    "releases_url": "releases{/id}",
    "stargazers_url": "stargazers",
    "statuses_url": "statuses/{sha}",
    "subscribers_url": "subscribers",
    "subscription_url": "subscription",
    "tags_url": "tags",
    "teams_url": "teams",
    "trees_url": "git/trees{/sha}",
}
_COUNTS = (
    "forks",
    "forks_count",
    "stargazers_count",
    "watchers",
    "watchers_count",
    "subscribers_count",
    "network_count",
    "size",
)


def full_name(repo: Row) -> str:
    """Return owner/name."""
    return f"{repo['owner']}/{repo['name']}"


def api_url(core: Core, repo: Row) -> str:
    """Return the API address of a repository."""
    return f"{core.api}/repos/{full_name(repo)}"


def html_url(core: Core, repo: Row) -> str:
    """Return the page of a repository."""
    return f"{core.url}/{full_name(repo)}"


def repository_json(core: Core, repo: Row, viewer: Row | None = None) -> Json:
    """Return a full repository; `permissions` are the viewer's."""
    url, page, settings = api_url(core, repo), html_url(core, repo), repo["settings_json"]
    issues = core.db.scalar(
        "SELECT count(*) FROM issues WHERE repository_id=? AND state='open'", repo["id"]
    )
    shape: dict[str, Any] = {
        "id": repo["id"],
        "node_id": node_id("Repository", repo["id"]),
        "name": repo["name"],
        "full_name": full_name(repo),
        "owner": user_json(core, core.user(repo["owner_id"])),
        "private": bool(repo["private"]),
        "visibility": "private" if repo["private"] else "public",
        "html_url": page,
        "description": repo["description"],
        "fork": repo["parent_id"] is not None,
        "url": url,
        **{name: f"{url}/{rest}" for name, rest in _TEMPLATES.items()},
        "clone_url": f"{page}.git",
        "git_url": f"{page}.git",
        "ssh_url": f"{page}.git",
        "svn_url": page,
        "mirror_url": None,
        "homepage": None,
        "language": None,
        "license": None,
        "topics": [],
        "default_branch": repo["default_branch"],
        "open_issues": issues,
        "open_issues_count": issues,
        **dict.fromkeys(_COUNTS, 0),
        "has_issues": True,
        "has_projects": False,
        "has_wiki": False,
        "has_pages": False,
        "has_downloads": False,
        "has_discussions": False,
        "is_template": False,
        "archived": False,
        "disabled": False,
        "allow_forking": True,
        "web_commit_signoff_required": False,
        **settings,
        "created_at": repo["created_at"],
        "updated_at": repo["updated_at"],
        "pushed_at": repo["pushed_at"],
    }
    if viewer is not None:
        shape["permissions"] = permissions_json(core.role(repo, viewer))
    return shape


def permissions_json(role: str) -> Json:
    """Return the flags of a role."""
    order = ["none", "pull", "triage", "push", "maintain", "admin"]
    have = ["none", "read", "triage", "write", "maintain", "admin"].index(role)
    return {name: have >= index for index, name in enumerate(order) if index}


def _person(who: Identity) -> Json:
    return {"name": who.name, "email": who.email, "date": iso(who.at)}


def _account(core: Core, who: Identity) -> Json | None:
    user = user_by_email(core, who.email)
    return None if user is None else user_json(core, user)


def git_commit_json(core: Core, repo: Row, commit: CommitObject) -> Json:
    """Return a commit of the git database."""
    url = api_url(core, repo)
    return {
        "sha": commit.sha,
        "node_id": node_id(f"Commit{commit.sha}", repo["id"]),
        "url": f"{url}/git/commits/{commit.sha}",
        "html_url": f"{html_url(core, repo)}/commit/{commit.sha}",
        "author": _person(commit.author),
        "committer": _person(commit.committer),
        "message": commit.message.rstrip("\n"),
        "tree": {"sha": commit.tree, "url": f"{url}/git/trees/{commit.tree}"},
        "parents": _parents(core, repo, commit),
        "verification": verification(commit),
    }


def verification(commit: CommitObject) -> Json:
    """Say that the forge knows no keys: a signature is there, and not verified."""
    return {
        "verified": False,
        "reason": "unknown_key" if commit.signature else "unsigned",
        "signature": commit.signature,
        "payload": None,
        "verified_at": None,
    }


def _parents(core: Core, repo: Row, commit: CommitObject) -> list[Json]:
    url, page = api_url(core, repo), html_url(core, repo)
    return [
        {"sha": sha, "url": f"{url}/commits/{sha}", "html_url": f"{page}/commit/{sha}"}
        for sha in commit.parents
    ]


def commit_json(core: Core, repo: Row, commit: CommitObject) -> Json:
    """Return a commit with the accounts behind it."""
    url = f"{api_url(core, repo)}/commits/{commit.sha}"
    git = git_commit_json(core, repo, commit)
    inner = {name: git[name] for name in ("author", "committer", "message", "tree", "verification")}
    return {
        "sha": commit.sha,
        "node_id": git["node_id"],
        "url": url,
        "html_url": git["html_url"],
        "comments_url": f"{url}/comments",
        "commit": {**inner, "url": git["url"], "comment_count": 0},
        "author": _account(core, commit.author),
        "committer": _account(core, commit.committer),
        "parents": git["parents"],
    }


def simple_commit_json(commit: CommitObject) -> Json:
    """Return a commit as check suites and workflow runs carry it."""
    return {
        "id": commit.sha,
        "tree_id": commit.tree,
        "message": commit.message.rstrip("\n"),
        "timestamp": iso(commit.committer.at),
        "author": {"name": commit.author.name, "email": commit.author.email},
        "committer": {"name": commit.committer.name, "email": commit.committer.email},
    }


def push_commit_json(core: Core, repo: Row, commit: CommitObject, files: list[FileChange]) -> Json:
    """Return a commit as push events carry it."""
    names = {"added": "added", "removed": "removed"}
    changed: dict[str, list[str]] = {"added": [], "removed": [], "modified": []}
    for file in files:
        changed[names.get(file.status, "modified")].append(file.path)
    simple = simple_commit_json(commit)
    for role, who in (("author", commit.author), ("committer", commit.committer)):
        user = user_by_email(core, who.email)
        simple[role] |= {"username": user["login"]} if user else {}
    url = f"{html_url(core, repo)}/commit/{commit.sha}"
    return {**simple, "distinct": True, "url": url, **changed}


def pusher_json(user: Row) -> Json:
    """Return who pushed, as push events name them."""
    return {"name": user["login"], "email": email(user)}


def ref_json(core: Core, repo: Row, ref: str, kind: str, sha: str) -> Json:
    """Return a ref of the git database."""
    url = f"{api_url(core, repo)}/git"
    return {
        "ref": ref,
        "node_id": node_id(f"Ref{ref}", repo["id"]),
        "url": f"{url}/{ref}",
        "object": {"sha": sha, "type": kind, "url": f"{url}/{kind}s/{sha}"},
    }


def file_json(core: Core, repo: Row, sha: str, change: FileChange) -> Json:
    """Return a changed file of a diff whose newer side is the commit `sha`."""
    url, page = api_url(core, repo), html_url(core, repo)
    shape = {
        "sha": change.blob,
        "filename": change.path,
        "status": change.status,
        "additions": change.additions,
        "deletions": change.deletions,
        "changes": change.additions + change.deletions,
        "blob_url": f"{page}/blob/{sha}/{change.path}",
        "raw_url": f"{page}/raw/{sha}/{change.path}",
        "contents_url": f"{url}/contents/{change.path}?ref={sha}",
    }
    if change.patch is not None:
        shape["patch"] = change.patch
    if change.previous is not None:
        shape["previous_filename"] = change.previous
    return shape

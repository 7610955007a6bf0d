"""Files by path, commits, comparisons."""

import base64
from typing import Final

from grace.localforge.api import Body, Call, Need, Reply, Route
from grace.localforge.branches import RefChange, ref_moved
from grace.localforge.core import Json
from grace.localforge.diff import diff_files
from grace.localforge.errors import ApiError, not_found, unprocessable
from grace.localforge.gitrepo import EMPTY_TREE, ZERO, GitError, TreeEntry
from grace.localforge.routes.gitdata import decode_content, refuse_when_protected
from grace.localforge.routes.repos import R
from grace.localforge.shapes.people import identity, web_flow
from grace.localforge.shapes.repos import (
    api_url,
    commit_json,
    file_json,
    git_commit_json,
    html_url,
)


def _content_json(call: Call, entry: TreeEntry, ref: str) -> Json:
    url, page = api_url(call.core, call.repo), html_url(call.core, call.repo)
    own = f"{url}/contents/{entry.path}?ref={ref}"
    kind = {"tree": "dir", "commit": "submodule"}.get(entry.kind, "file")
    git = f"{url}/git/{entry.kind}s/{entry.sha}"
    shown = f"{page}/blob/{ref}/{entry.path}"
    return {
        "name": entry.path.rsplit("/", 1)[-1],
        "path": entry.path,
        "sha": entry.sha,
        "size": entry.size or 0,
        "url": own,
        "html_url": shown,
        "git_url": git,
        "download_url": None if kind == "dir" else f"{page}/raw/{ref}/{entry.path}",
        "type": kind,
        "_links": {"self": own, "git": git, "html": shown},
    }


async def get_contents(call: Call) -> Reply:
    """Return a file with its content, or list a folder; raw bytes for the raw media type."""
    git = call.core.git(call.repo)
    path = call.request.match_info.get("path", "").strip("/")
    ref = call.query("ref", call.repo["default_branch"])
    sha = await git.resolve(ref)
    if sha is None:
        raise ApiError(404, f"No commit found for the ref {ref}")
    entry = await git.entry(sha, path) if path else None
    if path and entry is None:
        raise not_found()
    if entry is None or entry.kind == "tree":
        listed = await git.tree(f"{sha}:{path}")
        prefix = f"{path}/" if path else ""
        entries = [
            TreeEntry(item.mode, item.kind, item.sha, item.size, prefix + item.path)
            for item in listed
        ]
        return Reply([_content_json(call, item, ref) for item in entries])
    data = await git.blob(entry.sha)
    if "raw" in call.request.headers.get("Accept", ""):
        return Reply(
            raw=data, headers={"Content-Type": "application/vnd.github.raw; charset=utf-8"}
        )
    content = base64.encodebytes(data).decode()
    return Reply({**_content_json(call, entry, ref), "content": content, "encoding": "base64"})


async def put_contents(call: Call) -> Reply:
    """Create or replace a file on a branch by one commit; replacing needs the blob's SHA."""
    body = call.body("Commit")
    return await _write(call, body, decode_content(body, "base64"))


async def delete_contents(call: Call) -> Reply:
    """Delete a file on a branch by one commit."""
    return await _write(call, call.body("Commit"), None)


async def _write(call: Call, body: Body, data: bytes | None) -> Reply:
    core, repo, git = call.core, call.repo, call.core.git(call.repo)
    path = call.param("path").strip("/")
    branch = body.text("branch", repo["default_branch"])
    async with core.lock(repo):
        tip = await git.ref(f"refs/heads/{branch}")
        if tip is None and branch != repo["default_branch"]:
            raise ApiError(404, f"Branch {branch} not found")
        old = await git.entry(tip, path) if tip else None
        _check_blob(body, old, path)
        blob = None if data is None else await git.write_blob(data)
        try:
            tree = await git.write_tree(tip, [("100644", path, blob)])
        except GitError as error:
            raise unprocessable("path contains a malformed path component") from error
        people = (identity(core, call.user), web_flow(core))
        parents = [tip] if tip else []
        sha = await git.write_commit(tree, parents, body.text("message"), people)
        refuse_when_protected(call, branch, sha)
        await git.update_ref(f"refs/heads/{branch}", sha, tip or ZERO)
        change = RefChange(f"refs/heads/{branch}", tip or ZERO, sha)
        await ref_moved(core, repo, change, call.user)
    entry = await git.entry(sha, path)
    shape = {
        "content": None if entry is None else _content_json(call, entry, branch),
        "commit": git_commit_json(core, repo, await git.commit(sha)),
    }
    return Reply(shape, 201 if old is None else 200)


def _check_blob(body: Body, old: TreeEntry | None, path: str) -> None:
    given = body.optional("sha")
    if old is not None and given is None:
        raise unprocessable('Invalid request.\n\n"sha" wasn\'t supplied.')
    if given is not None and (old is None or old.sha != given):
        raise ApiError(409, f"{path} does not match {given}")


async def list_commits(call: Call) -> Reply:
    """List commits from `sha` back, those that touch `path` where one is given."""
    git = call.core.git(call.repo)
    sha = await git.resolve(call.query("sha", call.repo["default_branch"]))
    if sha is None:
        if await git.refs("refs/heads/"):
            raise not_found()
        raise ApiError(409, "Git Repository is empty.")
    path = call.query("path")
    wanted = [sha, "--", path] if path else [sha]
    total = await git.count(*wanted)
    start, end, headers = call.window(total)
    commits = await git.commits(f"--skip={start}", f"--max-count={end - start}", *wanted)
    return Reply([commit_json(call.core, call.repo, c) for c in commits], headers=headers)


async def get_commit(call: Call) -> Reply:
    """Return a commit by any name, with its files."""
    git = call.core.git(call.repo)
    sha = await git.resolve(call.param("ref"))
    if sha is None:
        raise unprocessable(f"No commit found for SHA: {call.param('ref')}")
    commit = await git.commit(sha)
    parent = commit.parents[0] if commit.parents else EMPTY_TREE
    files = await diff_files(git, parent, sha, patches=True)
    added, deleted = sum(f.additions for f in files), sum(f.deletions for f in files)
    shape = commit_json(call.core, call.repo, commit)
    shape["stats"] = {"total": added + deleted, "additions": added, "deletions": deleted}
    shape["files"] = [file_json(call.core, call.repo, sha, file) for file in files]
    return Reply(shape)


async def compare(call: Call) -> Reply:
    """Compare two commits by BASE...HEAD."""
    core, repo, git = call.core, call.repo, call.core.git(call.repo)
    names = call.param("basehead").split("...", 1)
    resolved = [await git.resolve(name.rsplit(":", 1)[-1]) for name in names]
    if len(resolved) < 2 or None in resolved:  # noqa: PLR2004 - base and head
        raise not_found()
    base, head = (str(sha) for sha in resolved)
    root = await git.merge_base(base, head)
    if root is None:
        raise ApiError(404, f"No common ancestor between {names[0]} and {names[1]}.")
    ahead, behind = await git.count(f"{base}..{head}"), await git.count(f"{head}..{base}")
    status = {(False, False): "identical", (True, False): "ahead", (False, True): "behind"}
    start, end, headers = _window(call, ahead)
    newest_first = (f"--skip={ahead - end}", f"--max-count={end - start}")
    commits = list(reversed(await git.commits(*newest_first, f"{base}..{head}")))
    files = await diff_files(git, root, head, patches=True) if start == 0 else []
    url = f"{api_url(core, repo)}/compare/{call.param('basehead')}"
    page = f"{html_url(core, repo)}/compare/{call.param('basehead')}"
    return Reply(
        {
            "url": url,
            "html_url": page,
            "permalink_url": page,
            "diff_url": f"{page}.diff",
            "patch_url": f"{page}.patch",
            "base_commit": commit_json(core, repo, await git.commit(base)),
            "merge_base_commit": commit_json(core, repo, await git.commit(root)),
            "status": status.get((ahead > 0, behind > 0), "diverged"),
            "ahead_by": ahead,
            "behind_by": behind,
            "total_commits": ahead,
            "commits": [commit_json(core, repo, commit) for commit in commits],
            "files": [file_json(core, repo, head, file) for file in files[:_MAX_COMPARED]],
        },
        headers=headers,
    )


def _window(call: Call, total: int) -> tuple[int, int, dict[str, str]]:
    """Choose the commits to show, oldest first: the asked page, or without one the newest 250."""
    if not (call.query("page") or call.query("per_page")):
        return max(total - _MAX_UNPAGED, 0), total, {}
    start, end, headers = call.window(total)
    return min(start, total), min(end, total), headers


_MAX_UNPAGED: Final = 250
_MAX_COMPARED: Final = 300
_READ: Final = Need("contents:read")
_WRITE: Final = Need("contents:write", "write")

ROUTES: Final = (
    Route("GET", f"{R}/contents", get_contents, _READ),
    Route("GET", f"{R}/contents/{{path:.*}}", get_contents, _READ),
    Route("PUT", f"{R}/contents/{{path:.+}}", put_contents, _WRITE),
    Route("DELETE", f"{R}/contents/{{path:.+}}", delete_contents, _WRITE),
    Route("GET", f"{R}/commits", list_commits, _READ),
    Route("GET", f"{R}/compare/{{basehead:.+}}", compare, _READ),
    Route("GET", f"{R}/commits/{{ref:.+}}", get_commit, _READ),
)

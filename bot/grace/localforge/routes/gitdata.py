"""The git database: refs, commits, trees, blobs."""

import base64
import binascii
from typing import Final

from grace.localforge.api import NO_CONTENT, Body, Call, Need, Reply, Route
from grace.localforge.auth import is_admin
from grace.localforge.branches import RefChange, ref_moved
from grace.localforge.core import Json
from grace.localforge.errors import ApiError, invalid, not_found, unprocessable
from grace.localforge.gitrepo import ZERO, GitError, Identity, TreeEntry
from grace.localforge.protection import protection_of, queue_refusal, unmet_checks
from grace.localforge.routes.repos import R
from grace.localforge.shapes.people import identity
from grace.localforge.shapes.repos import api_url, git_commit_json, ref_json
from grace.localforge.timeparse import parse_time

MODES: Final = {
    "100644": "blob",
    "100755": "blob",
    "040000": "tree",
    "160000": "commit",
    "120000": "blob",
}


async def get_ref(call: Call) -> Reply:
    """Return one ref by its name below refs/."""
    name = f"refs/{call.param('ref')}"
    for found, kind, sha in await call.core.git(call.repo).refs(name):
        if found == name:
            return Reply(ref_json(call.core, call.repo, name, kind, sha))
    raise not_found()


async def matching_refs(call: Call) -> Reply:
    """List refs that begin with a prefix."""
    refs = await call.core.git(call.repo).refs(f"refs/{call.request.match_info.get('ref', '')}")
    return call.page(refs, lambda row: ref_json(call.core, call.repo, *row))


async def create_ref(call: Call) -> Reply:
    """Create a branch or tag."""
    body, git = call.body("Reference"), call.core.git(call.repo)
    name, sha = body.text("ref"), body.text("sha")
    if name.count("/") < 2 or not name.startswith(("refs/heads/", "refs/tags/")):  # noqa: PLR2004
        raise unprocessable("Reference name must start with 'refs/' and have at least two slashes.")
    if await git.kind(sha) is None:
        raise unprocessable("Object does not exist")
    refusal = queue_refusal(call.core, call.repo, name.removeprefix("refs/heads/"))
    if refusal is not None:
        raise unprocessable(refusal)
    async with call.core.lock(call.repo):
        if await git.ref(name) is not None:
            raise unprocessable("Reference already exists")
        try:
            await git.update_ref(name, sha, ZERO)
        except GitError as error:
            raise unprocessable("Reference name is not valid") from error
        await ref_moved(call.core, call.repo, RefChange(name, ZERO, sha), call.user)
    kind = await git.kind(sha) or "commit"
    return Reply(ref_json(call.core, call.repo, name, kind, sha), 201)


def _guard(call: Call, ref: str, after: str) -> None:
    """Refuse what protection refuses a push."""
    if (
        refusal := queue_refusal(call.core, call.repo, ref.removeprefix("refs/heads/"))
    ) is not None:
        raise unprocessable(refusal)
    protection = protection_of(call.core, call.repo, ref.removeprefix("refs/heads/"))
    if protection is None:
        return
    if is_admin(call.core, call.actor, call.repo) and not protection.enforce_admins:
        return
    if after == ZERO:
        if not protection.allow_deletions:
            raise unprocessable("Cannot delete a protected branch")
        return
    problems = unmet_checks(call.core, call.repo, after, protection)
    if protection.approvals is not None:
        problems.insert(0, "Changes must be made through a pull request.")
    if problems:
        raise unprocessable(" ".join(problems))


async def update_ref(call: Call) -> Reply:
    """Move a ref; without `force` only forward."""
    body, git = call.body("Reference"), call.core.git(call.repo)
    name, sha = f"refs/{call.param('ref')}", body.text("sha")
    async with call.core.lock(call.repo):
        before = await git.ref(name)
        if before is None:
            raise unprocessable("Reference does not exist")
        if await git.kind(sha) is None:
            raise unprocessable("Object does not exist")
        _guard(call, name, sha)
        if not await git.is_ancestor(before, sha) and not body.flag("force"):
            raise unprocessable("Update is not a fast forward")
        if before != sha:
            await git.update_ref(name, sha, before)
            await ref_moved(call.core, call.repo, RefChange(name, before, sha), call.user)
    return Reply(ref_json(call.core, call.repo, name, await git.kind(sha) or "commit", sha))


async def delete_ref(call: Call) -> Reply:
    """Delete a branch or tag."""
    name, git = f"refs/{call.param('ref')}", call.core.git(call.repo)
    async with call.core.lock(call.repo):
        before = await git.ref(name)
        if before is None or not name.startswith(("refs/heads/", "refs/tags/")):
            raise unprocessable("Reference does not exist")
        if name == f"refs/heads/{call.repo['default_branch']}":
            raise unprocessable("Cannot delete the default branch")
        _guard(call, name, ZERO)
        await git.delete_ref(name)
        await ref_moved(call.core, call.repo, RefChange(name, before, ZERO), call.user)
    return NO_CONTENT


async def get_commit(call: Call) -> Reply:
    """Return a commit object."""
    git, sha = call.core.git(call.repo), call.param("sha")
    if await git.kind(sha) != "commit":
        raise not_found()
    return Reply(git_commit_json(call.core, call.repo, await git.commit(sha)))


def _who(body: Body, name: str, default: Identity) -> Identity:
    given = Body("Commit", body.object(name))
    if not given.data:
        return default
    at = parse_time(given.text("date"), "Commit") if "date" in given else default.at
    return Identity(given.text("name"), given.text("email"), at)


async def create_commit(call: Call) -> Reply:
    """Write a commit object."""
    body, git = call.body("Commit"), call.core.git(call.repo)
    tree = body.text("tree")
    if await git.kind(tree) != "tree":
        raise unprocessable("Tree SHA does not exist")
    parents = body.strings("parents")
    for parent in parents:
        if await git.kind(parent) != "commit":
            raise unprocessable("Parent SHA does not exist or is not a commit object")
    author = _who(body, "author", identity(call.core, call.user))
    committer = _who(body, "committer", author)
    sha = await git.write_commit(tree, parents, body.text("message"), (author, committer))
    return Reply(git_commit_json(call.core, call.repo, await git.commit(sha)), 201)


def _entry_json(call: Call, entry: TreeEntry) -> Json:
    shape: Json = {"path": entry.path, "mode": entry.mode, "type": entry.kind, "sha": entry.sha}
    if entry.size is not None:
        shape["size"] = entry.size
    shape["url"] = f"{api_url(call.core, call.repo)}/git/{entry.kind}s/{entry.sha}"
    return shape


async def _tree_reply(call: Call, sha: str, status: int, *, recursive: bool) -> Reply:
    entries = await call.core.git(call.repo).tree(sha, recursive=recursive)
    url = f"{api_url(call.core, call.repo)}/git/trees/{sha}"
    tree = [_entry_json(call, entry) for entry in entries]
    return Reply({"sha": sha, "url": url, "tree": tree, "truncated": False}, status)


async def get_tree(call: Call) -> Reply:
    """Return a tree by SHA, branch or commit; `recursive` flattens it."""
    git, name = call.core.git(call.repo), call.param("sha")
    sha = name if await git.kind(name) == "tree" else await git.resolve(name)
    if sha is None:
        raise not_found()
    tree = await git.text("rev-parse", f"{sha}^{{tree}}")
    return await _tree_reply(call, tree, 200, recursive=bool(call.query("recursive")))


async def create_tree(call: Call) -> Reply:
    """Write a tree, on top of `base_tree` when given; a null SHA removes the path."""
    body, git = call.body("Tree"), call.core.git(call.repo)
    base = body.optional("base_tree")
    if base is not None and await git.kind(base) not in {"tree", "commit"}:
        raise unprocessable("base_tree is not a valid tree or commit")
    changes = []
    for raw in body.objects("tree"):
        entry = Body("Tree", raw)
        mode = entry.choice("mode", tuple(MODES), "100644")
        sha = entry.optional("sha")
        if "content" in entry:
            sha = await git.write_blob(entry.text("content").encode())
        elif sha is not None and await git.kind(sha) is None:
            raise unprocessable(f"tree.sha {sha} is not a valid blob")
        changes.append((mode, entry.text("path"), sha))
    try:
        tree = await git.write_tree(base, changes)
    except GitError as error:
        raise unprocessable("The tree is not valid") from error
    return await _tree_reply(call, tree, 201, recursive=False)


async def get_blob(call: Call) -> Reply:
    """Return a blob as base64."""
    git, sha = call.core.git(call.repo), call.param("sha")
    if await git.kind(sha) != "blob":
        raise not_found()
    data = await git.blob(sha)
    return Reply(
        {
            "sha": sha,
            "node_id": sha,
            "size": len(data),
            "url": f"{api_url(call.core, call.repo)}/git/blobs/{sha}",
            "content": base64.encodebytes(data).decode(),
            "encoding": "base64",
        }
    )


def decode_content(body: Body, encoding: str) -> bytes:
    """Return the bytes of a `content` field; 422 when its base64 is broken."""
    if encoding != "base64":
        return body.text("content").encode()
    try:
        return base64.b64decode("".join(body.text("content").split()), validate=True)
    except binascii.Error as error:
        raise invalid(body.resource, "content", message="content is not valid Base64") from error


async def create_blob(call: Call) -> Reply:
    """Write a blob."""
    body = call.body("Blob")
    data = decode_content(body, body.choice("encoding", ("utf-8", "base64"), "utf-8"))
    sha = await call.core.git(call.repo).write_blob(data)
    return Reply({"sha": sha, "url": f"{api_url(call.core, call.repo)}/git/blobs/{sha}"}, 201)


def refuse_when_protected(call: Call, branch: str, after: str) -> None:
    """Refuse a direct commit to a protected branch in the words of the contents API."""
    try:
        _guard(call, f"refs/heads/{branch}", after)
    except ApiError as error:
        raise ApiError(409, f"Repository rule violations found: {error.message}") from error


_READ: Final = Need("contents:read")
_WRITE: Final = Need("contents:write", "write")

ROUTES: Final = (
    Route("GET", f"{R}/git/ref/{{ref:.+}}", get_ref, _READ),
    Route("GET", f"{R}/git/matching-refs/{{ref:.*}}", matching_refs, _READ),
    Route("GET", f"{R}/git/refs", matching_refs, _READ),
    Route("GET", f"{R}/git/refs/{{ref:.+}}", get_ref, _READ),
    Route("POST", f"{R}/git/refs", create_ref, _WRITE),
    Route("PATCH", f"{R}/git/refs/{{ref:.+}}", update_ref, _WRITE),
    Route("DELETE", f"{R}/git/refs/{{ref:.+}}", delete_ref, _WRITE),
    Route("GET", f"{R}/git/commits/{{sha}}", get_commit, _READ),
    Route("POST", f"{R}/git/commits", create_commit, _WRITE),
    Route("GET", f"{R}/git/trees/{{sha:.+}}", get_tree, _READ),
    Route("POST", f"{R}/git/trees", create_tree, _WRITE),
    Route("GET", f"{R}/git/blobs/{{sha}}", get_blob, _READ),
    Route("POST", f"{R}/git/blobs", create_blob, _WRITE),
)

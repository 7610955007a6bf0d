"""Git objects and refs."""

from typing import Any

from grace.localforge.core import iso, node_id
from grace.localforge.db import Row
from grace.localforge.gitrepo import GitError
from grace.localforge.graph.checks import deployment_node, deployments_of, rollup_node
from grace.localforge.graph.viewing import Arguments, Node, Viewer, connection

SHORT = 7


def commit_node(seen: Viewer, repo: Row, sha: str) -> Node:
    """Return a commit; its content is read when it is asked for."""
    git = seen.core.git(repo)

    async def message(_: Arguments) -> str:
        return (await git.commit(sha)).message.rstrip("\n")

    async def committed(_: Arguments) -> str:
        return iso((await git.commit(sha)).committer.at)

    return {
        **_object("Commit", repo, sha),
        "message": message,
        "committedDate": committed,
        "statusCheckRollup": lambda _: rollup_node(seen, repo, sha),
        "deployments": connection(
            "deployments",
            lambda: deployments_of(seen, repo, sha),
            lambda row: deployment_node(seen, row),
        ),
    }


def _object(kind: str, repo: Row, sha: str) -> dict[str, Any]:
    return {
        "__typename": kind,
        "id": node_id(f"{kind}{sha}", repo["id"]),
        "oid": sha,
        "abbreviatedOid": sha[:SHORT],
    }


async def object_node(seen: Viewer, repo: Row, name: str) -> Node | None:
    """Return the object that a SHA or expression names; None where there is none."""
    seen.need(repo, "contents:read")
    git = seen.core.git(repo)
    if name.startswith("-"):
        return None
    sha = await git.ref(name)
    kind = None if sha is None else await git.kind(sha)
    if sha is not None and kind == "tag":
        sha = await git.ref(f"{sha}^{{}}")
        kind = None if sha is None else await git.kind(sha)
    if sha is None or kind is None:
        return None
    if kind == "commit":
        return commit_node(seen, repo, sha)
    if kind == "tree":
        return _object("Tree", repo, sha)
    content = await git.blob(sha)
    return {
        **_object("Blob", repo, sha),
        "byteSize": len(content),
        "text": None if b"\0" in content else content.decode(errors="replace"),
    }


async def ref_node(seen: Viewer, repo: Row, name: str) -> Node | None:
    """Return a ref by its full name, or by its name below refs/ or refs/heads/."""
    seen.need(repo, "contents:read")
    git = seen.core.git(repo)
    for full in (name, f"refs/{name}", f"refs/heads/{name}"):
        if not full.startswith("refs/"):
            continue
        try:
            sha = await git.text("rev-parse", "-q", "--verify", f"{full}^{{}}")
        except GitError:
            continue
        kind = "refs/heads/" if full.startswith("refs/heads/") else full.rsplit("/", 1)[0] + "/"

        async def target(_: Arguments, sha: str = sha) -> Node | None:
            return await object_node(seen, repo, sha)

        return {
            "__typename": "Ref",
            "id": node_id(f"Ref{full}", repo["id"]),
            "name": full.removeprefix(kind),
            "prefix": kind,
            "target": target,
        }
    return None

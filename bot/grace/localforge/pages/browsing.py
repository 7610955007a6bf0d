"""Pages of branches, commits, folders and files."""

import base64
from typing import Final

from aiohttp import web

from grace.localforge.errors import ApiError, not_found
from grace.localforge.pages.checks import checks_of
from grace.localforge.pages.visit import PageRoute, R, Visit
from grace.localforge.routes.contents import get_commit, get_contents
from grace.localforge.routes.repos import list_branches

MAX_SHOWN: Final = 200_000


async def show_branches(visit: Visit) -> web.StreamResponse:
    """List branches with their tips."""
    branches = await visit.ask_all(list_branches)
    may = visit.may("write")
    return visit.page("branches.html", repo=visit.repo, branches=branches, may_push=may)


async def show_commit(visit: Visit) -> web.StreamResponse:
    """Show a commit with its diff and checks."""
    sha = await visit.core.git(visit.repo).resolve(visit.param("sha"))
    if sha is None:
        raise not_found()
    commit = await visit.ask(get_commit, ref=sha)
    checks = await checks_of(visit, sha)
    return visit.page("commit.html", repo=visit.repo, commit=commit, checks=checks)


async def show_path(visit: Visit) -> web.StreamResponse:
    """Show a folder or file of a branch or commit; names of branches may have slashes."""
    ref, path = await _split(visit, visit.param("rest").strip("/"))
    found = await visit.ask(get_contents, path=path, _ref=ref)
    if isinstance(found, list):
        found.sort(key=lambda entry: (entry["type"] != "dir", entry["name"]))
        return visit.page("tree.html", repo=visit.repo, entries=found, ref=ref, path=path)
    data = base64.b64decode(found["content"])
    binary = b"\0" in data or len(data) > MAX_SHOWN
    lines = None if binary else data.decode(errors="replace").split("\n")
    return visit.page("blob.html", repo=visit.repo, file=found, lines=lines, ref=ref, path=path)


async def _split(visit: Visit, rest: str) -> tuple[str, str]:
    """Return (ref, path): the longest beginning that names a branch, tag or commit."""
    git, parts = visit.core.git(visit.repo), rest.split("/")
    for count in range(min(len(parts), 8), 0, -1):
        ref = "/".join(parts[:count])
        if await git.resolve(ref) is not None:
            return ref, "/".join(parts[count:])
    raise ApiError(404, "There is no such branch or commit.")


ROUTES: Final = (
    PageRoute("GET", f"{R}/branches", show_branches),
    PageRoute("GET", f"{R}/commit/{{sha:[0-9a-f]+}}", show_commit),
    PageRoute("GET", f"{R}/{{kind:tree|blob}}/{{rest:.+}}", show_path),
)

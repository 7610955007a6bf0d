"""Commits by GitHub's git data API: no git, no clone, and GitHub signs them ("Verified").

GitHub signs what an app commits when author and committer are left to it, so both are. Source:
GitHub Docs, "Commit signature verification for bots" and "REST API endpoints for Git database".
"""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Final

from grace.adapters.github.payloads import Lenient, fit
from grace.adapters.github.session import Session, on
from grace.adapters.github.wire import Answer, Refusal, Request
from grace.domain.mission import MissionRef
from grace.domain.results import Sha
from grace.ports import ForgeRefused

_MISSING: Final = frozenset({int(HTTPStatus.NOT_FOUND)})
_THERE: Final = frozenset({int(HTTPStatus.UNPROCESSABLE_ENTITY)})


@dataclass(frozen=True, slots=True)
class FileState:
    """What a file is after the commit."""

    content: bytes
    mode: str = "100644"


@dataclass(frozen=True, slots=True)
class BlobState:
    """What a file is after the commit, where its content is a blob at GitHub already."""

    sha: str
    mode: str = "100644"


@dataclass(frozen=True, slots=True)
class ApiCommit:
    """A commit on `base` (None: a first one) to be the tip of `branch`.

    `files`: path to what it becomes, None where it goes. `message` may need the tree's id.
    `expected`: what the branch points at now, None where it must not exist yet; with `again` an
    earlier try may have moved it, and it is moved from wherever it stands. `base_tree` is asked
    for where it is not given. `tree`: what must come out, where that is known.
    """

    base: str | None
    branch: str
    files: Mapping[str, FileState | BlobState | None]
    message: str | Callable[[str], str]
    expected: str | None = None
    again: bool = False
    base_tree: str | None = None
    tree: str | None = None


@dataclass(frozen=True, slots=True)
class CommitMade:
    """A commit that is at GitHub and the tip of its branch."""

    sha: str
    tree: str


class _Sha(Lenient):
    sha: Sha


class Commit(Lenient):
    """A commit as the git data API has it."""

    sha: Sha
    tree: _Sha
    parents: tuple[_Sha, ...] = ()
    message: str = ""


class _Ref(Lenient):
    object: _Sha


async def commit(session: Session, ref: MissionRef, order: ApiCommit) -> CommitMade:
    """Make the commit and move the branch: 4 calls, one more for each file that is not text.

    Where the tree of `base` is not given it is one call more, and one where the branch is not at
    `expected`. A branch that has the same commit already (parent, tree and message) is left as it
    is, so doing it twice is doing it once. Raises `ForgeRefused`: 409 where the branch is
    elsewhere. GitHub has no compare-and-swap that rewinds: between the look at the branch and
    its move somebody else's push can be lost, unless the move is a fast-forward.
    """
    if not order.files:
        raise ForgeRefused("a commit without a change is not made", HTTPStatus.UNPROCESSABLE_ENTITY)
    if order.base is not None and order.base_tree is None:
        base = await read_commit(session, ref, order.base)
        order = replace(order, base_tree=base.tree.sha)
    return await commit_at(session, ref, order, await read_tip(session, ref, order.branch))


async def commit_at(
    session: Session, ref: MissionRef, order: ApiCommit, tip: str | None
) -> CommitMade:
    """Make a commit as above, on a branch that was read a moment ago and is at `tip`."""
    tree = await _tree(session, ref, order)
    if order.tree not in {None, tree}:
        raise ForgeRefused(
            f"GitHub made the tree {tree}, and {order.tree} was to come out; it is not committed",
            HTTPStatus.CONFLICT,
        )
    message = order.message if isinstance(order.message, str) else order.message(tree)
    parents = [] if order.base is None else [order.base]
    if tip is not None and (order.again or tip != order.expected):
        there = await read_commit(session, ref, tip)
        same = (there.tree.sha, [p.sha for p in there.parents]) == (tree, parents)
        if same and there.message.strip() == message.strip():
            return CommitMade(tip, tree)
    if order.again:
        order = replace(order, expected=tip)
    if tip != order.expected:
        raise ForgeRefused(
            f"the branch {order.branch} is at {tip or 'nothing'}, not at "
            f"{order.expected or 'nothing'}; it is left alone",
            HTTPStatus.CONFLICT,
        )
    fields = {"message": message, "tree": tree, "parents": parents}
    made = await _post(session, ref, on(ref, "write commit", "POST /git/commits"), fields)
    sha = fit(_Sha, made.data, "write commit").sha
    await _move(session, ref, order, sha)
    return CommitMade(sha, tree)


async def _move(session: Session, ref: MissionRef, order: ApiCommit, sha: str) -> None:
    if order.expected is None:
        request = on(ref, "create ref", "POST /git/refs")
        fields: dict[str, object] = {"ref": f"refs/heads/{order.branch}", "sha": sha}
    else:
        request = on(ref, "move ref", "PATCH /git/refs/heads/{+branch}", branch=order.branch)
        fields = {"sha": sha, "force": order.expected != order.base}
    try:
        await _post(session, ref, request, fields, _THERE)
    except Refusal as refusal:
        raise ForgeRefused(
            f"GitHub did not move the branch {order.branch}: {refusal.text}", HTTPStatus.CONFLICT
        ) from refusal


async def _tree(session: Session, ref: MissionRef, order: ApiCommit) -> str:
    # What goes comes first, so that a file can take the place of a folder.
    wanted = sorted(order.files.items(), key=lambda item: (item[1] is not None, item[0]))
    entries = [await _entry(session, ref, path, state) for path, state in wanted]
    fields: dict[str, object] = {"tree": entries}
    if order.base_tree is not None:
        fields["base_tree"] = order.base_tree
    request = on(ref, "write tree", "POST /git/trees")
    answer = await _post(session, ref, request, fields)
    return fit(_Sha, answer.data, request.purpose).sha


async def _entry(
    session: Session, ref: MissionRef, path: str, state: FileState | BlobState | None
) -> dict[str, object]:
    """Describe a file: text inline, anything else as a blob of its own, null for one that goes."""
    if state is None:
        return {"path": path, "mode": "100644", "type": "blob", "sha": None}
    entry: dict[str, object] = {"path": path, "mode": state.mode, "type": "blob"}
    if isinstance(state, BlobState):
        return {**entry, "sha": state.sha}
    try:
        return {**entry, "content": state.content.decode()}
    except UnicodeDecodeError:
        request = on(ref, "write blob", "POST /git/blobs")
        content = base64.b64encode(state.content).decode()
        answer = await _post(session, ref, request, {"content": content, "encoding": "base64"})
        return {**entry, "sha": fit(_Sha, answer.data, request.purpose).sha}


async def read_commit(session: Session, ref: MissionRef, sha: str) -> Commit:
    """Read a commit: tree, parents, message."""
    request = on(ref, "read commit", "GET /git/commits/{sha}", sha=sha)
    return fit(Commit, (await session.call(ref, request)).data, request.purpose)


async def read_tip(session: Session, ref: MissionRef, branch: str) -> str | None:
    """Read where a branch is; None where there is none."""
    request = on(ref, "read ref", "GET /git/ref/heads/{+branch}", branch=branch)
    try:
        answer = await session.call(ref, request, _MISSING)
    except Refusal:
        return None
    return fit(_Ref, answer.data, request.purpose).object.sha


async def need_tip(session: Session, ref: MissionRef, branch: str) -> str:
    """Read where a branch is that must be there."""
    request = on(ref, "read ref", "GET /git/ref/heads/{+branch}", branch=branch)
    try:
        answer = await session.call(ref, request)
    except ForgeRefused as error:
        if error.status != HTTPStatus.NOT_FOUND:
            raise
        raise ForgeRefused(f"the repository has no branch {branch}", error.status) from error
    return fit(_Ref, answer.data, request.purpose).object.sha


async def _post(
    session: Session,
    ref: MissionRef,
    request: Request,
    fields: Mapping[str, object],
    expected: frozenset[int] = frozenset(),
) -> Answer:
    return await session.call(ref, replace(request, body=fields), expected)

"""Commits by GitHub's git data API: no git, no clone, and GitHub signs them ("Verified").

GitHub signs what an app commits when author and committer are left to it, so both are. Source:
GitHub Docs, "Commit signature verification for bots" and "REST API endpoints for Git database".
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Final, Literal

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
    mode: Literal["100644", "100755", "120000"] = "100644"


@dataclass(frozen=True, slots=True)
class ApiCommit:
    """A commit on `base` to be the tip of `branch`.

    `files`: path to what it becomes, None where it goes. `expected`: what the branch points at
    now, None where it must not exist yet.
    """

    base: str
    branch: str
    files: Mapping[str, FileState | None]
    message: str
    expected: str | None = None


@dataclass(frozen=True, slots=True)
class CommitMade:
    """A commit that is at GitHub and the tip of its branch."""

    sha: str
    tree: str


class _Sha(Lenient):
    sha: Sha


class _Commit(Lenient):
    sha: Sha
    tree: _Sha
    parents: tuple[_Sha, ...] = ()
    message: str = ""


class _Ref(Lenient):
    object: _Sha


async def commit(session: Session, ref: MissionRef, order: ApiCommit) -> CommitMade:
    """Make the commit and move the branch: 5 calls, one more for each file that is not text.

    A branch that has the same commit already (parent, tree and message) is left as it is, so
    doing it twice is doing it once. Raises `ForgeRefused`: 409 where the branch is not at
    `expected`. GitHub has no compare-and-swap that rewinds: between the look at the branch and
    its move somebody else's push can be lost, unless the move is a fast-forward.
    """
    if not order.files:
        raise ForgeRefused("a commit without a change is not made", HTTPStatus.UNPROCESSABLE_ENTITY)
    base = await _read_commit(session, ref, order.base)
    tip = await _tip(session, ref, order.branch)
    tree = await _tree(session, ref, order, base.tree.sha)
    if tip is not None and tip != order.expected:
        there = await _read_commit(session, ref, tip)
        same = (there.tree.sha, [p.sha for p in there.parents]) == (tree, [order.base])
        if same and there.message.strip() == order.message.strip():
            return CommitMade(tip, tree)
    if tip != order.expected:
        raise ForgeRefused(
            f"the branch {order.branch} is at {tip or 'nothing'}, not at "
            f"{order.expected or 'nothing'}; it is left alone",
            HTTPStatus.CONFLICT,
        )
    fields = {"message": order.message, "tree": tree, "parents": [order.base]}
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


async def _tree(session: Session, ref: MissionRef, order: ApiCommit, base_tree: str) -> str:
    entries = [
        await _entry(session, ref, path, state) for path, state in sorted(order.files.items())
    ]
    request = on(ref, "write tree", "POST /git/trees")
    answer = await _post(session, ref, request, {"base_tree": base_tree, "tree": entries})
    return fit(_Sha, answer.data, request.purpose).sha


async def _entry(
    session: Session, ref: MissionRef, path: str, state: FileState | None
) -> dict[str, object]:
    """Describe a file: text inline, anything else as a blob of its own, null for one that goes."""
    if state is None:
        return {"path": path, "mode": "100644", "type": "blob", "sha": None}
    entry: dict[str, object] = {"path": path, "mode": state.mode, "type": "blob"}
    try:
        return {**entry, "content": state.content.decode()}
    except UnicodeDecodeError:
        request = on(ref, "write blob", "POST /git/blobs")
        content = base64.b64encode(state.content).decode()
        answer = await _post(session, ref, request, {"content": content, "encoding": "base64"})
        return {**entry, "sha": fit(_Sha, answer.data, request.purpose).sha}


async def _read_commit(session: Session, ref: MissionRef, sha: str) -> _Commit:
    request = on(ref, "read commit", "GET /git/commits/{sha}", sha=sha)
    return fit(_Commit, (await session.call(ref, request)).data, request.purpose)


async def _tip(session: Session, ref: MissionRef, branch: str) -> str | None:
    request = on(ref, "read ref", "GET /git/ref/heads/{+branch}", branch=branch)
    try:
        answer = await session.call(ref, request, _MISSING)
    except Refusal:
        return None
    return fit(_Ref, answer.data, request.purpose).object.sha


async def _post(
    session: Session,
    ref: MissionRef,
    request: Request,
    fields: Mapping[str, object],
    expected: frozenset[int] = frozenset(),
) -> Answer:
    return await session.call(ref, replace(request, body=fields), expected)

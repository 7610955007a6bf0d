"""What undoes a landing, by comparing trees; where anything is in the way, a sentence."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from grace.adapters.github.commits import BlobState, read_commit
from grace.adapters.github.payloads import Lenient, fit
from grace.adapters.github.repository_trees import PathBlocked, Trees
from grace.adapters.github.session import PAGE, Session, on
from grace.adapters.github.workshop_landings import UNTOLD, commit_before
from grace.domain.mission import MissionRef
from grace.domain.objects import TreeEntry
from grace.domain.patch_reading import PathChange
from grace.domain.ranges import PullCommits, is_revert, listed
from grace.domain.results import Sha

_LATER_PAGES: Final = 10


@dataclass(frozen=True, slots=True)
class Undo:
    """What to undo on which tip; `pull`: where its commits lie, if it is not one of ours."""

    ref: MissionRef
    landed: str
    onto: str
    pull: PullCommits | None = None


@dataclass(frozen=True, slots=True)
class Undoing:
    """The inverse of a landing on a tree; none of `files` where it is undone already.

    `overlapping`: paths that later commits touched too, though they are now as it left them.
    """

    base_tree: str
    tree: str
    files: dict[str, BlobState | None]
    overlapping: tuple[str, ...]
    before: str
    before_tree: str


class _Commit(Lenient):
    sha: Sha


class _Compared(Lenient):
    status: str
    commits: tuple[_Commit, ...] = ()


class _Commits(Lenient):
    items: tuple[_Commit, ...]


async def undo(session: Session, trees: Trees, wanted: Undo) -> Undoing | str:
    """Undo a landing (a merge, a squash, or rebased commits), or say why it cannot be.

    Every path must be there as the landing left it, or as it was before it: what was changed since
    only a person can judge.
    """
    ref, landed, onto = wanted.ref, wanted.landed, wanted.onto
    told = await read_commit(session, ref, landed)
    if is_revert(told.message):
        return _refused(landed, "it is a revert of Grace's, and no revert is reverted")
    parent = await commit_before(session, ref, told, wanted.pull)
    if parent is None:
        reason = "the first commit of the repository" if not told.parents else UNTOLD
        return _refused(landed, f"it is {reason}")
    later = await _later(session, ref, landed, onto)
    if later is None:
        return _refused(landed, f"{onto} does not contain it")
    before, root = await trees.root(parent), await trees.root(onto)
    changes = await trees.changes(before, await trees.root(landed))
    files: dict[str, TreeEntry | None] = {}
    conflicts: list[str] = []
    for change in changes:
        now = await trees.entry(root, change.path)
        if now == change.new:
            files[change.path] = change.old
        elif now != change.old:
            conflicts.append(change.path)
    if conflicts:
        return _conflict(conflicts)
    try:
        tree = await trees.replaced(root, files)
    except PathBlocked as error:
        return _conflict([error.path])
    overlapping = await _overlapping(session, ref, onto, (changes, later)) if files else ()
    sent = {p: None if e is None else BlobState(e.sha, e.mode) for p, e in files.items()}
    return Undoing(root, tree, sent, overlapping, parent, before)


def gone(landed: str) -> str:
    """Say that a landing is undone already."""
    return f"The changes of {landed} are no longer in the branch."


def _refused(landed: str, reason: str) -> str:
    return f"{landed} cannot be reverted: {reason}."


def _conflict(paths: Sequence[str]) -> str:
    return f"The revert conflicts with later changes in {listed(paths)}."


async def _later(
    session: Session, ref: MissionRef, landed: str, onto: str
) -> frozenset[str] | None:
    """List the commits between two; None where the later one does not contain the other."""
    if landed == onto:
        return frozenset()
    call = "GET /compare/{landed}...{onto}{?per_page}"
    request = on(ref, "compare", call, landed=landed, onto=onto, per_page=PAGE)
    found: set[str] = set()
    async for page in session.pages(ref, request, _LATER_PAGES):
        compared = fit(_Compared, page, request.purpose)
        if compared.status != "ahead":
            return None
        found |= {commit.sha for commit in compared.commits}
    return frozenset(found)


async def _overlapping(
    session: Session,
    ref: MissionRef,
    onto: str,
    between: tuple[Iterable[PathChange], frozenset[str]],
) -> tuple[str, ...]:
    """List the changed paths that later commits touched, even if that was undone: a call each."""
    changes, later = between
    touched: list[str] = []
    call = "GET /commits{?sha,path,per_page}"
    for change in changes if later else ():
        request = on(ref, "read history", call, sha=onto, path=change.path, per_page=PAGE)
        answer = await session.call(ref, request)
        commits = fit(_Commits, {"items": answer.data}, request.purpose).items
        if later & {commit.sha for commit in commits}:
            touched.append(change.path)
    return tuple(touched)

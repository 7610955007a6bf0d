"""Which commits a merge brought, whichever way it was merged: what stood before it. Pure."""

import re
from collections.abc import Sequence

from grace.domain.base import Frozen
from grace.domain.results import Sha

_REVERT = re.compile(r"^Mission-Agent: revert$", re.MULTILINE)


class PullCommits(Frozen):
    """Where the commits of a pull request lie that is not one commit of ours.

    They are those behind `fork`, up to `head`.
    """

    fork: Sha
    head: Sha


class CommitLine(Frozen):
    """A commit as a line of history has it. `author`: name, address and time, as written there."""

    sha: Sha
    parents: tuple[Sha, ...]
    author: str
    message: str

    def rewritten_as(self, other: "CommitLine") -> bool:
        """Tell whether a rebase would have made the other of this: it keeps author and message."""
        same = (self.author, self.message.strip()) == (other.author, other.message.strip())
        return same and self.sha != other.sha


def before(landed: Sequence[CommitLine], own: Sequence[CommitLine]) -> Sha | None:
    """Return the commit that stood before a pull request landed; None: it cannot be told.

    `landed`: the first-parent history from the landed commit back, the newest first, at least one
    commit longer than `own`. `own`: the commits of the pull request, the newest first. A merge
    commit has its base as first parent, and a squash is one commit. A rebase writes each commit
    anew, with author and message as they were, leaves merges out, and may drop what the base has.
    """
    top = landed[0]
    known = {commit.sha for commit in own}
    if top.sha in known:
        return _forwarded(landed, own)
    if len(top.parents) != 1:
        return next(iter(top.parents), None)
    left, last = [c for c in own if len(c.parents) <= 1], top
    for commit in landed:
        found = next((i for i, mine in enumerate(left) if mine.rewritten_as(commit)), None)
        if found is None or commit.sha in known:
            break
        left, last = left[found + 1 :], commit
    return next(iter(last.parents), None)


def _forwarded(landed: Sequence[CommitLine], own: Sequence[CommitLine]) -> Sha | None:
    """Find what a fast-forward began at; one over merges does not tell."""
    known = {commit.sha for commit in own}
    if any(len(commit.parents) != 1 for commit in own):
        return None
    last = [commit for commit in landed if commit.sha in known][-1]
    return last.parents[0]


def is_revert(message: str) -> bool:
    """Tell whether a landed message calls itself a revert of Grace's, which is never reverted."""
    return _REVERT.search(message) is not None


def listed(paths: Sequence[str], most: int = 5) -> str:
    """Name the first so many paths, and how many more there are."""
    more = len(paths) - most
    return ", ".join(paths[:most]) + (f" and {more} more" if more > 0 else "")

"""What came of making a revert."""

from typing import Literal

from grace.domain.base import Frozen
from grace.domain.commit_events import CheckSeen
from grace.domain.results import Sha


class RevertPushed(Frozen):
    """The revert branch is at the forge.

    `restores`: every path of the landed change is as it was before. `overlapping`: paths that
    later merges changed too. `before`: the commit that stood before the landing, and its tree;
    `checks`: what CI says of that commit.
    """

    kind: Literal["revert_pushed"] = "revert_pushed"
    head: Sha
    base: Sha
    tree: Sha
    restores: bool
    overlapping: tuple[str, ...] = ()
    before: Sha | None = None
    before_tree: Sha | None = None
    checks: tuple[CheckSeen, ...] = ()


class RevertRefused(Frozen):
    """A revert cannot be made by a machine.

    `undone_at`: the tip of the base where that is because everything is as it was before already;
    then `tree` is the tip's, and `before_tree` the one before the landing.
    """

    kind: Literal["revert_refused"] = "revert_refused"
    reason: str
    undone_at: Sha | None = None
    tree: Sha | None = None
    before_tree: Sha | None = None

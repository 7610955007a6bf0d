"""What goes into the git adapter and what comes out of it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from grace.adapters.git.errors import InvalidName
from grace.domain.ranges import PullCommits


@dataclass(frozen=True, slots=True)
class Ident:
    """Who wrote or made a commit."""

    name: str
    email: str

    def __post_init__(self) -> None:
        for kind, value in (("author name", self.name), ("author address", self.email)):
            if not value.strip() or any(c in "<>" or not c.isprintable() for c in value):
                raise InvalidName(kind, value)


@dataclass(frozen=True, slots=True)
class CommitDraft:
    """A commit without tree and parents.

    `message` gets the tree's id, because a trailer may be a signature over it; `sign` gets the
    raw commit and returns it with a `gpgsig` header. `at` must know its zone. The same inputs
    give the same commit id.
    """

    message: str | Callable[[str], str]
    author: Ident
    at: datetime
    sign: Callable[[bytes], bytes]
    committer: Ident | None = None


@dataclass(frozen=True, slots=True)
class DiffStat:
    files: int
    added: int
    deleted: int


@dataclass(frozen=True, slots=True)
class BuiltCommit:
    """A commit that exists in the mirror and was not pushed; `paths` are sorted."""

    sha: str
    tree: str
    parent: str
    paths: tuple[str, ...]
    diff_stat: DiffStat


@dataclass(frozen=True, slots=True)
class LandedSpan:
    """What landed; `pull`: where its commits lie, None where it is one, or a merge of them."""

    landed: str
    pull: PullCommits | None = None


@dataclass(frozen=True, slots=True)
class BuiltRevert:
    """A revert with what a person should know before it lands.

    `overlapping_paths` were touched by the landed commit and again later. `restores`: every path
    of the landed commit has the mode and blob that it had before, or is absent as before.
    `before`: the commit that stood before it, and its tree.
    """

    commit: BuiltCommit
    overlapping_paths: tuple[str, ...]
    restores: bool
    before: str
    before_tree: str


class PushResult(StrEnum):
    CREATED = "created"
    UPDATED = "updated"
    ALREADY_THERE = "already_there"


@dataclass(frozen=True, slots=True)
class PushOutcome:
    ref: str
    sha: str
    result: PushResult


@dataclass(frozen=True, slots=True)
class Appended:
    """The tip of a published branch; `pushed` is False when it held the files already."""

    sha: str
    pushed: bool

"""What a patch changes, and what its base commit says about who may change it."""

from typing import Annotated, Literal

from pydantic import Field

from grace.domain.base import Frozen
from grace.domain.results import Sha
from grace.domain.rules.language import RepositoryPolicy
from grace.domain.waivers import Waivers
from grace.domain.weakening import Weakening

POLICY_FILE = ".github/mission-control.yml"
WAIVER_FILE = ".github/hunter-waivers.yml"
# In the order in which GitHub looks for it.
OWNER_FILES = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")
MAX_WEAKENINGS = 200


class FileChange(Frozen):
    """One changed path; a rename is a removal and an addition. Lines of a binary count as 0."""

    path: str
    added: Annotated[int, Field(ge=0)] = 0
    removed: Annotated[int, Field(ge=0)] = 0


class CommitFact(Frozen):
    """One commit between base and head; `signature`: what could be proven of it."""

    sha: Sha
    parents: tuple[Sha, ...]
    author: str
    signature: Literal["good", "bad", "none", "unknown_key"] = "none"


class Owned(Frozen):
    """Changed paths that the same people own; `owners` as CODEOWNERS writes them."""

    owners: tuple[str, ...]
    paths: tuple[str, ...]


class RepositoryRules(Frozen):
    """The repository's policy file at the base; `problems`: why it cannot be used, by line.

    Neither a policy nor a problem: the file is not there.
    """

    policy: RepositoryPolicy | None = None
    problems: tuple[str, ...] = ()


class Inspection(Frozen):
    """One patch, read from git: what it changes, and what stood at the base."""

    head: Sha
    base: Sha
    files: tuple[FileChange, ...]
    commits: tuple[CommitFact, ...] = ()
    weakenings: Annotated[tuple[Weakening, ...], Field(max_length=MAX_WEAKENINGS)] = ()
    weakened: Annotated[int, Field(ge=0)] = 0
    rules: RepositoryRules = RepositoryRules()
    owned: tuple[Owned, ...] = ()
    owners_known: bool = False
    waivers: Waivers = Waivers()
    waiver_problems: tuple[str, ...] = ()

    @property
    def lines(self) -> int:
        """Count lines added and removed."""
        return sum(f.added + f.removed for f in self.files)

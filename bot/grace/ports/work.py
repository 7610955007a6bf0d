"""The clock, the code and the metrics."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from grace.domain.catalog import MetricDefinition
from grace.domain.effects import PushPatch, PushRevert
from grace.domain.events import (
    BaseRead,
    BranchPushed,
    PatchRefused,
    RevertPushed,
    RevertRefused,
)
from grace.domain.governance_events import AttestedArtifact
from grace.domain.inspection import CommitFact, FileChange, Owned, RepositoryRules
from grace.domain.mission import MissionRef
from grace.domain.package import MetricObservation
from grace.domain.results import ArtifactReport
from grace.domain.samples import Sample
from grace.domain.waivers import Waivers
from grace.domain.weakening import FilePair


class Clock(Protocol):
    """Tell the time, in UTC."""

    def now(self) -> datetime: ...


@dataclass(frozen=True, slots=True)
class CommitOrder:
    """How a commit is to be made: `message` gets the tree, `sign` the raw commit."""

    message: Callable[[str], str]
    sign: Callable[[bytes], bytes]
    at: datetime


@dataclass(frozen=True, slots=True)
class PatchRead:
    """What lies between two commits, as git has it.

    `pairs` hold the texts of changed files, of the first so many and so large as are read at all;
    the others are unreadable. `documents`: the wanted files as they are at the base, by path;
    one that is not there is left out.
    """

    files: tuple[FileChange, ...]
    pairs: tuple[FilePair, ...]
    commits: tuple[CommitFact, ...]
    documents: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Restoration:
    """How a tree after a revert compares with `tree`, the one before the landing.

    `differing`: the paths of the landing that are not as they were before it.
    """

    tree: str
    differing: tuple[str, ...]


class Repositories(Protocol):
    """Code, by git and without a work tree. Every call may raise `ForgeError`."""

    async def tip(self, ref: MissionRef, branch: str) -> BaseRead: ...
    async def tree(self, ref: MissionRef, sha: str) -> str: ...
    async def restored(
        self, ref: MissionRef, landed: str, now: str, before: str | None = None
    ) -> Restoration:
        """Compare the tree at `now` with the one before a landing.

        `before`: the commit that stood there then; None: the landed commit's first parent.
        """
        ...

    async def contains(self, ref: MissionRef, head: str, ancestor: str) -> bool: ...
    async def change(
        self, ref: MissionRef, base: str, head: str, documents: Sequence[str]
    ) -> PatchRead:
        """Read what lies between two commits, without renames, and some files at the base."""
        ...

    async def push_patch(
        self, ref: MissionRef, effect: PushPatch, order: CommitOrder
    ) -> BranchPushed | PatchRefused: ...
    async def push_revert(
        self, ref: MissionRef, effect: PushRevert, order: CommitOrder, *, again: bool
    ) -> RevertPushed | RevertRefused: ...
    async def read(self, ref: MissionRef, branch: str, path: str) -> bytes | None:
        """Read a file at a branch's tip at the forge; None where branch or file is missing."""
        ...

    async def publish(
        self, ref: MissionRef, branch: str, files: Mapping[str, bytes], order: CommitOrder
    ) -> None: ...


class MetricSource(Protocol):
    """Where samples come from. A source that is down answers a sample without a value."""

    async def sample_all(
        self, wanted: Mapping[str, MetricDefinition]
    ) -> tuple[MetricObservation, ...]: ...


class MetricHistory(Protocol):
    """What metrics were like before anybody watched them, where a source remembers it."""

    async def history(
        self, metric_id: str, definition: MetricDefinition, start: float, end: float, step: float
    ) -> Sequence[Sample]:
        """Read a sample every `step` seconds with start <= at < end, oldest first.

        None where the source does not remember or answer. Times are seconds since the epoch.
        """
        ...


class RuleReader(Protocol):
    """Read what a repository's own files say; strangers may have written every byte."""

    def rules(self, text: bytes | None) -> RepositoryRules:
        """Read the policy file; None: there is none. What is wrong comes back as problems."""
        ...

    def waivers(self, text: bytes | None) -> tuple[Waivers, tuple[str, ...]]:
        """Read the waiver file; a broken one waives nothing, and its problems are told."""
        ...

    def owners(self, text: bytes, paths: Sequence[str]) -> tuple[Owned, ...]:
        """Say by CODEOWNERS who owns which of these paths."""
        ...


class AttestationVerifier(Protocol):
    """Verify sigstore bundles without a network."""

    async def verify(self, artifacts: Sequence[ArtifactReport]) -> tuple[AttestedArtifact, ...]: ...

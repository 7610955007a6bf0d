"""The clock, the code and the metrics."""

from collections.abc import Callable, Mapping
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
from grace.domain.mission import MissionRef
from grace.domain.package import MetricObservation


class Clock(Protocol):
    """Tell the time, in UTC."""

    def now(self) -> datetime: ...


@dataclass(frozen=True, slots=True)
class CommitOrder:
    """How a commit is to be made: `message` gets the tree, `sign` the raw commit."""

    message: Callable[[str], str]
    sign: Callable[[bytes], bytes]
    at: datetime


class Repositories(Protocol):
    """Code, by git and without a work tree. Every call may raise `ForgeError`."""

    async def tip(self, ref: MissionRef, branch: str) -> BaseRead: ...
    async def tree(self, ref: MissionRef, sha: str) -> str: ...
    async def restored(self, ref: MissionRef, landed: str, now: str) -> bool:
        """Tell whether every path that `landed` changed is at `now` as it was before it."""
        ...

    async def contains(self, ref: MissionRef, head: str, ancestor: str) -> bool: ...
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

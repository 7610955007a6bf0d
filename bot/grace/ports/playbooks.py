"""Runs of playbooks, between who orders them and the runners that carry them out."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from grace.domain.mission import MissionRef
from grace.domain.playbooks.run import RunOrder, RunReport


@dataclass(frozen=True, slots=True)
class RunLease:
    """A run that a runner has taken, and until when it is alone with the target.

    `withdrawn`: somebody wants it to stop before its next step; the sentence says why. `reported`:
    the newest report of it, by whoever had it before.
    """

    order: RunOrder
    lease: str
    runner: str
    until: datetime
    withdrawn: str | None = None
    reported: RunReport | None = None


@dataclass(frozen=True, slots=True)
class RunClaimant:
    """Who asks for a run: a runner by its name, the token that it has, and its targets."""

    runner: str
    token: str
    targets: tuple[str, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class RunHolder:
    """Who says that it has a run: by its lease, which is good with the same token alone."""

    run: str
    lease: str
    token: str


class RunBoard(Protocol):
    """Where runs are laid out; one at a time for each target. Each method is one transaction."""

    async def offer(self, ref: MissionRef, order: RunOrder, now: datetime) -> None:
        """Lay out a run; one with its id that is there already stays as it is."""
        ...

    async def withdraw(self, run: str, reason: str, now: datetime) -> None:
        """Take a run back: if none has begun it, it ends as withdrawn; else its runner is told."""
        ...

    async def claim(self, claimant: RunClaimant, now: datetime) -> RunLease | None:
        """Take the oldest run for one of these targets that nobody carries out, or None.

        A run whose lease ran out is given to the next who asks, with what was reported of it. One
        that expired before anybody began it ends as withdrawn.
        """
        ...

    async def renew(self, holder: RunHolder, seconds: float, now: datetime) -> RunLease | None:
        """Hold a lease for longer; None: it was lost."""
        ...

    async def report(self, holder: RunHolder, report: RunReport, now: datetime) -> bool:
        """Keep a report and hand it to the mission, at once; False: the lease was lost.

        A report whose number is known changes nothing.
        """
        ...

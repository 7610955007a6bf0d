"""What runner and bot say to each other about runs."""

from typing import Annotated

from pydantic import AwareDatetime, Field

from grace.domain.base import Frozen
from grace.domain.package import Name
from grace.domain.playbooks.run import RunOrder, RunReport
from grace.domain.proposals import RequestKey

LeaseId = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9_-]+$")]
Seconds = Annotated[float, Field(ge=5, le=3600, allow_inf_nan=False)]


class RunClaim(Frozen):
    """A runner asks for work: for any of these targets, alone for so long from each word of its."""

    runner: Name
    targets: Annotated[tuple[Name, ...], Field(min_length=1, max_length=50)]
    seconds: Seconds = 60


class RunRenewal(Frozen):
    """A runner is still there."""

    run: RequestKey
    lease: LeaseId
    seconds: Seconds = 60


class RunWord(Frozen):
    """What a runner reports, under its lease."""

    lease: LeaseId
    report: RunReport


class RunHeld(Frozen):
    """A run that a runner has. `reported`: the newest report of it, by whoever had it before."""

    order: RunOrder
    lease: LeaseId
    runner: Name
    until: AwareDatetime
    withdrawn: str | None = None
    reported: RunReport | None = None


class RunKept(Frozen):
    """A report is kept; once more it changes nothing."""

    run: RequestKey
    number: int

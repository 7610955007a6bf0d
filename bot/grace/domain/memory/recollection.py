"""What memory answers before a mission: missions like it, what was tried, and what held."""

from enum import StrEnum
from typing import Annotated, Final

from pydantic import AwareDatetime, Field, StringConstraints

from grace.domain.base import Frozen
from grace.domain.phase import MissionType, Outcome, Severity

MAX_HITS: Final = 10
MAX_REUSABLE: Final = 5
MAX_RECORDS: Final = 500
MAX_REUSED_DIFF: Final = 60_000

# What was tried: `candidate:NAME`, `remedy:NAME`, `agent:NAME`, `playbook:NAME`, or the patch of an
# earlier mission: `memory:reapply`.
RemedyName = Annotated[
    str,
    StringConstraints(
        pattern=r"^(candidate|remedy|agent|playbook|memory):[A-Za-z0-9][A-Za-z0-9_.-]{0,79}$"
    ),
]


class Result(StrEnum):
    """What became of one remedy in one mission.

    `held`: it landed, or ran, and the problem stayed away. `ineffective`: it held at first, and
    the problem came back. `reverted`: it landed and was undone, or was to be. `failed`: it never
    landed. `undecided`: nothing can be said of it, as where the mission was cancelled, or its
    problem went away by itself.
    """

    HELD = "held"
    INEFFECTIVE = "ineffective"
    REVERTED = "reverted"
    FAILED = "failed"
    UNDECIDED = "undecided"

    @property
    def success(self) -> bool | None:
        """Count it for or against the remedy; None: it counts for neither."""
        return None if self is Result.UNDECIDED else self is Result.HELD


class Trial(Frozen):
    """One remedy that a mission tried, what became of it, and why where it did not do."""

    remedy: RemedyName
    result: Result
    why: Annotated[str, Field(max_length=300)] = ""


class Hit(Frozen):
    """A mission like the one that is asked about; only what may be said in its repository.

    `score`: between 0 and 1, comparable within one answer alone. `effective` False: its problem
    came back. `shared`: what both have in common, in words.
    """

    mission: str
    repository: str
    issue: int | None = None
    subsystem: str
    severity: Severity
    summary: Annotated[str, Field(max_length=500)] = ""
    outcome: Outcome
    reverted: bool = False
    effective: bool | None = None
    tried: tuple[Trial, ...] = ()
    closed_at: AwareDatetime
    score: Annotated[float, Field(ge=0, le=1)]
    shared: tuple[str, ...] = ()


class RemedyCount(Frozen):
    """What became of one remedy over all hits."""

    remedy: RemedyName
    held: int = 0
    reverted: int = 0
    ineffective: int = 0
    failed: int = 0


class ReusablePatch(Frozen):
    """A patch that held in a mission like this one, in the same repository, and may be tried again.

    Never one that was reverted or whose problem came back, there or in any other hit with the same
    diff. `digest`: SHA-256 of the diff. `entry`: number of the ledger entry that keeps it.
    """

    name: str
    diff: Annotated[str, Field(min_length=1, max_length=MAX_REUSED_DIFF)]
    digest: str
    remedy: RemedyName
    from_mission: str
    entry: int
    held: int
    score: Annotated[float, Field(ge=0, le=1)]


class OutcomeRecord(Frozen):
    """One trial as learning counts it. `signature`: that of the mission's symptoms, as text.

    `result` undecided counts for nothing; `self_recovered` says that the problem went by itself.
    """

    mission: str
    mission_type: MissionType = MissionType.CODING
    signature: str
    subsystem: str
    severity: Severity
    remedy: RemedyName
    result: Result
    self_recovered: bool = False
    at: AwareDatetime


class Recollection(Frozen):
    """What memory knows that is of use to one mission, at `asked_at`.

    `signature`: that of the mission that asks. `records`: every trial of its installation that may
    be counted, not those of the hits alone, newest last. `note`: why there is no answer, where
    memory could not be asked.
    """

    asked_at: AwareDatetime
    signature: str = ""
    hits: Annotated[tuple[Hit, ...], Field(max_length=MAX_HITS)] = ()
    counts: tuple[RemedyCount, ...] = ()
    reusable: Annotated[tuple[ReusablePatch, ...], Field(max_length=MAX_REUSABLE)] = ()
    records: Annotated[tuple[OutcomeRecord, ...], Field(max_length=MAX_RECORDS)] = ()
    sentence: Annotated[str, Field(max_length=1000)] = ""
    note: Annotated[str, Field(max_length=500)] = ""

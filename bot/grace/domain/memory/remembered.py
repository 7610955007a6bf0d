"""What one ended mission leaves: everything that is searched, cited, counted or tried again.

It is written to the ledger by the decision that closes the mission, as `mission.remembered`, and
the table that is searched is a fold of those entries and of what became known later.
"""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from grace.domain.base import Frozen
from grace.domain.memory.recollection import MAX_REUSED_DIFF, RemedyName, Result, Trial
from grace.domain.package import MemoryScope, Symptom
from grace.domain.phase import MissionType, Outcome, Severity
from grace.domain.results import Sha

Short = Annotated[str, Field(max_length=500)]
Digest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
Dollars = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Lesson(StrEnum):
    """Whether the patch of a mission may be tried again in another one.

    `none`: there is no patch that held. `withheld`: the scope is read_only. `proposed`: it waits
    for a person. `kept`: it may. `forgotten`: a person took it out, or it did not last.
    """

    NONE = "none"
    WITHHELD = "withheld"
    PROPOSED = "proposed"
    KEPT = "kept"
    FORGOTTEN = "forgotten"


class Landed(Frozen):
    """The patch that landed. `diff` None: it came as a commit, or is too long to be kept here."""

    name: Short
    remedy: RemedyName
    diff: Annotated[str, Field(max_length=MAX_REUSED_DIFF)] | None = None
    digest: Digest | None = None
    sha: Sha
    paths: Annotated[tuple[str, ...], Field(max_length=200)] = ()


class Remembered(Frozen):
    """One ended mission; `log` and `mission` name it.

    `summary`: its title and what its reporter wrote; `details`: the rest of what was searched for
    it. `trace`: functions of stack traces in its evidence. `effective` False: its problem came
    back, in `recurred`. `seconds`: from its start to its end. `entry`: the number of the ledger
    entry that it was written with, which keeps the patch; 0 before it has one. `forgotten`: a
    person took it out: it is not found, cited or offered, and its outcome still counts.
    """

    v: Literal[1] = 1
    mission: str
    host: str
    repository_id: int
    repository: str
    installation_id: int | None = None
    issue: int | None = None
    mission_type: MissionType = MissionType.CODING
    subsystem: str = ""
    severity: Severity
    summary: Short = ""
    symptoms: Annotated[tuple[Symptom, ...], Field(max_length=20)] = ()
    details: Annotated[str, Field(max_length=10_000)] = ""
    tests: Annotated[tuple[str, ...], Field(max_length=50)] = ()
    trace: Annotated[tuple[str, ...], Field(max_length=40)] = ()
    errors: Annotated[tuple[str, ...], Field(max_length=20)] = ()
    signature: str = ""
    outcome: Outcome
    reason: Short = ""
    reverted: bool = False
    effective: bool | None = None
    recurred: str | None = None
    tried: Annotated[tuple[Trial, ...], Field(max_length=50)] = ()
    patch: Landed | None = None
    scope: MemoryScope
    lesson: Lesson = Lesson.NONE
    lesson_by: str | None = None
    capa: int | None = None
    capa_open: bool = False
    forgotten: bool = False
    money_usd: Dollars = 0.0
    seconds: Dollars = 0.0
    closed_at: AwareDatetime
    entry: int = 0

    @property
    def log(self) -> str:
        return f"{self.host}/{self.repository_id}"

    @property
    def metrics(self) -> tuple[str, ...]:
        """List the metrics that its symptoms name, each once."""
        return tuple(dict.fromkeys(s.metric_id for s in self.symptoms if s.metric_id is not None))

    @property
    def findable(self) -> bool:
        """Tell whether it may be found and cited: nobody took it out, and it was more than a wish.

        What strangers file and nobody starts ends as cancelled with nothing tried. A few of those
        in the words of a real problem would else stand before what once helped.
        """
        return not self.forgotten and (self.outcome is not Outcome.CANCELLED or bool(self.tried))

    @property
    def held(self) -> bool:
        """Tell whether its problem was fixed, and stayed so as far as is known."""
        return self.outcome is Outcome.FIXED and self.effective is not False and not self.reverted


def came_back(found: Remembered, by: str) -> Remembered:
    """Mark that the problem came back: what had held did not, and is not offered again."""
    trials = tuple(
        trial.model_copy(update={"result": Result.INEFFECTIVE})
        if trial.result is Result.HELD
        else trial
        for trial in found.tried
    )
    return found.model_copy(
        update={"effective": False, "recurred": by, "tried": trials, "lesson": _dropped(found)}
    )


def with_capa(found: Remembered, number: int, *, is_open: bool) -> Remembered:
    """Note a CAPA ticket, and whether it is open."""
    return found.model_copy(update={"capa": number, "capa_open": is_open})


def lesson_kept(found: Remembered, by: str) -> Remembered:
    """Let a person's word keep a lesson that waited for one; any other stays what it is."""
    if found.lesson is not Lesson.PROPOSED:
        return found
    return found.model_copy(update={"lesson": Lesson.KEPT, "lesson_by": by})


def forgotten(found: Remembered, by: str) -> Remembered:
    """Take it out of what is found and offered; its outcome still counts."""
    return found.model_copy(update={"forgotten": True, "lesson": _dropped(found), "lesson_by": by})


def _dropped(found: Remembered) -> Lesson:
    return Lesson.NONE if found.lesson is Lesson.NONE else Lesson.FORGOTTEN

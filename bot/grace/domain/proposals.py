"""The one contract of whatever proposes a fix: what it is told, and what it may answer.

An agent gets a task and a checkout of the base, and answers with a unified diff, a rationale and
what it used, or with the sentence that says why there is none. It has no secret and no write
access; gates judge what it answers like the work of a stranger.
"""

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, Field, StringConstraints, model_validator

from grace.domain.agents import Agent, Money
from grace.domain.base import Frozen
from grace.domain.package import MissionPackage, Name
from grace.domain.phase import Outcome
from grace.domain.results import Count, RepositoryPath, Sha

MAX_DIFF = 200_000
MAX_WORDS = 4000
MAX_OUTPUT = 20_000

# `mission_20261122_001/ask/2`: unique, and printable wherever a run is named.
RequestKey = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_./-]{0,119}$")]
Words = Annotated[str, Field(max_length=MAX_WORDS)]


class FailingTest(Frozen):
    """A test that is to pass, and what it said when it last failed."""

    name: Annotated[str, Field(min_length=1, max_length=500)]
    message: Annotated[str, Field(max_length=2000)] = ""
    file: RepositoryPath | None = None
    line: Annotated[int, Field(ge=1)] | None = None


class PastAttempt(Frozen):
    """A patch that was tried for this mission, and why it did not do."""

    agent: str
    candidate: str
    failure: Words
    diff: Annotated[str, Field(max_length=20_000)] = ""


class PastMission(Frozen):
    """A mission like this one, as memory has it: how it ended, and what was tried."""

    mission: str
    outcome: Outcome
    reverted: bool = False
    tried: tuple[str, ...] = ()
    closed_at: AwareDatetime
    summary: Annotated[str, Field(max_length=500)] = ""


class Budget(Frozen):
    """What one run of an agent may use."""

    minutes: Annotated[float, Field(gt=0, le=360)] = 15
    money_usd: Money = 0.0
    max_bytes: Annotated[int, Field(ge=1, le=MAX_DIFF)] = 100_000
    max_files: Annotated[int, Field(ge=1, le=1000)] = 20
    protected_paths: tuple[str, ...] = ()


class AgentTask(Frozen):
    """What an agent is told. Every text in it was written by strangers.

    `failing_output`: the end of what the tests printed at the base, where they were run.
    `suspects`: commits that landed shortly before the trouble, newest first. `setup`: how the
    operator's agents.yaml says that the agent is run; None: as Grace comes.
    """

    v: Literal[1] = 1
    request: RequestKey
    agent: Name
    setup: Agent | None = None
    mission: MissionPackage
    base: Sha
    failing: Annotated[tuple[FailingTest, ...], Field(max_length=200)] = ()
    failing_output: Annotated[str, Field(max_length=MAX_OUTPUT)] = ""
    attempts: Annotated[tuple[PastAttempt, ...], Field(max_length=20)] = ()
    memory: Annotated[tuple[PastMission, ...], Field(max_length=10)] = ()
    memory_sentence: Annotated[str, Field(max_length=1000)] = ""
    suspects: Annotated[tuple[Sha, ...], Field(max_length=50)] = ()
    budget: Budget = Budget()


class Usage(Frozen):
    """What one run used; what is not known is left 0 and `measured` says so of the money."""

    seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    tokens_in: Count = 0
    tokens_out: Count = 0
    money_usd: Money = 0.0
    measured: bool = False
    model: Annotated[str, Field(max_length=100)] = ""


class Refusal(StrEnum):
    """Why an agent's run left no patch."""

    NO_CHANGE = "no_change"
    NO_PATCH = "no_patch"
    OUT_OF_BOUNDS = "out_of_bounds"
    SECRET = "secret"  # noqa: S105 - a kind of refusal
    BINARY = "binary"
    LINK = "link"
    SUBMODULE = "submodule"
    TOO_LARGE = "too_large"
    TIMED_OUT = "timed_out"
    RESOURCES = "resources"
    FAILED = "failed"
    NO_SANDBOX = "no_sandbox"
    BUDGET = "budget"
    INVALID = "invalid"


class Proposal(Frozen):
    """What came of one run: a diff, or a refusal with its sentence.

    `plausible`: the tests that were run hold with it, which is no proof that it is right.
    `held_back`: how many tests the agent did not see, and how many of those pass.
    """

    v: Literal[1] = 1
    request: RequestKey
    agent: Name
    base: Sha
    diff: Annotated[str, Field(min_length=1, max_length=MAX_DIFF)] | None = None
    refusal: Refusal | None = None
    sentence: Words = ""
    rationale: Words = ""
    usage: Usage = Usage()
    plausible: bool | None = None
    held_back: tuple[Count, Count] | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.diff is None) == (self.refusal is None):
            raise ValueError("give either diff or refusal")
        if self.refusal is not None and not self.sentence:
            raise ValueError("a refusal needs its sentence")
        return self

    @property
    def lines(self) -> int:
        """Count the lines that the diff adds and takes away."""
        changed = (line for line in (self.diff or "").split("\n") if line[:1] in {"+", "-"})
        return sum(not line.startswith(("+++ ", "--- ")) for line in changed)

"""A run of a playbook: what a runner is given, and what it reports."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from grace.domain.base import Frozen
from grace.domain.package import MissionId, Name
from grace.domain.playbooks.action import Found, TargetKind
from grace.domain.playbooks.playbook import Playbook, StepId
from grace.domain.proposals import MAX_DIFF, RequestKey
from grace.domain.results import Count

MAX_FINDINGS = 40
About = Annotated[str, Field(max_length=500)]


class StepState(StrEnum):
    """How a step stands. `needless`: what it would bring about is so already."""

    DONE = "done"
    NEEDLESS = "needless"
    SKIPPED = "skipped"
    FAILED = "failed"
    UNDONE = "undone"
    NEEDS_PERSON = "needs_person"


class StepReport(Frozen):
    """What became of one step; `found` is what it measured, for people and for later steps.

    `about`: what exactly it would be done to, where a person is to agree to that and no other.
    """

    step: StepId
    state: StepState
    sentence: Annotated[str, Field(max_length=1000)]
    found: Annotated[Found, Field(max_length=MAX_FINDINGS)] = {}
    about: About = ""
    started_at: AwareDatetime
    ended_at: AwareDatetime


class RunState(StrEnum):
    """How a run stands; all but `offered` and `running` are its end."""

    OFFERED = "offered"
    RUNNING = "running"
    HEALED = "healed"
    NOT_HEALED = "not_healed"
    NEEDS_PERSON = "needs_person"
    FAILED = "failed"
    UNDONE = "undone"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


ENDED = frozenset(RunState) - {RunState.OFFERED, RunState.RUNNING}


class RunOrder(Frozen):
    """What a runner is to do: the whole playbook goes with it, so that nothing can change under it.

    `approved`: steps to which a named person agreed, by step, with who it was; `agreed`: the
    `about` of the report that they agreed to, since they agreed to nothing else. `resumes`: reports
    of the steps that earlier runs of this try ended, which are not done again, or, with the mode
    `undo`, are taken back. `first`: the first run of this try, whose files the runner goes on with;
    None: it is this one. `mission` None: somebody runs it by hand.
    """

    id: RequestKey
    first: RequestKey | None = None
    mission: MissionId | None = None
    playbook: Playbook
    target: Name
    kind: TargetKind
    mode: Literal["run", "dry_run", "undo"] = "run"
    approved: dict[StepId, str] = {}
    agreed: dict[StepId, About] = {}
    resumes: tuple[StepReport, ...] = ()
    expires_at: AwareDatetime | None = None


class RunReport(Frozen):
    """What a runner says of a run: as it stands, whole; the newest `number` counts.

    `diff`: the patch that the playbook ends in, where it does.
    """

    id: RequestKey
    number: Count
    runner: Name
    state: RunState
    sentence: Annotated[str, Field(max_length=2000)]
    steps: Annotated[tuple[StepReport, ...], Field(max_length=60)] = ()
    waiting_for: StepId | None = None
    diff: Annotated[str, Field(max_length=MAX_DIFF)] | None = None
    at: AwareDatetime

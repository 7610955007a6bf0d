"""A playbook: for which trouble it is, on what kind of target, and its steps in their order."""

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from grace.domain.base import Frozen
from grace.domain.package import MetricId, Name
from grace.domain.playbooks.action import ActionName, Radius, Risk, Scalar, TargetKind

OnFailure = Literal["undo", "stop", "continue"]
StepId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,39}$")]


class Symptoms(Frozen):
    """Which missions it is for: one whose symptoms name a metric, or whose words hold a phrase.

    Phrases are compared without case, as whole words.
    """

    metrics: Annotated[tuple[MetricId, ...], Field(max_length=50)] = ()
    phrases: Annotated[
        tuple[
            Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=100)],
            ...,
        ],
        Field(max_length=50),
    ] = ()

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.metrics and not self.phrases:
            raise ValueError("name at least one metric or phrase")
        return self


class Step(Frozen):
    """One action with its parameters.

    `when` unhealed: only while the trouble lasts, as the playbook's `healed` step says. `failed`:
    only when the step named by `after` failed. `on_failure`: stop and undo what was done (so it is
    where nothing is written), stop, or go on. `risk` and `radius` may be graver than the action's
    own; `person`: a named person must agree to it each time.
    """

    id: StepId
    action: ActionName
    with_: Annotated[dict[str, Scalar], Field(alias="with", default_factory=dict)]
    when: Literal["always", "unhealed", "failed"] = "always"
    after: StepId | None = None
    timeout_seconds: Annotated[float, Field(gt=0, le=86_400)] = 60
    on_failure: OnFailure | None = None
    risk: Risk | None = None
    radius: Radius | None = None
    person: bool | None = None
    words: Annotated[str, Field(max_length=300)] = ""

    @property
    def then(self) -> OnFailure:
        """Say what follows where it fails."""
        return self.on_failure or "undo"


class Playbook(Frozen):
    """`playbooks/NAME.yaml`. `healed`: the step that tells whether the trouble is over."""

    name: Name
    version: Annotated[int, Field(ge=1)] = 1
    description: Annotated[str, Field(min_length=1, max_length=500)]
    target: TargetKind
    symptoms: Symptoms
    subsystems: tuple[Name, ...] = ()
    healed: Step
    steps: Annotated[tuple[Step, ...], Field(min_length=1, max_length=30)]

    @model_validator(mode="after")
    def _ids(self) -> Self:
        ids = [self.healed.id, *(s.id for s in self.steps)]
        if len(set(ids)) != len(ids):
            raise ValueError("two steps have the same id")
        known: set[str] = set()
        for step in self.steps:
            if (step.when == "failed") != (step.after is not None):
                raise ValueError(f"step {step.id}: `after` goes with `when: failed`, and only then")
            if step.after is not None and step.after not in known:
                raise ValueError(f"step {step.id}: `after` names no earlier step")
            known.add(step.id)
        return self


class Playbooks(Frozen):
    """All playbooks of the configuration."""

    playbooks: Annotated[tuple[Playbook, ...], Field(max_length=100)] = ()

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [p.name for p in self.playbooks]
        if len(set(names)) != len(names):
            raise ValueError("two playbooks have the same name")
        return self

    def within(self, subsystems: frozenset[str]) -> "Playbooks":
        """Leave out the playbooks of other subsystems alone, and their names."""
        seen = (
            (p, tuple(name for name in p.subsystems if name in subsystems)) for p in self.playbooks
        )
        return Playbooks(
            playbooks=tuple(
                p.model_copy(update={"subsystems": names})
                for p, names in seen
                if names or not p.subsystems
            )
        )

    def named(self, name: str) -> Playbook | None:
        return next((p for p in self.playbooks if p.name == name), None)

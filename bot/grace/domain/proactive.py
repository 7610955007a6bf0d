"""What Grace may begin by herself: which missions, with which remedies, and how many."""

import hashlib
from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from grace.domain.base import Frozen
from grace.domain.package import MetricId, Name, PatchCandidate
from grace.domain.phase import Severity
from grace.domain.results import Sha

# What the agent of a remedy's patch is called, before its name.
REMEDY: Final = "remedy"


class Remedy(Frozen):
    """A patch that people prepared for a problem that may come.

    It applies to missions of `subsystems` (none: all) whose symptoms name one of `metrics`. A `ref`
    is a commit, whole: a branch could be moved under it. Its record is that of the agent
    `remedy:NAME@DIGEST`: who changes the patch begins a new record.
    """

    name: Name
    description: Annotated[str, Field(max_length=500)] = ""
    metrics: Annotated[tuple[MetricId, ...], Field(min_length=1, max_length=50)]
    subsystems: tuple[Name, ...] = ()
    diff: Annotated[str, Field(min_length=1, max_length=200_000)] | None = None
    ref: Sha | None = None

    @model_validator(mode="after")
    def _a_patch(self) -> Self:
        self.candidate()
        return self

    def candidate(self) -> PatchCandidate:
        """Return it as a candidate of a mission."""
        return PatchCandidate(name=self.name, diff=self.diff, ref=self.ref)

    @property
    def agent(self) -> str:
        """Name whose record it has."""
        content = (self.diff or self.ref or "").encode()
        return f"{REMEDY}:{self.name}@{hashlib.sha256(content).hexdigest()[:8]}"


class Remedies(Frozen):
    """`config/remedies.yaml`."""

    remedies: Annotated[tuple[Remedy, ...], Field(max_length=200)] = ()

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [r.name for r in self.remedies]
        if len(set(names)) != len(names):
            raise ValueError("two remedies have the same name")
        return self

    def made(self, candidate: PatchCandidate) -> Remedy | None:
        """Find the remedy that a candidate is, to the last byte; None: somebody's own patch."""
        return next((r for r in self.remedies if r.candidate() == candidate), None)

    def within(self, subsystems: frozenset[str]) -> "Remedies":
        """Leave out what was prepared for other subsystems alone, and their names."""
        seen = (
            (r, tuple(name for name in r.subsystems if name in subsystems)) for r in self.remedies
        )
        return Remedies(
            remedies=tuple(
                r.model_copy(update={"subsystems": names})
                for r, names in seen
                if names or not r.subsystems
            )
        )

    def matching(self, subsystem: str, metrics: frozenset[str]) -> tuple[Remedy, ...]:
        """List what was prepared for a subsystem's trouble with these metrics, in their order."""
        return tuple(
            r
            for r in self.remedies
            if (not r.subsystems or subsystem in r.subsystems) and metrics & set(r.metrics)
        )


class Proactive(Frozen):
    """Which missions of detectors and alerts Grace begins by herself.

    A mission of one of `severities` starts by itself where a remedy matches whose record reaches
    `min_trust`; of any other the remedy is prepared as a draft, and a person decides. So it is too
    once `max_per_day` started in a repository within a day.
    """

    enabled: bool = True
    severities: tuple[Severity, ...] = (Severity.LOW, Severity.MEDIUM)
    min_trust: Annotated[float, Field(ge=0, le=1)] = 0.5
    max_per_day: Annotated[int, Field(ge=0, le=1000)] = 10
    prepare_drafts: bool = True

"""What the forge asks of a workflow runner, and what the runner tells it.

The forge keeps the records (runs, jobs, checks, logs); the runner only plans and runs.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class RunRequest:
    """One attempt of one workflow on one commit.

    `sha` is the commit whose tree holds the workflow file (for pull requests the head). Artifacts
    are folders below `artifact_dir`, one a name.
    """

    repository: str
    bare: Path
    sha: str
    ref: str
    workflow: str
    event_name: str
    event: dict[str, object]
    run_id: int
    run_attempt: int
    actor: str
    env: dict[str, str]
    log_dir: Path
    artifact_dir: Path


@dataclass(frozen=True, slots=True)
class Annotation:
    """A remark on one line of a file; `level` is notice, warning or failure."""

    path: str
    line: int
    level: str
    message: str


@dataclass(frozen=True, slots=True)
class JobStarted:
    job: str
    name: str
    at: datetime


@dataclass(frozen=True, slots=True)
class JobLog:
    job: str
    line: str


@dataclass(frozen=True, slots=True)
class JobFinished:
    """`conclusion` is success, failure, cancelled, skipped or timed_out."""

    job: str
    name: str
    conclusion: str
    at: datetime
    annotations: tuple[Annotation, ...]
    summary: str


RunEvent = JobStarted | JobLog | JobFinished


@dataclass(frozen=True, slots=True)
class PlannedJob:
    job: str
    name: str
    needs: tuple[str, ...]


class InputsRefused(Exception):
    """A workflow that is started by hand does not take these inputs; the message is GitHub's."""


@dataclass(frozen=True, slots=True)
class WorkflowPlan:
    """The jobs a workflow would run; `error` says why a workflow file is not valid.

    `title`: what `run-name` makes of the run; empty where the file has none. `inputs`: of a run
    that is started by hand, with the defaults of those that were not given.
    """

    name: str
    jobs: tuple[PlannedJob, ...]
    error: str | None = None
    title: str = ""
    inputs: Mapping[str, str] = field(default_factory=dict)


ReadFile = Callable[[str], bytes | None]
"""Gives a workflow file of the commit by its path, or None where there is none."""


class WorkflowRunner(Protocol):
    def plan(
        self, source: bytes, event_name: str, event: dict[str, object], read: ReadFile
    ) -> WorkflowPlan | None:
        """Return the jobs this event starts, or None when the workflow is not triggered by it.

        `read` serves workflows that call others of their own repository. Raises `InputsRefused`
        where it is started by hand with inputs that it does not take.
        """
        ...

    def run(self, request: RunRequest) -> AsyncIterator[RunEvent]:
        """Run every job of the workflow and tell what happens as it happens."""
        ...

    async def cancel(self, run_id: int) -> None:
        """Stop a run; its unfinished jobs end as cancelled."""
        ...

"""A workflow file, understood as far as the forge must: its triggers, jobs, legs and needs."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from grace.localforge.runner import document, matrix
from grace.localforge.runner.errors import WorkflowInvalid
from grace.localforge.runs import PlannedJob

_JOB_ID = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


@dataclass(frozen=True, slots=True)
class Job:
    """One job as written. `timeout_s` is None where the file sets none, or by an expression."""

    key: str
    name: object
    needs: tuple[str, ...]
    legs: tuple[matrix.Leg, ...]
    timeout_s: float | None
    id_token: bool
    steps: tuple[Mapping[str, object], ...]

    def leg_key(self, leg: matrix.Leg) -> str:
        """Return the key of one leg's events: the job's own where it has no matrix."""
        return f"{self.key} ({matrix.label(leg)})" if leg else self.key


@dataclass(frozen=True, slots=True)
class Workflow:
    """A valid workflow file. `on` is kept as written: `triggers` reads it."""

    name: str
    on: object
    jobs: tuple[Job, ...]

    def planned(self) -> tuple[PlannedJob, ...]:
        """Return one planned job a leg; `needs` names the legs of the needed jobs."""
        keys = {job.key: tuple(job.leg_key(leg) for leg in job.legs) for job in self.jobs}
        return tuple(
            PlannedJob(
                job=job.leg_key(leg),
                name=matrix.job_name(job.name, job.key, leg),
                needs=tuple(key for needed in job.needs for key in keys[needed]),
            )
            for job in self.jobs
            for leg in job.legs
        )

    def uses(self) -> Iterator[str]:
        """Yield what the steps of all jobs use."""
        for job in self.jobs:
            yield from step_uses(job.steps)


def step_uses(steps: Sequence[Mapping[str, object]]) -> Iterator[str]:
    """Yield the `uses` of steps, of a job or of a composite action."""
    for step in steps:
        used = step.get("uses")
        if isinstance(used, str):
            yield used


def header(source: bytes) -> tuple[str, object, Mapping[str, object]]:
    """Return name, `on` and the whole file as plain values, before any job is judged."""
    values = document.construct(document.compose(source))
    name = values.get("name")
    return name if isinstance(name, str) else "", values.get("on"), values


def parse(source: bytes) -> Workflow:
    """Parse a workflow file, or say in one sentence what is wrong with it."""
    name, on, values = header(source)
    jobs = document.mapping(values.get("jobs"), "`jobs`")
    if not jobs:
        raise WorkflowInvalid("the workflow has no jobs")
    parsed = tuple(_job(key, body, values.get("permissions")) for key, body in jobs.items())
    _check_needs(parsed)
    return Workflow(name=name, on=on, jobs=parsed)


def _job(key: str, value: object, workflow_permissions: object) -> Job:
    what = f"job `{key}`"
    if not _JOB_ID.fullmatch(key):
        raise WorkflowInvalid(f"{what}: a job's id has letters, digits, - and _ only")
    body = document.mapping(value, what)
    if "uses" in body:
        raise WorkflowInvalid(f"{what} calls another workflow, which this runner cannot do")
    for container in ("container", "services"):
        if container in body:
            raise WorkflowInvalid(f"{what} has `{container}`, and this runner has no Docker")
    if "runs-on" not in body:
        raise WorkflowInvalid(f"{what} has no `runs-on`")
    steps = body.get("steps")
    if not isinstance(steps, list) or not steps:
        raise WorkflowInvalid(f"{what} has no steps")
    return Job(
        key=key,
        name=body.get("name"),
        needs=document.strings(body.get("needs"), f"{what}: `needs`"),
        legs=matrix.expand(body.get("strategy")),
        timeout_s=_timeout(body.get("timeout-minutes"), what),
        id_token=_may_get_id_token(body.get("permissions", workflow_permissions)),
        steps=tuple(_step(what, index, step) for index, step in enumerate(steps, 1)),
    )


def _step(job: str, index: int, value: object) -> Mapping[str, object]:
    step = document.mapping(value, f"{job}, step {index}")
    if ("uses" in step) == ("run" in step):
        raise WorkflowInvalid(f"{job}, step {index}: a step has either `uses` or `run`")
    return step


def _timeout(value: object, what: str) -> float | None:
    match value:
        case None:
            return None
        case str() if "${{" in value:
            return None
        case bool():
            pass
        case int() | float() if value > 0:
            return float(value) * 60
    raise WorkflowInvalid(f"{what}: `timeout-minutes` is not a number above 0")


def _may_get_id_token(permissions: object) -> bool:
    if isinstance(permissions, dict):
        return permissions.get("id-token") == "write"
    return permissions == "write-all"


def _check_needs(jobs: Sequence[Job]) -> None:
    known = {job.key for job in jobs}
    for job in jobs:
        for needed in job.needs:
            if needed not in known:
                raise WorkflowInvalid(f"job `{job.key}` needs `{needed}`, which does not exist")
    try:
        TopologicalSorter({job.key: job.needs for job in jobs}).prepare()
    except CycleError as error:
        raise WorkflowInvalid(f"jobs need each other in a circle: {error.args[1]}") from error

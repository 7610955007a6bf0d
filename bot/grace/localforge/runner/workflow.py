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
    """One job as written. `timeout_s` is None where the file sets none, or by an expression.

    `id_token` is None where neither the job nor its file says anything of permissions. `call` is
    the key of the job that called this one's workflow, and `called_as` that job's name.
    """

    id: str
    name: object
    needs: tuple[str, ...]
    legs: tuple[matrix.Leg, ...]
    timeout_s: float | None
    id_token: bool | None
    steps: tuple[Mapping[str, object], ...]
    condition: bool = False
    call: str = ""
    called_as: str = ""

    @property
    def key(self) -> str:
        """The job's key in the run: a dot is in no job's id, and fit for a file's name."""
        return f"{self.call}.{self.id}" if self.call else self.id

    def leg_key(self, leg: matrix.Leg) -> str:
        """Return the key of one leg's events: the job's own where it has no matrix."""
        return f"{self.key} ({matrix.label(leg)})" if leg else self.key

    def leg_name(self, leg: matrix.Leg) -> str:
        """Return the name of one leg's check run; a called job's has the calling job's in front."""
        name = matrix.job_name(self.name, self.id, leg)
        return f"{self.called_as} / {name}" if self.call else name


@dataclass(frozen=True, slots=True)
class Call:
    """A job that calls another workflow."""

    key: str
    name: str
    needs: tuple[str, ...]
    uses: str
    id_token: bool


@dataclass(frozen=True, slots=True)
class Workflow:
    """A valid workflow file. `on` is kept as written: `triggers` reads it.

    `jobs` has those of called workflows once `calls.expand` has read them.
    """

    name: str
    on: object
    jobs: tuple[Job, ...]
    calls: tuple[Call, ...] = ()

    def planned(self) -> tuple[PlannedJob, ...]:
        """Return one planned job a leg; `needs` names the legs of the needed jobs."""
        keys = {job.key: tuple(job.leg_key(leg) for leg in job.legs) for job in self.jobs}
        for call in self.calls:
            called = (job.key for job in self.jobs if job.call == call.key)
            keys[call.key] = tuple(key for job in called for key in keys[job])
        return tuple(
            PlannedJob(
                job=job.leg_key(leg),
                name=job.leg_name(leg),
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
    bodies = {
        key: document.mapping(body, f"job `{key}`")
        for key, body in document.mapping(values.get("jobs"), "`jobs`").items()
    }
    if not bodies:
        raise WorkflowInvalid("the workflow has no jobs")
    permissions = values.get("permissions")
    calls = tuple(_call(k, body, permissions) for k, body in bodies.items() if "uses" in body)
    jobs = tuple(_job(k, body, permissions) for k, body in bodies.items() if "uses" not in body)
    _check_needs([*jobs, *calls])
    return Workflow(name=name, on=on, jobs=jobs, calls=calls)


def _call(key: str, body: Mapping[str, object], workflow_permissions: object) -> Call:
    what = f"job `{key}`"
    _check_id(key)
    for name in ("steps", "runs-on", "strategy"):
        if name in body:
            raise WorkflowInvalid(f"{what} calls another workflow and has `{name}` besides")
    uses = body["uses"]
    return Call(
        key=key,
        name=matrix.job_name(body.get("name"), key, {}),
        needs=document.strings(body.get("needs"), f"{what}: `needs`"),
        uses=uses if isinstance(uses, str) else "",
        id_token=bool(_may_get_id_token(body.get("permissions", workflow_permissions))),
    )


def _job(key: str, body: Mapping[str, object], workflow_permissions: object) -> Job:
    what = f"job `{key}`"
    _check_id(key)
    for container in ("container", "services"):
        if container in body:
            raise WorkflowInvalid(f"{what} has `{container}`, and this runner has no Docker")
    if "runs-on" not in body:
        raise WorkflowInvalid(f"{what} has no `runs-on`")
    steps = body.get("steps")
    if not isinstance(steps, list) or not steps:
        raise WorkflowInvalid(f"{what} has no steps")
    return Job(
        id=key,
        name=body.get("name"),
        needs=document.strings(body.get("needs"), f"{what}: `needs`"),
        legs=matrix.expand(body.get("strategy")),
        timeout_s=_timeout(body.get("timeout-minutes"), what),
        id_token=_may_get_id_token(body.get("permissions", workflow_permissions)),
        steps=tuple(_step(what, index, step) for index, step in enumerate(steps, 1)),
        condition="if" in body,
    )


def _check_id(key: str) -> None:
    if not _JOB_ID.fullmatch(key):
        raise WorkflowInvalid(f"job `{key}`: a job's id has letters, digits, - and _ only")


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


def _may_get_id_token(permissions: object) -> bool | None:
    if isinstance(permissions, dict):
        return permissions.get("id-token") == "write"
    return None if permissions is None else permissions == "write-all"


def _check_needs(jobs: Sequence[Job | Call]) -> None:
    known = {job.key for job in jobs}
    for job in jobs:
        for needed in job.needs:
            if needed not in known:
                raise WorkflowInvalid(f"job `{job.key}` needs `{needed}`, which does not exist")
    try:
        TopologicalSorter({job.key: job.needs for job in jobs}).prepare()
    except CycleError as error:
        raise WorkflowInvalid(f"jobs need each other in a circle: {error.args[1]}") from error

"""Workflows that a workflow calls: `uses: ./.github/workflows/x.yml` or `OWNER/NAME/...@REF`.

act runs them itself. Each is given to it as a local file of its own, and the calling job gets a
name that is found again in act's records, which tell only a called job's own id.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from graphlib import TopologicalSorter
from pathlib import Path

from grace.localforge.runner import document
from grace.localforge.runner.errors import WorkflowInvalid
from grace.localforge.runner.workflow import Call, Job, Workflow, parse
from grace.localforge.runs import ReadFile

OIDC = ("ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN")
ALWAYS_PASSED = ("GITHUB_TOKEN", *OIDC)
_LOCAL = re.compile(r"\./(\.github/workflows/[\w.-]+\.ya?ml)")
_REMOTE = re.compile(r"([\w.-]+/[\w.-]+)/(\.github/workflows/[\w.-]+\.ya?ml)@[\w./-]+")
_MARK = "called workflow of "


@dataclass(frozen=True, slots=True)
class Called:
    """A workflow file that a job calls, and its jobs as they are in the run."""

    call: Call
    source: bytes
    jobs: tuple[Job, ...]


def mark_of(key: str) -> str:
    """Return the name that a calling job has for act."""
    return f"{_MARK}{key}"


def place_of(key: str) -> str:
    """Return where act finds the workflow that a job calls, in the checkout that is act's own."""
    return f".github/workflows/called-by-{key}.yml"


def key_of(record: Mapping[str, object]) -> str:
    """Return the key of the job that one of act's records speaks of."""
    job, name = str(record.get("jobID")), str(record.get("job"))
    if not name.startswith(_MARK):
        return job
    return f"{name.removeprefix(_MARK).partition('/')[0]}.{job}"


def expand(
    workflow: Workflow, folders: Mapping[str, Path], read: ReadFile
) -> tuple[Workflow, tuple[Called, ...]]:
    """Return the workflow with the jobs of those it calls, and what it calls.

    `folders` serve OWNER/NAME at any ref. Raises `WorkflowInvalid` where a called workflow is
    not there, is not made to be called, or calls on in turn, and where act would end too early.
    """
    _check_order(workflow)
    called = tuple(_called(call, folders, read) for call in workflow.calls)
    jobs = (*workflow.jobs, *(job for each in called for job in each.jobs))
    return replace(workflow, jobs=jobs), called


def _called(call: Call, folders: Mapping[str, Path], read: ReadFile) -> Called:
    what = f"job `{call.key}` calls `{call.uses}`"
    source = _source(call.uses, folders, read, what)
    try:
        workflow = parse(source)
    except WorkflowInvalid as error:
        raise WorkflowInvalid(f"{what}: {error}") from error
    if "workflow_call" not in _events(workflow.on):
        raise WorkflowInvalid(f"{what}, whose `on` has no `workflow_call`")
    if workflow.calls:
        raise WorkflowInvalid(f"{what}, which calls another in turn; this runner cannot do that")
    jobs = tuple(
        replace(
            job,
            call=call.key,
            called_as=call.name,
            needs=(*call.needs, *(f"{call.key}.{needed}" for needed in job.needs)),
            id_token=call.id_token and job.id_token is not False,
        )
        for job in workflow.jobs
    )
    return Called(call, source, jobs)


def _source(uses: str, folders: Mapping[str, Path], read: ReadFile, what: str) -> bytes:
    local, remote = _LOCAL.fullmatch(uses), _REMOTE.fullmatch(uses)
    if local is not None:
        found = read(local[1])
        if found is None:
            raise WorkflowInvalid(f"{what}, and the commit has no such file")
        return found
    if remote is None:
        raise WorkflowInvalid(f"{what}, which is no workflow of this or another repository")
    folder = folders.get(remote[1])
    file = folder / remote[2] if folder else None
    if file is None or not file.is_file():
        known = ", ".join(sorted(folders))
        raise WorkflowInvalid(f"{what}, which is not available here; there are {known}")
    return file.read_bytes()


def _events(on: object) -> Iterator[str]:
    if isinstance(on, dict):
        return (str(event) for event in on)
    return iter(document.strings(on, "`on`"))


def _check_order(workflow: Workflow) -> None:
    """Refuse jobs that act would leave out: it ends before the stage after a call that failed."""
    if not workflow.calls:
        return
    items: tuple[Job | Call, ...] = (*workflow.jobs, *workflow.calls)
    needs = {item.key: item.needs for item in items}
    stage: dict[str, int] = {}
    behind: dict[str, bool] = {call.key: True for call in workflow.calls}
    for key in TopologicalSorter(needs).static_order():
        stage[key] = 1 + max((stage[needed] for needed in needs[key]), default=0)
        behind[key] = behind.get(key, False) or any(behind[needed] for needed in needs[key])
    first = min(stage[call.key] for call in workflow.calls)
    for job in workflow.jobs:
        if stage[job.key] > first and (job.condition or not behind[job.key]):
            raise WorkflowInvalid(
                f"job `{job.key}` may run after a called workflow that failed, and this runner "
                "ends with that: let it need the calling job, without `if`"
            )

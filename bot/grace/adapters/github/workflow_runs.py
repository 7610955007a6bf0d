"""The runs of a repository's workflows, as figures of CI are made of them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from pydantic import AwareDatetime

from grace.adapters.github.payloads import Id, Lenient, fit
from grace.adapters.github.session import Session, on
from grace.domain.mission import MissionRef
from grace.ports.runs import WorkflowRun

# A page of a hundred is larger than what is remembered by its ETag; one of fifty mostly is not.
_PAGE: Final = 50
_PAGES: Final = 10


class _Run(Lenient):
    id: Id
    path: str
    head_sha: str
    run_attempt: Id = 1
    status: str | None = None
    conclusion: str | None = None
    created_at: AwareDatetime
    run_started_at: AwareDatetime | None = None
    updated_at: AwareDatetime


class _Runs(Lenient):
    workflow_runs: tuple[_Run, ...]


async def workflow_runs(
    session: Session, ref: MissionRef, since: datetime
) -> Sequence[WorkflowRun]:
    """List runs since a moment: a call for each 50, 10 at most; what did not change is free.

    The address asks from the full hour, so that it stays the same and its ETag counts.
    """
    hour = since.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    request = on(
        ref,
        "list workflow runs",
        "GET /actions/runs{?created,per_page}",
        created=f">={hour:%Y-%m-%dT%H:%M:%SZ}",
        per_page=_PAGE,
    )
    found: list[WorkflowRun] = []
    async for page in session.pages(ref, request, _PAGES, strict=False):
        found += map(_run, fit(_Runs, page, request.purpose).workflow_runs)
    return [run for run in found if run.created >= since]


def _run(run: _Run) -> WorkflowRun:
    return WorkflowRun(
        id=run.id,
        workflow=run.path.partition("@")[0],
        head_sha=run.head_sha,
        attempt=run.run_attempt,
        conclusion=run.conclusion if run.status == "completed" else None,
        created=run.created_at,
        began=run.run_started_at or run.created_at,
        updated=run.updated_at,
    )

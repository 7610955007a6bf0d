"""The report that CI left as an artifact: from the newest finished run of a commit, bounded."""

from collections.abc import Sequence
from typing import Final

import structlog

from grace.adapters.github.artifacts import Run, download, find_artifact, unpacked
from grace.adapters.github.payloads import Id, Lenient, fit
from grace.adapters.github.session import PAGE, Session, named, on
from grace.adapters.github.wire import MAX_ANSWER
from grace.domain.mission import MissionRef
from grace.ports import ReportFound, ReportQuery

_ARTIFACT: Final = "grace-report"
_FILE: Final = "report.json"
_PULL_REQUEST: Final = "pull_request"
_MERGE_GROUP: Final = "merge_group"
_RUNS: Final = 30
_LOOKS: Final = 5


class _Runs(Lenient):
    workflow_runs: tuple[Run, ...]


class _Numbered(Lenient):
    number: Id


class _Pulls(Lenient):
    items: tuple[_Numbered, ...]


async def read_report(session: Session, ref: MissionRef, wanted: ReportQuery) -> ReportFound | None:
    """Find and fetch the report: 4 calls and a download, one more for each run without one.

    A run of a fork, of another event, branch or workflow counts for nothing, nor does an artifact
    that is older than its run's newest attempt. A pull request's run does not say of which one it
    is, so it counts only while no other has our branch as its head: what that one's base says ran
    on our commit too. None: there is no report, or it is no zip with a `report.json` within 25 MiB.
    """
    head = wanted.head
    call = "GET /actions/runs{?head_sha,status,per_page}"
    request = on(ref, "find runs", call, head_sha=head, status="completed", per_page=_RUNS)
    found = fit(_Runs, (await session.call(ref, request)).data, request.purpose)
    for run in _newest(found.workflow_runs, ref, wanted)[:_LOOKS]:
        artifact = await find_artifact(session, ref, run, _ARTIFACT)
        if artifact is None:
            continue
        if run.event == _PULL_REQUEST and not await _alone(session, ref, wanted):
            return None
        zipped = await download(session, ref, artifact)
        body = None if zipped is None else unpacked(zipped, _FILE, MAX_ANSWER)
        if body is None:
            return None
        return ReportFound(
            body=body,
            run_id=run.id,
            run_attempt=run.run_attempt,
            workflow=run.workflow,
            head_sha=run.head_sha,
            head_branch=run.head_branch or "",
            repository=run.repository.full_name,
        )
    return None


def _newest(runs: Sequence[Run], ref: MissionRef, wanted: ReportQuery) -> list[Run]:
    def counts(run: Run) -> bool:
        home = run.head_repository is not None and run.head_repository.id == ref.repository_id
        queued = run.event == _MERGE_GROUP
        ours = queued or (run.event == _PULL_REQUEST and run.head_branch == wanted.branch)
        ended = run.head_sha == wanted.head and run.status == "completed"
        return home and ours and ended and run.workflow in wanted.workflows

    return sorted(filter(counts, runs), key=lambda run: (run.began, run.id), reverse=True)


async def _alone(session: Session, ref: MissionRef, wanted: ReportQuery) -> bool:
    """Tell whether our pull request is the only one, open or closed, that our branch ever had."""
    call = "GET /pulls{?head,state,per_page}"
    head = f"{named(ref.repository)['owner']}:{wanted.branch}"
    request = on(ref, "pulls of our branch", call, head=head, state="all", per_page=PAGE)
    found = fit(_Pulls, {"items": (await session.call(ref, request)).data}, request.purpose).items
    others = sorted({pull.number for pull in found} - {wanted.pull})
    if others:
        structlog.get_logger("reports").warning(
            "report not read: other pull requests have our branch",
            branch=wanted.branch,
            ours=wanted.pull,
            others=others,
        )
    return not others and bool(found)

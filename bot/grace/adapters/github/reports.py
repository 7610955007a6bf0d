"""The report that CI left as an artifact: from the newest finished run of a commit, bounded."""

import io
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from pydantic import AwareDatetime

from grace.adapters.github.payloads import Id, Lenient, RepositoryId, fit
from grace.adapters.github.session import Session, on
from grace.adapters.github.wire import MAX_ANSWER, Refusal
from grace.domain.mission import MissionRef
from grace.domain.results import Sha
from grace.ports import ReportFound

_ARTIFACT: Final = "grace-report"
_FILE: Final = "report.json"
_RUNS: Final = 30
_LOOKS: Final = 5
_MAX_REPORT: Final = MAX_ANSWER


class Run(Lenient):
    """A workflow run; `path` names its workflow, with a branch behind `@` where it is elsewhere."""

    id: Id
    run_attempt: Id = 1
    path: str
    head_sha: Sha
    head_branch: str | None = None
    status: str | None = None
    run_started_at: AwareDatetime | None = None
    created_at: AwareDatetime
    head_repository: RepositoryId | None = None

    @property
    def began(self) -> datetime:
        """Return when the newest attempt began."""
        return self.run_started_at or self.created_at


class _Runs(Lenient):
    workflow_runs: tuple[Run, ...]


class _Artifact(Lenient):
    id: Id
    name: str
    expired: bool = False
    created_at: AwareDatetime | None = None


class _Artifacts(Lenient):
    artifacts: tuple[_Artifact, ...]


async def read_report(session: Session, ref: MissionRef, head: str) -> ReportFound | None:
    """Find and fetch the report: 3 calls and a download, one more for each run without one.

    A run of a fork counts for nothing, nor does an artifact that is older than its run's newest
    attempt. None: there is no report, or it is no zip with a `report.json` within 25 MiB.
    """
    call = "GET /actions/runs{?head_sha,status,per_page}"
    request = on(ref, "find runs", call, head_sha=head, status="completed", per_page=_RUNS)
    found = fit(_Runs, (await session.call(ref, request)).data, request.purpose)
    for run in _newest(found.workflow_runs, ref, head)[:_LOOKS]:
        artifact = await _artifact(session, ref, run)
        if artifact is None:
            continue
        zipped = await _download(session, ref, artifact)
        body = None if zipped is None else unpacked(zipped)
        if body is None:
            return None
        return ReportFound(
            body=body,
            run_id=run.id,
            run_attempt=run.run_attempt,
            workflow=run.path.partition("@")[0],
            head_sha=run.head_sha,
            head_branch=run.head_branch or "",
        )
    return None


def unpacked(zipped: bytes, bound: int = _MAX_REPORT) -> bytes | None:
    """Read `report.json` from a zip, never more than `bound` bytes whatever its header says."""
    try:
        with zipfile.ZipFile(io.BytesIO(zipped)) as archive, archive.open(_FILE) as file:
            body = file.read(bound + 1)
    except (zipfile.BadZipFile, zlib.error, KeyError, RuntimeError, OSError, ValueError, EOFError):
        return None
    return body if len(body) <= bound else None


def _newest(runs: Sequence[Run], ref: MissionRef, head: str) -> list[Run]:
    def counts(run: Run) -> bool:
        home = run.head_repository is not None and run.head_repository.id == ref.repository_id
        return home and run.head_sha == head and run.status == "completed"

    return sorted(filter(counts, runs), key=lambda run: (run.began, run.id), reverse=True)


async def _artifact(session: Session, ref: MissionRef, run: Run) -> int | None:
    call = "GET /actions/runs/{run}/artifacts{?name,per_page}"
    request = on(ref, "find report", call, run=run.id, name=_ARTIFACT, per_page=_RUNS)
    listed = fit(_Artifacts, (await session.call(ref, request)).data, request.purpose).artifacts
    return max(_good(listed, run), default=None)


def _good(listed: Sequence[_Artifact], run: Run) -> Iterator[int]:
    for artifact in listed:
        made = artifact.created_at
        fresh = made is not None and made >= run.began
        if artifact.name == _ARTIFACT and not artifact.expired and fresh:
            yield artifact.id


async def _download(session: Session, ref: MissionRef, artifact: int) -> bytes | None:
    call = "GET /actions/artifacts/{artifact}/zip"
    request = on(ref, "download report", call, artifact=artifact)
    try:
        return await session.download(ref, request)
    except Refusal:
        return None

"""What a run of CI left as an artifact: one file of it, bounded, from its newest attempt."""

import io
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from pydantic import AwareDatetime

from grace.adapters.github.payloads import Id, Lenient, Repository, RepositoryId, User, fit
from grace.adapters.github.session import Session, on
from grace.adapters.github.wire import Refusal
from grace.domain.mission import MissionRef
from grace.domain.results import Sha

_LISTED: Final = 30


class Run(Lenient):
    """A workflow run; `path` names its workflow, with a branch behind `@` where it is elsewhere.

    `actor` is who began it first; whoever ran it again is not told here.
    """

    id: Id
    run_attempt: Id = 1
    path: str
    event: str
    head_sha: Sha
    head_branch: str | None = None
    status: str | None = None
    conclusion: str | None = None
    display_title: str = ""
    run_started_at: AwareDatetime | None = None
    created_at: AwareDatetime
    actor: User | None = None
    head_repository: RepositoryId | None = None
    repository: Repository

    @property
    def workflow(self) -> str:
        """Return the path of its workflow."""
        return self.path.partition("@")[0]

    @property
    def began(self) -> datetime:
        """Return when the newest attempt began."""
        return self.run_started_at or self.created_at


class _Artifact(Lenient):
    id: Id
    name: str
    expired: bool = False
    created_at: AwareDatetime | None = None


class _Artifacts(Lenient):
    artifacts: tuple[_Artifact, ...]


async def find_artifact(session: Session, ref: MissionRef, run: Run, name: str) -> int | None:
    """Find the artifact of that name that the run's newest attempt left: 1 call."""
    call = "GET /actions/runs/{run}/artifacts{?name,per_page}"
    request = on(ref, "find artifact", call, run=run.id, name=name, per_page=_LISTED)
    listed = fit(_Artifacts, (await session.call(ref, request)).data, request.purpose).artifacts
    return max(_good(listed, run, name), default=None)


async def download(session: Session, ref: MissionRef, artifact: int) -> bytes | None:
    """Fetch an artifact as a zip; None where it is gone meanwhile."""
    call = "GET /actions/artifacts/{artifact}/zip"
    request = on(ref, "download artifact", call, artifact=artifact)
    try:
        return await session.download(ref, request)
    except Refusal:
        return None


def unpacked(zipped: bytes, name: str, bound: int) -> bytes | None:
    """Read one file from a zip, never more than `bound` bytes whatever its header says."""
    try:
        with zipfile.ZipFile(io.BytesIO(zipped)) as archive, archive.open(name) as file:
            body = file.read(bound + 1)
    except (zipfile.BadZipFile, zlib.error, KeyError, RuntimeError, OSError, ValueError, EOFError):
        return None
    return body if len(body) <= bound else None


def _good(listed: Sequence[_Artifact], run: Run, name: str) -> Iterator[int]:
    for artifact in listed:
        made = artifact.created_at
        fresh = made is not None and made >= run.began
        if artifact.name == name and not artifact.expired and fresh:
            yield artifact.id

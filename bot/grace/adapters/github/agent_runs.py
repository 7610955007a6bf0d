"""Runs of agents: a workflow that we start by hand, and the proposal that it left."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, timedelta
from http import HTTPStatus
from typing import Final

from grace.adapters.github.artifacts import Run, download, find_artifact, unpacked
from grace.adapters.github.payloads import Lenient, User, fit
from grace.adapters.github.session import PAGE, Session, on
from grace.adapters.github.wire import Refusal
from grace.domain.mission import MissionRef
from grace.ports import ForgeRefused, ProposalFound, ProposalQuery

FOLDER: Final = ".github/workflows"
BY_HAND: Final = "workflow_dispatch"
_ARTIFACT: Final = "grace-patch"
_FILE: Final = "proposal.json"
# A diff of 200,000 characters that JSON writes as `\u....` each, with all its words beside it.
MAX_PROPOSAL: Final = 2 * 2**20
_MAX_ZIP: Final = 5 * 2**20
_PAGES: Final = 5
_CLOCKS: Final = timedelta(minutes=5)
_INVALID: Final = frozenset({int(HTTPStatus.UNPROCESSABLE_ENTITY)})


class _Runs(Lenient):
    workflow_runs: tuple[Run, ...]


async def run_workflow(
    session: Session, ref: MissionRef, place: tuple[str, str], inputs: Mapping[str, str]
) -> None:
    """Start a workflow, `(file, branch)`, by hand: 1 call, answered before the run is to be seen.

    Raises `ForgeRefused` with what a person has to do where it cannot be started.
    """
    workflow, branch = place
    call = "POST /actions/workflows/{workflow}/dispatches"
    request = on(ref, "run workflow", call, workflow=workflow)
    request = replace(request, body={"ref": branch, "inputs": dict(inputs)})
    try:
        await session.call(ref, request, _INVALID)
    except Refusal as refusal:
        raise ForgeRefused(
            f"GitHub refuses to run the workflow {workflow} on branch {branch}: {refusal.text}; "
            "see that it is enabled, and is what `grace init` writes today",
            refusal.status,
        ) from refusal
    except ForgeRefused as error:
        raise _explained(error, workflow, branch) from error


async def read_proposal(
    session: Session, ref: MissionRef, wanted: ProposalQuery
) -> ProposalFound | None:
    """Find a run and fetch what it left: 1 call, and once it ended 1 more and a download.

    Only a run that we ordered ourselves counts, of that workflow as it stands on that branch.
    Whoever runs it again runs the same order, and its newest attempt counts. Of two runs by the
    same order the older one is the answer. A proposal that is no zip with a `proposal.json` within
    2 MiB is none.
    """
    run = await _find(session, ref, wanted)
    if run is None:
        return None
    if run.status != "completed":
        return ProposalFound(run=run.id, conclusion=None)
    artifact = await find_artifact(session, ref, run, _ARTIFACT)
    zipped = None if artifact is None else await download(session, ref, artifact)
    whole = zipped is not None and len(zipped) <= _MAX_ZIP
    return ProposalFound(
        run=run.id,
        conclusion=run.conclusion or "no conclusion",
        body=unpacked(zipped, _FILE, MAX_PROPOSAL) if zipped is not None and whole else None,
    )


def names(title: str, request: str) -> bool:
    """Tell whether a run's title holds a request's key, as a whole word."""
    return request in title.split()


async def _find(session: Session, ref: MissionRef, wanted: ProposalQuery) -> Run | None:
    since = (wanted.since.astimezone(UTC) - _CLOCKS).replace(second=0, microsecond=0)
    request = on(
        ref,
        "find agent runs",
        "GET /actions/workflows/{workflow}/runs{?branch,event,created,per_page}",
        workflow=wanted.workflow,
        branch=wanted.branch,
        event=BY_HAND,
        created=f">={since:%Y-%m-%dT%H:%M:%SZ}",
        per_page=PAGE,
    )
    us = (await session.identity()).bot_login.lower()

    def ours(user: User | None) -> bool:
        return user is not None and user.login.lower() == us

    def counts(run: Run) -> bool:
        home = run.head_repository is not None and run.head_repository.id == ref.repository_id
        there = run.event == BY_HAND and run.head_branch == wanted.branch
        file = run.workflow == f"{FOLDER}/{wanted.workflow}"
        named = names(run.display_title, wanted.request)
        return home and there and file and named and ours(run.actor) and run.created_at >= since

    found: list[Run] = []
    try:
        async for page in session.pages(ref, request, _PAGES, strict=False):
            found += filter(counts, fit(_Runs, page, request.purpose).workflow_runs)
    except ForgeRefused as error:
        raise _explained(error, wanted.workflow, wanted.branch) from error
    return min(found, key=lambda run: run.id, default=None)


def _explained(error: ForgeRefused, workflow: str, branch: str) -> ForgeRefused:
    """Say what to do where a workflow is not there, or we may not start it."""
    match error.status:
        case HTTPStatus.NOT_FOUND:
            sentence = (
                f"the workflow {workflow} is not on branch {branch}: "
                "run `grace init` again and merge what it writes"
            )
        case HTTPStatus.FORBIDDEN:
            sentence = (
                f"{error.sentence}: to start {workflow} the GitHub App needs the permission "
                "Actions, read and write, and its owner has to accept it where it is installed"
            )
        case _:
            return error
    return ForgeRefused(sentence, error.status)

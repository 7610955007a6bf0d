"""What a report is bound to, read from the environment of a GitHub Actions job."""

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from grace.ci.errors import ContextMissing, ResultsInvalid
from grace.ci.piece import Piece
from grace.domain.base import Frozen
from grace.domain.results import CIReport, Sha


class RunContext(Frozen):
    """The run and the commits it is about; `workflow` is the file's path."""

    repository: str
    workflow: str
    run_id: int
    run_attempt: int
    head_sha: Sha
    base_sha: Sha


def from_env(env: Mapping[str, str]) -> RunContext:
    """Read the run from `GITHUB_*`; head and base come from the event's payload.

    A pull request's head is the head of its branch, not the merge that `GITHUB_SHA` names; a merge
    group's head is the commit that would land, and its base the one that it would land on.
    """
    event = _event(_need(env, "GITHUB_EVENT_PATH"))
    pull, group = event.get("pull_request"), event.get("merge_group")
    if isinstance(pull, dict):
        head, base = _sha_of(pull, "head"), _sha_of(pull, "base")
    elif isinstance(group, dict):
        head, base = group.get("head_sha"), group.get("base_sha")
    else:
        head = _need(env, "GITHUB_SHA")
        base = event.get("before") or head
    found = {
        "repository": _need(env, "GITHUB_REPOSITORY"),
        "workflow": _workflow_path(env),
        "run_id": _need(env, "GITHUB_RUN_ID"),
        "run_attempt": _need(env, "GITHUB_RUN_ATTEMPT"),
        "head_sha": head,
        "base_sha": base,
    }
    return RunContext.model_validate(found)


def merge(pieces: tuple[Piece, ...], context: RunContext, at: datetime) -> CIReport:
    """Merge the pieces of a run; they must speak of one tree, the head's, and not twice."""
    tested = {piece.tested for piece in pieces}
    if len(tested) != 1:
        raise ResultsInvalid(f"the results speak of {len(tested)} commits instead of one")
    (only,) = tested
    if only.head_sha != context.head_sha:
        raise ResultsInvalid(
            f"the jobs tested {only.head_sha}, but the head is {context.head_sha}: "
            "check out the head SHA"
        )
    for base in {piece.base_sha for piece in pieces} - {None, context.base_sha}:
        raise ResultsInvalid(
            f"tests of the base ran on {base}, but the base is {context.base_sha}: "
            "check out the base SHA"
        )
    suites = tuple(suite for piece in pieces for suite in piece.suites)
    stress = tuple(load for piece in pieces for load in piece.stress)
    scans = tuple(scan for piece in pieces for scan in piece.scans)
    artifacts = tuple(artifact for piece in pieces for artifact in piece.artifacts)
    names = [
        suite.suite if suite.subject == "head" else f"{suite.suite} on the base" for suite in suites
    ]
    names += [f"load on {load.subject}" for load in stress]
    names += [f"scan {scan.job} of {scan.subject}" for scan in scans]
    names += [f"artifact {artifact.name}" for artifact in artifacts]
    for name in names:
        if names.count(name) > 1:
            raise ResultsInvalid(f"{name} was reported twice")
    return CIReport(
        **context.model_dump(),
        tree=only.tree,
        at=at,
        suites=suites,
        stress=stress,
        scans=scans,
        artifacts=artifacts,
    )


def _sha_of(pull: Mapping[str, object], side: str) -> object:
    branch = pull.get(side)
    if not isinstance(branch, dict):
        raise ContextMissing(f"the event's pull request has no {side}")
    return branch.get("sha")


def _event(path: str) -> dict[str, object]:
    try:
        event: object = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ContextMissing(f"the event at {path} cannot be read: {error}") from error
    if not isinstance(event, dict):
        raise ContextMissing(f"the event at {path} is not an object")
    return event


def _need(env: Mapping[str, str], name: str) -> str:
    value = env.get(name, "")
    if not value:
        raise ContextMissing(f"{name} is not set: run this inside a GitHub Actions job")
    return value


def _workflow_path(env: Mapping[str, str]) -> str:
    """Return `.github/workflows/x.yml` out of `owner/name/.github/workflows/x.yml@ref`."""
    whole = _need(env, "GITHUB_WORKFLOW_REF").partition("@")[0]
    return whole.removeprefix(_need(env, "GITHUB_REPOSITORY") + "/")

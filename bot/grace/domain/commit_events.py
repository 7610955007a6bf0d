"""What CI and releases tell of one commit: events as `grace.domain.events` lists them."""

from typing import Literal

from pydantic import AwareDatetime

from grace.domain.base import Frozen
from grace.domain.results import CIReport, Sha


class CheckSeen(Frozen):
    """A check run or commit status of CI on one commit; `conclusion` None: not finished.

    `run_id` is the workflow run that it is a job of; 0: of none, None: the forge does not tell.
    """

    kind: Literal["check_seen"] = "check_seen"
    id: str
    name: str
    sha: Sha
    app_id: int | None = None
    run_id: int | None = None
    conclusion: str | None = None
    url: str = ""
    at: AwareDatetime


class DeploymentSeen(Frozen):
    """A deployment of one commit reached a state."""

    kind: Literal["deployment_seen"] = "deployment_seen"
    sha: Sha
    environment: str
    state: str
    at: AwareDatetime


class ResultsReported(Frozen):
    """CI's report about one commit; `run` identifies workflow run and attempt.

    `pull`: the pull request whose run it is proven to be. None: of a merge group, or read by us
    from a run that belongs to no other pull request.
    """

    kind: Literal["results_reported"] = "results_reported"
    report: CIReport
    pull: int | None = None


class CheckRequested(Frozen):
    """Somebody asked for a check of ours again, which the forge set back to queued.

    `id` is unique at the forge. `name` None: for all of ours on the commit.
    """

    kind: Literal["check_requested"] = "check_requested"
    id: str
    sha: Sha
    name: str | None = None

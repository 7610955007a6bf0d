"""The newest word about each thing that is watched at the forge, as facts keep it."""

from datetime import datetime
from typing import Literal

from pydantic import AwareDatetime

from grace.domain import events as ev
from grace.domain.base import Frozen
from grace.domain.results import Sha


class CheckFact(Frozen):
    """The newest word about one check; `conclusion` None: running."""

    id: str
    name: str
    app_id: int | None
    run_id: int | None = None
    conclusion: str | None
    url: str
    at: AwareDatetime

    def order(self) -> tuple[int, datetime]:
        """Order the checks of one job: a later run comes after an earlier one."""
        return (self.run_id or 0, self.at)


class ReviewFact(Frozen):
    """A person's newest review."""

    id: str
    state: ev.ReviewState
    sha: Sha
    login: str
    actor_id: int = 0
    pull: int
    at: AwareDatetime


class PullFact(Frozen):
    """The newest word about one pull request."""

    head_sha: Sha
    state: Literal["open", "closed"]
    merged: bool
    merge_sha: Sha | None
    draft: bool
    sender: ev.Actor
    at: AwareDatetime


class DeploymentFact(Frozen):
    """The newest state of a commit's deployment to one environment."""

    state: str
    at: AwareDatetime


class BaseFact(Frozen):
    """The base branch's tip, as read from the repository, and when."""

    branch: str
    sha: Sha
    at: AwareDatetime
    version: str = ""


class PermissionFact(Frozen):
    """What somebody may do, and when the forge said so."""

    permission: ev.Permission
    at: AwareDatetime


class AlertFact(Frozen):
    status: Literal["firing", "resolved"]
    at: AwareDatetime


class LabelFact(Frozen):
    """The newest word about one label of one issue or pull request."""

    present: bool
    actor: ev.Actor | None
    at: AwareDatetime


class TeamFact(Frozen):
    """Whether somebody is in a team, and when the forge said so."""

    member: bool
    at: AwareDatetime

"""GitHub's webhook payloads as far as they are used; lenient."""

from typing import Annotated

from pydantic import AwareDatetime, Field

from grace.adapters.github.payloads import (
    AppId,
    CheckRun,
    Comment,
    Id,
    Issue,
    Label,
    Lenient,
    Pull,
    PullTip,
    Repository,
    RepositoryId,
    Review,
    User,
)
from grace.domain.mission import MissionRef
from grace.domain.results import Sha

MAX_REPOSITORIES = 10_000


class Envelope(Lenient):
    """What every delivery about one repository carries; an App's has its installation."""

    action: str = ""
    repository: Repository
    installation: RepositoryId | None = None
    sender: User | None = None

    def ref(self, host: str) -> MissionRef:
        """Name the repository."""
        return MissionRef(
            host=host,
            repository_id=self.repository.id,
            repository=self.repository.full_name,
            installation_id=self.installation.id if self.installation else None,
        )


class IssueDelivery(Envelope):
    issue: Issue
    label: Label | None = None


class CommentDelivery(Envelope):
    issue: Issue
    comment: Comment


class PullDelivery(Envelope):
    """What happened to a pull request; `reason` says why it left the merge queue."""

    pull_request: Pull
    label: Label | None = None
    reason: str | None = None


class ReviewDelivery(Envelope):
    pull_request: PullTip
    review: Review


class RequestedAction(Lenient):
    identifier: str = ""


class CheckRunDelivery(Envelope):
    """A check run; `requested_action` is set when somebody pressed one of its buttons."""

    check_run: CheckRun
    requested_action: RequestedAction | None = None


class CheckSuite(Lenient):
    head_sha: Sha
    head_branch: str | None = None
    app: AppId | None = None


class CheckSuiteDelivery(Envelope):
    check_suite: CheckSuite


class MergeGroup(Lenient):
    """What a merge queue is about to land; `head_ref` ends in the pull request's number."""

    head_sha: Sha
    head_ref: str
    base_sha: Sha
    base_ref: str = ""


class MergeGroupDelivery(Envelope):
    merge_group: MergeGroup
    reason: str | None = None


class Commit(Lenient):
    sha: Sha


class Branch(Lenient):
    name: str
    commit: Commit


class StatusDelivery(Envelope):
    """A commit status; it has no id that matters, its context is its name."""

    sha: Sha
    context: str
    state: str
    target_url: str | None = None
    branches: tuple[Branch, ...] = ()
    updated_at: AwareDatetime


class PushDelivery(Envelope):
    """A push to `ref`; `after` is zeros when it was deleted."""

    ref_name: Annotated[str, Field(alias="ref")]
    after: Sha
    deleted: bool = False


class Deployment(Lenient):
    sha: Sha
    environment: str = ""


class DeploymentStatus(Lenient):
    state: str
    environment: str | None = None
    created_at: AwareDatetime


class DeploymentStatusDelivery(Envelope):
    deployment: Deployment
    deployment_status: DeploymentStatus


class WorkflowRun(Lenient):
    """A run of a workflow; `actor` is who began it first, `path` may have a branch behind `@`."""

    id: Id
    path: str = ""
    event: str = ""
    display_title: str = ""
    actor: User | None = None
    updated_at: AwareDatetime


class WorkflowRunDelivery(Envelope):
    workflow_run: WorkflowRun


class RepositoryDelivery(Envelope):
    pass


class InstallationDelivery(Lenient):
    """An installation was changed, or repositories were taken from it."""

    action: str
    installation: RepositoryId
    repositories: Annotated[tuple[Repository, ...], Field(max_length=MAX_REPOSITORIES)] = ()
    repositories_removed: Annotated[tuple[Repository, ...], Field(max_length=MAX_REPOSITORIES)] = ()

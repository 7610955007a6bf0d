"""A stored GitHub webhook as domain events, each with whom it concerns. Pure: no IO, no clock."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from pydantic import BaseModel, ValidationError

from grace.adapters.github import arrivals, courteous, labels, lifecycles
from grace.adapters.github.envelopes import (
    CheckRunDelivery,
    CheckSuiteDelivery,
    CommentDelivery,
    DeploymentStatusDelivery,
    InstallationDelivery,
    IssueDelivery,
    MergeGroupDelivery,
    PullDelivery,
    PushDelivery,
    RepositoryDelivery,
    ReviewDelivery,
    StatusDelivery,
    WorkflowRunDelivery,
)
from grace.adapters.github.ours import Ours, Translated, TranslationError, ignored
from grace.adapters.github.payloads import misfit
from grace.ports import Courtesy, Delivery, StopIssue

E = TypeVar("E", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class _Reader:
    """How one event is read: bytes to what they say."""

    read: Callable[[Delivery, Ours], Translated]


def _reader(model: type[E], meaning: Callable[[E, Delivery, Ours], Translated]) -> _Reader:
    def read(delivery: Delivery, ours: Ours) -> Translated:
        return meaning(model.model_validate_json(delivery.body), delivery, ours)

    return _Reader(read)


_READERS: Final[dict[str, _Reader]] = {
    "issues": _reader(IssueDelivery, arrivals.issue),
    "issue_comment": _reader(CommentDelivery, arrivals.comment),
    "pull_request": _reader(PullDelivery, arrivals.pull),
    "pull_request_review": _reader(ReviewDelivery, arrivals.review),
    "check_run": _reader(CheckRunDelivery, lifecycles.check_run),
    "check_suite": _reader(CheckSuiteDelivery, lifecycles.check_suite),
    "status": _reader(StatusDelivery, lifecycles.status),
    "merge_group": _reader(MergeGroupDelivery, lifecycles.merge_group),
    "push": _reader(PushDelivery, lifecycles.push),
    "deployment_status": _reader(DeploymentStatusDelivery, lifecycles.deployment_status),
    "workflow_run": _reader(WorkflowRunDelivery, lifecycles.workflow_run),
    "repository": _reader(RepositoryDelivery, lifecycles.repository),
    "installation": _reader(InstallationDelivery, lifecycles.installation),
    "installation_repositories": _reader(InstallationDelivery, lifecycles.installation),
}
# What GitHub sends to an app with these permissions, and why nothing is read from it.
_SILENT: Final = {
    "workflow_job": "its check run tells it",
    "ping": "GitHub tries the webhook",
}


def translate(delivery: Delivery, ours: Ours) -> Translated:
    """Return the events of a delivery and a note: what was ignored and why, else empty.

    Raises `TranslationError`, and nothing else, for a body that is malformed or does not fit.
    """
    reader = _READERS.get(delivery.event)
    if reader is None:
        reason = _SILENT.get(delivery.event, "nothing of ours hangs on it")
        return ignored(f"{delivery.event}: {reason}")
    try:
        return reader.read(delivery, ours)
    except ValidationError as error:
        raise _malformed(delivery, error) from error


def courtesies(delivery: Delivery, ours: Ours) -> tuple[Courtesy, ...]:
    """Return the commits of a delivery on which `mission/governance` is to succeed as no mission.

    Raises `TranslationError` as `translate` does.
    """
    try:
        match delivery.event:
            case "pull_request":
                return courteous.pull(PullDelivery.model_validate_json(delivery.body), ours)
            case "merge_group":
                group = MergeGroupDelivery.model_validate_json(delivery.body)
                return courteous.merge_group(group, ours)
            case "check_run":
                return courteous.check_run(
                    CheckRunDelivery.model_validate_json(delivery.body), ours
                )
            case "check_suite":
                return courteous.check_suite(
                    CheckSuiteDelivery.model_validate_json(delivery.body), ours
                )
            case _:
                return ()
    except ValidationError as error:
        raise _malformed(delivery, error) from error


def stops(delivery: Delivery, ours: Ours) -> tuple[StopIssue, ...]:
    """Return the issues of a delivery that stop us now, or do so no more.

    Raises `TranslationError` as `translate` does.
    """
    if delivery.event != "issues":
        return ()
    try:
        return labels.stops(IssueDelivery.model_validate_json(delivery.body), ours)
    except ValidationError as error:
        raise _malformed(delivery, error) from error


def _malformed(delivery: Delivery, error: ValidationError) -> TranslationError:
    return TranslationError(
        f"delivery {delivery.delivery_id} ({delivery.event}) is not what GitHub documents: "
        f"{misfit(error)}"
    )

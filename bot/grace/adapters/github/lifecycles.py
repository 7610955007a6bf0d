"""What machines do, as events: checks, statuses, pushes, runs, deployments, repositories. Pure."""

import re
from typing import Final

from grace.adapters.github.agent_runs import BY_HAND, FOLDER
from grace.adapters.github.envelopes import (
    CheckRunDelivery,
    CheckSuiteDelivery,
    DeploymentStatusDelivery,
    InstallationDelivery,
    MergeGroupDelivery,
    PushDelivery,
    RepositoryDelivery,
    StatusDelivery,
    WorkflowRunDelivery,
)
from grace.adapters.github.ours import (
    LEDGER_BRANCH,
    Ours,
    Translated,
    ignored,
    is_work,
    queued_pull,
)
from grace.adapters.github.seen import actor_of, check_seen, status_seen
from grace.domain.events import (
    AgentRunEnded,
    BasePushed,
    CheckRequested,
    CommandGiven,
    DeploymentSeen,
    GroupSeen,
    RepositoryGone,
    RepositoryRenamed,
)
from grace.domain.mission import MissionRef
from grace.ports import Delivery, Routed, Target

_CHECK_ACTIONS: Final = frozenset({"created", "completed"})
_ACTIONS: Final = frozenset({"approve", "retry", "rollback"})
_REQUEST: Final = re.compile(r"(mission_[0-9]{8}_[0-9]{3,20})/[A-Za-z0-9_./-]{1,80}")
_REPOSITORY_REASONS: Final = {
    "deleted": "the repository was deleted",
    "transferred": "the repository was transferred to another owner",
    "archived": "the repository was archived, which makes it read-only",
}
_INSTALLATION_REASONS: Final = {
    "deleted": "the GitHub App was uninstalled",
    "suspend": "the GitHub App's installation was suspended",
    "removed": "the repository was taken from the GitHub App's installation",
}


def check_run(given: CheckRunDelivery, delivery: Delivery, ours: Ours) -> Translated:
    """Read a check run of CI, or a button that was pressed on our own."""
    run = given.check_run
    what = f"check_run.{given.action} of {run.name}"
    branch = run.check_suite.head_branch if run.check_suite else None
    target = _commit(given.ref(ours.host), branch, run.head_sha)
    if given.action == "requested_action":
        return _pressed(given, delivery, ours)
    if ours.is_app(run.app) and given.action == "rerequested":
        again = CheckRequested(id=delivery.delivery_id, sha=run.head_sha, name=run.name)
        return (Routed(target=target, event=again),), ""
    if ours.is_app(run.app):
        return ignored(f"{what}: our own check")
    if given.action not in _CHECK_ACTIONS:
        return ignored(f"{what}: its state comes with the run itself")
    event = check_seen(run, delivery.received_at)
    return (Routed(target=target, event=event),), ""


def check_suite(given: CheckSuiteDelivery, delivery: Delivery, ours: Ours) -> Translated:
    """Read that somebody asked for all our checks of a commit again."""
    suite = given.check_suite
    if given.action != "rerequested" or not ours.is_app(suite.app):
        return ignored(f"check_suite.{given.action}: its check runs tell it")
    target = _commit(given.ref(ours.host), suite.head_branch, suite.head_sha)
    event = CheckRequested(id=delivery.delivery_id, sha=suite.head_sha)
    return (Routed(target=target, event=event),), ""


def _pressed(given: CheckRunDelivery, delivery: Delivery, ours: Ours) -> Translated:
    """Read a button as the command that it stands for; who pressed it must be allowed to."""
    run, sender = given.check_run, given.sender
    name = given.requested_action.identifier if given.requested_action else ""
    what = f"check_run.requested_action {name!r} of {run.name}"
    if not ours.is_app(run.app):
        return ignored(f"{what}: not a check of ours")
    if name not in _ACTIONS:
        return ignored(f"{what}: not a button of ours")
    if sender is None or sender.type == "Bot" or ours.sent(sender):
        return ignored(f"{what}: bots command nothing")
    command = CommandGiven(
        id=f"action-{run.id}-{name}-{delivery.delivery_id}",
        at=delivery.received_at,
        name=name,
        actor=actor_of(sender),
        sha=run.head_sha,
    )
    branch = run.check_suite.head_branch if run.check_suite else None
    target = _commit(given.ref(ours.host), branch, run.head_sha)
    return (Routed(target=target, event=command),), ""


def merge_group(given: MergeGroupDelivery, _: Delivery, ours: Ours) -> Translated:
    """Read that a queue made a group with a pull request on top, or took it apart.

    Whether that is a mission's is known by its number; on other groups our check is a courtesy.
    """
    group = given.merge_group
    number = queued_pull(group.head_ref)
    if number is None:
        return ignored(f"merge_group.{given.action}: {group.head_ref} names no pull request")
    if given.action not in {"checks_requested", "destroyed"}:
        return ignored(f"merge_group.{given.action}: not known")
    ended = None if given.action == "checks_requested" else given.reason or "destroyed"
    event = GroupSeen(pull=number, head=group.head_sha, base=group.base_sha, ended=ended)
    return (Routed(target=Target(ref=given.ref(ours.host), pull=number), event=event),), ""


def status(given: StatusDelivery, _: Delivery, ours: Ours) -> Translated:
    """Read a commit status as a check named by its context."""
    if ours.sent(given.sender):
        return ignored(f"status {given.context}: our own doing")
    seen = status_seen(given.sha, given.context, given.state, given.updated_at)
    if seen is None:
        return ignored(f"status {given.context}: the state {given.state!r} is not known")
    tips = (b.name for b in given.branches if is_work(b.name) and b.commit.sha == given.sha)
    event = seen.model_copy(update={"url": given.target_url or ""})
    target = _commit(given.ref(ours.host), next(tips, None), given.sha)
    return (Routed(target=target, event=event),), ""


def push(given: PushDelivery, _: Delivery, ours: Ours) -> Translated:
    """Read that a base branch moved: the default one, or one that is configured."""
    what = f"push to {given.ref_name}"
    branch = given.ref_name.removeprefix("refs/heads/")
    if branch == given.ref_name:
        return ignored(f"{what}: not a branch")
    if is_work(branch) or branch == LEDGER_BRANCH:
        return ignored(f"{what}: the pull request tells it, or it is our ledger")
    if branch != given.repository.default_branch and branch not in ours.bases:
        return ignored(f"{what}: not a base branch")
    if given.deleted or set(given.after) == {"0"}:
        return ignored(f"{what}: the branch was deleted")
    target = Target(ref=given.ref(ours.host), everyone=True)
    return (Routed(target=target, event=BasePushed(branch=branch, sha=given.after)),), ""


def deployment_status(given: DeploymentStatusDelivery, _: Delivery, ours: Ours) -> Translated:
    """Read a deployment's state; it may be of a later commit that contains ours."""
    said = given.deployment_status
    event = DeploymentSeen(
        sha=given.deployment.sha,
        environment=said.environment or given.deployment.environment,
        state=said.state,
        at=said.created_at,
    )
    target = Target(ref=given.ref(ours.host), everyone=True)
    return (Routed(target=target, event=event),), ""


def workflow_run(given: WorkflowRunDelivery, _: Delivery, ours: Ours) -> Translated:
    """Read that a run ended which we ordered of an agent; its title names mission and request.

    Only what is read from the run itself then counts, so this is no more than a reason to look.
    """
    run = given.workflow_run
    what = f"workflow_run.{given.action} {run.id}"
    if run.event != BY_HAND or run.path.partition("@")[0] != f"{FOLDER}/{ours.agents}":
        return ignored(f"{what}: its check runs and its report tell it")
    if given.action != "completed":
        return ignored(f"{what}: it goes on")
    if not ours.sent(run.actor):
        return ignored(f"{what}: not ordered by us")
    found = next(filter(None, map(_REQUEST.fullmatch, run.display_title.split())), None)
    if found is None:
        return ignored(f"{what}: its title names no request")
    target = Target(ref=given.ref(ours.host), branch=f"grace/{found[1]}")
    event = AgentRunEnded(request=found[0], run=run.id, at=run.updated_at)
    return (Routed(target=target, event=event),), ""


def repository(given: RepositoryDelivery, _: Delivery, ours: Ours) -> Translated:
    """Read that a repository is lost to us."""
    reason = _REPOSITORY_REASONS.get(given.action)
    if reason is None and given.action == "renamed":
        ref = given.ref(ours.host)
        renamed = RepositoryRenamed(repository=ref.repository)
        return (Routed(target=Target(ref=ref, everyone=True), event=renamed),), ""
    if reason is None:
        return ignored(f"repository.{given.action}: it stays where it is")
    return (_gone(given.ref(ours.host), reason),), ""


def installation(given: InstallationDelivery, delivery: Delivery, ours: Ours) -> Translated:
    """Read that repositories were lost with, or taken from, an installation."""
    reason = _INSTALLATION_REASONS.get(given.action)
    if reason is None:
        return ignored(f"{delivery.event}.{given.action}: nothing was lost")
    lost = given.repositories_removed if given.action == "removed" else given.repositories
    if not lost:
        return ignored(f"{delivery.event}.{given.action}: it names no repository")
    return tuple(
        _gone(
            MissionRef(
                host=ours.host,
                repository_id=repo.id,
                repository=repo.full_name,
                installation_id=given.installation.id,
            ),
            reason,
        )
        for repo in lost
    ), ""


def _gone(ref: MissionRef, reason: str) -> Routed:
    return Routed(target=Target(ref=ref, everyone=True), event=RepositoryGone(reason=reason))


def _commit(ref: MissionRef, branch: str | None, sha: str) -> Target:
    """Route by a branch of ours, by a merge group's pull request, else by the commit."""
    if is_work(branch):
        return Target(ref=ref, branch=branch)
    number = queued_pull(branch or "")
    return Target(ref=ref, sha=sha) if number is None else Target(ref=ref, pull=number)

"""What people do, as events: issues, comments, pull requests, reviews. Pure."""

import re
from typing import Final
from uuid import UUID

from grace.adapters.github.commands import commands
from grace.adapters.github.envelopes import (
    CommentDelivery,
    IssueDelivery,
    PullDelivery,
    ReviewDelivery,
)
from grace.adapters.github.ours import (
    Ours,
    Translated,
    TranslationError,
    ignored,
    is_fork,
    pull_target,
)
from grace.adapters.github.payloads import Issue
from grace.adapters.github.seen import actor_of, issue_seen, pull_seen, review_seen
from grace.domain.events import CommandGiven, IssueClosed
from grace.ports import Delivery, Routed, Target

_MAX_BODY: Final = 65_536
_UID: Final = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_MARKER: Final = re.compile(rf"<!-- grace:({_UID}):mission -->")
_FILING: Final = frozenset({"opened", "edited", "labeled", "reopened"})
_ENDING: Final = frozenset({"closed", "deleted", "transferred"})
_NEEDS_LABEL: Final = frozenset({"opened", "labeled"})
_REVIEW_ACTIONS: Final = frozenset({"submitted", "edited", "dismissed"})


def issue(given: IssueDelivery, delivery: Delivery, ours: Ours) -> Translated:
    """Read what happened to an issue.

    An issue that we filed names its mission by uid in a marker, so its webhook makes no second
    one; a marker in anybody else's issue means nothing.
    """
    what = f"issues.{given.action} of #{given.issue.number}"
    uid = _own_mission(given.issue, ours)
    target = Target(ref=given.ref(ours.host), uid=uid, issue=given.issue.number)
    if ours.sent(given.sender) and not (uid and given.action == "opened"):
        return ignored(f"{what}: our own doing")
    if given.action in _ENDING:
        sender = actor_of(given.sender)
        return (
            Routed(target=target, event=IssueClosed(number=given.issue.number, sender=sender)),
        ), ""
    if given.action not in _FILING:
        return ignored(f"{what}: changes no mission")
    labelled = ours.label in {label.name for label in given.issue.labels}
    if not labelled and uid is None and given.action in _NEEDS_LABEL:
        return ignored(f"{what}: it has no label {ours.label}")
    if len(given.issue.body or "") > _MAX_BODY:
        raise TranslationError(
            f"delivery {delivery.delivery_id}: the body of issue #{given.issue.number} is longer "
            f"than {_MAX_BODY} characters, which GitHub does not allow"
        )
    target = target.model_copy(update={"create": labelled and uid is None})
    return (Routed(target=target, event=issue_seen(given.issue, actor_of(given.sender))),), ""


def comment(given: CommentDelivery, _: Delivery, ours: Ours) -> Translated:
    """Read the commands of a new comment. The second and later ones have `-2` … on their id."""
    what = f"issue_comment.{given.action} {given.comment.id} on #{given.issue.number}"
    if given.action != "created":
        return ignored(f"{what}: only new comments command")
    said = given.comment
    if ours.sent(given.sender) or ours.wrote(said.user, said.performed_via_github_app):
        return ignored(f"{what}: our own doing")
    if said.user is None or said.user.type == "Bot":
        return ignored(f"{what}: bots command nothing")
    found = commands(said.body or "", ours.command_prefix)
    if not found:
        return ignored(f"{what}: no command in it")
    ref, number = given.ref(ours.host), given.issue.number
    on_pull = given.issue.pull_request is not None
    target = Target(ref=ref, pull=number) if on_pull else Target(ref=ref, issue=number)
    actor = actor_of(said.user, said.performed_via_github_app)
    return tuple(
        Routed(
            target=target,
            event=CommandGiven(
                id=str(said.id) if nth == 1 else f"{said.id}-{nth}",
                name=command.name,
                argument=command.argument,
                actor=actor,
                at=said.created_at,
            ),
        )
        for nth, command in enumerate(found, start=1)
    ), ""


def pull(given: PullDelivery, _: Delivery, ours: Ours) -> Translated:
    """Read a pull request's state, whatever happened to it, ours included."""
    request = given.pull_request
    if is_fork(request.head, given.repository):
        return ignored(f"pull_request.{given.action} of #{request.number}: its head is a fork")
    target = pull_target(given.ref(ours.host), request.number, request.head.ref)
    return (Routed(target=target, event=pull_seen(request, actor_of(given.sender))),), ""


def review(given: ReviewDelivery, _: Delivery, ours: Ours) -> Translated:
    """Read a review; its actor is who wrote it, also when somebody else dismissed it."""
    request = given.pull_request
    what = f"pull_request_review.{given.action} on #{request.number}"
    if given.action not in _REVIEW_ACTIONS:
        return ignored(f"{what}: changes no review")
    if is_fork(request.head, given.repository):
        return ignored(f"{what}: its head is a fork")
    if ours.sent(given.review.user):
        return ignored(f"{what}: our own doing")
    seen = review_seen(request.number, given.review)
    if seen is None:
        return ignored(f"{what}: not submitted, or without a commit")
    target = pull_target(given.ref(ours.host), request.number, request.head.ref)
    return (Routed(target=target, event=seen),), ""


def _own_mission(seen: Issue, ours: Ours) -> UUID | None:
    if not ours.wrote(seen.user, seen.performed_via_github_app):
        return None
    match = _MARKER.search(seen.body or "")
    return UUID(match[1]) if match else None

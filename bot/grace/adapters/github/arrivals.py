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
from grace.adapters.github.labels import label_seen
from grace.adapters.github.ours import (
    Ours,
    Translated,
    TranslationError,
    ignored,
    is_fork,
    pull_target,
)
from grace.adapters.github.payloads import Comment, Issue, User
from grace.adapters.github.seen import actor_of, issue_seen, pull_seen, review_seen
from grace.adapters.github.tickets import about_ticket
from grace.domain.events import CommandGiven, Dequeued, IssueClosed
from grace.domain.mission import MissionRef
from grace.ports import Delivery, Routed, Target

_MAX_BODY: Final = 65_536
_UID: Final = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_MARKER: Final = re.compile(rf"<!-- grace:({_UID}):mission -->")
_FILING: Final = frozenset({"opened", "edited", "labeled", "reopened"})
_ENDING: Final = frozenset({"closed", "deleted", "transferred"})
_NEEDS_LABEL: Final = frozenset({"opened", "labeled"})
_LANDS: Final = frozenset({"MERGE", "ALREADY_MERGED"})
_REVIEW_ACTIONS: Final = frozenset({"submitted", "edited", "dismissed"})


def issue(given: IssueDelivery, delivery: Delivery, ours: Ours) -> Translated:
    """Read what happened to an issue."""
    if len(given.issue.body or "") > _MAX_BODY:
        raise TranslationError(
            f"delivery {delivery.delivery_id}: the body of issue #{given.issue.number} is longer "
            f"than {_MAX_BODY} characters, which GitHub does not allow"
        )
    ref, found, action = given.ref(ours.host), given.issue, given.action
    routed, note = about_issue(ref, found, action, given.sender, ours)
    more: list[Routed] = []
    labelled = label_seen(given, found)
    if labelled is not None:
        target = Target(ref=ref, uid=_own_mission(found, ours), issue=found.number)
        more.append(Routed(target=target, event=labelled))
    ticket = about_ticket(ref, found, action, actor_of(given.sender), ours)
    if ticket is not None:
        more.append(ticket)
    return (*routed, *more), "" if more else note


def about_issue(
    ref: MissionRef, found: Issue, action: str, sender: User | None, ours: Ours
) -> Translated:
    """Tell what `sender` did to an issue, from a webhook or a reading.

    An issue that we filed names its mission by uid in a marker, so its webhook makes no second
    one; a marker in anybody else's issue means nothing.
    """
    what = f"issues.{action} of #{found.number}"
    uid = _own_mission(found, ours)
    target = Target(ref=ref, uid=uid, issue=found.number)
    if ours.sent(sender) and not (uid and action == "opened"):
        return ignored(f"{what}: our own doing")
    if action in _ENDING:
        event = IssueClosed(number=found.number, sender=actor_of(sender))
        return (Routed(target=target, event=event),), ""
    if action not in _FILING:
        return ignored(f"{what}: changes no mission")
    labelled = ours.label in {label.name for label in found.labels}
    if not labelled and uid is None and action in _NEEDS_LABEL:
        return ignored(f"{what}: it has no label {ours.label}")
    target = target.model_copy(update={"create": labelled and uid is None})
    seen = issue_seen(found, actor_of(sender), edited=action == "edited")
    return (Routed(target=target, event=seen),), ""


def comment(given: CommentDelivery, _: Delivery, ours: Ours) -> Translated:
    """Read the commands of a new comment."""
    what = f"issue_comment.{given.action} {given.comment.id} on #{given.issue.number}"
    if given.action != "created":
        return ignored(f"{what}: only new comments command")
    if ours.sent(given.sender):
        return ignored(f"{what}: our own doing")
    where = given.issue.number, given.issue.pull_request is not None
    return commanded(given.ref(ours.host), given.comment, where, ours)


def commanded(ref: MissionRef, said: Comment, where: tuple[int, bool], ours: Ours) -> Translated:
    """Read a comment's commands; the second and later ones have `-2` … on their id.

    `where`: the number of what it is on, and whether that is a pull request.
    """
    number, on_pull = where
    what = f"issue_comment {said.id} on #{number}"
    if ours.wrote(said.user, said.performed_via_github_app):
        return ignored(f"{what}: our own doing")
    if said.user is None or said.user.type == "Bot":
        return ignored(f"{what}: bots command nothing")
    found = commands(said.body or "", ours.command_prefix)
    if not found:
        return ignored(f"{what}: no command in it")
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
                comment=str(said.id),
                number=number,
            ),
        )
        for nth, command in enumerate(found, start=1)
    ), ""


def pull(given: PullDelivery, _: Delivery, ours: Ours) -> Translated:
    """Read a pull request's state, whatever happened to it, ours included.

    One that leaves the merge queue as it lands is told as merged; any other end there is news.
    """
    request = given.pull_request
    if is_fork(request.head, given.repository):
        return ignored(f"pull_request.{given.action} of #{request.number}: its head is a fork")
    target = pull_target(given.ref(ours.host), request.number, request.head.ref)
    seen = Routed(target=target, event=pull_seen(request, actor_of(given.sender)))
    labelled = label_seen(given, request)
    if labelled is not None:
        return (seen, Routed(target=target, event=labelled)), ""
    if given.action != "dequeued" or given.reason in _LANDS:
        return (seen,), ""
    left = Dequeued(
        number=request.number, reason=given.reason or "no reason given", at=request.updated_at
    )
    return (seen, Routed(target=target, event=left)), ""


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

"""Tickets that outlive a mission: its CAPA, and the review after an emergency, which is chased."""

from datetime import timedelta

from grace.domain import approving, emergencies
from grace.domain import events as ev
from grace.domain.effects import FileIssue, ReadPermission, Reply
from grace.domain.lifecycle.draft import Draft
from grace.domain.mission import Mission, Review

REVIEW_LABEL = "grace:review"
MAX_TICKETS = 50


def ticket_closed(draft: Draft, event: ev.TicketClosed) -> None:
    """Ask what whoever closed or reopened a ticket may do; it counts when the answer is here."""
    mission = draft.mission
    ours = {"capa": mission.capa, "review": mission.review.issue if mission.review else None}
    if event.number != ours[event.purpose] or len(mission.tickets) >= MAX_TICKETS:
        return
    deed = "opened" if event.open else "closed"
    who = f"{event.purpose}:{event.number}:{event.actor.login}"
    about = f"ticket:{who}:{deed}:{event.at.isoformat()}"
    if f"permission/{about}" in mission.requested:
        return
    draft.set(tickets={**mission.tickets, about: event})
    actor, key = event.actor, f"permission/{about}"
    draft.ask(ReadPermission(key=key, login=actor.login, about=about, user_id=actor.id))


def tickets_known(draft: Draft) -> None:
    """Take the tickets whose closer is known: only somebody who may write ends one."""
    for about, event in sorted(draft.mission.tickets.items(), key=lambda item: item[1].at):
        permission = draft.facts.permission(about)
        if permission is None:
            continue
        left = {k: v for k, v in draft.mission.tickets.items() if k != about}
        draft.set(tickets=left)
        state = "reopened" if event.open else "closed"
        newest = draft.mission.ticket_at.get(event.purpose)
        if newest is not None and event.at < newest:
            continue  # told late: what happened since is known
        if not permission.may_write:
            draft.note(f"ticket_{state}_refused", event.actor.login, number=event.number)
            continue
        draft.set(ticket_at={**draft.mission.ticket_at, event.purpose: event.at})
        if event.purpose == "capa":
            draft.set(capa_closed_at=None if event.open else event.at)
            draft.note(f"capa_{state}", event.actor.login, number=event.number)
        else:
            end_review(draft, event)


def end_review(draft: Draft, event: ev.TicketClosed) -> None:
    """End the review, or go on with it; who ordered the emergency does not end its review."""
    mission = draft.mission
    review, order = mission.review, mission.emergency
    assert review is not None  # its ticket was closed
    login = event.actor.login
    same = order is not None and event.actor.id in {order.actor_id} - {0}
    own = same or (order is not None and login.lower() == order.login.lower())
    if event.open:
        draft.set(review=review.model_copy(update={"done_at": None, "done_by": None}))
        draft.note("review_reopened", login, number=event.number)
    elif own:
        draft.note("review_refused", login, number=event.number)
        remind(draft, review, emergencies.review_by_another(login))
    else:
        draft.set(review=review.model_copy(update={"done_at": event.at, "done_by": login}))
        draft.note("reviewed_after", login, number=event.number)


def chased(mission: Mission) -> bool:
    """Tell whether a review is still to be chased, though the mission may have ended."""
    return mission.review is not None and mission.review.done_at is None


def chase(draft: Draft) -> None:
    """File the review, then remind of it now and then until somebody has done it."""
    review, rules = draft.mission.review, draft.policy.governance.emergency
    if review is None or review.done_at is not None:
        return
    if review.issue is None:
        draft.ask(
            FileIssue(
                key=f"review/{review.reminders}",
                purpose="review",
                title=emergencies.review_title(draft.mission),
                body=emergencies.review_body(draft.mission),
                labels=(REVIEW_LABEL,),
            )
        )
    due = review.asked_at + timedelta(hours=rules.remind_hours)
    if review.reminders >= rules.reminders:
        return
    if draft.now >= due:
        remind(draft, review, emergencies.review_reminder(draft.mission, review))
        due = draft.now + timedelta(hours=rules.remind_hours)
    draft.wake(due)


def remind(draft: Draft, review: Review, words: str) -> None:
    """Write on the review's issue, which notifies whoever takes part in it."""
    number = review.reminders + 1
    draft.set(review=review.model_copy(update={"reminders": number, "asked_at": draft.now}))
    draft.note("review_asked", number=number)
    if review.issue is not None:
        surface = f"review-{number}"
        body = emergencies.review_comment(draft.mission, surface, words)
        draft.ask(Reply(key=f"reply/{surface}", number=review.issue, surface=surface, body=body))


def begin_review(draft: Draft) -> None:
    """Have an emergency reviewed afterwards, also one that only some rules gave way to.

    So it is with one that stood when a person merged by hand.
    """
    standing = draft.policy.governance.emergency.enabled and draft.mission.emergency is not None
    used = standing and approving.standing_order(draft.case()) is not None
    used = used or draft.mission.basis == "emergency"
    if used and draft.mission.review is None:
        draft.set(review=Review(asked_at=draft.now))
        draft.note("review_owed")

"""What a person may say of what a mission left to memory: keep its lesson, or forget it."""

from grace.domain import replies
from grace.domain.lifecycle.draft import Draft
from grace.domain.lifecycle.order import Order
from grace.domain.memory.remembered import Lesson
from grace.domain.memory.remembering import lesson_of
from grace.domain.phase import Phase

MAX_REASON = 500


def remember(draft: Draft, order: Order) -> str | None:
    """Let memory offer the patch of an ended mission to later ones."""
    mission = draft.mission
    if mission.phase is not Phase.CLOSED:
        return replies.nothing_to("remember", mission)
    lesson = lesson_of(mission, draft.facts, draft.policy.governance, draft.now)
    if lesson is Lesson.WITHHELD:
        return replies.LESSON_WITHHELD
    if lesson is Lesson.NONE or mission.effective is False:
        return replies.NO_LESSON
    draft.note("lesson_kept", order.login)
    return None


def forget(draft: Draft, order: Order) -> str | None:
    """Take an ended mission out of what memory finds and offers; its outcome still counts."""
    if draft.mission.phase is not Phase.CLOSED:
        return replies.nothing_to("forget", draft.mission)
    reason = " ".join(order.given.argument.split())[:MAX_REASON]
    if not reason:
        return replies.FORGET_WITHOUT_REASON
    draft.note("forgotten", order.login, reason=reason)
    return None

"""Effects that failed for good: what goes on without them, and what a person must look at."""

from grace.domain import events as ev
from grace.domain import messages
from grace.domain.lifecycle import asking, seeking
from grace.domain.lifecycle.draft import Draft
from grace.domain.mission import about_of
from grace.domain.observed import PermissionFact
from grace.domain.phase import FORWARD, Phase

# A comment that cannot be written does not keep a regression in production.
REVERT_NEEDS = frozenset({"push_revert", "open_pull", "merge_pull", "file_issue"})
# Nothing hangs on these: the comment may have been deleted.
COURTEOUS = frozenset({"react", "reply", "read_report", "read_proposal"})


def effect_failed(draft: Draft, event: ev.EffectFailed) -> None:
    """Hold for a person: an effect failed for good, and the sentence says why."""
    draft.note("effect_failed", effect=event.effect, key=event.key, reason=event.reason)
    if event.effect in COURTEOUS:
        return
    if event.effect in WITHOUT:
        WITHOUT[event.effect](draft, event)
        return
    if event.effect in {"publish_check", "publish_comment"}:
        surface = event.key.partition("/")[0]
        draft.set(unpublished=draft.mission.unpublished | {surface})
    if event.effect == "read_permission" and unheard(draft, event.key):
        return
    phase = draft.mission.phase
    if phase is not Phase.OBSERVING:  # there it is asked again only after a while
        draft.set(base_asked_at=None)
    if phase is Phase.MERGING and event.effect == "merge_pull":
        draft.move(Phase.GATING, event.reason)
    needed = phase is Phase.REVERTING and event.effect in REVERT_NEEDS
    if phase in FORWARD | {Phase.AWAITING_START} or needed:
        draft.hold(messages.effect_failed(event.effect, event.reason))


def unread(draft: Draft, event: ev.EffectFailed) -> None:
    """Judge the window without what was measured before."""
    nothing_before = ev.BaselineRead(samples=(), note=messages.baseline_unread(event.reason))
    draft.facts = draft.facts.model_copy(update={"baseline": nothing_before})


# What is gone on without where it fails.
WITHOUT = {
    "read_memory": seeking.unrecalled,
    "ask_agent": asking.not_asked,
    "read_baseline": unread,
}


def unheard(draft: Draft, key: str) -> bool:
    """Drop a command or review of somebody of whom the forge says nothing; True where that is all.

    What a stranger writes does not hold a mission because his account cannot be read.
    """
    about = key.removeprefix("permission/")
    if about.startswith("command:") and about.count("/") == 0:
        waiting = draft.mission.commands
        draft.set(commands=tuple(c for c in waiting if about_of(c.given) != about))
        return True
    if about.startswith("ticket:"):
        left = {known: event for known, event in draft.mission.tickets.items() if known != about}
        draft.set(tickets=left)
        return True
    if about.startswith("label:"):  # behind it stand the moment and the round
        about = about.rsplit("/", 2)[0]
    elif not about.startswith("review:") or about.count("/"):
        return False
    nobody = PermissionFact(permission=ev.Permission.NONE, at=draft.now)
    permissions = {**draft.facts.permissions, about: nobody}
    draft.facts = draft.facts.model_copy(update={"permissions": permissions})
    return True

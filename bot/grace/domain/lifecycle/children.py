"""A mission with children: others take those, and it ends when they have."""

from grace.domain import messages
from grace.domain import remedy_words as words
from grace.domain.lifecycle.draft import Draft
from grace.domain.phase import Outcome, Phase

GOOD = frozenset({Outcome.FIXED, Outcome.SELF_RECOVERED})


def awaited(draft: Draft) -> bool:
    """Tell whether its children have the word: it waits for them, or ends with them.

    With a patch of its own it goes on with that when they ended well.
    """
    mission, children = draft.mission, draft.facts.children
    if not children:
        return False
    if mission.held is not None and not messages.wants_patch(mission.held):
        return True
    alive = [c.name for c in children if c.phase is not Phase.CLOSED]
    failed = [c.name for c in children if c.outcome not in GOOD | {Outcome.CANCELLED}]
    done = any(c.outcome in GOOD for c in children)
    if not alive and not failed and (mission.candidates or not done):
        return False  # it has a patch of its own, or all were cancelled: nothing was done yet
    draft.set(held=None)
    if alive:
        draft.set(forge_says=words.children_open(alive))
        return True
    if failed:
        draft.close(Outcome.FAILED, words.children_failed(failed))
        return True
    draft.close(Outcome.FIXED, words.children_done([c.name for c in children]))
    return True

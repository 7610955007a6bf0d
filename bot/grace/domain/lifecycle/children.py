"""A mission with children: others take those, and it ends when they have."""

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
    if mission.held is not None and mission.held.startswith(words.NOTHING_LEFT):
        draft.set(held=None)
    if mission.held is not None:
        return True
    alive = [c.name for c in children if c.phase is not Phase.CLOSED]
    if alive:
        draft.set(forge_says=words.children_open(alive))
        return True
    failed = [c.name for c in children if c.outcome not in GOOD | {Outcome.CANCELLED}]
    if failed:
        draft.close(Outcome.FAILED, words.children_failed(failed))
        return True
    if mission.candidates:
        return False
    if not any(c.outcome in GOOD for c in children):
        return False  # all were cancelled: nothing was done yet
    draft.close(Outcome.FIXED, words.children_done([c.name for c in children]))
    return True

"""What a mission under way has: its contract, its attempt, its base, and what stops it."""

from datetime import timedelta

from grace.domain.effects import ReadBase
from grace.domain.lifecycle.draft import Draft
from grace.domain.mission import Attempt
from grace.domain.package import AcceptanceCriteria, MissionRequest


def request_of(draft: Draft) -> MissionRequest:
    """Return the frozen contract of a started mission."""
    assert draft.mission.request is not None  # a started mission has a contract
    return draft.mission.request


def criteria_of(draft: Draft) -> AcceptanceCriteria:
    """Return the acceptance criteria of a started mission."""
    return request_of(draft).acceptance_criteria


def attempt_of(draft: Draft) -> Attempt:
    """Return the attempt in play, which testing, gating and merging always have."""
    assert draft.mission.attempt is not None  # the phases named have one
    return draft.mission.attempt


def blocked(draft: Draft) -> bool:
    """Tell whether forward effects must wait: held by somebody, or the kill switch is on."""
    return draft.mission.held is not None or draft.facts.kill_switch


def fresh_base(draft: Draft) -> bool:
    """Tell whether the base's tip is known and new enough; ask for it otherwise."""
    base = draft.facts.base
    limit = timedelta(seconds=draft.policy.governance.base_fresh_seconds)
    if base is not None and draft.now - base.at <= limit:
        return True
    if draft.mission.base_asked_at is None:
        branch = draft.policy.subsystem(request_of(draft).subsystem_id).base_branch
        draft.set(base_asked_at=draft.now)
        draft.ask(ReadBase(key=draft.next_key("base"), branch=branch))
    return False

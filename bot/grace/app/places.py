"""What a sweep says of changes in a merge queue, as the events that webhooks would be. Pure."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

from grace.domain.events import (
    BranchPushed,
    Dequeued,
    Enqueued,
    Event,
    GroupSeen,
    Merged,
    MergeRefused,
)
from grace.domain.mission import Mission
from grace.ports import ChangeState, LiveState

_LEFT: Final = "it does not stand there any more"
_MOVES: Final = Enqueued | Dequeued | GroupSeen | Merged | MergeRefused | BranchPushed


def settled(before: Mission, now: Mission, waiting: Iterable[Event], state: LiveState) -> LiveState:
    """Leave out the places where the mission heard of a queue since it was asked about.

    What was read may be older than that; the next round reads it again.
    """
    same = _stands(before) == _stands(now)
    if same and not any(isinstance(event, _MOVES) for event in waiting):
        return state
    changes = tuple(change.model_copy(update={"place": None}) for change in state.changes)
    return state.model_copy(update={"changes": changes})


def queue_news(mission: Mission, change: ChangeState, now: datetime) -> Iterator[Event]:
    """Tell of a group that was not heard, and of a change of ours that left the queue."""
    place, seen = change.place, change.pull
    if place is None or seen.state == "closed" or seen.number not in _queued(mission):
        return
    if not place.inside:
        yield Dequeued(number=seen.number, reason=_LEFT, at=now)
    elif place.head is not None and place.base is not None:
        known = {seen.head_sha} if mission.group is None else {seen.head_sha, mission.group.head}
        if place.head not in known:
            yield GroupSeen(pull=seen.number, head=place.head, base=place.base)


def _queued(mission: Mission) -> set[int]:
    """Return which changes of a mission stand in a queue, as far as it knows."""
    revert = mission.revert
    work = mission.pull if mission.queued else None
    undoing = revert.pull if revert is not None and revert.queued else None
    return {pull.number for pull in (work, undoing) if pull is not None}


def _stands(mission: Mission) -> object:
    group = mission.group
    return _queued(mission), None if group is None else group.head

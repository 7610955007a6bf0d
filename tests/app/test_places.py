"""What a sweep shows of a merge queue, and what of it is news to a mission."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from grace.app.differences import differences
from grace.app.places import settled
from grace.domain import events as ev
from grace.domain.facts import Facts, fold
from grace.domain.mission import Attempt, Group, Landing, Mission, MissionRef, PullRef, Revert
from grace.domain.phase import Phase
from grace.ports import ChangeState, LiveState, QueuePlace

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
HEAD, BASE, GROUP, OTHER = "a" * 40, "b" * 40, "c" * 40, "d" * 40
BOT = ev.Actor(login="grace[bot]")
MISSION = Mission(
    uid=UUID(int=1),
    name="mission_20261122_001",
    ref=MissionRef(host="forge.test", repository_id=1, repository="acme/mesh"),
    created_at=NOW,
    issue=1,
    phase=Phase.MERGING,
    pull=PullRef(number=2, url=""),
    attempts=(Attempt(number=1, candidate="x", agent="a", base=BASE, head=HEAD, tree=BASE),),
    queued=True,
)
GROUPED = MISSION.with_(group=Group(pull=2, head=GROUP, base=BASE))
REVERTING = MISSION.with_(
    phase=Phase.REVERTING,
    landing=Landing(sha=GROUP, tree=BASE, at=NOW),
    revert=Revert(reason="r", pull=PullRef(number=3, url=""), queued=True),
)
PULL = ev.PullSeen(
    number=2,
    head_ref="grace/mission_20261122_001",
    head_sha=HEAD,
    base_sha=BASE,
    state="open",
    sender=BOT,
    at=NOW,
)
OUT, IN = QueuePlace(inside=False), QueuePlace(inside=True, head=GROUP, base=BASE)
LATER = NOW + timedelta(minutes=1)


def shown(place: QueuePlace | None, pull: ev.PullSeen = PULL) -> LiveState:
    change = ChangeState(pull=pull, reviews=(), checks=(), place=place)
    return LiveState(uid=MISSION.uid, changes=(change,))


def news(state: LiveState, mission: Mission = MISSION) -> tuple[ev.Event, ...]:
    facts = Facts()
    for change in state.changes:
        facts = fold(facts, change.pull, NOW)
    return differences(mission, facts, state, LATER)


def test_change_that_is_in_the_queue_no_more_is_told() -> None:
    (left,) = news(shown(OUT))
    assert isinstance(left, ev.Dequeued)
    assert (left.number, left.at) == (2, LATER)


def test_same_end_is_another_delivery_each_time() -> None:
    again = differences(MISSION, fold(Facts(), PULL, NOW), shown(OUT), LATER + timedelta(minutes=1))
    assert again != news(shown(OUT))


def test_group_that_was_not_heard_is_told_once() -> None:
    assert news(shown(IN)) == (ev.GroupSeen(pull=2, head=GROUP, base=BASE),)
    assert news(shown(IN), GROUPED) == ()
    other = QueuePlace(inside=True, head=OTHER, base=BASE)
    assert news(shown(other), GROUPED) == (ev.GroupSeen(pull=2, head=OTHER, base=BASE),)


def test_head_of_the_change_itself_is_no_group() -> None:
    assert news(shown(QueuePlace(inside=True, head=HEAD, base=BASE))) == ()


@pytest.mark.parametrize("place", [None, QueuePlace(inside=True)])
def test_place_without_a_group_and_no_place_at_all_are_no_news(place: QueuePlace | None) -> None:
    assert news(shown(place), GROUPED) == ()


@pytest.mark.parametrize(
    "pull",
    [
        PULL.model_copy(update={"state": "closed", "merged": True, "merge_sha": GROUP}),
        PULL.model_copy(update={"state": "closed"}),
    ],
)
def test_merged_or_closed_change_did_not_only_leave_the_queue(pull: ev.PullSeen) -> None:
    assert news(shown(OUT, pull)) == ()


def test_change_that_nobody_enqueued_left_nothing() -> None:
    assert news(shown(OUT), MISSION.with_(queued=False)) == ()


def test_revert_in_the_queue_is_told_of_too() -> None:
    undoing = PULL.model_copy(update={"number": 3})
    assert [e.kind for e in news(shown(OUT, undoing), REVERTING)] == ["dequeued"]
    assert [e.kind for e in news(shown(IN, undoing), REVERTING)] == ["group_seen"]


def test_what_the_mission_heard_since_it_was_asked_about_is_newer() -> None:
    state = shown(OUT)
    assert settled(MISSION, MISSION, (), state) == state
    assert settled(MISSION, MISSION, (ev.Ticked(),), state) == state
    assert settled(MISSION.with_(queued=False), MISSION, (), state) == shown(None)
    assert settled(MISSION, GROUPED, (), state) == shown(None)
    waiting = ev.Enqueued(number=2, head=HEAD)
    assert settled(MISSION, MISSION, (waiting,), state) == shown(None)

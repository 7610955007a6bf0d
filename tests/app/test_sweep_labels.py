"""Labels that a sweep sees and a mission has not heard of: put, taken off, and by whom."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from grace.app.differences import differences
from grace.domain import events as ev
from grace.domain.facts import Facts, fold
from grace.domain.mission import Mission, MissionRef
from grace.ports import LabelsRead, LiveState

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
ADA, BOB = ev.Actor(login="ada", id=1), ev.Actor(login="bob", id=2)
MISSION = Mission(
    uid=uuid4(),
    name="mission_20261122_001",
    ref=MissionRef(host="forge.test", repository_id=1, repository="acme/mesh"),
    created_at=NOW,
    issue=3,
)


def put(
    label: str = "risk-accepted",
    by: ev.Actor | None = ADA,
    at: datetime = NOW,
    *,
    present: bool = True,
) -> ev.LabelSeen:
    return ev.LabelSeen(number=4, label=label, present=present, actor=by, at=at)


def gone(by: ev.Actor | None = BOB, at: datetime = LATER) -> ev.LabelSeen:
    return put(by=by, at=at, present=False)


def read(*seen: ev.LabelSeen, at: datetime = LATER, whole: bool = True) -> LiveState:
    labels = LabelsRead(number=4, seen=seen, at=at, whole=whole)
    return LiveState(uid=MISSION.uid, labels=(labels,))


def known(*events: ev.LabelSeen) -> Facts:
    facts = Facts()
    for event in events:
        facts = fold(facts, event, NOW)
    return facts


def news(state: LiveState, facts: Facts) -> tuple[ev.Event, ...]:
    told = differences(MISSION, facts, state, LATER)
    # What was told once is known: a second look at the same state tells nothing.
    for event in told:
        facts = fold(facts, event, LATER)
    assert differences(MISSION, facts, state, LATER) == ()
    return told


def test_label_that_no_webhook_told_of_is_told_with_who_put_it() -> None:
    assert news(read(put()), known()) == (put(),)


def test_label_that_is_known_is_no_news_whoever_tells_it_again() -> None:
    again = put(at=NOW + timedelta(seconds=1))
    assert news(read(again), known(put())) == ()
    assert news(read(put(by=None, at=LATER)), known(put())) == ()


def test_who_put_a_label_is_news_where_nobody_was_known() -> None:
    assert news(read(put()), known(put(by=None))) == (put(),)


def test_label_put_again_by_another_is_told() -> None:
    again = put(by=BOB, at=LATER)
    assert news(read(again), known(put())) == (again,)


def test_label_that_was_taken_off_is_told_with_who_did() -> None:
    assert news(read(gone()), known(put())) == (gone(),)
    assert news(read(gone()), known()) == ()


def test_label_that_is_not_there_any_more_is_gone_though_nobody_is_known_to_have_done_it() -> None:
    assert news(read(), known(put(), put("other"))) == (
        gone(by=None),
        put("other", by=None, at=LATER, present=False),
    )


def test_what_is_missing_from_half_a_reading_is_not_gone() -> None:
    assert news(read(whole=False), known(put())) == ()


def test_labels_of_another_thing_are_not_gone() -> None:
    elsewhere = put().model_copy(update={"number": 41})
    assert news(read(), known(elsewhere)) == ()


def test_reading_that_is_older_than_a_webhook_takes_nothing_back() -> None:
    assert news(read(at=NOW), known(put(at=LATER))) == ()
    assert news(read(put()), known(put(), gone())) == ()

"""Anomalies that move together are one incident, with the earliest as its likely origin."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace.domain.detection.anomaly import MAX_MOVED, Anomaly, DetectorName, Moved
from grace.domain.detection.moving import (
    MAX_MEMBERS,
    TOGETHER_S,
    Begun,
    Incident,
    Member,
    close,
    gather,
    member_of,
    without,
)
from grace.domain.detection.watch import Direction, Episode


def earliest(found):
    """Name the metric whose onset is the earliest."""
    return min(found.members, key=lambda name: (found.members[name].since, name))


def begun(
    name: str, since: float, repository: str = "acme/mesh", place: str | None = None
) -> Begun:
    direction: Direction = "gone" if place else "up"
    member = Member(since=since, surprise=4.0, direction=direction)
    return Begun(metric_id=name, repository=repository, place=place, member=member)


def test_one_anomaly_is_one_incident() -> None:
    (found,) = gather((), [begun("a", 100)])
    assert found.fingerprint == "detector:a"
    assert (found.repository, found.began, earliest(found)) == ("acme/mesh", 100, "a")
    assert found.moved("a") == ()
    assert not found.over


def test_those_that_move_together_are_one_with_the_earliest_as_origin() -> None:
    (found,) = gather((), [begun("b", 130), begun("a", 160), begun("c", 100)])
    assert found.fingerprint == "detector:c"
    assert earliest(found) == "c"
    assert [m.metric_id for m in found.moved("c")] == ["b", "a"]


def test_earlier_onset_that_is_found_later_becomes_the_origin_under_the_same_name() -> None:
    first = gather((), [begun("a", 160)])
    (found,) = gather(first, [begun("b", 100)])
    assert (found.fingerprint, earliest(found), found.began) == ("detector:a", "b", 160)


def test_what_begins_much_later_or_elsewhere_is_an_incident_of_its_own() -> None:
    late, elsewhere = begun("b", 100 + TOGETHER_S + 1), begun("c", 100, "acme/other")
    assert len(gather((), [begun("a", 100), late, elsewhere])) == 3


def test_metric_that_comes_back_keeps_its_place() -> None:
    first = gather((), [begun("a", 100), begun("b", 110)])
    (half,) = close(first, {"a": False})
    assert half.lasting == ("b",)
    (again,) = gather((half,), [begun("a", 5000)])
    assert again.lasting == ("a", "b")
    assert again.members["a"].since == 100


def test_incident_is_over_when_all_are() -> None:
    first = gather((), [begun("a", 100), begun("b", 110)])
    (found,) = close(first, {"a": False, "b": True, "unheard_of": False})
    assert found.over
    assert found.settled
    (clean,) = close(first, {"a": False, "b": False})
    assert not clean.settled


def test_source_that_is_down_is_one_incident_where_it_hurts_most() -> None:
    down = [
        begun("a", 100, "acme/other", "http://x"),
        begun("b", 100, "acme/mesh", "http://x"),
        begun("c", 101, "acme/mesh", "http://x"),
    ]
    (found,) = gather((), down)
    assert (found.repository, found.place, len(found.members)) == ("acme/mesh", "http://x", 3)
    (more,) = gather((found,), [begun("d", 120, "acme/third", "http://x")])
    assert len(more.members) == 4


def test_source_that_falls_silent_in_an_incident_belongs_to_it() -> None:
    first = gather((), [begun("a", 100)])
    (found,) = gather(first, [begun("b", 120, place="http://x"), begun("c", 120, place="http://x")])
    assert (earliest(found), len(found.members)) == ("a", 3)


def test_storm_is_bounded() -> None:
    (found,) = gather((), [begun(f"m{i:05}", 100 + i / 1000) for i in range(2 * MAX_MEMBERS)])
    assert (len(found.members), found.more) == (MAX_MEMBERS, MAX_MEMBERS)
    assert len(found.moved(earliest(found))) == MAX_MOVED


def test_member_is_made_of_an_episode() -> None:
    episode = Episode(
        detector=DetectorName.UNUSUAL, since=1, at=2, surprise=5, direction="down", sentence="s"
    )
    assert member_of(episode) == Member(since=1, surprise=5, direction="down")


@given(
    st.lists(
        st.tuples(st.sampled_from("abcdef"), st.floats(0, 2000), st.sampled_from(["x", "y"])),
        unique_by=lambda t: t[0],
    ).flatmap(lambda items: st.tuples(st.just(items), st.permutations(items)))
)
def test_order_in_which_a_round_lists_them_changes_nothing(
    orders: tuple[list[tuple[str, float, str]], list[tuple[str, float, str]]],
) -> None:
    one, other = ([begun(*item) for item in items] for items in orders)
    assert gather((), one) == gather((), other)


def test_incident_can_be_written_down() -> None:
    (found,) = gather((), [begun("a", 100), begun("b", 110)])
    assert Incident.model_validate_json(found.model_dump_json()) == found


def _seen(name: str, *moved: str) -> Anomaly:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    others = tuple(Moved(metric_id=m, since=at, surprise=1.0, direction="up") for m in moved)
    return Anomaly(
        metric_id=name,
        detector=DetectorName.THRESHOLD,
        since=at,
        at=at,
        value=1.0,
        unit="ms",
        expected=None,
        surprise=1.0,
        direction="up",
        sentence="it is amiss",
        moved=others,
        chart=(),
    )


def _incident(anomaly: Anomaly | None = None, **lasts: bool) -> Incident:
    members = {n: Member(since=1.0, direction="up", lasts=is_so) for n, is_so in lasts.items()}
    told = {"anomaly": anomaly, "told": "a"}
    return Incident(
        fingerprint="detector:a", repository="r", began=1.0, earliest=1.0, members=members, **told
    )


def test_incident_of_metrics_that_are_all_watched_stays_as_it_is() -> None:
    incident = _incident(a=True)
    assert without(incident, {"b"}) is incident


def test_incident_of_which_nothing_watched_lasts_is_dropped() -> None:
    assert without(_incident(a=True, b=False), {"a"}) is None


def test_incident_that_lost_a_metric_that_lasted_is_not_told_as_resolved() -> None:
    left = without(_incident(_seen("b"), a=True, b=True), {"a"})
    assert left is not None
    assert (set(left.members), left.settled, left.told) == ({"b"}, True, "a")


@pytest.mark.parametrize("anomaly", [_seen("a"), _seen("b", "a"), None])
def test_incident_is_described_anew_where_it_named_a_metric_that_left(
    anomaly: Anomaly | None,
) -> None:
    left = without(_incident(anomaly, a=False, b=True), {"a"})
    assert left is not None
    assert left.anomaly is None
    assert not left.settled

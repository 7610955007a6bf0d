"""The report: whole counts, intervals, and what was known when each mission began."""

from datetime import UTC, date, datetime, timedelta

import pytest

from grace.domain.learning.posterior import Tally
from grace.domain.learning.replay import replay
from grace.domain.learning.report import report, share
from grace.domain.phase import Outcome
from support.learned import NOW, left, past

# NOW is a Sunday; the day after it begins a week.
UNTIL = NOW + timedelta(days=20)


@pytest.mark.parametrize(
    ("good", "of", "low", "high", "telling"),
    [
        (0, 0, 0.0, 1.0, False),
        (1, 1, 0.2065, 1.0, False),
        (8, 10, 0.4902, 0.9433, True),  # Wilson's, as tabled
        (5, 10, 0.2366, 0.7634, False),
        (0, 20, 0.0, 0.1611, True),
    ],
)
def test_share_has_wilsons_interval_and_says_when_it_says_nothing(
    good: int, of: int, low: float, high: float, telling: bool
) -> None:
    found = share(good, of)
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-4)
    assert found.telling is telling


def test_nothing_remembered_makes_an_empty_report() -> None:
    found = report([], UNTIL, 2)
    assert (found.missions, found.chose, found.lines) == (0, 0, ())
    assert [week.since for week in found.weeks] == [date(2026, 11, 30), date(2026, 12, 7)]
    assert found.whole.beside.then is None


def test_first_remedy_holds_only_alone_and_candidates_are_no_choice() -> None:
    found = report(
        [
            left(1, "repair+"),
            left(2, "pin- repair+"),
            left(3, "repair-"),
            left(4, "repairi"),
            left(5, "candidate:patch-1- pin+"),
            left(6, "candidate:patch-1+"),
            left(7, "memory:reapply+ pin?"),
        ],
        UNTIL,
        4,
    )
    assert (found.missions, found.chose, found.undecided) == (7, 5, 1)
    assert (found.whole.first.good, found.whole.first.of) == (2, 5)
    by_name = {line.remedy: line for line in found.lines}
    assert (by_name["agent:repair"].share.good, by_name["agent:repair"].share.of) == (2, 4)
    assert (by_name["agent:pin"].share.of, by_name["agent:pin"].undecided) == (2, 1)
    assert by_name["candidate:patch-1"].share.of == 2


def test_problems_that_went_by_themselves_give_no_credit() -> None:
    recovered = left(2, "playbook:restart?", outcome=Outcome.SELF_RECOVERED)
    found = report([left(1, ""), recovered], UNTIL, 4)
    assert (found.recovered, found.untried, found.undecided, found.chose) == (1, 1, 1, 0)
    (line,) = found.lines
    assert (line.share.of, line.undecided, line.best) == (0, 1, False)


def test_weeks_begin_on_mondays_and_only_the_last_ones_are_told() -> None:
    missions = [left(day, "repair+") for day in (-3, 1, 7, 8, 15)]
    found = report(missions, UNTIL, 3)
    assert found.since == date(2026, 11, 23)
    assert [(week.since.isoformat(), week.first.of) for week in found.weeks] == [
        ("2026-11-23", 2),
        ("2026-11-30", 1),
        ("2026-12-07", 1),
    ]
    assert found.missions == 4
    (line,) = found.lines
    assert line.weeks == ((2, 2), (1, 1), (1, 1))
    # What is older is still believed.
    tally = Tally.of(record for _ in range(5) for record in past("agent:repair", "+"))
    assert line.mean == pytest.approx(tally.believed("agent:repair", "lock/-/-", "new").mean)


def test_time_zones_and_what_ends_later_do_not_move_missions() -> None:
    late = datetime(2026, 11, 30, 0, 30, tzinfo=UTC)
    found = report([left(1, "repair+", closed_at=late), left(30, "repair-")], UNTIL, 3)
    assert [week.first.of for week in found.weeks] == [0, 1, 0]
    assert found.missions == 1
    assert found.lines[0].share.good == 1


def test_one_signature_is_told_alone() -> None:
    missions = [left(1, "repair+"), left(2, "pin-", signature="test/-/TypeError")]
    found = report(missions, UNTIL, 4, "test/-/TypeError")
    assert (found.missions, found.chose) == (1, 1)
    assert [line.remedy for line in found.lines] == ["agent:pin"]


def test_best_then_is_what_was_known_when_the_mission_began() -> None:
    one = left(1, "repair+")
    # It began before the first had ended, so it knew nothing.
    beside = left(2, "repair+", seconds=86400 * 1.5)
    after = left(3, "repair+")
    seen = {each.left.mission[-3:]: each for each in replay([one, beside, after])}
    assert seen["001"].then is None
    assert seen["002"].then is None
    tally = Tally.of([*past("agent:repair", "+"), *past("agent:repair", "+")])
    expected = tally.believed("agent:repair", "lock/-/-", "mesh").mean
    assert seen["003"].then == pytest.approx(expected)


def test_mission_that_took_no_time_does_not_know_its_own_end() -> None:
    (seen,) = replay([left(1, "repair+", seconds=0)])
    assert seen.then is None


def test_other_symptoms_make_nothing_known() -> None:
    seen = list(replay([left(1, "repair+", signature="other/-/-"), left(2, "repair+")]))
    assert [each.then for each in seen] == [None, None]


def test_beside_says_whether_the_best_believed_was_tried_and_held() -> None:
    missions = [
        *(left(day, "repair+") for day in range(1, 5)),
        left(5, "pin- repair+"),
        left(6, "pin+"),
        left(7, "repair-"),
    ]
    beside = report(missions, UNTIL, 4).whole.beside
    # The first knew nothing. All but the sixth tried repair, which held in all but the last.
    assert (beside.held.good, beside.held.of) == (4, 6)
    assert (beside.followed.good, beside.followed.of) == (4, 5)
    assert beside.then is not None
    assert 0.5 < beside.then < 1


def test_hindsight_leaves_out_the_mission_itself() -> None:
    two = [left(1, "repair+"), left(2, "repair-")]
    (_, last) = replay(two)
    assert last.hindsight == pytest.approx(2 / 3)
    # Alone with its remedy in hindsight: pin is known only by this mission.
    (_, other) = replay([left(1, "repair-"), left(2, "pin+")])
    assert other.hindsight == pytest.approx(1 / 3)


def test_hindsight_knows_what_came_later() -> None:
    missions = [left(1, "repair-"), left(2, "repair-"), *(left(d, "pin+") for d in range(3, 9))]
    second = list(replay(missions))[1]
    assert second.then is not None
    assert second.hindsight == pytest.approx(7 / 8)
    assert second.hindsight > second.then


def test_best_known_is_clear_only_where_doubt_is_small() -> None:
    few = report([left(1, "repair+"), left(2, "pin-")], UNTIL, 4)
    assert [(line.remedy, line.best, line.clearly) for line in few.lines] == [
        ("agent:repair", True, False),
        ("agent:pin", False, False),
    ]
    many = [left(n, "repair+") for n in range(1, 16)]
    many += [left(n, "pin-", closed_at=NOW + timedelta(days=1, hours=n)) for n in range(20, 35)]
    first, second = report(many, UNTIL, 4).lines
    assert (first.remedy, first.best, first.clearly) == ("agent:repair", True, True)
    assert first.low > second.high


def test_candidate_is_never_the_best_known() -> None:
    lines = report([left(1, "candidate:patch-1+"), left(2, "pin-")], UNTIL, 4).lines
    assert [(line.remedy, line.best) for line in lines] == [
        ("candidate:patch-1", False),
        ("agent:pin", True),
    ]

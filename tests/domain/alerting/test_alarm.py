"""What a mission keeps of its alerts, and what is said about them."""

from datetime import UTC, datetime, timedelta

import pytest

from grace.domain.alerting import words
from grace.domain.alerting.alarm import MAX_TOLD, Alarm, AlertState, Placed, Recurrence, is_step
from grace.domain.alerting.rules import Alerting
from grace.domain.phase import Outcome

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
RULES = Alerting(settle_minutes=2, max_settle_minutes=60)


def state(number: int = 1, **changes: object) -> AlertState:
    fields = {"title": f"alert {number}", "source": "am", "status": "firing", "at": NOW}
    return AlertState(fingerprint=f"f{number}", **{**fields, **changes})


def many(count: int, **changes: object) -> Alarm:
    alarm = Alarm()
    for number in range(count):
        alarm = alarm.heard(state(number, **changes))
    return alarm


def recurrence(outcome: Outcome = Outcome.FIXED, **changes: object) -> Recurrence:
    fields = {"mission": "mission_20261101_001", "closed_at": NOW - timedelta(days=3)}
    return Recurrence(outcome=outcome, **{**fields, **changes})


def test_so_many_alerts_are_kept_of_its_own_and_so_many_of_others():
    alarm = many(MAX_TOLD + 5)
    assert len(alarm.own) == MAX_TOLD
    for number in range(100, 100 + MAX_TOLD + 5):
        alarm = alarm.heard(state(number, beside=True))
    assert (len(alarm.own), len(alarm.beside)) == (MAX_TOLD, MAX_TOLD)
    # What is known is replaced in its place, also where no more are taken.
    alarm = alarm.heard(state(3, status="resolved"))
    assert alarm.alerts[3].status == "resolved"
    assert alarm.state("f3") == alarm.alerts[3]
    assert alarm.state("f99") is None


def test_it_is_quiet_since_the_last_of_its_alerts_was_resolved():
    alarm = many(2).counted(Placed(known=2, firing=1), NOW)
    assert (alarm.quiet_since, alarm.settles_at(RULES)) == (None, None)
    quiet = alarm.counted(Placed(known=2, firing=0), NOW)
    assert quiet.settles_at(RULES) == NOW + timedelta(minutes=2)
    later = quiet.counted(Placed(known=2, firing=0), NOW + timedelta(minutes=1))
    assert later.quiet_since == NOW
    assert later.counted(Placed(known=2, firing=1), NOW).quiet_since is None


def test_the_alert_that_flaps_most_says_how_long_to_wait():
    alarm = many(2).heard(state(1, flaps=3))
    assert alarm.counted(Placed(known=2, firing=0), NOW).flaps == 3
    assert alarm.counted(Placed(known=2, firing=0, flaps=4), NOW).flaps == 4
    assert Alarm(flaps=3).patience(RULES) == timedelta(minutes=16)
    assert Alarm(restless=True).patience(RULES) == timedelta(minutes=60)


def test_a_storm_is_worth_a_word_at_growing_steps():
    assert [n for n in range(1, 1000) if is_step(n)] == [50, 100, 200, 400, 800]


@pytest.mark.parametrize(
    ("length", "said"),
    [
        (timedelta(seconds=-5), "0 minutes"),
        (timedelta(minutes=1), "1 minute"),
        (timedelta(minutes=90), "1 hour"),
        (timedelta(hours=47), "1 day"),
        (timedelta(days=13, hours=23), "13 days"),
    ],
)
def test_lengths_are_said_in_their_largest_unit(length, said):
    assert words.span(length) == said


def test_what_came_back_says_after_how_long_and_which_fix_did_not_hold():
    assert words.came_back(recurrence(landed="a" * 40), NOW) == (
        "It came back 3 days after mission_20261101_001 was closed as fixed. "
        "The fix of that mission (aaaaaaaaaa) did not hold."
    )
    assert words.came_back(recurrence(), NOW).endswith("The fix of that mission did not hold.")
    assert words.came_back(recurrence(Outcome.CANCELLED), NOW) == (
        "It came back 3 days after mission_20261101_001 was closed as cancelled."
    )


def test_recovery_is_said_with_its_time():
    assert words.recovered(1, timedelta(minutes=2)) == (
        "its alert stayed resolved for 2 minutes, before any fix was merged"
    )
    assert words.recovered(7, timedelta(0)) == (
        "all of its 7 alerts stayed resolved for a moment, before any fix was merged"
    )


@pytest.mark.parametrize(
    ("known", "firing", "said"),
    [
        (1, 0, "resolved"),
        (1, 1, "still fires"),
        (3, 0, "all 3 are resolved"),
        (3, 2, "2 of 3 fire"),
    ],
)
def test_standing_is_one_line(known, firing, said):
    assert words.standing(Alarm(known=known, firing=firing)) == said


def test_others_are_named_so_many():
    assert words.others(many(1, beside=True)) == "alert 0"
    assert words.others(many(12, beside=True)).endswith("alert 9 and 2 more")


def test_one_alert_is_no_list():
    assert words.alert_lines(many(1).counted(Placed(), NOW)) == []


def test_alerts_are_listed_and_those_that_are_left_counted_roughly():
    alarm = many(3).counted(Placed(known=3, firing=3), NOW)
    lines = words.alert_lines(alarm)
    assert lines[1] == "### Alerts"
    assert lines[2] == "- alert 0 (`am`, `f0`)"
    assert len(lines) == 6
    crowd = many(MAX_TOLD)
    few = words.alert_lines(crowd.counted(Placed(known=17, firing=1), NOW))
    assert few[-2] == "- and 7 more"
    storm = [
        words.alert_lines(crowd.counted(Placed(known=known, firing=1), NOW))[-2]
        for known in (200, 800, 5000)
    ]
    assert storm == [
        "- and more than 100 more",
        "- and more than 100 more",
        "- and more than 1000 more",
    ]


def test_earlier_mission_and_capa_are_named():
    alarm = Alarm(recurs=recurrence(capa=7), capa=9, known=1)
    assert words.alert_lines(alarm) == [
        "An earlier mission had this alert: `mission_20261101_001`. Its CAPA is #7.",
        "CAPA #9 about the same problem is open.",
        "",
    ]
    assert "CAPA" not in words.alert_lines(Alarm(recurs=recurrence(), known=1))[0]


def test_a_title_of_a_stranger_opens_nothing():
    alarm = many(2, title="@everyone <!-- x --> [a](http://evil)\n# b")
    lines = words.alert_lines(alarm.counted(Placed(known=2, firing=1), NOW))
    assert not any("@everyone" in line or "<!--" in line or "http://" in line for line in lines)
    assert all(line.count("\n") == 0 for line in lines)

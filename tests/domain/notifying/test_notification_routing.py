"""Who is told of an entry, and when."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from grace.domain.notifying.config import Channel, Notifications, QuietHours, Route, Wanted, Webhook
from grace.domain.notifying.news import News
from grace.domain.notifying.routing import due, notices, wants
from grace.domain.phase import Severity

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
NEWS = News(
    position=7,
    log="forge.test/1",
    seq=3,
    time="2026-11-22T12:00:00.000000Z",
    kind="mission.merged",
    actor="grace",
    mission="mission_20261122_001",
    title="slow",
    severity=Severity.HIGH,
    subsystem="mesh",
    repository="acme/Mesh",
    issue=4,
    payload={"merge_sha": "a" * 40, "tree": "b" * 40},
)


@pytest.mark.parametrize(
    ("wanted", "is_wanted"),
    [
        (Wanted(), True),
        (Wanted(patterns=("mission.merged",)), True),
        (Wanted(patterns=("crypto.*", "mission.*")), True),
        (Wanted(patterns=("brake.*",)), False),
        (Wanted(severities=(Severity.HIGH, Severity.CRITICAL)), True),
        (Wanted(severities=(Severity.LOW,)), False),
        (Wanted(subsystems=("mesh",)), True),
        (Wanted(subsystems=("billing",)), False),
        (Wanted(repositories=("acme/mesh",)), True),
        (Wanted(repositories=("acme/billing",)), False),
    ],
)
def test_an_entry_is_wanted_where_every_filter_lets_it_by(wanted, is_wanted):
    assert wants(wanted, NEWS) is is_wanted


@pytest.mark.parametrize(
    "wanted",
    [
        Wanted(severities=tuple(Severity)),
        Wanted(subsystems=("mesh",)),
        Wanted(repositories=("acme/mesh",)),
    ],
)
def test_what_has_no_such_field_passes_no_filter_by_it(wanted):
    bare = replace(NEWS, severity=None, subsystem=None, repository=None)
    assert not wants(wanted, bare)
    assert wants(Wanted(), bare)


def route(**fields):
    return Route(name="team", channels=("ops",), **fields)


def quiet(begin, to, zone="UTC", *but):
    return QuietHours.model_validate(
        {"from": begin, "to": to, "zone": zone, "except_severities": but}
    )


def test_without_hours_or_digest_it_is_told_now():
    assert due(route(), NEWS, NOON) == NOON


def test_a_digest_is_due_at_the_end_of_its_stretch_and_not_before():
    daily = route(digest_minutes=1440)
    midnight = datetime(2026, 11, 23, tzinfo=UTC)
    assert due(daily, NEWS, NOON) == midnight
    assert due(daily, NEWS, datetime(2026, 11, 22, tzinfo=UTC)) == midnight
    assert due(route(digest_minutes=15), NEWS, NOON.replace(minute=1)) == NOON.replace(minute=15)


@pytest.mark.parametrize(
    ("now", "told"),
    [
        ((22, 21, 59), (22, 21, 59)),
        ((22, 22, 0), (23, 7, 0)),
        ((23, 3, 30), (23, 7, 0)),
        ((23, 7, 0), (23, 7, 0)),
    ],
)
def test_quiet_hours_go_over_midnight(now, told):
    def at(day, hour, minute):
        return datetime(2026, 11, day, hour, minute, tzinfo=UTC)

    assert due(route(quiet_hours=quiet("22:00", "07:00")), NEWS, at(*now)) == at(*told)


@pytest.mark.parametrize(
    ("now", "told"),
    [
        # Clocks go forward on 29 March 2026 at 02:00 in Berlin: 02:30 is not there that night.
        ("2026-03-28T23:00:00+01:00", "2026-03-29T03:30:00+02:00"),
        # They go back on 25 October 2026 at 03:00: 02:30 is there twice, the later one ends it.
        ("2026-10-24T23:00:00+02:00", "2026-10-25T02:30:00+01:00"),
        ("2026-10-25T02:10:00+01:00", "2026-10-25T02:30:00+01:00"),
        ("2026-10-23T23:00:00+02:00", "2026-10-24T02:30:00+02:00"),
    ],
)
def test_quiet_hours_end_at_the_hour_of_their_zone_when_clocks_change(now, told):
    hours = quiet("22:00", "02:30", "Europe/Berlin")
    moment = datetime.fromisoformat(now).astimezone(UTC)
    assert due(route(quiet_hours=hours), NEWS, moment) == datetime.fromisoformat(told)


def test_some_severities_do_not_wait_for_the_morning_and_what_has_none_does():
    night = NOON.replace(hour=23)
    hours = route(quiet_hours=quiet("22:00", "07:00", "UTC", "high"))
    assert due(hours, NEWS, night) == night
    morning = datetime(2026, 11, 23, 7, tzinfo=UTC)
    assert due(hours, replace(NEWS, severity=Severity.MEDIUM), night) == morning
    assert due(hours, replace(NEWS, severity=None), night) == morning


def test_a_digest_that_ends_in_quiet_hours_waits_for_their_end():
    both = route(digest_minutes=60, quiet_hours=quiet("22:00", "07:00"))
    assert due(both, NEWS, NOON.replace(hour=21, minute=30)) == datetime(
        2026, 11, 23, 7, tzinfo=UTC
    )


def test_each_route_tells_each_of_its_channels_once():
    config = Notifications(
        channels={"ops": Channel(url_env="A"), "mail": Channel(url_file="b")},
        routes=(
            Route(name="one", channels=("ops", "ops", "mail")),
            Route(name="two", channels=("ops",), patterns=("mission.*",)),
            Route(name="three", channels=("ops",), patterns=("brake.*",)),
        ),
    )
    said = list(notices(config, "https://forge.test", NEWS, NOON))
    assert [(n.route, n.channel) for n in said] == [
        ("one", "ops"),
        ("one", "mail"),
        ("two", "ops"),
    ]
    assert {(n.position, n.subject, n.due_at) for n in said} == {(7, "mission_20261122_001", NOON)}


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://hooks.example.org/x", "is not https"),
        ("https:///x", "names no host"),
        ("https://me:secret@hooks.example.org/x", "holds a name or password"),
        ("https://hooks.example.org/x#y", "has a fragment"),
        ("http://localhost.example.org/", "is not https"),
        ("ftp://hooks.example.org/", "should match pattern"),
    ],
)
def test_a_webhook_that_cannot_be_sent_to_is_refused_when_it_is_read(url, why):
    with pytest.raises(ValidationError, match=why):
        Webhook(url=url, secret_env="S")


@pytest.mark.parametrize(
    "url", ["https://hooks.example.org/x?y=1", "http://127.0.0.1:80/", "http://[::1]:1/x"]
)
def test_https_and_this_machine_are_sent_to(url):
    assert Webhook(url=url, secret_env="S").url == url


@pytest.mark.parametrize("given", [{}, {"secret_env": "A", "secret_file": "b"}])
def test_a_secret_stands_in_exactly_one_place(given):
    with pytest.raises(ValidationError, match="exactly one of secret_env and secret_file"):
        Webhook(url="https://hooks.example.org/", **given)


@pytest.mark.parametrize("given", [{}, {"url_env": "A", "url_file": "b"}])
def test_a_channels_address_stands_in_exactly_one_place(given):
    with pytest.raises(ValidationError, match="exactly one of url_env and url_file"):
        Channel(**given)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"from": "07:00", "to": "07:00"}, "are the same time"),
        ({"from": "07:00Z", "to": "08:00"}, "has no offset"),
        ({"from": "07:00", "to": "08:00+01:00"}, "has no offset"),
        ({"from": "07:00", "to": "08:00", "zone": "Mars/Olympus"}, "is no time zone"),
    ],
)
def test_quiet_hours_that_are_none_are_refused(fields, why):
    with pytest.raises(ValidationError, match=why):
        QuietHours.model_validate(fields)

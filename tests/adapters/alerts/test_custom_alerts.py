"""Any JSON becomes alerts by the expressions of the configuration."""

import time
from datetime import UTC, datetime

import pytest

from grace.adapters.alerts import AlertError
from grace.adapters.alerts.custom import CustomReader, moment
from grace.domain.alerting.sources import CustomSource
from grace.domain.phase import Severity
from support.alert_calls import NOW, POLICY, call

KUMA = {
    "heartbeat": {"status": 0, "msg": "timeout", "time": "2026-11-22 12:30:00.123", "ping": 812},
    "monitor": {
        "id": 17,
        "name": "Event bus",
        "url": "https://mesh.test/health",
        "tags": [{"name": "service", "value": "bus"}, {"name": "team", "value": None}, "odd"],
    },
    "msg": "[Event bus] down",
}
FIELDS = {
    "fingerprint": "monitor.id",
    "status": "heartbeat.status",
    "title": "monitor.name",
    "description": "heartbeat.msg",
    "severity": "'high'",
    "subsystem": "monitor.name",
    "metric_id": "'mesh.errors'",
    "value": "heartbeat.ping",
    "at": "heartbeat.time",
    "labels": "monitor.tags",
    "link": "monitor.url",
}


def reader(fields=FIELDS, **more):
    config = {
        "auth": {"kind": "bearer", "secret_env": "KUMA"},
        "fields": fields,
        "firing": [0],
        "resolved": [1],
        "ignored": [2, 3, ""],
        "subsystems": {"Event bus": "mesh"},
    }
    return CustomReader("kuma", CustomSource.model_validate(config | more))


def read(body, **more):
    return reader(**more).read(call(body), POLICY)


def test_a_body_is_one_alert():
    intake = read(KUMA)
    assert intake.errors == ()
    (seen,) = intake.seen
    assert (seen.source, seen.fingerprint) == ("custom:kuma", "custom:kuma:17")
    assert (seen.status, seen.title) == ("firing", "Event bus")
    assert seen.at == datetime(2026, 11, 22, 12, 30, 0, 123000, tzinfo=UTC)
    assert seen.labels == {"service": "bus"}
    request = seen.request
    assert (request.subsystem_id, request.severity) == ("mesh", Severity.HIGH)
    assert (request.summary, request.symptoms[0].observed_value) == ("timeout", 812)
    assert request.evidence[0].source == "https://mesh.test/health"


@pytest.mark.parametrize(
    ("status", "meant"),
    [(0, "firing"), ("0", "firing"), (1, "resolved"), (2, None), (3, None), (None, None)],
)
def test_values_say_what_fires_is_resolved_or_is_no_matter(status, meant):
    intake = read(KUMA | {"heartbeat": {"status": status}})
    assert [seen.status for seen in intake.seen] == ([] if meant is None else [meant])
    assert intake.errors == ()
    assert bool(intake.left) is (meant is None)


@pytest.mark.parametrize("status", [4, True, "00"])
def test_a_value_that_is_not_listed_is_told(status):
    intake = read(KUMA | {"heartbeat": {"status": status}})
    assert [e.field for e in intake.errors] == ["status"]
    assert "firing, resolved and ignored" in intake.errors[0].problem


def test_words_are_compared_without_regard_to_case_and_truths_by_name():
    words = {"firing": ["Down", True], "resolved": ["UP", False], "ignored": []}
    for status, meant in [("DOWN", "firing"), (True, "firing"), ("up", "resolved")]:
        (seen,) = read(KUMA | {"heartbeat": {"status": status}}, **words).seen
        assert seen.status == meant


def test_without_a_status_every_item_fires():
    fields = {name: text for name, text in FIELDS.items() if name != "status"}
    (seen,) = read(KUMA, fields=fields).seen
    assert seen.status == "firing"


def test_a_list_of_items_is_found_by_its_path():
    other = KUMA | {"monitor": KUMA["monitor"] | {"id": None}}
    intake = read({"data": {"alerts": [KUMA, other, 5]}}, items="data.alerts")
    assert [seen.fingerprint for seen in intake.seen] == ["custom:kuma:17"]
    assert [e.field for e in intake.errors] == ["items[1].fingerprint"]


@pytest.mark.parametrize(
    ("body", "words"), [({"data": {}}, "no list"), ({"a": [0] * 10_001}, "more than 10000")]
)
def test_a_body_without_the_list_or_with_too_long_a_one_is_refused(body, words):
    with pytest.raises(AlertError, match=words):
        read(body, items="a")


def test_a_call_is_known_again_by_its_own_id_where_it_has_one():
    first = read({"id": 1} | KUMA, delivery="id")
    assert first.own_id == read({"id": 1, "msg": "x"} | KUMA, delivery="id").own_id != ""
    assert first.own_id != read({"id": 2} | KUMA, delivery="id").own_id
    assert read(KUMA, delivery="id").own_id == ""
    assert read(KUMA).own_id == ""


def test_an_alert_without_a_time_is_taken_as_of_now():
    untimed = KUMA | {"heartbeat": {"status": 0}}
    intake = read(untimed)
    assert intake.timeless
    assert intake.seen[0].at == NOW
    assert not read(KUMA).timeless


def test_what_is_missing_is_told_by_field():
    intake = read(KUMA, fields=FIELDS | {"subsystem": "nowhere", "metric_id": "nowhere"})
    assert [(e.field, e.problem.partition(";")[0]) for e in intake.errors] == [
        ("subsystem", "is required"),
        ("metric_id", "is required, or nobody can tell a fix"),
    ]
    fields = {name: text for name, text in FIELDS.items() if name != "metric_id"}
    assert [e.field for e in read(KUMA, fields=fields).errors] == ["metrics"]
    (seen,) = read(KUMA, fields=fields, metrics={"Event bus": "mesh.latency"}).seen
    assert seen.request.symptoms[0].metric_id == "mesh.latency"


@pytest.mark.parametrize("value", ["a lot", "NaN", "1e999"])
def test_a_value_that_is_no_number_is_told(value):
    intake = read(KUMA | {"heartbeat": KUMA["heartbeat"] | {"ping": value}})
    assert [e.field for e in intake.errors] == ["value"]


@pytest.mark.parametrize(
    "expression", ["sum(monitor.name)", "length(monitor.id)", "monitor.tags[*].name | [99]"]
)
def test_an_expression_that_does_not_fit_what_is_there_finds_nothing(expression):
    (seen,) = read(KUMA, fields=FIELDS | {"description": expression}).seen
    assert seen.request.summary == "Event bus"


@pytest.mark.parametrize(
    ("labels", "kept"),
    [
        ({"a": 1, "b": True, "c": None, "d": [1], "e": 1.5}, {"a": "1", "b": "true", "e": "1.5"}),
        ([["a", "b"], ["c"], [1, 2], {"key": "k", "value": "v"}], {"a": "b", "k": "v"}),
        ("text", {}),
        (None, {}),
    ],
)
def test_labels_are_read_in_the_shapes_that_people_use(labels, kept):
    (seen,) = read(KUMA | {"labels": labels}, fields=FIELDS | {"labels": "labels"}).seen
    assert seen.labels == kept


def test_a_time_without_a_zone_is_in_utc_wherever_grace_runs(monkeypatch):
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        assert moment("2026-11-22 12:30:00") == SECONDS
    time.tzset()


SECONDS = datetime(2026, 11, 22, 12, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("2026-11-22T13:30:00+01:00", SECONDS),
        ("2026-11-22T12:30:00Z", SECONDS),
        (" 2026-11-22 12:30:00 ", SECONDS),
        (SECONDS.timestamp(), SECONDS),
        (int(SECONDS.timestamp() * 1000), SECONDS),
        (str(int(SECONDS.timestamp())), SECONDS),
        ("yesterday", None),
        ("", None),
        ("٣", None),
        (True, None),
        (None, None),
        ([], None),
        (1e300, None),
        (10**400, None),
        (float("inf"), None),
        ("9" * 400, None),
    ],
)
def test_times_are_read_as_people_write_them(value, read):
    assert moment(value) == read

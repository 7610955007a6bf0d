from datetime import UTC, datetime

import pytest

from grace.adapters.alerts import AlertError
from grace.adapters.alerts.sentry import read_sentry
from grace.domain.alerting.sources import SentryWords
from grace.domain.phase import Severity
from support.alert_calls import NOW, POLICY, call, sentry_event, sentry_issue, sentry_metric

WORDS = SentryWords(subsystems={"front-end": "web"}, metrics={"front-end": "mesh.errors"})


def read(resource, body, words=WORDS, **headers):
    return read_sentry(call(body, sentry_hook_resource=resource, **headers), words, POLICY)


def test_an_issue_alert_asks_for_a_mission():
    intake = read("event_alert", sentry_event())
    assert intake.errors == ()
    (seen,) = intake.seen
    assert (seen.source, seen.status) == ("sentry", "firing")
    assert seen.fingerprint == "sentry:issue:1117540176"
    assert seen.title == "ReferenceError: heck is not defined"
    assert seen.at == datetime(2026, 11, 22, 12, 6, 17, 677000, tzinfo=UTC)
    assert seen.labels == {
        "browser": "Chrome",
        "environment": "production",
        "level": "error",
        "project": "front-end",
        "rule": "Very important",
        "user": "",
    }
    request = seen.request
    assert (request.subsystem_id, request.severity) == ("web", Severity.HIGH)
    assert request.symptoms[0].metric_id == "mesh.errors"


def test_tags_may_name_subsystem_and_metric():
    tags = [["subsystem", "mesh"], ["metric_id", "mesh.latency"], ["severity", "low"]]
    (seen,) = read("event_alert", sentry_event(tags=tags), SentryWords()).seen
    request = seen.request
    assert (request.subsystem_id, request.severity) == ("mesh", Severity.LOW)
    assert request.symptoms[0].metric_id == "mesh.latency"


@pytest.mark.parametrize(
    ("action", "status", "severity"),
    [
        ("critical", "firing", Severity.CRITICAL),
        ("warning", "firing", Severity.MEDIUM),
        ("resolved", "resolved", Severity.HIGH),
    ],
)
def test_a_metric_alert_fires_and_is_resolved(action, status, severity):
    closed = "2026-11-22T12:40:00Z" if status == "resolved" else None
    (seen,) = read("metric_alert", sentry_metric(action, date_closed=closed)).seen
    assert (seen.status, seen.fingerprint) == (status, "sentry:rule:7")
    assert seen.request.severity is severity
    assert seen.at.minute == (40 if status == "resolved" else 26)
    assert seen.request.summary == "1000 events in the last 10 minutes"


def test_a_resolved_issue_resolves_what_its_alert_began():
    (seen,) = read("issue", sentry_issue("resolved")).seen
    assert (seen.status, seen.fingerprint) == ("resolved", "sentry:issue:1117540176")
    assert seen.at == NOW


@pytest.mark.parametrize("action", ["created", "unresolved"])
def test_new_issues_ask_for_missions_only_where_that_is_wished(action):
    intake = read("issue", sentry_issue(action))
    assert (intake.seen, intake.errors) == ((), ())
    assert action in intake.left
    (seen,) = read("issue", sentry_issue(action), WORDS.model_copy(update={"issues": True})).seen
    assert (seen.status, seen.request.severity) == ("firing", Severity.CRITICAL)
    assert seen.at == datetime(2026, 11, 22, 12, 58, 37, 391000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("resource", "body"),
    [
        ("issue", sentry_issue("assigned")),
        ("issue", sentry_issue("archived")),
        ("installation", {"action": "created", "data": {}}),
        ("", {}),
    ],
)
def test_what_is_no_alert_is_left_aside(resource, body):
    intake = read(resource, body)
    assert (intake.seen, intake.errors) == ((), ())
    assert intake.left


def test_a_webhook_is_known_again_by_what_is_in_it():
    first = read("event_alert", sentry_event())
    assert first.own_id == read("event_alert", sentry_event(), request_id="other").own_id
    assert first.own_id != read("event_alert", sentry_event(event_id="f" * 32)).own_id
    # Of an issue the same may be said twice: only the id of the call tells the two apart.
    given = read("issue", sentry_issue("resolved"), request_id="1f9a7d52-aaaa-bbbb")
    assert given.own_id == "request:1f9a7d52-aaaa-bbbb"
    assert read("issue", sentry_issue("resolved"), request_id="../x").own_id == ""


def test_without_a_metric_the_error_says_where_to_name_one():
    intake = read("event_alert", sentry_event(), SentryWords())
    assert [e.field for e in intake.errors] == ["labels.project", "labels.metric_id"]
    assert intake.errors[0].problem == "unknown subsystem 'front-end'; known are: mesh, web"
    assert "nobody can tell a fix" in intake.errors[1].problem


@pytest.mark.parametrize(
    ("resource", "body", "field"),
    [
        ("event_alert", sentry_event(issue_id=None), "data.event.issue_id"),
        ("event_alert", sentry_event(tags=[["a", "b", "c"]]), "data.event.tags[0]"),
        ("event_alert", sentry_metric("critical"), "action"),
        ("metric_alert", sentry_metric("gone"), "action"),
        (
            "metric_alert",
            sentry_metric("critical", alert_rule={}),
            "data.metric_alert.alert_rule.id",
        ),
        ("issue", sentry_issue("created", project=None), "data.issue.project"),
        ("issue", [], "body"),
    ],
)
def test_what_sentry_does_not_send_is_refused_by_field(resource, body, field):
    with pytest.raises(AlertError) as caught:
        read(resource, body)
    assert caught.value.errors[0].field == field

from datetime import UTC, datetime

import pytest

from grace.adapters.alerts import AlertError
from grace.adapters.alerts.pagerduty import read_pagerduty
from grace.domain.alerting.sources import PagerDutyWords
from grace.domain.phase import Severity
from support.alert_calls import POLICY, call, pagerduty

WORDS = PagerDutyWords(subsystems={"PF9KMXH": "mesh"}, metrics={"mesh": "mesh.errors"})


def read(body, words=WORDS):
    return read_pagerduty(call(body), words, POLICY)


def test_a_triggered_incident_asks_for_a_mission():
    intake = read(pagerduty())
    assert intake.errors == ()
    (seen,) = intake.seen
    assert (seen.source, seen.status) == ("pagerduty", "firing")
    assert seen.fingerprint == "pagerduty:PF9KMXH:d3640fbd41094207a1c11e58e46b1662"
    assert seen.title == "A little bump in the road"
    assert seen.at == datetime(2026, 11, 22, 12, 45, 22, 169000, tzinfo=UTC)
    assert seen.labels == {
        "escalation_policy": "Default",
        "priority": "P1",
        "service": "API Service",
        "service_id": "PF9KMXH",
        "teams": "Engineering",
        "urgency": "high",
    }
    request = seen.request
    assert (request.subsystem_id, request.severity) == ("mesh", Severity.CRITICAL)
    assert request.symptoms[0].metric_id == "mesh.errors"
    assert request.evidence[0].source == "https://acme.pagerduty.test/incidents/PGR0VU2"


@pytest.mark.parametrize(
    ("event_type", "status"),
    [
        ("incident.triggered", "firing"),
        ("incident.reopened", "firing"),
        ("incident.resolved", "resolved"),
        ("incident.acknowledged", None),
        ("incident.unacknowledged", None),
        ("incident.priority_updated", None),
        ("incident.annotated", None),
        ("service.updated", None),
        ("pagey.ping", None),
    ],
)
def test_events_fire_or_resolve_or_ask_for_nothing(event_type, status):
    intake = read(pagerduty(event_type))
    assert [seen.status for seen in intake.seen] == ([] if status is None else [status])
    assert bool(intake.left) is (status is None)
    assert intake.errors == ()


def test_a_ping_has_another_shape_and_is_left_aside():
    body = pagerduty("pagey.ping")
    body["event"]["data"] = {"message": "Hello from your friend Pagey!", "type": "ping"}
    assert read(body).left == "'pagey.ping' asks for nothing"


@pytest.mark.parametrize(
    ("more", "severity"),
    [
        ({"priority": None}, Severity.HIGH),
        ({"priority": None, "urgency": "low"}, Severity.LOW),
        ({"priority": {"id": "X", "summary": "SEV-2"}, "urgency": None}, Severity.HIGH),
        ({"priority": {"id": "X", "summary": "Sev9"}, "urgency": None}, Severity.LOW),
    ],
)
def test_severity_is_the_priority_else_the_urgency_else_the_metrics_own(more, severity):
    words = WORDS.model_copy(update={"severities": {"Sev9": Severity.LOW}})
    (seen,) = read(pagerduty(**more), words).seen
    assert seen.request.severity is severity


def test_an_incident_without_a_key_goes_by_its_id():
    (seen,) = read(pagerduty(incident_key=None, escalation_policy=None, teams=[])).seen
    assert seen.fingerprint == "pagerduty:PF9KMXH:PGR0VU2"


def test_a_key_that_is_no_name_becomes_a_digest():
    (seen,) = read(pagerduty(incident_key="disk full on <db 1>\u202e")).seen
    (other,) = read(pagerduty(incident_key="disk full on <db 2>")).seen
    assert seen.fingerprint.removeprefix("pagerduty:").isalnum()
    assert seen.fingerprint != other.fingerprint


def test_the_service_may_be_found_by_its_name():
    words = PagerDutyWords(
        subsystems={"API Service": "web"}, metrics={"API Service": "mesh.errors"}
    )
    (seen,) = read(pagerduty(), words).seen
    assert seen.request.subsystem_id == "web"


def test_a_service_that_is_not_listed_is_told_with_the_way_out():
    intake = read(pagerduty(), PagerDutyWords())
    assert [(e.field, e.problem) for e in intake.errors] == [
        ("labels.service_id", "unknown subsystem 'PF9KMXH'; known are: mesh, web"),
        (
            "metrics",
            (
                "is required, or nobody can tell a fix: name one for this subsystem in "
                "alert_sources.yaml; known are: mesh.errors, mesh.latency"
            ),
        ),
    ]


def test_a_delivery_is_known_again_by_the_events_id():
    body = pagerduty()
    first = read(body).own_id
    assert read(pagerduty(urgency="low")).own_id == first
    body["event"]["id"] = "another"
    assert read(body).own_id != first


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "event"),
        ({"messages": [{"event": "incident.trigger"}]}, "event"),
        (pagerduty(service=None), "event.data.service"),
        (pagerduty(id=""), "event.data.id"),
        ([], "body"),
    ],
)
def test_what_pagerduty_does_not_send_is_refused_by_field(body, field):
    with pytest.raises(AlertError) as caught:
        read(body)
    assert caught.value.errors[0].field == field

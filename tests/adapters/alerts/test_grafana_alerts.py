from datetime import UTC, datetime

import pytest

from grace.adapters.alerts import AlertError
from grace.adapters.alerts.grafana import read_grafana
from grace.domain.alerting.sources import GrafanaWords
from grace.domain.phase import Severity
from support.alert_calls import POLICY, call, grafana, grafana_alert

WORDS = GrafanaWords()


def read(*alerts, words=WORDS, **more):
    return read_grafana(call(grafana(*alerts, **more)), words, POLICY)


def test_a_firing_alert_asks_for_a_mission():
    intake = read(grafana_alert(), truncatedAlerts=2)
    assert (intake.errors, intake.truncated) == ((), 2)
    (seen,) = intake.seen
    assert (seen.source, seen.status, seen.title) == ("grafana", "firing", "delivery is slow")
    assert seen.fingerprint == "grafana:bc97ff14869b13e3"
    assert seen.at == datetime(2026, 11, 22, 12, 56, 3, 157076, tzinfo=UTC)
    assert seen.labels["alertname"] == "Slow"
    (symptom,) = seen.request.symptoms
    assert (symptom.metric_id, symptom.threshold) == ("mesh.latency", 100)
    assert symptom.observed_value == pytest.approx(44.239437)
    assert seen.request.evidence[0].source.startswith("https://grafana.test/alerting/")
    assert seen.request.severity is Severity.MEDIUM


@pytest.mark.parametrize(
    ("alert", "value"),
    [
        (grafana_alert(values={"A": 7, "C": 1}), 7),
        (grafana_alert(values={"C": 1}), None),
        (grafana_alert(values=None), None),
        (grafana_alert(values={"B": {"deep": 1}, "A": 3}), 3),
        (grafana_alert(annotations={"value": "12.5 "}), 12.5),
    ],
)
def test_the_value_is_an_annotations_else_that_of_a_known_expression(alert, value):
    (seen,) = read(alert).seen
    assert seen.request.symptoms[0].observed_value == value


def test_the_panel_is_named_where_the_rule_is_not():
    (seen,) = read(grafana_alert(generatorURL="")).seen
    assert seen.request.evidence[0].source == "https://grafana.test/d/1?viewPanel=1"


def test_the_same_alert_resolved_has_the_same_fingerprint():
    resolved = grafana_alert(status="resolved", endsAt="2026-11-22T12:59:00Z")
    fired, over = read(grafana_alert(), resolved).seen
    assert fired.fingerprint == over.fingerprint
    assert over.status == "resolved"
    assert over.at == datetime(2026, 11, 22, 12, 59, tzinfo=UTC)


def test_labels_are_read_by_the_configuration():
    words = GrafanaWords(
        subsystem_labels=("team", "service"),
        subsystems={"mesh-prod": "mesh"},
        severity_labels=("tier",),
        severities={"Gold": Severity.CRITICAL},
        metrics={"mesh-prod": "mesh.errors"},
    )
    labels = {"service": "mesh-prod", "team": "blue", "tier": "gold"}
    (seen,) = read(grafana_alert(labels=labels), words=words).seen
    request = seen.request
    assert (request.subsystem_id, request.severity) == ("mesh", Severity.CRITICAL)
    assert request.symptoms[0].metric_id == "mesh.errors"


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"orgId": None}, "orgId"),
        ({"alerts": [grafana_alert(status="pending")]}, "alerts[0].status"),
        ({"alerts": [grafana_alert(fingerprint="a b")]}, "alerts[0].fingerprint"),
        ({"alerts": "none"}, "alerts"),
    ],
)
def test_what_grafana_does_not_send_is_refused_by_field(more, field):
    with pytest.raises(AlertError) as caught:
        read(**more)
    assert [error.field for error in caught.value.errors] == [field]


def test_a_call_without_alerts_says_so():
    intake = read()
    assert (intake.seen, intake.left) == ((), "the call has no alert in it")

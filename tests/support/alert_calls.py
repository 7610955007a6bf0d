"""What the tests of alert sources read alerts with: a policy, a time, and signed calls."""

import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

from grace.adapters.alerts import Call, Secrets
from grace.domain.catalog import Catalog, MetricDefinition, Subsystem, Subsystems
from grace.domain.phase import Severity
from grace.domain.policy import Policy

NOW = datetime(2026, 11, 22, 13, tzinfo=UTC)
SECRET = "whsec-of-tests"
SECRETS = Secrets.parse(SECRET)
LATENCY = MetricDefinition(target=100, comparator="<", unit="ms", stress="p95_ms")
POLICY = Policy(
    catalog=Catalog(
        metrics={
            "mesh.latency": LATENCY,
            "mesh.errors": MetricDefinition(
                target=5, comparator="<", unit="%", severity=Severity.HIGH, stress="error_rate"
            ),
            "unmeasured": MetricDefinition(target=5, comparator="<", unit="%"),
        }
    ),
    subsystems=Subsystems(
        subsystems={
            "mesh": Subsystem(host="github.com", repository="a/mesh"),
            "web": Subsystem(host="github.com", repository="a/web"),
        }
    ),
)


def call(body: Any, at: datetime = NOW, **headers: str) -> Call:
    """Make a call; a header's name has `_` for `-`."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Call({name.replace("_", "-"): value for name, value in headers.items()}, raw, at)


def signature(body: bytes, secret: str = SECRET) -> str:
    """Sign as most sources do: hex HMAC-SHA256 of the raw body."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def grafana_alert(**more: Any) -> dict[str, Any]:
    """Make an alert as Grafana's webhook has it."""
    return {
        "status": "firing",
        "labels": {"alertname": "Slow", "subsystem": "mesh", "metric_id": "mesh.latency"},
        "annotations": {"summary": "delivery is slow"},
        "startsAt": "2026-11-22T13:56:03.157076+01:00",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "https://grafana.test/alerting/d1rdpdv7k/edit",
        "fingerprint": "bc97ff14869b13e3",
        "silenceURL": "https://grafana.test/alerting/silence/new",
        "dashboardURL": "https://grafana.test/d/1",
        "panelURL": "https://grafana.test/d/1?viewPanel=1",
        "values": {"B": 44.23943737541908, "C": 1},
    } | more


def grafana(*alerts: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Make the body of Grafana's webhook."""
    return {
        "receiver": "grace",
        "status": "firing",
        "orgId": 1,
        "alerts": list(alerts),
        "groupLabels": {},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "https://grafana.test/",
        "version": "1",
        "groupKey": "{}:{}",
        "truncatedAlerts": 0,
        "title": "[FIRING:1]  (mesh)",
        "state": "alerting",
        "message": "**Firing**",
    } | more


def sentry_event(**more: Any) -> dict[str, Any]:
    """Make the body of Sentry's `event_alert`."""
    event = {
        "event_id": "e4874d664c3540c1a32eab185f12c5ab",
        "issue_id": "1117540176",
        "issue_url": "https://sentry.test/api/0/issues/1117540176/",
        "url": "https://sentry.test/api/0/projects/acme/front-end/events/e4874d66/",
        "web_url": "https://sentry.test/organizations/acme/issues/1117540176/events/e4874d66/",
        "title": "ReferenceError: heck is not defined",
        "culprit": "?(<anonymous>)",
        "level": "error",
        "datetime": "2026-11-22T12:06:17.677000Z",
        "project": 1,
        "tags": [["browser", "Chrome"], ["environment", "production"], ["user", None]],
        "exception": {"values": [{"stacktrace": {"frames": [{"vars": None}]}}]},
    } | more
    data = {"event": event, "triggered_rule": "Very important"}
    return {
        "action": "triggered",
        "actor": {"id": "sentry", "type": "application"},
        "data": data,
        "installation": {"uuid": "a8e5d37a-696c-4c54-adb5-b3f28d64c7de"},
    }


def sentry_metric(action: str, **more: Any) -> dict[str, Any]:
    """Make the body of Sentry's `metric_alert`."""
    incident = {
        "id": "4",
        "identifier": "1",
        "alert_rule": {"id": "7", "name": "Too many errors", "environment": None, "triggers": []},
        "projects": ["front-end"],
        "date_started": "2026-11-22T12:26:40.000000Z",
        "date_closed": None,
        "title": "Sacred Marmot",
    } | more
    data = {
        "metric_alert": incident,
        "description_title": "Critical: Too many errors",
        "description_text": "1000 events in the last 10 minutes",
        "web_url": "https://sentry.test/organizations/acme/alerts/1/",
    }
    return {"action": action, "data": data}


def sentry_issue(action: str, **more: Any) -> dict[str, Any]:
    """Make the body of Sentry's `issue`."""
    issue = {
        "id": "1117540176",
        "title": "ReferenceError: heck is not defined",
        "culprit": "?(runner)",
        "level": "fatal",
        "project": {"id": "1", "name": "front-end", "slug": "front-end"},
        "firstSeen": "2026-11-22T11:58:37.391000Z",
        "lastSeen": "2026-11-22T12:58:37.391000Z",
        "status": "unresolved",
        "permalink": None,
    } | more
    return {"action": action, "data": {"issue": issue}}


def pagerduty(event_type: str = "incident.triggered", **more: Any) -> dict[str, Any]:
    """Make the body of PagerDuty's webhook."""
    incident = {
        "id": "PGR0VU2",
        "type": "incident",
        "html_url": "https://acme.pagerduty.test/incidents/PGR0VU2",
        "number": 2,
        "status": "triggered",
        "incident_key": "d3640fbd41094207a1c11e58e46b1662",
        "created_at": "2026-11-22T12:16:27Z",
        "title": "A little bump in the road",
        "service": {"id": "PF9KMXH", "summary": "API Service", "type": "service_reference"},
        "escalation_policy": {"id": "PUS0KTE", "summary": "Default"},
        "teams": [{"id": "PFCVPS0", "summary": "Engineering"}],
        "priority": {"id": "PSO75BM", "summary": "P1"},
        "urgency": "high",
        "resolve_reason": None,
    } | more
    return {
        "event": {
            "id": "5ac64822-4adc-4fda-ade0-410becf0de4f",
            "event_type": event_type,
            "resource_type": "incident",
            "occurred_at": "2026-11-22T12:45:22.169Z",
            "agent": {"id": "PLH1HKV"},
            "client": None,
            "data": incident,
        }
    }

"""Whatever is posted is read or refused by field, at a bounded cost."""

import copy
import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace.adapters.alerts import AlertError, Secrets, make_doors
from grace.domain.alerting.sources import AlertSources
from support.alert_calls import (
    POLICY,
    call,
    grafana,
    grafana_alert,
    pagerduty,
    sentry_event,
    sentry_issue,
    sentry_metric,
)

CUSTOM = {
    "auth": {"kind": "bearer", "secret_env": "X"},
    "items": "alerts",
    "fields": {
        "fingerprint": "fingerprint",
        "status": "status",
        "title": "annotations.summary",
        "subsystem": "labels.subsystem",
        "metric_id": "labels.metric_id",
        "labels": "labels",
        "at": "startsAt",
        "value": "values.B",
    },
}
SOURCES = AlertSources.model_validate(
    {
        "sentry": {"subsystems": {"front-end": "web"}, "metrics": {"web": "mesh.errors"}},
        "pagerduty": {"subsystems": {"PF9KMXH": "mesh"}, "metrics": {"mesh": "mesh.errors"}},
        "custom": {"any": CUSTOM},
    }
)
NAMES = ("alertmanager", "grafana", "sentry", "pagerduty", "custom/any")
DOORS = make_doors(SOURCES, {name: Secrets.parse("x") for name in NAMES})
ALERTMANAGER = {"version": "4", "groupKey": "{}", "alerts": [grafana_alert()]}
BODIES: list[tuple[str, str, Any]] = [
    ("alertmanager", "", ALERTMANAGER),
    ("grafana", "", grafana(grafana_alert())),
    ("sentry", "event_alert", sentry_event()),
    ("sentry", "metric_alert", sentry_metric("critical")),
    ("sentry", "issue", sentry_issue("resolved")),
    ("pagerduty", "", pagerduty()),
    ("custom/any", "", grafana(grafana_alert())),
]
ODD = st.sampled_from(
    [
        *(None, True, -1, 10**30, 1e300, "", " ", "\u202e", "\x00", "NaN", "0001-01-01T00:00:00Z"),
        *([], {}, [None], {"": None}, "x" * 5000, "9999-12-31T23:59:59-23:59", {"__proto__": 1}),
    ]
)


def places(value: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """List the path of everything in a document."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    found = [here]
    for key, each in inner:
        nested = isinstance(each, dict | list)
        found += places(each, (*here, key)) if nested else [(*here, key)]
    return found


def changed(body: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    whole = copy.deepcopy(body)
    inner = whole
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return whole


def read(name: str, resource: str, body: Any) -> int:
    """Read a call; return how much was said of it."""
    try:
        intake = DOORS[name].read(call(body, sentry_hook_resource=resource), POLICY)
    except AlertError as error:
        return len(error.errors)
    for seen in intake.seen:
        seen.model_dump_json().encode()
        assert seen.title.isprintable()
        assert seen.fingerprint.isprintable()
        assert len(seen.fingerprint) < 200
    return len(intake.seen) + len(intake.errors) + bool(intake.left)


@pytest.mark.parametrize(("name", "resource", "body"), BODIES)
def test_the_bodies_are_good_as_they_stand(name, resource, body):
    intake = DOORS[name].read(call(body, sentry_hook_resource=resource), POLICY)
    assert (len(intake.seen), intake.errors) == (1, ())


@pytest.mark.parametrize(("name", "resource", "body"), BODIES)
def test_a_field_of_any_kind_is_taken_or_refused(name, resource, body):
    @given(st.sampled_from(places(body)), ODD)
    def mutate(path, value):
        assert read(name, resource, changed(body, path, value)) > 0

    mutate()


def test_a_storm_of_ten_thousand_is_taken_in_seconds():
    alerts = [grafana_alert(fingerprint=f"f{i}") for i in range(10_000)]
    raw = json.dumps(ALERTMANAGER | {"alerts": alerts}).encode()
    begin = time.process_time()
    intake = DOORS["alertmanager"].read(call(raw), POLICY)
    assert (len(intake.seen), intake.errors) == (10_000, ())
    assert time.process_time() - begin < 10


@pytest.mark.parametrize("name", ["alertmanager", "grafana", "custom/any"])
def test_more_than_that_is_refused_with_one_error(name):
    raw = json.dumps(ALERTMANAGER | {"orgId": 1, "alerts": [{}] * 10_001}).encode()
    with pytest.raises(AlertError) as caught:
        DOORS[name].read(call(raw), POLICY)
    assert len(caught.value.errors) == 1
    assert "10000" in str(caught.value)


def test_alerts_of_the_wrong_shape_are_told_in_fifty_errors():
    with pytest.raises(AlertError) as caught:
        DOORS["alertmanager"].read(call(ALERTMANAGER | {"alerts": [{}] * 100}), POLICY)
    assert len(caught.value.errors) == 50


def test_a_strangers_name_in_an_error_is_bounded_too():
    alerts = [grafana_alert(labels={"\u202e" + "n" * 10_000: 1})]
    with pytest.raises(AlertError) as caught:
        DOORS["alertmanager"].read(call(ALERTMANAGER | {"alerts": alerts}), POLICY)
    (error,) = caught.value.errors
    assert error.field.startswith("alerts[0].labels.nnn")
    assert len(error.field) == 200


def test_thousands_that_are_wrong_are_told_in_fifty_errors():
    alerts = [grafana_alert(labels={"subsystem": "?" * 5000})] * 2_000
    intake = DOORS["alertmanager"].read(call(ALERTMANAGER | {"alerts": alerts}), POLICY)
    assert (len(intake.errors), intake.more) == (50, 3_950)
    assert max(len(e.problem) for e in intake.errors) < 200

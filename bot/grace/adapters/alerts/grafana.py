"""Grafana's unified alerting: the webhook of a contact point.

Source: Grafana, "Configure webhook notifications"; the signature is there since version 12.0.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Final

from pydantic import BaseModel, Field, ValidationError

from grace.adapters.alerts.alertmanager import MAX_ALERTS, Alert, told_of
from grace.adapters.alerts.building import Builder, fingerprint
from grace.adapters.alerts.signatures import (
    Secrets,
    Unproven,
    check_fresh,
    check_token,
    digests_of,
)
from grace.adapters.alerts.strict_json import read_json
from grace.adapters.alerts.told import AlertError, Call, Intake, Said
from grace.adapters.alerts.words import text_of
from grace.domain.alerting.sources import GrafanaWords
from grace.domain.policy import Policy

SOURCE: Final = "grafana"
_SIGNATURE: Final = "x-grafana-alerting-signature"


class GrafanaAlert(Alert):
    """One alert: Alertmanager's, with the values that the rule's expressions had."""

    values: Annotated[dict[str, object], Field(max_length=100)] | None = None
    dashboardURL: str = ""  # noqa: N815 -- Grafana's name
    panelURL: str = ""  # noqa: N815 -- Grafana's name


class GrafanaNotification(BaseModel):
    """The body of one call."""

    orgId: int  # noqa: N815 -- Grafana's name
    truncatedAlerts: Annotated[int, Field(ge=0)] = 0  # noqa: N815 -- Grafana's name
    alerts: Annotated[list[GrafanaAlert], Field(max_length=MAX_ALERTS)]


def prove_grafana(call: Call, secrets: Secrets, words: GrafanaWords) -> None:
    """Check the signature, with its timestamp where there is one, or else the token or password.

    Versions before 12 cannot sign; a signature that is sent must fit, whatever else is sent.
    """
    given = call.headers.get(_SIGNATURE)
    if given is None:
        check_token(call.headers, secrets)
        return
    timestamp = call.headers.get(words.timestamp_header.lower())
    message = call.body if timestamp is None else _raw(f"{timestamp}:") + call.body
    if not secrets.signed(message, digests_of([given])):
        raise Unproven(
            "the signature does not fit the body: the secret of the contact point and "
            "GRACE_GRAFANA_SECRET differ, or its timestamp header is not "
            f"{words.timestamp_header}, as alert_sources.yaml has it"
        )
    if timestamp is not None:
        check_fresh(timestamp, call.at)


def read_grafana(call: Call, words: GrafanaWords, policy: Policy) -> Intake:
    """Read one call; raises `AlertError` when the body itself cannot be read."""
    try:
        notification = GrafanaNotification.model_validate(read_json(call.body))
    except ValidationError as error:
        raise AlertError.of(error) from error
    builder = Builder(SOURCE, words, policy, call.at)
    for i, alert in enumerate(notification.alerts):
        told = told_of(alert, f"alerts[{i}]", fingerprint(SOURCE, alert.fingerprint), words)
        link = told.link or alert.panelURL or alert.dashboardURL
        value = told.value or _value(alert.values or {}, words.value_refs)
        builder.add(replace(told, link=link, value=value))
    return builder.done(truncated=notification.truncatedAlerts)


def _raw(header: str) -> bytes:
    return header.encode("utf-8", "surrogateescape")


def _value(values: Mapping[str, object], refs: tuple[str, ...]) -> Said | None:
    """Take the value of the first expression that has one; a rule's own names decide."""
    found = ((ref, text_of(values.get(ref))) for ref in refs)
    return next((Said(f"values.{ref}", text) for ref, text in found if text), None)

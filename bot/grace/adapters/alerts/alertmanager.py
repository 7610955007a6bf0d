"""Alertmanager's webhook, version 4.

Source: Prometheus, "Alerting configuration", `<webhook_config>`.
"""

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import AwareDatetime, BaseModel, Field, StringConstraints, ValidationError

from grace.adapters.alerts.building import Builder
from grace.adapters.alerts.strict_json import read_json
from grace.adapters.alerts.told import AlertError, Call, Intake, Said, Told, spoken
from grace.domain.alerting.sources import Labelled
from grace.domain.policy import Policy

SOURCE: Final = "alertmanager"
MAX_ALERTS: Final = 10_000

Labels = Annotated[dict[str, str], Field(max_length=100)]


class Alert(BaseModel):
    """One alert as Alertmanager sends it; what else it sends is left aside."""

    status: Literal["firing", "resolved"]
    labels: Labels
    annotations: Labels = Field(default_factory=dict)
    startsAt: AwareDatetime  # noqa: N815 -- Alertmanager's name
    endsAt: AwareDatetime  # noqa: N815 -- Alertmanager's name
    generatorURL: str = ""  # noqa: N815 -- Alertmanager's name
    fingerprint: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z_-]{1,64}$")]


class Notification(BaseModel):
    """The body of one webhook call."""

    version: Literal["4"]
    groupKey: str  # noqa: N815 -- Alertmanager's name
    truncatedAlerts: Annotated[int, Field(ge=0)] = 0  # noqa: N815 -- Alertmanager's name
    alerts: Annotated[list[Alert], Field(max_length=MAX_ALERTS)]


def read_alertmanager(call: Call, words: Labelled, policy: Policy) -> Intake:
    """Read one call; raises `AlertError` when the body itself cannot be read."""
    try:
        notification = Notification.model_validate(read_json(call.body))
    except ValidationError as error:
        raise AlertError.of(error) from error
    builder = Builder(SOURCE, words, policy, call.at)
    for i, alert in enumerate(notification.alerts):
        builder.add(told_of(alert, f"alerts[{i}]", alert.fingerprint, words))
    return builder.done(truncated=notification.truncatedAlerts)


def told_of(alert: Alert, place: str, name: str, words: Labelled) -> Told:
    """Read labels and annotations, as Alertmanager and Grafana both have them; `name` it so."""
    labels, notes = alert.labels, alert.annotations
    return Told(
        place=place,
        fingerprint=name,
        status=alert.status,
        title=next(filter(str.strip, _titles(alert)), ""),
        description=notes.get("description", ""),
        labels=labels,
        **spoken(labels, words),
        at=alert.startsAt if alert.status == "firing" else alert.endsAt,
        value=_note(notes, "observed_value") or _note(notes, "value"),
        window=_note(notes, "observation_window_minutes"),
        rolling=_note(notes, "rolling_window_minutes"),
        link=alert.generatorURL,
    )


def _titles(alert: Alert) -> tuple[str, ...]:
    """List what may say in one line what is wrong: the annotations, else the alert's name."""
    notes = alert.annotations
    return (
        notes.get("summary", ""),
        notes.get("description", ""),
        alert.labels.get("alertname", ""),
    )


def _note(notes: Mapping[str, str], name: str) -> Said | None:
    text = notes.get(name, "")
    return Said(f"annotations.{name}", text) if text.strip() else None

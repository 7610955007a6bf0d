"""Alertmanager's webhook, version 4, read into missions.

Every text in it is a stranger's: bounded, freed of control characters, and data only.
Source: Prometheus, "Alerting configuration", `<webhook_config>`.
"""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, Field, StringConstraints, ValidationError

from grace.domain.catalog import MetricDefinition
from grace.domain.events import AlertSeen
from grace.domain.mission import FieldError
from grace.domain.package import AcceptanceCriteria, Evidence, MetricTarget, MissionRequest, Symptom
from grace.domain.phase import Severity
from grace.domain.policy import Policy

SOURCE = "alertmanager"
_TITLE_LIMIT = 200
_TEXT_LIMIT = 2000
_SHOWN_LIMIT = 80
_LABELS_SHOWN = 40

_SEVERITIES = {
    "critical": Severity.CRITICAL,
    "page": Severity.CRITICAL,
    "emergency": Severity.CRITICAL,
    "high": Severity.HIGH,
    "error": Severity.HIGH,
    "major": Severity.HIGH,
    "medium": Severity.MEDIUM,
    "warning": Severity.MEDIUM,
    "low": Severity.LOW,
    "minor": Severity.LOW,
    "info": Severity.LOW,
    "none": Severity.LOW,
}

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
    alerts: Annotated[list[Alert], Field(max_length=1000)]


class AlertError(Exception):
    """The body is no webhook of version 4; `errors` lists everything that is wrong with it."""

    def __init__(self, errors: list[FieldError]) -> None:
        super().__init__("; ".join(f"{e.field}: {e.problem}" for e in errors))
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Intake:
    """What a webhook brought.

    `seen`: alerts that ask for a mission. `errors`: why the others cannot, by field. `truncated`:
    how many more Alertmanager left out of this call.
    """

    seen: tuple[AlertSeen, ...]
    errors: tuple[FieldError, ...]
    truncated: int = 0


def read_alerts(body: bytes, policy: Policy) -> Intake:
    """Read one webhook call; one alert that asks for nothing we know does not stop the others.

    Raises `AlertError` when the body itself cannot be read.
    """
    try:
        notification = Notification.model_validate_json(body)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        raise AlertError(
            [FieldError(field=_dotted(e["loc"]) or "body", problem=e["msg"]) for e in found]
        ) from error
    seen: list[AlertSeen] = []
    errors: list[FieldError] = []
    for i, alert in enumerate(notification.alerts):
        problems: dict[str, str] = {}
        event = _read_alert(alert, policy, problems)
        if event is not None:
            seen.append(event)
        errors += [FieldError(field=f"alerts[{i}].{f}", problem=p) for f, p in problems.items()]
    return Intake(tuple(seen), tuple(errors), notification.truncatedAlerts)


def severity_of(label: str, definition: MetricDefinition) -> Severity:
    """Read a severity label; without one that we know, the metric's own severity holds."""
    return _SEVERITIES.get(label.strip().lower(), definition.severity)


def plain(text: str, limit: int = _TEXT_LIMIT) -> str:
    """Bound a stranger's text to one printable line."""
    printable = "".join(c if c.isprintable() else " " for c in text[: 4 * limit])
    line = " ".join(printable.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _read_alert(alert: Alert, policy: Policy, problems: dict[str, str]) -> AlertSeen | None:
    subsystem = _subsystem(alert, policy, problems)
    definition = _definition(alert, policy, problems)
    criteria = _criteria(alert, definition, problems) if definition is not None else None
    observed = _number(alert, ("observed_value", "value"), problems)
    if problems or definition is None or criteria is None:
        return None
    called = _called(alert)
    symptom = Symptom(
        description=called,
        metric_id=alert.labels["metric_id"],
        observed_value=observed,
        threshold=definition.target,
    )
    request = MissionRequest(
        subsystem_id=subsystem,
        severity=severity_of(alert.labels.get("severity", ""), definition),
        detected_by=SOURCE,
        summary=plain(alert.annotations.get("description", "")) or called,
        symptoms=(symptom,),
        evidence=(_evidence(alert),),
        acceptance_criteria=criteria,
    )
    return AlertSeen(
        source=SOURCE,
        fingerprint=alert.fingerprint,
        status=alert.status,
        title=plain(called, _TITLE_LIMIT),
        request=request,
        at=alert.startsAt if alert.status == "firing" else alert.endsAt,
    )


def _called(alert: Alert) -> str:
    """Say what is wrong in one line: the annotations' words, else the alert's name."""
    candidates = (
        alert.annotations.get("summary", ""),
        alert.annotations.get("description", ""),
        alert.labels.get("alertname", ""),
    )
    return next((text for text in map(plain, candidates) if text), "an alert without a name")


def _subsystem(alert: Alert, policy: Policy, problems: dict[str, str]) -> str:
    key = "subsystem_id" if "subsystem_id" in alert.labels else "subsystem"
    name = alert.labels.get(key, "")
    if name in policy.subsystems.subsystems:
        return name
    known = ", ".join(sorted(policy.subsystems.subsystems)) or "none"
    told = f"unknown subsystem {plain(name, _SHOWN_LIMIT)!r}" if name else "is required"
    problems[f"labels.{key}"] = f"{told}; known are: {known}"
    return name


def _definition(alert: Alert, policy: Policy, problems: dict[str, str]) -> MetricDefinition | None:
    """Find the metric that will tell that the mission is done."""
    name = alert.labels.get("metric_id", "")
    definition = policy.catalog.metrics.get(name)
    if definition is not None and definition.measurable:
        return definition
    known = ", ".join(sorted(n for n, m in policy.catalog.metrics.items() if m.measurable))
    if definition is not None:
        told = f"{name} has no source in the metrics catalog: add one there"
    elif name:
        told = f"unknown metric {plain(name, _SHOWN_LIMIT)!r}"
    else:
        told = "is required, or nobody can tell a fix"
    problems["labels.metric_id"] = f"{told}; known are: {known or 'none'}"
    return None


def _criteria(
    alert: Alert, definition: MetricDefinition, problems: dict[str, str]
) -> AcceptanceCriteria | None:
    """Ask for the catalog's threshold, over windows that the annotations may set."""
    window = _number(alert, ("observation_window_minutes",), problems)
    rolling = _number(alert, ("rolling_window_minutes",), problems)
    default = MetricTarget.model_fields["rolling_window_minutes"].default
    metric_id = alert.labels["metric_id"]
    try:
        target = definition.as_target(metric_id, default if rolling is None else rolling)
    except ValidationError as error:
        problems["annotations.rolling_window_minutes"] = error.errors()[0]["msg"]
        return None
    if window is None:
        return AcceptanceCriteria(metric_targets=(target,))
    try:
        return AcceptanceCriteria(metric_targets=(target,), observation_window_minutes=window)
    except ValidationError as error:
        problems["annotations.observation_window_minutes"] = error.errors()[0]["msg"]
        return None


def _number(alert: Alert, names: tuple[str, ...], problems: dict[str, str]) -> float | None:
    """Read the first of these annotations that is there; what is no number is a problem."""
    name = next((n for n in names if alert.annotations.get(n, "").strip()), None)
    if name is None:
        return None
    text = alert.annotations[name]
    try:
        value = float(text.strip().removesuffix("%"))
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        problems[f"annotations.{name}"] = f"{plain(text, _SHOWN_LIMIT)!r} is no number"
        return None
    return value


def _evidence(alert: Alert) -> Evidence:
    """Keep the alert's labels, with their digest."""
    excerpt = "\n".join(_lines(alert.labels))
    return Evidence(
        kind="metric",
        excerpt=excerpt,
        sha256=hashlib.sha256(excerpt.encode()).hexdigest(),
        at=alert.startsAt,
        source=plain(alert.generatorURL, _TITLE_LIMIT) or SOURCE,
    )


def _lines(labels: Mapping[str, str]) -> list[str]:
    lines = [
        f"{plain(name, _SHOWN_LIMIT)}: {plain(value, _TITLE_LIMIT)}"
        for name, value in sorted(labels.items())[:_LABELS_SHOWN]
    ]
    left = len(labels) - _LABELS_SHOWN
    return [*lines, f"and {left} more labels"] if left > 0 else lines


def _dotted(loc: tuple[str | int, ...]) -> str:
    text = ""
    for part in loc:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text

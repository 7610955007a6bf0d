"""The models of `config/alert_sources.yaml`: how the words of alert sources become ours."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from grace.domain.base import Frozen
from grace.domain.package import MetricId, Name
from grace.domain.phase import Severity

Word = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Variable = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,99}$")]
Header = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{0,99}$")]
Expression = Annotated[str, StringConstraints(min_length=1, max_length=500)]
Value = str | bool | int | float


class Words(Frozen):
    """How the words of a source become ours.

    `severities` come before the words that are known of every source. `subsystems`: what a source
    calls a subsystem; what is not listed must be a subsystem's own name. `metrics`: by the source's
    name of a subsystem, or by ours, the metric that tells a fix where an alert names none.
    """

    severities: dict[Word, Severity] = Field(default_factory=dict)
    subsystems: dict[Word, Name] = Field(default_factory=dict)
    metrics: dict[Word, MetricId] = Field(default_factory=dict)


class Labelled(Words):
    """A source whose alerts have labels; the first label of a list that says something is taken."""

    severity_labels: tuple[Word, ...] = ("severity",)
    subsystem_labels: Annotated[tuple[Word, ...], Field(min_length=1)] = (
        "subsystem_id",
        "subsystem",
    )
    metric_labels: tuple[Word, ...] = ("metric_id",)


class GrafanaWords(Labelled):
    """Grafana's alerts.

    `value_refs`: the queries and expressions of a rule whose value is the one that was seen.
    `timestamp_header`: the contact point's field of that name, where it has one.
    """

    value_refs: tuple[Word, ...] = ("B", "A")
    timestamp_header: Header = "X-Grafana-Alerting-Signature-Timestamp"


class SentryWords(Labelled):
    """Sentry's alerts: an event's tags are labels, and `project`, `level`, `environment` with them.

    `issues`: new and regressed issues ask for missions too, and not only what alert rules find.
    """

    severity_labels: tuple[Word, ...] = ("severity", "level")
    subsystem_labels: Annotated[tuple[Word, ...], Field(min_length=1)] = (
        "subsystem_id",
        "subsystem",
        "project",
    )
    issues: bool = False


class PagerDutyWords(Labelled):
    """PagerDuty's incidents.

    Their labels are `service_id`, `service`, `priority`, `urgency`, `escalation_policy` and
    `teams`.
    """

    severity_labels: tuple[Word, ...] = ("priority", "urgency")
    subsystem_labels: Annotated[tuple[Word, ...], Field(min_length=1)] = ("service_id", "service")
    metric_labels: tuple[Word, ...] = ()


class BearerAuth(Frozen):
    """A bearer token proves the sender; the variable may hold several, separated by commas."""

    kind: Literal["bearer"]
    secret_env: Variable


class HmacAuth(Frozen):
    """An HMAC-SHA256 of the raw body proves the sender, as hex or base64 in a header.

    `prefix` stands before the digest there, as `sha256=` does.
    """

    kind: Literal["hmac"]
    secret_env: Variable
    header: Header
    algorithm: Literal["sha256"] = "sha256"
    prefix: Annotated[str, Field(max_length=50)] = ""
    encoding: Literal["hex", "base64"] = "hex"


class Fields(Frozen):
    """Where an alert has what: JMESPath expressions (jmespath.org), read in each item.

    A word in single quotes is that word, so that a field may be fixed: `subsystem: "'mesh'"`.
    Without `status` every item is an alert that fires.
    """

    fingerprint: Expression
    status: Expression | None = None
    title: Expression
    description: Expression | None = None
    severity: Expression | None = None
    subsystem: Expression
    metric_id: Expression | None = None
    value: Expression | None = None
    at: Expression | None = None
    labels: Expression | None = None
    link: Expression | None = None


class CustomSource(Words):
    """A source of any JSON, at `/alerts/custom/NAME`.

    `items`: where the body has its list of alerts; without it the body is one. `firing`,
    `resolved`: the values of `fields.status` that say so; items with one in `ignored` are left
    aside. `delivery`: where the body has an id of its own, by which it is known when it is sent
    again.
    """

    auth: Annotated[BearerAuth | HmacAuth, Field(discriminator="kind")]
    items: Expression | None = None
    delivery: Expression | None = None
    fields: Fields
    firing: tuple[Value, ...] = ("firing",)
    resolved: tuple[Value, ...] = ("resolved",)
    ignored: tuple[Value, ...] = ()


class AlertSources(Frozen):
    """`config/alert_sources.yaml`."""

    alertmanager: Labelled = Labelled()
    grafana: GrafanaWords = GrafanaWords()
    sentry: SentryWords = SentryWords()
    pagerduty: PagerDutyWords = PagerDutyWords()
    custom: Annotated[dict[Name, CustomSource], Field(max_length=50)] = Field(default_factory=dict)

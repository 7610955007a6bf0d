"""Sentry's integration platform: webhooks of issue alerts, metric alerts and issues.

Source: Sentry, "Integration Platform", "Webhooks".
"""

import re
from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import AwareDatetime, BaseModel, Field, ValidationError

from grace.adapters.alerts.building import Builder, fingerprint
from grace.adapters.alerts.signatures import Secrets, Unproven, digests_of
from grace.adapters.alerts.strict_json import read_json
from grace.adapters.alerts.told import AlertError, Call, Intake, Status, Told, spoken
from grace.domain.alerting.sources import SentryWords
from grace.domain.policy import Policy

SOURCE: Final = "sentry"
_SIGNATURE: Final = "sentry-hook-signature"
_PROJECT: Final = re.compile(r"/projects/[^/]+/([^/]+)/events/")
_OWN_ID: Final = re.compile(r"[0-9A-Za-z-]{8,64}", re.ASCII)

Text = Annotated[str, Field(max_length=100_000)]
Id = Annotated[str, Field(min_length=1, max_length=100)]


class Event(BaseModel):
    """The event that set an alert rule off."""

    event_id: Id
    issue_id: Id
    title: Text = ""
    culprit: Text | None = ""
    level: Text = ""
    url: Text = ""
    web_url: Text = ""
    datetime: AwareDatetime | None = None
    tags: Annotated[list[tuple[str, str | None]], Field(max_length=500)] | None = None


class EventData(BaseModel):
    event: Event
    triggered_rule: Text = ""


class EventAlert(BaseModel):
    """`event_alert`: an issue alert found something."""

    action: Literal["triggered"]
    data: EventData


class Rule(BaseModel):
    id: Id
    name: Text = ""
    environment: Text | None = None


class Incident(BaseModel):
    """A metric alert's incident."""

    id: Id
    alert_rule: Rule
    projects: Annotated[list[str], Field(max_length=1000)] = []
    date_started: AwareDatetime | None = None
    date_closed: AwareDatetime | None = None


class MetricData(BaseModel):
    metric_alert: Incident
    description_title: Text = ""
    description_text: Text = ""
    web_url: Text = ""


class MetricAlert(BaseModel):
    """`metric_alert`: a threshold was crossed."""

    action: Literal["critical", "warning", "resolved"]
    data: MetricData


class Project(BaseModel):
    slug: Text


class Issue(BaseModel):
    id: Id
    title: Text = ""
    culprit: Text | None = ""
    level: Text = ""
    project: Project
    web_url: Text = ""
    permalink: Text | None = None
    firstSeen: AwareDatetime | None = None  # noqa: N815 -- Sentry's name
    lastSeen: AwareDatetime | None = None  # noqa: N815 -- Sentry's name


class IssueData(BaseModel):
    issue: Issue


class IssueChange(BaseModel):
    """`issue`: an issue is new, or its state changed."""

    action: Text
    data: IssueData


def prove_sentry(call: Call, secrets: Secrets) -> None:
    """Check the signature, made with the integration's client secret."""
    given = call.headers.get(_SIGNATURE)
    if given is None:
        raise Unproven(
            "the header Sentry-Hook-Signature is missing: send by an internal integration"
        )
    if not secrets.signed(call.body, digests_of([given])):
        raise Unproven(
            "the signature does not fit the body: GRACE_SENTRY_SECRET is the integration's "
            "client secret"
        )


def read_sentry(call: Call, words: SentryWords, policy: Policy) -> Intake:
    """Read one call by its resource; raises `AlertError` when the body cannot be read."""
    builder = Builder(SOURCE, words, policy, call.at)
    body = read_json(call.body)
    own_id = ""
    left = ""
    try:
        match call.headers.get("sentry-hook-resource", ""):
            case "event_alert":
                alert = EventAlert.model_validate(body)
                event = alert.data.event
                own_id = fingerprint("event", event.event_id, alert.data.triggered_rule)
                builder.add(_of_event(alert, words))
            case "metric_alert":
                builder.add(_of_metric(MetricAlert.model_validate(body), words))
            case "issue":
                change = IssueChange.model_validate(body)
                own_id = _sent_as(call.headers)
                status = _status(change.action, words)
                if status is None:
                    left = f"an issue that is {change.action[:20]!r} asks for nothing"
                else:
                    builder.add(_of_issue(change.data.issue, status, words))
            case resource:
                left = f"a webhook of {resource[:40]!r} is no alert"
    except ValidationError as error:
        raise AlertError.of(error) from error
    return builder.done(left=left, own_id=own_id)


def _of_event(alert: EventAlert, words: SentryWords) -> Told:
    event = alert.data.event
    found = _PROJECT.search(event.url)
    labels = {name: value or "" for name, value in event.tags or ()}
    labels |= {"level": event.level, "rule": alert.data.triggered_rule}
    labels |= {"project": found[1]} if found is not None else {}
    return Told(
        place="",
        # The issue is what an alert is of: a webhook of it tells when it is resolved.
        fingerprint=fingerprint(SOURCE, "issue", event.issue_id),
        status="firing",
        title=event.title,
        description=event.culprit or "",
        labels=labels,
        **spoken(labels, words),
        at=event.datetime,
        link=event.web_url,
    )


def _of_metric(alert: MetricAlert, words: SentryWords) -> Told:
    data, incident = alert.data, alert.data.metric_alert
    rule = incident.alert_rule
    labels = {"level": alert.action, "rule": rule.name, "environment": rule.environment or ""}
    labels |= {"project": incident.projects[0]} if incident.projects else {}
    resolved = alert.action == "resolved"
    return Told(
        place="",
        fingerprint=fingerprint(SOURCE, "rule", rule.id),
        status="resolved" if resolved else "firing",
        title=data.description_title or rule.name,
        description=data.description_text,
        labels=labels,
        **spoken(labels, words),
        at=incident.date_closed if resolved else incident.date_started,
        link=data.web_url,
    )


def _of_issue(issue: Issue, status: Status, words: SentryWords) -> Told:
    labels = {"level": issue.level, "project": issue.project.slug}
    return Told(
        place="",
        fingerprint=fingerprint(SOURCE, "issue", issue.id),
        status=status,
        title=issue.title,
        description=issue.culprit or "",
        labels=labels,
        **spoken(labels, words),
        # When it was resolved Sentry does not say: it is when it is told.
        at=issue.lastSeen or issue.firstSeen if status == "firing" else None,
        link=issue.web_url or issue.permalink or "",
    )


def _status(action: str, words: SentryWords) -> Status | None:
    """Say what a change of an issue means; None: nothing, as when somebody is assigned."""
    if action == "resolved":
        return "resolved"
    return "firing" if words.issues and action in {"created", "unresolved"} else None


def _sent_as(headers: Mapping[str, str]) -> str:
    """Return the id of this webhook: what is said of an issue twice need not differ."""
    given = headers.get("request-id", "")
    return f"request:{given}" if _OWN_ID.fullmatch(given) else ""

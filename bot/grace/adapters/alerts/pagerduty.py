"""PagerDuty's webhooks, version 3.

Source: PagerDuty, "Webhooks", "Overview", "Behavior" and "Verifying Signatures".
"""

from typing import Annotated, Final

from pydantic import AwareDatetime, BaseModel, Field, ValidationError

from grace.adapters.alerts.building import Builder, fingerprint
from grace.adapters.alerts.signatures import Secrets, Unproven, digests_of
from grace.adapters.alerts.strict_json import read_json
from grace.adapters.alerts.told import AlertError, Call, Intake, Status, Told, spoken
from grace.domain.alerting.sources import PagerDutyWords
from grace.domain.policy import Policy

SOURCE: Final = "pagerduty"
_SIGNATURE: Final = "x-pagerduty-signature"
_VERSION: Final = "v1="
# What else happens to an incident, as that somebody took it, says nothing of the fault.
_STATUSES: Final[dict[str, Status]] = {
    "incident.triggered": "firing",
    "incident.reopened": "firing",
    "incident.resolved": "resolved",
}

Text = Annotated[str, Field(max_length=100_000)]
Id = Annotated[str, Field(min_length=1, max_length=100)]


class Reference(BaseModel):
    id: Id
    summary: Text | None = ""


class Incident(BaseModel):
    """An incident, as it is after the event."""

    id: Id
    title: Text = ""
    html_url: Text = ""
    incident_key: Text | None = None
    created_at: AwareDatetime | None = None
    service: Reference
    priority: Reference | None = None
    urgency: Text | None = ""
    escalation_policy: Reference | None = None
    teams: Annotated[list[Reference], Field(max_length=100)] = []


class Event(BaseModel):
    id: Id
    event_type: Id
    occurred_at: AwareDatetime | None = None


class Opened(BaseModel):
    """The body of one call: it has one event."""

    event: Event


class IncidentEvent(Event):
    data: Incident


class ToldIncident(BaseModel):
    event: IncidentEvent


def prove_pagerduty(call: Call, secrets: Secrets) -> None:
    """Check the signatures, of which any may fit: there are two while a secret is exchanged."""
    given = call.headers.get(_SIGNATURE)
    if given is None:
        raise Unproven("the header X-PagerDuty-Signature is missing: send by a V3 subscription")
    words = [w.strip() for w in given.split(",")]
    digests = digests_of(w.removeprefix(_VERSION) for w in words if w.startswith(_VERSION))
    if not secrets.signed(call.body, digests):
        raise Unproven(
            "no signature fits the body: GRACE_PAGERDUTY_SECRET is the secret that PagerDuty "
            "showed when the subscription was made"
        )


def read_pagerduty(call: Call, words: PagerDutyWords, policy: Policy) -> Intake:
    """Read one call; raises `AlertError` when the body cannot be read."""
    builder = Builder(SOURCE, words, policy, call.at)
    body = read_json(call.body)
    try:
        event = Opened.model_validate(body).event
        status = _STATUSES.get(event.event_type)
        own_id = fingerprint("event", event.id)
        if status is None:
            return builder.done(left=f"{event.event_type[:40]!r} asks for nothing", own_id=own_id)
        told = ToldIncident.model_validate(body).event
    except ValidationError as error:
        raise AlertError.of(error) from error
    builder.add(_told(told, status, words))
    return builder.done(own_id=own_id)


def _told(event: IncidentEvent, status: Status, words: PagerDutyWords) -> Told:
    incident = event.data
    labels = {
        "service_id": incident.service.id,
        "service": incident.service.summary or "",
        "urgency": incident.urgency or "",
    }
    if incident.priority is not None:
        labels["priority"] = incident.priority.summary or incident.priority.id
    if incident.escalation_policy is not None:
        labels["escalation_policy"] = incident.escalation_policy.summary or ""
    if incident.teams:
        labels["teams"] = ", ".join(team.summary or team.id for team in incident.teams)
    # The key is the monitor's own name of the fault, which comes back with it; an id never does.
    key = incident.incident_key or incident.id
    return Told(
        place="",
        fingerprint=fingerprint(SOURCE, incident.service.id, key),
        status=status,
        title=incident.title,
        description="",
        labels=labels,
        **spoken(labels, words),
        at=event.occurred_at or incident.created_at,
        link=incident.html_url,
    )

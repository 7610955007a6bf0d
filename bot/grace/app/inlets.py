"""What comes in, proven and translated: webhooks, CI's reports, alerts, a sweep's findings."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from pydantic import TypeAdapter

from grace.adapters.github.ours import Ours, TranslationError, queued_pull
from grace.adapters.github.translate import courtesies, stops, translate
from grace.adapters.github.visibility import visibility
from grace.adapters.github.webhook import WebhookRejected, WebhookSecrets, verify
from grace.adapters.oidc import OidcRejected, OidcUnavailable, OidcVerifier
from grace.app.router import Readers, Translation, Unreadable
from grace.app.sweep import ORIGIN, OWED
from grace.app.watching.desk import ORIGIN as DETECTOR
from grace.domain.events import ResultsReported
from grace.domain.mission import MissionRef
from grace.domain.policy import Policy
from grace.ports import Courtesy, Delivery, Routed, StopIssue, Target
from grace.web.alerts import ORIGIN as ALERTS
from grace.web.intake import Claims, Reported
from grace.web.problems import Refused

ROUTED: TypeAdapter[list[Routed]] = TypeAdapter(list[Routed])
COURTESIES: TypeAdapter[list[Courtesy]] = TypeAdapter(list[Courtesy])


def readers_of(
    ours: Ours, policy: Policy, refs: Mapping[str, MissionRef], new_an_hour: int
) -> Readers:
    """Say how deliveries are read, by where they come from."""
    return Readers(
        translators={
            "github": from_github(ours, policy, refs),
            "ci": from_ci,
            ALERTS: from_alerts,
            # What an earlier version stored before it was ended.
            "alertmanager": from_alerts,
            DETECTOR: from_alerts,
            "api": from_api,
            ORIGIN: from_sweep,
        },
        courtesies={"github": courtesies_of(ours, policy, refs), ORIGIN: owed_by_sweep},
        stops={"github": stops_of(ours, policy, refs)},
        seen={"github": lambda delivery: visibility(delivery, ours)},
        new_an_hour=new_an_hour,
        alerting=policy.governance.alerting,
    )


def from_github(
    ours: Ours, policy: Policy, refs: Mapping[str, MissionRef]
) -> Callable[[Delivery], Translation]:
    """Translate webhooks of GitHub; repositories that are no subsystem's are left alone."""

    def read(delivery: Delivery) -> Translation:
        try:
            routed, note = translate(delivery, ours)
        except TranslationError as error:
            raise Unreadable(error.sentence) from error
        ids = {ref.repository_id for ref in refs.values()}
        known = tuple(
            r
            for r in routed
            if r.target.ref.repository_id in ids
            or policy.names_in(r.target.ref.host, r.target.ref.repository)
        )
        return known, note if len(known) == len(routed) else "ignored: no subsystem lives there"

    return read


def courtesies_of(
    ours: Ours, policy: Policy, refs: Mapping[str, MissionRef]
) -> Callable[[Delivery], Sequence[Courtesy]]:
    """Find the commits on which our required check says that they are no mission."""

    def read(delivery: Delivery) -> Sequence[Courtesy]:
        try:
            found = courtesies(delivery, ours)
        except TranslationError as error:
            raise Unreadable(error.sentence) from error
        ids = {ref.repository_id for ref in refs.values()}
        return [
            given
            for given in found
            if given.ref.repository_id in ids
            or policy.names_in(given.ref.host, given.ref.repository)
        ]

    return read


def stops_of(
    ours: Ours, policy: Policy, refs: Mapping[str, MissionRef]
) -> Callable[[Delivery], Sequence[StopIssue]]:
    """Find the issues that stop us in a repository of a subsystem's."""

    def read(delivery: Delivery) -> Sequence[StopIssue]:
        try:
            found = stops(delivery, ours)
        except TranslationError as error:
            raise Unreadable(error.sentence) from error
        ids = {ref.repository_id for ref in refs.values()}
        return [
            stop
            for stop in found
            if stop.ref.repository_id in ids or policy.names_in(stop.ref.host, stop.ref.repository)
        ]

    return read


def from_ci(delivery: Delivery) -> Translation:
    """Route a proven CI report to the branch or merge group that its job's token names."""
    reported = Reported.model_validate_json(delivery.body)
    claims, report = reported.claims, reported.report
    ref = MissionRef(
        host=claims.host, repository_id=claims.repository_id, repository=claims.repository
    )
    group = queued_pull(claims.ref) if claims.event == "merge_group" else None
    target = Target(ref=ref, branch=claims.head_ref or None, pull=group, sha=report.head_sha)
    event = ResultsReported(report=report, pull=claims.pull)
    return (Routed(target=target, event=event),), f"run {claims.run_id}"


def from_alerts(delivery: Delivery) -> Translation:
    """Take alerts as the intake routed them."""
    routed = ROUTED.validate_json(delivery.body)
    return routed, f"{len(routed)} alerts"


def from_api(delivery: Delivery) -> Translation:
    """Take what somebody asked for by the API: commands, and missions to file."""
    routed = ROUTED.validate_json(delivery.body)
    return routed, f"{delivery.event}: {len(routed)} events"


def from_sweep(delivery: Delivery) -> Translation:
    """Take what a sweep or a look at the news found, as it was routed then."""
    if delivery.event == OWED:
        return (), f"{OWED}: {len(owed_by_sweep(delivery))}"
    routed = ROUTED.validate_json(delivery.body)
    return routed, f"{delivery.event}: {len(routed)} events"


def owed_by_sweep(delivery: Delivery) -> Sequence[Courtesy]:
    """Take the commits of other people's that a look at the news found."""
    return COURTESIES.validate_json(delivery.body) if delivery.event == OWED else ()


def webhook_of(
    headers: dict[str, str], body: bytes, secrets: WebhookSecrets | None
) -> tuple[str, str]:
    """Prove a webhook and name it: event and delivery id."""
    if secrets is None:
        raise Refused(403, "Grace polls and has no webhook_secret, so no webhook can be proven")
    try:
        arrived = verify(headers, body, secrets)
    except WebhookRejected as error:
        raise Refused(error.status, error.sentence) from error
    return arrived.event, arrived.delivery_id


def token_check(verifier: OidcVerifier, host: str) -> Callable[[str], Awaitable[Claims]]:
    """Make the check of a CI job's token."""

    async def check(token: str) -> Claims:
        try:
            claims = await verifier.verify(token)
        except OidcRejected as error:
            raise Refused(401, error.sentence) from error
        except OidcUnavailable as error:
            raise Refused(503, error.sentence) from error
        return Claims(
            host=host,
            repository=claims.repository,
            repository_id=claims.repository_id,
            head_ref=claims.head_ref,
            base_ref=claims.base_ref,
            event=claims.event_name,
            run_id=claims.run_id,
            run_attempt=claims.run_attempt,
            workflow=claims.workflow_ref,
            sha=claims.sha,
            ref=claims.ref,
        )

    return check

"""The hub at a glance: what runs, how well, and whether it is stopped."""

from typing import Annotated

from pydantic import Field

from grace.domain.access import Reach
from grace.domain.base import Frozen
from grace.domain.catalog import StressFigure
from grace.domain.health import Health, HealthState, overall
from grace.domain.package import Comparator, Name
from grace.domain.phase import Severity, Status, status_of
from grace.ports import Delivery
from grace.web.api.entries import PublicKey
from grace.web.api.operation import SWITCH, Answer, Call, Nothing, Operation, Reply
from grace.web.api.reading import subsystems_seen
from grace.web.problems import Refused


class HubStatus(Frozen):
    """What runs here, how many missions there are by status, and how well everything is."""

    git_sha: str
    git_branch: str
    grace_version: str
    environment: str
    config_hash: str
    total_missions: int
    open_missions: int
    in_progress_missions: int
    observing_missions: int
    resolved_missions: int
    escalated_missions: int
    subsystems: tuple[Health, ...]
    overall_health: HealthState
    kill_switch: bool
    feed_position: int
    keys: tuple[PublicKey, ...]


class Configured(Frozen):
    """A subsystem that missions are about: where its code lives and how it is released."""

    subsystem_id: Name
    host: str
    repository: str
    base_branch: str
    environment: str | None
    guards: tuple[str, ...]
    description: str
    reached: bool


class SubsystemList(Frozen):
    """How well the parts of Grace are, and the subsystems that missions are about."""

    overall_health: HealthState
    subsystems: tuple[Health, ...]
    configured: tuple[Configured, ...]


class Metric(Frozen):
    """One entry of the metrics catalog. `source`: the kind of its source; None: it has none."""

    metric_id: str
    target: float
    comparator: Comparator
    unit: str
    severity: Severity
    description: str
    stress: StressFigure | None
    source: str | None


class MetricList(Frozen):
    """The metrics catalog."""

    metrics: tuple[Metric, ...]


class SwitchWanted(Frozen):
    """Where the kill switch is put, and why."""

    on: bool
    reason: Annotated[str, Field(max_length=500)] = ""


class SwitchSeen(Frozen):
    """Whether a switch that stops everything is on."""

    on: bool
    changed: bool | None = None


def health_seen(found: tuple[Health, ...], reach: Reach) -> tuple[Health, ...]:
    """Leave out what is of repositories that somebody does not see."""
    return tuple(
        each.model_copy(
            update={"parts": tuple(p for p in each.parts if p.log is None or reach.sees(p.log))}
        )
        for each in found
    )


async def show_status(call: Call[Nothing, None]) -> Answer:
    """Show the hub at a glance."""
    hub = call.hub
    counts = dict.fromkeys(Status, 0)
    for (phase, outcome), number in (await hub.store.mission_counts(call.reach.logs)).items():
        counts[status_of(phase, outcome)] += number
    health = health_seen(tuple(hub.board.health()), call.reach)
    about = hub.about
    return Answer(
        HubStatus(
            git_sha=about.git_sha,
            git_branch=about.git_branch,
            grace_version=about.version,
            environment=about.environment,
            config_hash=about.config_hash,
            total_missions=sum(counts.values()),
            open_missions=counts[Status.OPEN],
            in_progress_missions=counts[Status.IN_PROGRESS],
            observing_missions=counts[Status.OBSERVING],
            resolved_missions=counts[Status.RESOLVED],
            escalated_missions=counts[Status.ESCALATED],
            subsystems=health,
            overall_health=overall(health),
            kill_switch=await hub.store.kill_switch(),
            feed_position=await hub.store.feed_end(),
            keys=tuple(PublicKey(key_id=k, public_key=v) for k, v in about.keys.items()),
        )
    )


async def list_subsystems(call: Call[Nothing, None]) -> Answer:
    """List how well everything is."""
    hub = call.hub
    health = health_seen(tuple(hub.board.health()), call.reach)
    configured = []
    for name in subsystems_seen(call):
        known = hub.subsystems.subsystems[name]
        fields = {n: getattr(known, n) for n in Configured.model_fields if hasattr(known, n)}
        configured.append(Configured(subsystem_id=name, reached=name in hub.refs, **fields))
    body = SubsystemList(
        overall_health=overall(health), subsystems=health, configured=tuple(configured)
    )
    return Answer(body)


async def list_metrics(call: Call[Nothing, None]) -> Answer:
    """List the metrics catalog; where samples come from is the operator's to know."""
    found = [
        Metric(
            metric_id=name,
            target=each.target,
            comparator=each.comparator,
            unit=each.unit,
            severity=each.severity,
            description=each.description,
            stress=each.stress,
            source=None if each.source is None else each.source.kind,
        )
        for name, each in sorted(call.hub.catalog.metrics.items())
    ]
    return Answer(MetricList(metrics=tuple(found)))


async def show_switch(call: Call[Nothing, None]) -> Answer:
    """Show the kill switch."""
    return Answer(SwitchSeen(on=await call.hub.store.kill_switch()))


async def put_switch(call: Call[Nothing, SwitchWanted]) -> Answer:
    """Turn the kill switch, and let the worker look again."""
    hub, wanted = call.hub, call.body
    if call.principal.logs is not None:
        raise Refused(403, "the switch stops every repository, and this token is good for some")
    now = hub.clock.now()
    changed = await hub.store.set_kill_switch(
        on=wanted.on, actor=call.principal.actor, reason=wanted.reason, now=now
    )
    # An empty delivery wakes the worker, and the inbox says what for.
    await hub.submit(Delivery("api", f"switch:{call.key}", "switch", b"[]", now))
    return Answer(SwitchSeen(on=await hub.store.kill_switch(), changed=changed))


OPERATIONS = (
    Operation(
        "GET",
        "/mission-control/status",
        "show_status",
        "Show what runs, how many missions there are, and how well everything is",
        "hub",
        show_status,
        (Reply(HubStatus, "the hub at a glance"),),
    ),
    Operation(
        "GET",
        "/mission-control/subsystems",
        "list_subsystems",
        "List how well each part is",
        "hub",
        list_subsystems,
        (Reply(SubsystemList, "the newest finding of each probe"),),
    ),
    Operation(
        "GET",
        "/mission-control/metrics",
        "list_metrics",
        "List the metrics catalog",
        "hub",
        list_metrics,
        (Reply(MetricList, "what is normal, and in which unit"),),
    ),
    Operation(
        "GET",
        "/mission-control/kill-switch",
        "show_kill_switch",
        "Show whether everything is stopped",
        "hub",
        show_switch,
        (Reply(SwitchSeen, "`on`: the operator's switch or the stop file stops everything"),),
    ),
    Operation(
        "PUT",
        "/mission-control/kill-switch",
        "put_kill_switch",
        "Stop everything, or let it go on",
        "hub",
        put_switch,
        (Reply(SwitchSeen, "who turned it, and why, stands in every log"),),
        need=SWITCH,
        body=SwitchWanted,
        examples={"body": {"on": True, "reason": "the forge's clock is wrong"}},
    ),
)

"""The doors of alert sources: opened by secrets, and routed to subsystems' repositories."""

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC
from typing import Final

import structlog

from grace.adapters.alerts import AlertError, Call, Door, Secrets, Unproven, make_doors
from grace.adapters.alerts import Intake as Read
from grace.adapters.config import alert_secrets
from grace.app.bootstrap.system import System
from grace.app.inlets import ROUTED
from grace.domain.events import AlertSeen
from grace.domain.mission import MissionRef
from grace.domain.policy import Policy
from grace.ports import Delivery, Routed, Target
from grace.web.alerts import ORIGIN, AlertCall, TakenAlerts
from grace.web.problems import Refused

# A storm is stored in parts, so that no turn at the store takes long.
PART: Final = 500
Refs = Mapping[str, MissionRef]


def open_doors(system: System) -> dict[str, Door]:
    """Open a door for each source that is set up; `ConfigError` where a secret is missing."""
    sources = system.configuration.alert_sources
    custom = alert_secrets(sources, os.environ)
    given = system.settings.alert_secrets | {f"custom/{n}": text for n, text in custom.items()}
    return make_doors(sources, {name: Secrets.parse(text) for name, text in given.items()})


def alerts_of(
    doors: Mapping[str, Door], policy: Callable[[], Policy | None], refs: Refs
) -> Callable[[AlertCall], TakenAlerts]:
    """Make the check and reading of a call; it raises `Refused`, and is safe in any thread."""
    log = structlog.get_logger("alerts")

    def take(call: AlertCall) -> TakenAlerts:
        door = doors.get(call.name)
        if door is None:
            raise Refused(404, _closed(call.name))
        heard = Call({n.lower(): v for n, v in call.headers.items()}, call.body, call.at)
        try:
            door.prove(heard)
        except Unproven as error:
            raise Refused(401, error.sentence) from error
        known = policy()
        if known is None:
            raise Refused(503, "Grace has not reached the forge yet; send it again")
        try:
            read = door.read(heard, known)
        except AlertError as error:
            what = f"the body is no alert that {door.source} sends, as Grace reads it"
            if not door.patient:
                raise Refused(422, what, _listed(error.errors)) from error
            read = Read(errors=tuple(error.errors))
        if read.errors or read.truncated:
            log.warning(
                "alerts left out",
                source=door.source,
                wrong=len(read.errors) + read.more,
                fields=[e.field for e in read.errors[:5]],
                truncated=read.truncated,
            )
        return _taken(door, heard, read, refs)

    return take


def _taken(door: Door, call: Call, read: Read, refs: Refs) -> TakenAlerts:
    seen = [event for event in read.seen if event.request.subsystem_id in refs]
    away = sorted({e.request.subsystem_id for e in read.seen} - set(refs))
    name = _name(door.source, call, read, seen)
    parts = [seen[i : i + PART] for i in range(0, len(seen), PART)]
    return TakenAlerts(
        deliveries=tuple(
            Delivery(
                ORIGIN,
                name if len(parts) == 1 else f"{name}/{i}",
                door.source,
                ROUTED.dump_json([_routed(event, refs) for event in part]),
                call.at,
            )
            for i, part in enumerate(parts)
        ),
        errors=_listed(read.errors),
        more=read.more,
        left=read.left,
        patient=door.patient,
        away=tuple(away),
    )


def _routed(event: AlertSeen, refs: Refs) -> Routed:
    ref = refs[event.request.subsystem_id]
    target = Target(ref=ref, alert=event.fingerprint, create=event.status == "firing")
    return Routed(target=target, event=event)


def _name(source: str, call: Call, read: Read, seen: Sequence[AlertSeen]) -> str:
    """Name a call, so that the same one again changes nothing.

    By the source's own id, else by its body and the hour in which it came: what a source says hours
    later in the same words, that an alert still fires, must be heard, for what was damped is judged
    again by it. And by which alerts of it are taken, for more may be once the configuration knows
    them. Where alerts have no time of their own, a body that comes again may be news at once.
    """
    told = [(e.fingerprint, e.status, e.request.subsystem_id) for e in seen]
    body = hashlib.sha256(call.body).hexdigest()
    hour = call.at.astimezone(UTC).strftime("%Y%m%d%H")
    arrival = call.at.isoformat() if read.timeless else hour
    parts = [read.own_id or body, told, "" if read.own_id else arrival]
    return f"{source}/{hashlib.sha256(json.dumps(parts).encode()).hexdigest()}"


def _closed(name: str) -> str:
    """Say how a source is set up that is not."""
    if name.startswith("custom/"):
        return "alert_sources.yaml has no custom source of this name"
    variable = "GRACE_ALERT_TOKEN" if name == "alertmanager" else f"GRACE_{name.upper()}_SECRET"
    return f"this alert source is not set up: set {variable}"


def _listed(errors: Sequence[object]) -> tuple[dict[str, str], ...]:
    return tuple(
        {"field": getattr(e, "field", ""), "problem": getattr(e, "problem", "")} for e in errors
    )

"""What happened, as webhook payloads, queued for every hook that asked to hear of it."""

import json
import uuid
from dataclasses import dataclass, field

from grace.localforge.core import Core, Json, node_id
from grace.localforge.db import Row
from grace.localforge.shapes.people import user_json
from grace.localforge.shapes.repos import repository_json
from grace.localforge.watching import WebhookQueued


@dataclass(frozen=True, slots=True)
class Event:
    """One webhook event. `only_app` limits it to one App, as for `rerequested`."""

    name: str
    sender: Row
    repo: Row | None = None
    action: str | None = None
    body: Json = field(default_factory=dict)
    only_app: int | None = None


@dataclass(frozen=True, slots=True)
class Act:
    """An action on one thing: what the event calls it, who did it, and what else it carries."""

    action: str
    sender: Row
    extra: Json = field(default_factory=dict)


def payload(core: Core, event: Event) -> Json:
    """Return what a webhook of this event carries, without the installation."""
    shape: Json = {} if event.action is None else {"action": event.action}
    shape |= event.body
    if event.repo is not None:
        shape["repository"] = repository_json(core, event.repo)
    shape["sender"] = user_json(core, event.sender)
    return shape


def emit(core: Core, event: Event) -> None:
    """Queue an event for every subscribed hook, in one transaction."""
    hooks = _subscribed(core, event)
    if not hooks:
        return
    shape = payload(core, event)
    with core.db.transaction():
        for hook in hooks:
            enqueue(core, hook, event, shape)


def enqueue(core: Core, hook: Row, event: Event, shape: Json) -> None:
    """Queue one delivery of a payload; an App's carries its installation."""
    installation = hook.get("installation_id")
    if installation and "installation" not in shape:
        shape = {
            **shape,
            "installation": {"id": installation, "node_id": node_id("Installation", installation)},
        }
    text = json.dumps(shape)
    core.db.insert(
        "deliveries",
        hook_id=hook["id"],
        guid=str(uuid.uuid4()),
        event=event.name,
        action=event.action,
        installation_id=installation,
        repository_id=event.repo["id"] if event.repo else None,
        payload=text,
        queued_at=core.now(),
    )
    core.wake(hook["id"])
    for watcher in core.watchers:
        watcher(WebhookQueued(event.name, event.action, text.encode()))


def _subscribed(core: Core, event: Event) -> list[Row]:
    if event.repo is None:
        return []
    hooks = core.db.all(
        "SELECT h.*, i.id AS installation_id FROM hooks h JOIN installations i ON i.app_id=h.app_id"
        " JOIN installation_repositories r ON r.installation_id=i.id"
        " WHERE r.repository_id=? AND h.active=1",
        event.repo["id"],
    )
    if event.only_app is not None:
        hooks = [hook for hook in hooks if hook["app_id"] == event.only_app]
        if event.name == "check_suite":
            return hooks  # who may write checks gets it without asking for it
    else:
        hooks += core.db.all(
            "SELECT *, NULL AS installation_id FROM hooks WHERE repository_id=? AND active=1",
            event.repo["id"],
        )
    return [hook for hook in hooks if {"*", event.name} & set(hook["events_json"])]

"""A repository's webhooks and their deliveries."""

from typing import Final

from grace.localforge.api import NO_CONTENT, Body, Call, Need, Reply, Route
from grace.localforge.db import Row
from grace.localforge.deliveries import redeliver
from grace.localforge.errors import invalid, not_found
from grace.localforge.events import Event, enqueue, payload
from grace.localforge.routes.repos import R
from grace.localforge.shapes.hooks import (
    delivery_json,
    full_delivery_json,
    hook_config,
    hook_json,
)

ZEN: Final = "Keep it logically awesome."


def _hook(call: Call) -> Row:
    row = call.core.db.one(
        "SELECT * FROM hooks WHERE id=? AND repository_id=?", call.number("id"), call.repo["id"]
    )
    if row is None:
        raise not_found()
    return row


def _ping(call: Call, hook: Row) -> None:
    body = {"zen": ZEN, "hook_id": hook["id"], "hook": hook_json(call.core, call.repo, hook)}
    event = Event("ping", call.user, call.repo, body=body)
    enqueue(call.core, hook, event, payload(call.core, event))


def _url(config: Body) -> str:
    url = config.text("url")
    if not url.startswith(("http://", "https://")):
        raise invalid("Hook", "url", "custom", "url must be an http or https address")
    return url


async def list_hooks(call: Call) -> Reply:
    """List a repository's webhooks."""
    sql = "SELECT * FROM hooks WHERE repository_id=? ORDER BY id"
    rows = call.core.db.all(sql, call.repo["id"])
    return call.page(rows, lambda row: hook_json(call.core, call.repo, row))


async def create_hook(call: Call) -> Reply:
    """Create a webhook and ping it."""
    body = call.body("Hook")
    config = Body("Hook", body.object("config"))
    number = call.core.db.insert(
        "hooks",
        repository_id=call.repo["id"],
        url=_url(config),
        secret=config.optional("secret"),
        events_json=body.strings("events") or ["push"],
        active=int(body.flag("active", default=True)),
        created_at=call.core.now(),
        updated_at=call.core.now(),
    )
    hook = call.core.db.get("hooks", number)
    _ping(call, hook)
    return Reply(hook_json(call.core, call.repo, hook), 201)


async def get_hook(call: Call) -> Reply:
    """Return a webhook."""
    return Reply(hook_json(call.core, call.repo, _hook(call)))


async def edit_hook(call: Call) -> Reply:
    """Change a webhook's address, secret, events or whether it is active."""
    hook, body = _hook(call), call.body("Hook")
    changes: dict[str, object] = {"updated_at": call.core.now()}
    if "config" in body:
        config = Body("Hook", body.object("config"))
        changes["url"] = _url(config)
        if "secret" in config:
            changes["secret"] = config.optional("secret")
    if "active" in body:
        changes["active"] = int(body.flag("active"))
    events = body.strings("events") if "events" in body else hook["events_json"]
    events = events + [name for name in body.strings("add_events") if name not in events]
    gone = body.strings("remove_events")
    changes["events_json"] = [name for name in events if name not in gone]
    hook = call.core.db.update("hooks", hook["id"], **changes)
    return Reply(hook_json(call.core, call.repo, hook))


async def delete_hook(call: Call) -> Reply:
    """Delete a webhook with its deliveries."""
    hook = _hook(call)
    with call.core.db.transaction():
        call.core.db.run("DELETE FROM deliveries WHERE hook_id=?", hook["id"])
        call.core.db.run("DELETE FROM hooks WHERE id=?", hook["id"])
    return NO_CONTENT


async def get_config(call: Call) -> Reply:
    """Return a webhook's configuration."""
    return Reply(hook_config(_hook(call)))


async def ping(call: Call) -> Reply:
    """Ping a webhook."""
    _ping(call, _hook(call))
    return NO_CONTENT


async def list_deliveries(call: Call) -> Reply:
    """List what was sent, newest first."""
    sql = "SELECT * FROM deliveries WHERE hook_id=? AND pending=0 ORDER BY id DESC"
    return call.page(call.core.db.all(sql, _hook(call)["id"]), delivery_json)


def _delivery(call: Call) -> Row:
    sql = "SELECT * FROM deliveries WHERE hook_id=? AND id=? AND pending=0"
    row = call.core.db.one(sql, _hook(call)["id"], call.number("delivery"))
    if row is None:
        raise not_found()
    return row


async def get_delivery(call: Call) -> Reply:
    """Return one delivery with request and response."""
    return Reply(full_delivery_json(_delivery(call)))


async def redeliver_one(call: Call) -> Reply:
    """Send one delivery again."""
    redeliver(call.core, _delivery(call))
    return Reply({}, 202)


_NEED: Final = Need("repository_hooks:write", "admin")
_HOOK: Final = f"{R}/hooks/{{id}}"
_DELIVERY: Final = f"{_HOOK}/deliveries/{{delivery}}"

ROUTES: Final = (
    Route("GET", f"{R}/hooks", list_hooks, _NEED),
    Route("POST", f"{R}/hooks", create_hook, _NEED),
    Route("GET", _HOOK, get_hook, _NEED),
    Route("PATCH", _HOOK, edit_hook, _NEED),
    Route("DELETE", _HOOK, delete_hook, _NEED),
    Route("GET", f"{_HOOK}/config", get_config, _NEED),
    Route("POST", f"{_HOOK}/pings", ping, _NEED),
    Route("GET", f"{_HOOK}/deliveries", list_deliveries, _NEED),
    Route("GET", _DELIVERY, get_delivery, _NEED),
    Route("POST", f"{_DELIVERY}/attempts", redeliver_one, _NEED),
)

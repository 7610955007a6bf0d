"""Webhooks and their deliveries."""

import json

from grace.localforge.core import Core, Json
from grace.localforge.db import Row
from grace.localforge.shapes.repos import api_url


def hook_json(core: Core, repo: Row, hook: Row) -> Json:
    """Return a repository's webhook; its secret is never shown."""
    url = f"{api_url(core, repo)}/hooks/{hook['id']}"
    last = core.db.one(
        "SELECT * FROM deliveries WHERE hook_id=? AND pending=0 ORDER BY id DESC LIMIT 1",
        hook["id"],
    )
    return {
        "type": "Repository",
        "id": hook["id"],
        "name": "web",
        "active": bool(hook["active"]),
        "events": hook["events_json"],
        "config": hook_config(hook),
        "created_at": hook["created_at"],
        "updated_at": hook["updated_at"],
        "url": url,
        "test_url": f"{url}/test",
        "ping_url": f"{url}/pings",
        "deliveries_url": f"{url}/deliveries",
        "last_response": {
            "code": last["status_code"] if last else None,
            "status": last["status"] if last else "unused",
            "message": None,
        },
    }


def hook_config(hook: Row) -> Json:
    """Return a hook's configuration with the secret masked."""
    config = {"url": hook["url"], "content_type": "json", "insecure_ssl": "0"}
    return config | ({"secret": "********"} if hook["secret"] else {})


def delivery_json(delivery: Row) -> Json:
    """Return a delivery as lists carry it."""
    return {
        "id": delivery["id"],
        "guid": delivery["guid"],
        "delivered_at": delivery["delivered_at"] or delivery["queued_at"],
        "redelivery": bool(delivery["redelivery"]),
        "duration": delivery["duration"] or 0.0,
        "status": delivery["status"] or "pending",
        "status_code": delivery["status_code"] or 0,
        "event": delivery["event"],
        "action": delivery["action"],
        "installation_id": delivery["installation_id"],
        "repository_id": delivery["repository_id"],
        "throttled_at": None,
    }


def full_delivery_json(delivery: Row) -> Json:
    """Return a delivery with what was sent and what was answered."""
    return {
        **delivery_json(delivery),
        "url": "",
        "request": {
            "headers": delivery["request_headers_json"],
            "payload": json.loads(delivery["payload"]),
        },
        "response": {
            "headers": delivery["response_headers_json"],
            "payload": delivery["response"],
        },
    }

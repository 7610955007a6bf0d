"""An event, and how one is read from a request body."""

import json
import re
from dataclasses import dataclass
from typing import Any

MAX_BODY = 64 * 1024
_TOPIC = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+){0,7}")


class BadEvent(ValueError):
    """The body is no event; the message says why."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event. `id` is the sender's: a retry carries the same one."""

    id: str
    topic: str
    payload: Any = None


def parse_event(body: bytes) -> Event:
    """Read an event from JSON; raise BadEvent with a sentence for the sender."""
    try:
        raw = json.loads(body)
    except ValueError as error:
        raise BadEvent("the body is not JSON") from error
    if not isinstance(raw, dict):
        raise BadEvent("an event is a JSON object")
    match raw:
        case {"id": str(event_id), "topic": str(topic)} if event_id:
            if len(topic) > 200 or not _TOPIC.fullmatch(topic):
                raise BadEvent("a topic is lower case words and dots, 200 characters at most")
            return Event(event_id, topic, raw.get("payload"))
        case _:
            raise BadEvent("an event needs an id and a topic, both text")

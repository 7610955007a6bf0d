"""Delivery: an event goes into the mailbox of every subscriber of its topic, once."""

import threading
from collections import deque
from dataclasses import dataclass

from trigger_mesh.events import Event
from trigger_mesh.history import History
from trigger_mesh.subscriptions import Subscriptions

MAILBOX_SIZE = 100


@dataclass(frozen=True, slots=True)
class Receipt:
    """How many subscribers got the event, and how many had had it before."""

    delivered: int
    duplicates: int


class Mesh:
    """Mailboxes of all subscribers. Safe for threads."""

    def __init__(self, subscriptions: Subscriptions) -> None:
        self._subscriptions = subscriptions
        self._mailboxes: dict[str, deque[Event]] = {
            name: deque(maxlen=MAILBOX_SIZE) for name in subscriptions.names
        }
        self._history = History()
        self._lock = threading.Lock()

    def deliver(self, event: Event) -> Receipt:
        """Put the event into every matching mailbox that has not had it."""
        delivered = duplicates = 0
        with self._lock:
            for name in self._subscriptions.matching(event.topic):
                if self._history.seen(event.id, name):
                    duplicates += 1
                    continue
                self._history.record(event.id, name)
                self._mailboxes[name].append(event)
                delivered += 1
        return Receipt(delivered, duplicates)

    def mailbox(self, name: str) -> tuple[Event, ...] | None:
        """List a subscriber's latest events, oldest first; None for an unknown name."""
        box = self._mailboxes.get(name)
        if box is None:
            return None
        with self._lock:
            return tuple(box)

"""What was delivered to whom, so that a retried event is delivered once."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event in one subscriber's mailbox."""

    event_id: str
    subscriber: str


class History:
    """Every delivery so far. Not safe for threads: the mesh holds its lock around it."""

    def __init__(self) -> None:
        self._deliveries: list[Delivery] = []

    def seen(self, event_id: str, subscriber: str) -> bool:
        """Tell whether this subscriber has had this event."""
        return any(
            past.event_id == event_id and past.subscriber == subscriber for past in self._deliveries
        )

    def record(self, event_id: str, subscriber: str) -> None:
        """Remember a delivery."""
        self._deliveries.append(Delivery(event_id, subscriber))

"""Turn stored deliveries into events for missions. What cannot be read is marked, never lost."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import structlog

from grace.domain.alerting.rules import Alerting
from grace.domain.memory.places import Visibility
from grace.ports import Clock, Courtesy, Delivery, Routed, StopIssue, Store, Translated

Translation = tuple[Sequence[Routed], str]
Translator = Callable[[Delivery], Translation]
Courteous = Callable[[Delivery], Sequence[Courtesy]]
Stopping = Callable[[Delivery], Sequence[StopIssue]]
Seeing = Callable[[Delivery], Sequence[Visibility]]
T = TypeVar("T")

BATCH = 100


class Unreadable(Exception):
    """A delivery that cannot be read; the message is a sentence for the operator."""


@dataclass(frozen=True, slots=True)
class Readers:
    """How deliveries are read, by origin; `new_an_hour` bounds a repository's new missions.

    `alerting`: how alerts become missions.
    """

    translators: Mapping[str, Translator]
    courtesies: Mapping[str, Courteous] = field(default_factory=dict)
    stops: Mapping[str, Stopping] = field(default_factory=dict)
    seen: Mapping[str, Seeing] = field(default_factory=dict)
    new_an_hour: int = 60
    alerting: Alerting = field(default_factory=Alerting)


class Router:
    """Route by origin. A translator is pure: a delivery in, routed events and a note out."""

    def __init__(self, store: Store, clock: Clock, readers: Readers) -> None:
        self._store = store
        self._clock = clock
        self._translators = readers.translators
        self._courtesies = readers.courtesies
        self._stops = readers.stops
        self._seen = readers.seen
        self._new_an_hour = readers.new_an_hour
        self._alerting = readers.alerting
        self._log = structlog.get_logger("router")

    async def drain(self) -> int:
        """Route what waits, oldest first; return how many deliveries were handled."""
        deliveries = await self._store.unrouted(BATCH)
        for delivery in deliveries:
            routed, note = self._translate(delivery)
            said = Translated(
                routed=routed,
                note=note,
                courtesies=_also(self._courtesies, delivery),
                new_an_hour=self._new_an_hour,
                stops=_also(self._stops, delivery),
                alerting=self._alerting,
                seen=_also(self._seen, delivery),
            )
            missions = await self._store.route(delivery.id, said, self._clock.now())
            self._log.info(
                "routed",
                origin=delivery.origin,
                delivery=delivery.delivery_id,
                event_name=delivery.event,
                missions=missions,
                note=note,
            )
        return len(deliveries)

    def _translate(self, delivery: Delivery) -> Translation:
        translator = self._translators.get(delivery.origin)
        if translator is None:
            return (), f"no translator for deliveries of {delivery.origin}"
        try:
            return translator(delivery)
        except Unreadable as error:
            return (), f"unreadable: {error}"
        except Exception as error:  # noqa: BLE001 - logged, and marked with its reason
            # A translator is pure, so it would fail again: it must not hold up what is behind it.
            self._log.exception("translator failed", delivery=delivery.delivery_id)
            return (), f"not read, by a fault of the program: {type(error).__name__}: {error}"


def _also(readers: Mapping[str, Callable[[Delivery], Sequence[T]]], found: Delivery) -> Sequence[T]:
    """Read what a delivery says besides its events; nothing where it cannot be read."""
    read = readers.get(found.origin)
    try:
        return () if read is None else read(found)
    except Unreadable:
        return ()  # the translation says why, in the delivery's note

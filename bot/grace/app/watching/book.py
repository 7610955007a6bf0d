"""The book of incidents: what is amiss now, and what was told of it."""

import hashlib
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Final, Literal

import structlog
from pydantic import TypeAdapter, ValidationError

from grace.app.watching.asking import Occasion, alert_of
from grace.app.watching.desk import ORIGIN, Desk
from grace.domain.detection import wording
from grace.domain.detection.anomaly import Anomaly
from grace.domain.detection.gone import Places
from grace.domain.detection.moving import (
    Begun,
    Incident,
    close,
    gather,
    member_of,
    without,
)
from grace.domain.detection.watch import Turn, Watch
from grace.ports import Delivery, Routed, Target

AGAIN_S: Final = 3600.0
STATE: Final = "incidents:"  # no metric has such a name
_INCIDENTS: Final[TypeAdapter[tuple[Incident, ...]]] = TypeAdapter(tuple[Incident, ...])
_ROUTED: Final[TypeAdapter[tuple[Routed, ...]]] = TypeAdapter(tuple[Routed, ...])


class Book:
    """Gather episodes into incidents, and tell each as an alert when something new is known."""

    def __init__(self, desk: Desk, places: Places, watches: Mapping[str, Watch]) -> None:
        self._desk = desk
        self._places = places
        self._watches = watches
        self._waiting: dict[str, None] = {}
        self._hours: dict[str, int] = {}
        self._log = structlog.get_logger("watching")
        self.incidents: tuple[Incident, ...] = ()
        self.blind = False

    def load(self, frozen: bytes | None) -> None:
        """Go on with what lasted when we stopped; a metric no longer watched ends nothing."""
        if frozen is None:
            return
        try:
            self.incidents = _INCIDENTS.validate_json(frozen)
        except ValidationError:
            self._log.warning("incidents not readable", reason="they are of another version")
            return
        watched = self._desk.plan.catalog.metrics
        left = {
            name
            for incident in self.incidents
            for name in incident.members
            if name not in watched or watched[name].watch is None
        }
        kept = (without(incident, left) for incident in self.incidents)
        self.incidents = tuple(incident for incident in kept if incident is not None)

    def freeze(self) -> bytes:
        """Write the incidents down."""
        return _INCIDENTS.dump_json(self.incidents)

    def prepared(self, watch: Watch, *, settled: bool) -> None:
        """Take in a watch as it came out of its past; `settled`: its last episode ended so."""
        lasting = any(
            watch.metric_id in i.members and i.members[watch.metric_id].lasts
            for i in self.incidents
        )
        if watch.episode is not None and not lasting:
            self._waiting[watch.metric_id] = None
        elif watch.episode is None and lasting:
            self.incidents = close(self.incidents, {watch.metric_id: settled})

    def turned(self, turns: Mapping[str, Turn]) -> None:
        """Take in what the samples of a round changed."""
        ends: dict[str, bool] = {}
        for name, turn in turns.items():
            if turn is Turn.BEGAN:
                self._waiting[name] = None
            else:
                self._waiting.pop(name, None)
                ends[name] = turn is Turn.SETTLED
        if ends:
            self.incidents = close(self.incidents, ends)

    def gather(self, silent: Collection[str], now: datetime) -> bool:
        """Gather what began, and describe what is to be told; tell whether anything is.

        It is kept before it is told. So whenever we are killed, what was told has its incident,
        which will end, and what was not told yet is told.
        `silent`: the metrics of which nothing came in this round.
        """
        self.blind = bool(silent) and self._places.blind(silent)
        if self._waiting:
            down = self._places.down(silent)
            ready = [n for n in self._waiting if not self._uncertain(n, silent)]
            begun = [self._begun(name, down) for name in ready]
            self.incidents = gather(self.incidents, begun)
            for each in begun:
                del self._waiting[each.metric_id]
        self.incidents = tuple(self._described(incident, now) for incident in self.incidents)
        return any(_untold(incident) for incident in self.incidents)

    async def tell(self, now: datetime) -> bool:
        """Tell what is new; tell whether anything was, or is over."""
        before = self.incidents
        told = [await self._tell(incident, now) for incident in before]
        self.incidents = tuple(incident for incident in told if incident is not None)
        return self.incidents != before

    def _uncertain(self, name: str, silent: Collection[str]) -> bool:
        """Tell whether it may be our own network, or has been, that made a metric vanish.

        So it is with one whose watch is begun anew.
        """
        if name not in self._watches:
            return True
        episode = self._watches[name].episode
        gone = episode is not None and episode.direction == "gone"
        return gone and (self.blind or name not in silent)

    def _begun(self, name: str, down: Collection[str]) -> Begun:
        """Describe an episode that belongs to no incident yet."""
        watch = self._watches[name]
        assert watch.episode is not None  # it waits because it lasts
        assert watch.definition.watch is not None  # that is why there is a watch
        place = self._places.of(name) if watch.episode.direction == "gone" else None
        return Begun(
            metric_id=name,
            repository=self._desk.plan.repository(watch.definition.watch.subsystem),
            place=place if place in down else None,
            member=member_of(watch.episode),
        )

    def _described(self, incident: Incident, now: datetime) -> Incident:
        """Describe an incident of which something new is known, so that it is to be told.

        Not before all that lasts is watched again: after a start, it may have ended meanwhile.
        """
        if incident.over or not self._watches.keys() >= set(incident.lasting):
            return incident
        anomaly = self._anomaly(incident)
        freed = incident.held is not None and now.timestamp() >= incident.held
        known = incident.anomaly is not None and _sign(incident.anomaly) == _sign(anomaly)
        if known and not freed:
            return incident
        held = self._held(anomaly, now)
        return incident.model_copy(update={"told": "", "anomaly": anomaly, "held": held})

    async def _tell(self, incident: Incident, now: datetime) -> Incident | None:
        """Tell of an incident what was not told yet; None: it is over and done with."""
        if incident.over:
            self._hours.pop(incident.fingerprint, None)
            if incident.anomaly is None or incident.settled:
                return None
            return None if await self._send(incident, "resolved", now) else incident
        if incident.anomaly is None:
            return incident
        if not _untold(incident):
            await self._tell_again(incident, now)
            return incident
        told = incident.model_copy(update={"told": _sign(incident.anomaly)})
        return told if await self._send(told, "firing", now) else incident

    async def _tell_again(self, incident: Incident, now: datetime) -> None:
        """Tell once an hour what lasts: there may have been no room for its mission before."""
        hour = int(now.timestamp() // AGAIN_S)
        known = self._hours.setdefault(incident.fingerprint, hour)
        if hour > known and await self._send(incident, "firing", now, again=hour):
            self._hours[incident.fingerprint] = hour

    def _anomaly(self, incident: Incident) -> Anomaly:
        """Describe the likely origin; where it is over already, as it was told, or what lasts.

        It is of the incident's own repository: its alert is told there, and is resolved there.
        """
        first, lasting = self._by_onset(incident), incident.lasting
        origin, known = first[0], incident.anomaly
        if origin not in lasting:
            left = [name for name in first if name in lasting]
            if known is not None and (known.metric_id == origin or not left):
                return known.model_copy(update={"moved": incident.moved(known.metric_id)})
            origin = (left or lasting)[0]
        instead = None
        if incident.place is not None and len(incident.members) > 1:
            instead = wording.source_down(origin, len(incident.members) + incident.more)
        return self._watches[origin].anomaly(incident.moved(origin), instead)

    def _by_onset(self, incident: Incident) -> list[str]:
        """List the members of the incident's own repository, the earliest first."""
        plan, members = self._desk.plan, incident.members
        homes = {n: plan.repository(self._subsystem(n)) for n in members}
        own = [n for n in members if homes[n] == incident.repository] or list(members)
        return sorted(own, key=lambda n: (members[n].since, n))

    def _held(self, anomaly: Anomaly, now: datetime) -> float | None:
        """Find the end of a maintenance window that an incident falls into."""
        subsystem = self._subsystem(anomaly.metric_id)
        windows = self._desk.plan.alerting.maintenance
        return max((w.end.timestamp() for w in windows if w.holds(subsystem, now)), default=None)

    def _subsystem(self, metric_id: str) -> str:
        watching = self._desk.plan.catalog.metrics[metric_id].watch
        assert watching is not None  # only what is watched has anomalies
        return watching.subsystem

    async def _send(
        self,
        incident: Incident,
        status: Literal["firing", "resolved"],
        now: datetime,
        again: int | None = None,
    ) -> bool:
        """Put an alert into the inbox; False: the forge has not told yet where it belongs.

        The delivery's name is the same however often a crash has us tell it. `again`: the hour in
        which it is told once more.
        """
        anomaly = incident.anomaly
        assert anomaly is not None  # it was described before it is told
        ref = self._desk.refs.get(self._subsystem(anomaly.metric_id))
        if ref is None:
            return False
        catalog = self._desk.plan.catalog.metrics
        occasion = Occasion(status, now, again is not None)
        event = alert_of(incident, anomaly, catalog, occasion)
        target = Target(ref=ref, alert=incident.fingerprint, create=status == "firing")
        body = _ROUTED.dump_json((Routed(target=target, event=event),))
        delivery = Delivery(ORIGIN, _named(incident, status, again), "anomaly", body, now)
        fresh = await self._desk.store.accept(delivery)
        self._desk.count(ORIGIN, "accepted" if fresh else "duplicate")
        self._log.info(
            "anomaly",
            status=status,
            fingerprint=incident.fingerprint,
            origin=anomaly.metric_id,
            moved=len(incident.members) + incident.more - 1,
            fresh=fresh,
        )
        if fresh:
            self._desk.wake()
        return True


def _untold(incident: Incident) -> bool:
    return incident.anomaly is not None and not incident.told and not incident.over


def _sign(anomaly: Anomaly) -> str:
    """Name what is told: which metrics moved."""
    return " ".join([anomaly.metric_id, *(m.metric_id for m in anomaly.moved)])


def _named(incident: Incident, status: str, again: int | None) -> str:
    """Name a delivery by what it tells."""
    said = incident.told if status == "firing" else ""
    words = [incident.fingerprint, f"{incident.began:.0f}", status, said, str(incident.held)]
    words += [] if again is None else [f"again {again}"]
    return hashlib.sha256("\n".join(words).encode()).hexdigest()

"""Alerts on their way to missions: what each word changes, and which mission hears of it.

It runs inside the transaction that routes a delivery. A mission hears of its first alerts one by
one, of a storm only at growing steps, and always when the last of its alerts is resolved or the
first fires again. What says nothing new makes no event.
"""

import sqlite3
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, assert_never

from grace.adapters.sqlite import alert_past, alert_rows
from grace.adapters.sqlite.alert_rows import Crowd, Crowds, Row
from grace.adapters.sqlite.event_rows import add_event
from grace.adapters.sqlite.values import micros
from grace.domain.alerting.alarm import MAX_TOLD, Placed, Recurrence, is_step
from grace.domain.alerting.placing import (
    Alert,
    Damp,
    Join,
    OpenMission,
    Past,
    Scene,
    Why,
    labels_of,
    place,
    remembered,
)
from grace.domain.alerting.rules import Alerting
from grace.domain.alerting.tracking import News, Word, hear
from grace.domain.events import AlertSeen, Recurred
from grace.domain.mission import MissionRef
from grace.domain.phase import Outcome
from grace.ports import Routed

_HOUR: Final = timedelta(hours=1)
_BEGINS: Final = frozenset({News.FIRED, News.RENEWED})
# Makes the mission of an alert, by its fingerprint; None: the repository has had too many.
Maker = Callable[[MissionRef, str], str | None]


@dataclass(slots=True)
class Placer:
    """Places the alerts of one delivery, in the order they stand in it."""

    connection: sqlite3.Connection
    delivery: int
    rules: Alerting
    now: datetime
    make: Maker
    said: Counter[str] = field(default_factory=Counter)
    reached: set[str] = field(default_factory=set)
    _crowds: dict[str, Crowds] = field(default_factory=dict)
    _opened: dict[str, int] = field(default_factory=dict)

    def take(self, item: Routed, event: AlertSeen) -> None:
        """Take one word about an alert."""
        ref = item.target.ref
        row = alert_rows.read(self.connection, ref, event.fingerprint)
        # Our own detectors tell in order, and date a finding back to its onset.
        said = self.now if event.anomaly is not None else event.at
        word = Word(status=event.status, said_at=said, at=self.now)
        track, news = hear(row.track if row else None, word, self.rules)
        known = row or Row(track, None, placed=False, told=False, first_at=self.now)
        crowds = self._of(ref)
        crowd = crowds.of(known.mission) if known.mission is not None else None
        known.track = track
        known.placed = known.placed and news not in _BEGINS
        if crowd is not None and crowd.open:
            self._heard(crowd, event, known, news)
        elif track.firing and news is not News.LATE:
            self._place(crowds, event, known, news)
        else:
            self.said[news.value] += 1
        name = (event.fingerprint, event.request.subsystem_id)
        alert_rows.write(self.connection, ref, name, known, self.now)

    @property
    def seen(self) -> bool:
        """Tell whether there was any alert."""
        return bool(self.said)

    def close(self) -> str:
        """Store the counts; say in one line what became of all."""
        for crowds in self._crowds.values():
            crowds.save()
        alert_rows.forget(self.connection, self.now)
        return ", ".join(f"{number} {what}" for what, number in sorted(self.said.items()))

    def _of(self, ref: MissionRef) -> Crowds:
        return self._crowds.setdefault(ref.log, Crowds(self.connection, ref))

    def _heard(self, crowd: Crowd, event: AlertSeen, row: Row, news: News) -> None:
        """Take a word about an alert that an open mission has."""
        self.said[news.value] += 1
        match news:
            case News.FIRED:
                row.placed = True
                crowd.firing += 1
                crowd.changed = True
                if row.told or crowd.firing == 1:
                    self._tell(crowd, event, row)
            case News.RESOLVED:
                crowd.firing = max(0, crowd.firing - 1)
                crowd.changed = True
                if row.told or crowd.firing == 0:
                    self._tell(crowd, event, row)
            case News.REPEATED | News.RENEWED:
                row.placed = True
                # Its issue was not filed and is tried again, or what else moved is known now.
                own = crowd.alert == event.fingerprint
                if own and (not crowd.filed or event.anomaly is not None):
                    self._tell(crowd, event, row)
            case News.LATE:
                pass
            case _ as never:
                assert_never(never)

    def _place(self, crowds: Crowds, event: AlertSeen, row: Row, news: News) -> None:
        """Find a firing alert its mission; one that is told again only where it has had none."""
        if event.again and row.placed:
            self.said[News.REPEATED.value] += 1
            return
        unbroken = news is News.REPEATED and row.placed
        past = alert_past.past_of(
            self.connection, crowds.ref, event, row.mission, unbroken=unbroken
        )
        alert = Alert(
            fingerprint=event.fingerprint,
            subsystem=event.request.subsystem_id,
            metrics=alert_past.metrics_of(event),
            labels=labels_of(event.labels, self.rules),
        )
        scene = Scene(past=past, groups=crowds.groups(), opened=self._opened_in(crowds.ref))
        placement = place(alert, scene, self.rules, self.now)
        match placement:
            case Join(uid=uid, why=why):
                self.said["joined"] += 1
                self._join(crowds, crowds.of(uid), (event, alert, row), past, why)
            case OpenMission():
                uid_made = self.make(crowds.ref, event.fingerprint)
                if uid_made is None:
                    self.said[Why.FULL.value] += 1
                    return
                self.said["opened a mission"] += 1
                self._opened[crowds.ref.log] += 1
                self._join(crowds, crowds.add(uid_made), (event, alert, row), past, None)
            case Damp(why=why):
                self.said[why.value] += 1
                return
            case _ as never:
                assert_never(never)
        if news in _BEGINS:
            self._beside(crowds, event)

    def _join(
        self,
        crowds: Crowds,
        crowd: Crowd,
        joining: tuple[AlertSeen, Alert, Row],
        past: Past | None,
        why: Why | None,
    ) -> None:
        """Let a mission have an alert; `why` None: it was made for it."""
        event, alert, row = joining
        was_quiet = crowd.firing == 0
        crowds.take(crowd, alert, self.now)
        crowd.firing += 1
        row.mission, row.placed, row.told = crowd.uid, True, crowd.told < MAX_TOLD
        crowd.told += row.told
        recurs = self._recurrence(crowds, crowd, event, past)
        capa = None
        if why is None:
            capa = alert_past.open_capa(self.connection, crowds.ref, event)
        if row.told or was_quiet or is_step(crowd.known):
            placed = self._placed(crowd, row).model_copy(
                update={"why": None if why is None else why.value, "recurs": recurs, "capa": capa}
            )
            self._give(crowd.uid, event.model_copy(update={"placed": placed}))

    def _recurrence(
        self, crowds: Crowds, crowd: Crowd, event: AlertSeen, past: Past | None
    ) -> Recurrence | None:
        """Say which mission had this alert, and tell one that was fixed that it was not."""
        last = remembered(past, self.rules, self.now)
        if last is None:
            return None
        before = crowds.of(last.uid)
        if last.outcome is Outcome.FIXED and before.recurred is None:
            before.recurred, before.changed = crowd.name, True
            told = Recurred(fingerprint=event.fingerprint, by=crowd.name, at=self.now)
            add_event(self.connection, last.uid, told, self.now, delivery=self.delivery)
            self.reached.add(last.uid)
        return alert_past.recurrence(self.connection, last)

    def _beside(self, crowds: Crowds, event: AlertSeen) -> None:
        """Tell missions of the subsystem that observe their release, each of a few."""
        for crowd in crowds.observing():
            if crowd.subsystem == event.request.subsystem_id and crowd.beside < MAX_TOLD:
                crowd.beside += 1
                crowd.changed = True
                placed = Placed(known=crowd.known, firing=crowd.firing, beside=True)
                self._give(crowd.uid, event.model_copy(update={"placed": placed}))

    def _tell(self, crowd: Crowd, event: AlertSeen, row: Row) -> None:
        placed = self._placed(crowd, row)
        self._give(crowd.uid, event.model_copy(update={"placed": placed}))

    def _placed(self, crowd: Crowd, row: Row) -> Placed:
        return Placed(known=crowd.known, firing=crowd.firing, flaps=row.track.flaps)

    def _give(self, uid: str, event: AlertSeen) -> None:
        add_event(self.connection, uid, event, self.now, delivery=self.delivery)
        self.reached.add(uid)

    def _opened_in(self, ref: MissionRef) -> int:
        """Count the missions that alerts opened in a repository within an hour."""
        if ref.log not in self._opened:
            (made,) = self.connection.execute(
                "SELECT count(*) FROM missions WHERE host = ? AND repository_id = ?"
                " AND alert IS NOT NULL AND created_at > ?",
                (ref.host, ref.repository_id, micros(self.now - _HOUR)),
            ).fetchone()
            self._opened[ref.log] = made
        return self._opened[ref.log]

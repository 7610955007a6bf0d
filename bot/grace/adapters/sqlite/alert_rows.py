"""The tables of alerts: where each stands, and what a mission has of them."""

import json
import sqlite3
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from grace.adapters.sqlite.values import micros, moment, optional_micros
from grace.domain.alerting.placing import JOINABLE, MAX_LABELS, Alert, Group
from grace.domain.alerting.tracking import Track
from grace.domain.mission import MissionRef
from grace.domain.phase import Phase

_FORGOTTEN_AFTER: Final = timedelta(days=400)
_OPEN: Final = json.dumps(sorted(JOINABLE))


@dataclass(slots=True)
class Crowd:
    """What a mission has of alerts, as of now; `changed`: it is to be stored.

    `named`: the metrics that its own contract names, `filed`: whether its issue is filed.
    """

    uid: str
    name: str
    phase: Phase
    alert: str | None
    filed: bool
    created_at: datetime
    subsystem: str
    metrics: set[str]
    labels: set[str]
    first_at: datetime | None
    known: int
    firing: int
    told: int
    beside: int
    recurred: str | None
    changed: bool = False

    @property
    def open(self) -> bool:
        return self.phase is not Phase.CLOSED

    def group(self) -> Group:
        """Say it in the words of the one place that places alerts."""
        return Group(
            uid=self.uid,
            subsystem=self.subsystem,
            metrics=frozenset(self.metrics),
            labels=frozenset(self.labels),
            first_at=self.first_at,
            created_at=self.created_at,
        )


@dataclass(slots=True)
class Row:
    """One alert as it is stored; `placed`: what fires now has had its mission."""

    track: Track
    mission: str | None
    placed: bool
    told: bool
    first_at: datetime


def read(connection: sqlite3.Connection, ref: MissionRef, fingerprint: str) -> Row | None:
    """Return what is known of an alert."""
    row = connection.execute(
        "SELECT * FROM alerts WHERE host = ? AND repository_id = ? AND fingerprint = ?",
        (ref.host, ref.repository_id, fingerprint),
    ).fetchone()
    if row is None:
        return None
    track = Track(
        status=row["status"],
        said_at=moment(row["said_at"]),
        changed_at=moment(row["changed_at"]),
        heard_at=moment(row["last_at"]),
        fired=row["fired"],
        flaps=row["flaps"],
    )
    return Row(
        track, row["mission"], bool(row["placed"]), bool(row["told"]), moment(row["first_at"])
    )


def write(
    connection: sqlite3.Connection, ref: MissionRef, alert: tuple[str, str], row: Row, now: datetime
) -> None:
    """Store an alert, which is named by fingerprint and subsystem."""
    connection.execute(
        "INSERT INTO alerts (host, repository_id, fingerprint, subsystem, status, said_at,"
        " changed_at, first_at, last_at, fired, flaps, mission, placed, told)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (host, repository_id, fingerprint) DO UPDATE SET"
        " subsystem = excluded.subsystem, status = excluded.status, said_at = excluded.said_at,"
        " changed_at = excluded.changed_at, last_at = excluded.last_at, fired = excluded.fired,"
        " flaps = excluded.flaps, mission = excluded.mission, placed = excluded.placed,"
        " told = excluded.told",
        (
            *(ref.host, ref.repository_id, *alert),
            row.track.status,
            micros(row.track.said_at),
            micros(row.track.changed_at),
            micros(row.first_at),
            micros(now),
            row.track.fired,
            row.track.flaps,
            row.mission,
            row.placed,
            row.told,
        ),
    )


def forget(connection: sqlite3.Connection, now: datetime) -> None:
    """Drop alerts that nothing was heard of for long, and whose mission is closed."""
    connection.execute(
        "DELETE FROM alerts WHERE last_at < ? AND (mission IS NULL OR mission IN"
        " (SELECT uid FROM missions WHERE phase = 'closed'))",
        (micros(now - _FORGOTTEN_AFTER),),
    )


_CROWD: Final = (
    "SELECT m.uid, m.name, m.phase, m.alert, m.issue, m.created_at, m.subsystem AS own,"
    " json_extract(m.mission, '$.request.symptoms') AS symptoms,"
    " json_extract(m.mission, '$.request.acceptance_criteria.metric_targets') AS targets,"
    " g.subsystem, g.metrics, g.labels, g.first_at, g.known, g.firing, g.told, g.beside, g.recurred"
    " FROM missions AS m LEFT JOIN alert_groups AS g ON g.mission = m.uid WHERE "
)


def crowd(connection: sqlite3.Connection, uid: str) -> Crowd:
    """Return what a mission has of alerts."""
    row = connection.execute(_CROWD + "m.uid = ?", (uid,)).fetchone()
    return _crowd(row)


def joinable(connection: sqlite3.Connection, ref: MissionRef) -> list[Crowd]:
    """Return the missions of a repository that may take alerts."""
    rows = connection.execute(
        _CROWD + "m.host = ? AND m.repository_id = ?"  # noqa: S608 - our own clauses
        " AND m.phase IN (SELECT value FROM json_each(?))",
        (ref.host, ref.repository_id, _OPEN),
    )
    return [_crowd(row) for row in rows]


def observing(connection: sqlite3.Connection, ref: MissionRef) -> list[Crowd]:
    """Return the missions of a repository that observe their release."""
    rows = connection.execute(
        _CROWD + "m.host = ? AND m.repository_id = ? AND m.phase = 'observing'",
        (ref.host, ref.repository_id),
    )
    return [_crowd(row) for row in rows]


def save(connection: sqlite3.Connection, crowd: Crowd) -> None:
    """Store what changed of a mission's alerts."""
    connection.execute(
        "INSERT OR REPLACE INTO alert_groups (mission, subsystem, metrics, labels, first_at, known,"
        " firing, told, beside, recurred) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(crowd.uid, crowd.subsystem),
            json.dumps(sorted(crowd.metrics)[:MAX_LABELS]),
            json.dumps(sorted(crowd.labels)[:MAX_LABELS]),
            optional_micros(crowd.first_at),
            *(crowd.known, crowd.firing, crowd.told, crowd.beside, crowd.recurred),
        ),
    )
    crowd.changed = False


def _crowd(row: sqlite3.Row) -> Crowd:
    return Crowd(
        uid=row["uid"],
        name=row["name"],
        phase=Phase(row["phase"]),
        alert=row["alert"],
        filed=row["issue"] is not None,
        created_at=moment(row["created_at"]),
        subsystem=row["own"] or row["subsystem"] or "",
        metrics={*_named(row["symptoms"]), *_named(row["targets"]), *_list(row["metrics"])},
        labels=set(_list(row["labels"])),
        first_at=None if row["first_at"] is None else moment(row["first_at"]),
        known=row["known"] or 0,
        firing=row["firing"] or 0,
        told=row["told"] or 0,
        beside=row["beside"] or 0,
        recurred=row["recurred"],
    )


def _named(text: str | None) -> list[str]:
    found: list[dict[str, Any]] = json.loads(text) if text else []
    return [each["metric_id"] for each in found if each.get("metric_id")]


def _list(text: str | None) -> list[str]:
    found: list[str] = json.loads(text) if text else []
    return found


@dataclass(slots=True)
class Crowds:
    """The missions with alerts of one repository, read as they are needed and stored at the end."""

    connection: sqlite3.Connection
    ref: MissionRef
    known: dict[str, Crowd] = field(default_factory=dict)
    _joinable: list[Crowd] | None = None
    _groups: tuple[Group, ...] | None = None
    _observing: list[Crowd] | None = None

    def of(self, uid: str) -> Crowd:
        """Return what a mission has."""
        if uid not in self.known:
            self.known[uid] = crowd(self.connection, uid)
        return self.known[uid]

    def add(self, uid: str) -> Crowd:
        """Take a mission that was just made."""
        self.joinable()
        made = self.of(uid)
        assert self._joinable is not None  # read above
        if made not in self._joinable:
            self._joinable.append(made)
        return made

    def joinable(self) -> list[Crowd]:
        """Return the missions that may take alerts."""
        if self._joinable is None:
            self._joinable = self._one(joinable(self.connection, self.ref))
        return self._joinable

    def groups(self) -> tuple[Group, ...]:
        """Return those that may take alerts, in the words of who places them."""
        if self._groups is None:
            self._groups = tuple(each.group() for each in self.joinable())
        return self._groups

    def take(self, crowd: Crowd, alert: Alert, now: datetime) -> None:
        """Let a mission have one alert more."""
        before = (len(crowd.metrics), len(crowd.labels), crowd.first_at)
        crowd.subsystem = crowd.subsystem or alert.subsystem
        crowd.metrics |= alert.metrics
        if len(crowd.labels) < MAX_LABELS:
            crowd.labels |= alert.labels
        crowd.first_at = crowd.first_at or now
        crowd.known += 1
        crowd.changed = True
        if before != (len(crowd.metrics), len(crowd.labels), crowd.first_at):
            self._groups = None

    def observing(self) -> list[Crowd]:
        """Return the missions that observe."""
        if self._observing is None:
            self._observing = self._one(observing(self.connection, self.ref))
        return self._observing

    def _one(self, found: list[Crowd]) -> list[Crowd]:
        return [self.known.setdefault(each.uid, each) for each in found]

    def save(self) -> None:
        """Store what changed."""
        for each in self.known.values():
            if each.changed:
                save(self.connection, each)

"""The table of missions, and the columns and lookups that are derived from a mission."""

import json
import sqlite3
from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from grace.adapters.sqlite import list_rows
from grace.adapters.sqlite.errors import IssueTaken
from grace.adapters.sqlite.values import micros, mission_of, optional_micros, verdict_text
from grace.domain.facts import Facts
from grace.domain.mission import Mission
from grace.domain.phase import Phase
from grace.domain.schedule import paths_of
from grace.ports import Ruling


def row_of(connection: sqlite3.Connection, uid: UUID) -> sqlite3.Row | None:
    """Return the row of a mission."""
    row: sqlite3.Row | None = connection.execute(
        "SELECT * FROM missions WHERE uid = ?", (str(uid),)
    ).fetchone()
    return row


def insert(connection: sqlite3.Connection, mission: Mission, now: datetime) -> None:
    """Store a new mission without facts."""
    values = {
        "uid": str(mission.uid),
        "created_at": micros(mission.created_at),
        "facts": Facts().model_dump_json(),
        "decided_at": micros(now),
        **_derived(mission),
    }
    columns, marks = ", ".join(values), ", ".join(f":{name}" for name in values)
    connection.execute(
        f"INSERT INTO missions ({columns}) VALUES ({marks})",  # noqa: S608 - our own columns
        values,
    )
    list_rows.write(connection, list_rows.listed(mission, None, now))
    _write_lookups(connection, mission)
    _write_used(connection, mission)


def update(
    connection: sqlite3.Connection, ruling: Ruling, before: sqlite3.Row, now: datetime
) -> None:
    """Store what a turn decided, as the version behind the row that it was decided on."""
    mission = ruling.mission
    values = {
        "facts": ruling.facts.stored().model_dump_json(),
        "verdict": verdict_text(ruling.verdict),
        "wake_at": optional_micros(ruling.wake_at),
        "version": before["version"] + 1,
        "decided_at": micros(now),
        "merged_at": _merged_at(mission, before, now),
        **_derived(mission),
    }
    changes = ", ".join(f"{name} = :{name}" for name in values)
    try:
        connection.execute(
            f"UPDATE missions SET {changes} WHERE uid = :uid",  # noqa: S608 - our own columns
            {**values, "uid": str(mission.uid)},
        )
    except sqlite3.IntegrityError as error:
        raise IssueTaken(
            f"{mission.name} cannot take issue {mission.issue} of {mission.ref.repository}: "
            f"another mission has it ({error})"
        ) from error
    row = list_rows.listed(mission, ruling.verdict, now)
    list_rows.write(connection, row, same=before["mission"] == values["mission"])
    _write_lookups(connection, mission)


def _derived(mission: Mission) -> dict[str, str | int | None]:
    landed = mission.revert.landed if mission.revert else None
    return {
        "name": mission.name,
        "host": mission.ref.host,
        "repository_id": mission.ref.repository_id,
        "installation_id": mission.ref.installation_id,
        "issue": mission.issue,
        "alert": mission.alert,
        "phase": mission.phase.value,
        "severity": mission.severity.rank,
        "paths": json.dumps(paths_of(mission)),
        "self_started_at": optional_micros(mission.self_started_at),
        "parent": mission.request.parent_id if mission.request else None,
        "reverted_at": optional_micros(landed.at if landed else None),
        "subsystem": subsystem_of(mission),
        "basis": mission.basis,
        "open_capa": mission.capa if mission.capa_closed_at is None else None,
        "mission": mission.model_dump_json(),
    }


def subsystem_of(mission: Mission) -> str:
    """Name the subsystem of a mission; empty: its contract did not parse."""
    return mission.request.subsystem_id if mission.request else ""


def _merged_at(mission: Mission, before: sqlite3.Row, now: datetime) -> int | None:
    """Say when a mission landed, or since when it asks for its merge."""
    if mission.landing is not None:
        return micros(mission.landing.at)
    if mission.phase is not Phase.MERGING:
        return None
    since: int | None = before["merged_at"]
    return micros(now) if since is None else since


def _write_lookups(connection: sqlite3.Connection, mission: Mission) -> None:
    place = (mission.ref.host, mission.ref.repository_id)
    connection.executemany(
        "INSERT OR IGNORE INTO lookups (host, repository_id, kind, value, mission)"
        " VALUES (?, ?, ?, ?, ?)",
        [(*place, kind, value, str(mission.uid)) for kind, value in _handles(mission)],
    )


def _write_used(connection: sqlite3.Connection, mission: Mission) -> None:
    """Keep what a mission used of the day's budgets; what it spent is known once it is answered."""
    asks = [("ask", a.number, a.agent, a.asked_at, a.spent) for a in mission.asks]
    runs = [
        ("run", t.number, t.target, t.offered_at, 0.0)
        for t in mission.tries
        if t.offered_at is not None
    ]
    place = (mission.ref.host, mission.ref.repository_id)
    connection.executemany(
        "INSERT INTO remedies_used"
        " (mission, kind, number, host, repository_id, target, at, money_usd)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (mission, kind, number) DO UPDATE SET money_usd = excluded.money_usd",
        [
            (str(mission.uid), kind, number, *place, target, micros(at), money)
            for kind, number, target, at, money in (*asks, *runs)
        ],
    )


def _handles(mission: Mission) -> Iterator[tuple[str, str]]:
    """Name every pull request and commit of a mission."""
    revert = mission.revert
    for pull in (mission.pull, revert.pull if revert else None):
        if pull is not None:
            yield "pull", str(pull.number)
    for sha in (
        *(attempt.head for attempt in mission.attempts),
        mission.landing.sha if mission.landing else None,
        mission.group.head if mission.group else None,
        revert.head if revert else None,
        revert.landed.sha if revert and revert.landed else None,
    ):
        if sha is not None:
            yield "sha", sha


def wake_others(
    connection: sqlite3.Connection, mission: Mission, phase: Phase, now: datetime
) -> None:
    """Let other missions of the repository that stand in a phase look again."""
    connection.execute(
        "UPDATE missions SET wake_at = min(coalesce(wake_at, :now), :now)"
        " WHERE host = :host AND repository_id = :repository AND phase = :phase AND uid <> :uid",
        {
            "uid": str(mission.uid),
            "now": micros(now),
            "host": mission.ref.host,
            "repository": mission.ref.repository_id,
            "phase": phase.value,
        },
    )


def wake_live(
    connection: sqlite3.Connection, now: datetime, place: tuple[str, int] | None = None
) -> None:
    """Let all missions that are not closed look again, or those of one repository."""
    host, repository = place or (None, None)
    connection.execute(
        "UPDATE missions SET wake_at = min(coalesce(wake_at, :now), :now) WHERE phase <> :closed"
        " AND (:host IS NULL OR (host = :host AND repository_id = :repository))",
        {
            "now": micros(now),
            "closed": Phase.CLOSED.value,
            "host": host,
            "repository": repository,
        },
    )


def due(connection: sqlite3.Connection, now: datetime, limit: int) -> list[UUID]:
    """Return missions with waiting events or a passed deadline, most urgent first."""
    rows = connection.execute(
        "SELECT uid FROM missions WHERE uid IN ("
        " SELECT uid FROM missions WHERE wake_at <= ?"
        " UNION SELECT mission FROM events WHERE handled_at IS NULL"
        ") ORDER BY severity, created_at, name LIMIT ?",
        (micros(now), limit),
    )
    return [UUID(row["uid"]) for row in rows]


def select(connection: sqlite3.Connection, *, live: bool | None) -> list[Mission]:
    """Return missions, most urgent first; all of them where `live` is None."""
    rows = connection.execute(
        "SELECT mission FROM missions WHERE ? IS NULL OR (phase <> 'closed') = ?"
        " ORDER BY severity, created_at, name",
        (live, live),
    )
    return [mission_of(row) for row in rows]

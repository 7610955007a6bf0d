"""The CAPAs that missions file, as they come into the register and end there.

A mission hears by itself who closed its ticket, and asks what that person may do; the register does
as the mission's notes say, in the transaction that stores them.
"""

import json
import re
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from grace.adapters.sqlite import capa_rows
from grace.adapters.sqlite.ledger_rows import Pen
from grace.adapters.sqlite.values import moment
from grace.domain import capas
from grace.domain.capa_record import CapaMove, CapaRecord
from grace.domain.decision import Note
from grace.domain.mission import Mission
from grace.domain.package import MISSION_ID
from grace.domain.phase import Severity

_FILED: Final = "mission.capa_filed"
_STEPS: Final = {
    "mission.capa_closed": capas.closed,
    "mission.capa_reopened": capas.reopened,
}


def follow(
    connection: sqlite3.Connection,
    mission: Mission,
    notes: Sequence[Note],
    now: datetime,
    pen: Pen,
) -> None:
    """Do in the register what a mission's notes say of the CAPA that it filed."""
    for note in notes:
        if note.kind == _FILED:
            _enter(connection, mission, note, now, pen)
        elif note.kind in _STEPS:
            step, at = _STEPS[note.kind], mission.ticket_at.get("capa", now)
            capa_id = _id_of(connection, mission)
            if capa_id is not None:
                by = note.actor
                capa_rows.move(connection, capa_id, lambda r: step(r, by, at, now), now, pen)  # noqa: B023 - called at once


def _enter(
    connection: sqlite3.Connection, mission: Mission, note: Note, now: datetime, pen: Pen
) -> None:
    number = mission.capa
    if number is None or _id_of(connection, mission) is not None:
        return
    url = str(note.payload.get("url", ""))

    def opening(capa_id: str, _uid: UUID) -> CapaMove:
        return capas.of_mission(mission, capa_id, number, url, now)

    capa_rows.open_new(connection, opening, mission.uid, now, pen)


def _id_of(connection: sqlite3.Connection, mission: Mission) -> str | None:
    row = connection.execute(
        "SELECT capa_id FROM capas WHERE uid = ?", (str(mission.uid),)
    ).fetchone()
    return None if row is None else row["capa_id"]


def fill_capas(connection: sqlite3.Connection) -> None:
    """Enter what missions filed before there was a register; the ledger has told of each."""
    rows = connection.execute(
        "SELECT m.uid, m.host, m.repository_id, m.decided_at, m.mission, l.name, l.subsystem,"
        " l.fingerprint, l.severity FROM missions AS m JOIN mission_list AS l ON l.uid = m.uid"
        " WHERE json_extract(m.mission, '$.capa') IS NOT NULL ORDER BY l.created_at, l.name"
    ).fetchall()
    for row in rows:
        capa_rows.insert(connection, CapaRecord.model_validate(_document(connection, row)))


def _document(connection: sqlite3.Connection, row: sqlite3.Row) -> Mapping[str, Any]:
    """Make the row of one, from a mission's document as it was."""
    mission = json.loads(row["mission"])
    at, severity = moment(row["decided_at"]), list(Severity)[row["severity"]]
    due_at = capas.due_default(severity, at)
    closed_at = mission.get("capa_closed_at")
    name = row["name"]
    capa = {
        "subsystem_id": row["subsystem"] or "unknown",
        "severity": severity.value,
        "title": f"{name} regressed",
        "description": f"{name} regressed after its release",
        "mission_id": name if re.fullmatch(MISSION_ID, name) else None,
        "capa_id": capa_rows.next_id(connection, at),
        "ref": mission["ref"],
        "issue": mission["capa"],
        "fingerprint": row["fingerprint"],
        "due_at": due_at.isoformat(),
        "check_at": (due_at + capas.CHECK_AFTER).isoformat(),
        "opened_at": at.isoformat(),
        "opened_by": capas.GRACE,
        "state": "open" if closed_at is None else "closed",
        "closed_at": closed_at,
    }
    return {"uid": row["uid"], "own": True, "capa": capa}

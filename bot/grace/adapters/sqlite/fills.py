"""What a migration writes that SQL cannot say; it reads documents as they were, not as models."""

import json
import sqlite3
from collections.abc import Callable, Mapping
from datetime import datetime
from hashlib import sha256
from types import MappingProxyType
from typing import Any, Final

from grace.adapters.sqlite import list_rows
from grace.adapters.sqlite.capa_following import fill_capas
from grace.adapters.sqlite.outcome_rows import rebuild_outcomes
from grace.adapters.sqlite.values import micros, verdict_of
from grace.domain.render import one_line
from grace.domain.signing import canonical


def fill_governance(connection: sqlite3.Connection) -> None:
    """Derive the columns of 0003 from the missions that are there, and fold their ledgers."""
    rows = connection.execute("SELECT uid, mission, decided_at FROM missions").fetchall()
    for row in rows:
        mission = json.loads(row["mission"])
        connection.execute(
            "UPDATE missions SET subsystem = ?, merged_at = ?, open_capa = ? WHERE uid = ?",
            (
                (mission.get("request") or {}).get("subsystem_id", ""),
                _merged_at(mission, row["decided_at"]),
                mission.get("capa"),
                row["uid"],
            ),
        )
    rebuild_outcomes(connection)


def _merged_at(mission: Mapping[str, Any], decided_at: int) -> int | None:
    landing = mission.get("landing")
    if landing is not None:
        return micros(datetime.fromisoformat(landing["at"]))
    return decided_at if mission["phase"] == "merging" else None


def fill_lists(connection: sqlite3.Connection) -> None:
    """Derive the rows of 0004 from the missions that are there."""
    for row in connection.execute("SELECT * FROM missions"):
        list_rows.write(connection, _listed(row))


def _listed(row: sqlite3.Row) -> list_rows.Listed:
    mission = json.loads(row["mission"])
    closed_at = mission.get("closed_at")
    name, title = row["name"], mission.get("title", "")
    return list_rows.Listed(
        uid=row["uid"],
        name=name,
        log=f"{row['host']}/{row['repository_id']}",
        repository=mission["ref"]["repository"],
        subsystem=row["subsystem"],
        title=title,
        severity=row["severity"],
        phase=row["phase"],
        outcome=mission.get("outcome"),
        held=mission.get("held") is not None,
        issue=row["issue"],
        pull=(mission.get("pull") or {}).get("number"),
        created_at=row["created_at"],
        changed_at=row["decided_at"],
        closed_at=None if closed_at is None else micros(datetime.fromisoformat(closed_at)),
        fingerprint=_fingerprint(mission),
        words=list_rows.words_of(name, title),
        waits_for=one_line(mission.get("reason", ""), list_rows.WHY_CHARS)
        if row["phase"] == "closed"
        else list_rows.waits_for(verdict_of(row["verdict"])),
    )


def _fingerprint(mission: Mapping[str, Any]) -> str:
    """Do as `grace.domain.fingerprint` does, with a document."""
    request = mission.get("request")
    if mission.get("alert") is not None:
        return f"alert:{mission['alert']}"
    if request is None:
        return ""
    symptoms = request["symptoms"]
    metrics = sorted({s["metric_id"] for s in symptoms if s.get("metric_id") is not None})
    words = sorted(" ".join(s["description"].casefold().split()) for s in symptoms)
    said = canonical([request["subsystem_id"], metrics or words])
    return f"sha256:{sha256(said).hexdigest()}"


FILLS: Final[Mapping[int, Callable[[sqlite3.Connection], None]]] = MappingProxyType(
    {3: fill_governance, 4: fill_lists, 5: fill_capas}
)

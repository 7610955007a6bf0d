"""What a migration writes that SQL cannot say; it reads documents as they were, not as models."""

import json
import sqlite3
from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from grace.adapters.sqlite.outcome_rows import rebuild_outcomes
from grace.adapters.sqlite.values import micros


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


FILLS: Final[Mapping[int, Callable[[sqlite3.Connection], None]]] = MappingProxyType(
    {3: fill_governance}
)

"""What surrounds a mission when it is decided on: rivals, reverts that landed, the kill switch."""

import json
import sqlite3
from datetime import datetime, timedelta
from typing import Final, NamedTuple, Self
from uuid import UUID

from grace.adapters.sqlite.values import micros, moment
from grace.domain.facts import Facts
from grace.domain.phase import FORWARD, LANDED, Phase
from grace.domain.surroundings import Rival

_KILL_SWITCH: Final = "kill_switch"
_ACTIVE: Final = json.dumps(sorted(FORWARD | LANDED))
_REVERTS_KEPT: Final = timedelta(days=1)


class Surroundings(NamedTuple):
    """The part of `Facts` that is not folded but read; the names are those of its fields."""

    rivals: tuple[Rival, ...]
    landed_reverts: tuple[datetime, ...]
    kill_switch: bool

    @classmethod
    def read(cls, connection: sqlite3.Connection, row: sqlite3.Row) -> Self:
        """Read what surrounds the mission of a row of `missions`."""
        place = (row["host"], row["repository_id"])
        return cls(
            rivals=_rivals(connection, place, row["uid"]),
            landed_reverts=_landed_reverts(connection, place),
            kill_switch=kill_switch(connection),
        )

    @classmethod
    def of(cls, facts: Facts) -> Self:
        """Take the surroundings out of facts."""
        return cls(facts.rivals, facts.landed_reverts, facts.kill_switch)

    def around(self, facts: Facts) -> Facts:
        """Return facts with these surroundings."""
        return facts.model_copy(update=self._asdict())


def _rivals(connection: sqlite3.Connection, place: tuple[str, int], uid: str) -> tuple[Rival, ...]:
    rows = connection.execute(
        "SELECT uid, name, phase, paths, severity, created_at FROM missions"
        " WHERE host = ? AND repository_id = ? AND uid <> ?"
        " AND phase IN (SELECT value FROM json_each(?)) ORDER BY severity, created_at, name",
        (*place, uid, _ACTIVE),
    )
    return tuple(
        Rival(
            uid=UUID(row["uid"]),
            name=row["name"],
            phase=Phase(row["phase"]),
            paths=tuple(json.loads(row["paths"])),
            urgency=(row["severity"], moment(row["created_at"]), row["name"]),
        )
        for row in rows
    )


def _landed_reverts(connection: sqlite3.Connection, place: tuple[str, int]) -> tuple[datetime, ...]:
    """Return when reverts landed in the day that ends with the newest one, oldest first."""
    rows = connection.execute(
        "SELECT reverted_at FROM missions WHERE host = ? AND repository_id = ?"
        " AND reverted_at IS NOT NULL ORDER BY reverted_at",
        place,
    )
    times = [moment(row["reverted_at"]) for row in rows]
    return tuple(at for at in times if times[-1] - at < _REVERTS_KEPT)


def kill_switch(connection: sqlite3.Connection) -> bool:
    """Tell whether the kill switch is on."""
    row = connection.execute(
        "SELECT is_on FROM switches WHERE name = ?", (_KILL_SWITCH,)
    ).fetchone()
    return row is not None and bool(row["is_on"])


def set_kill_switch(connection: sqlite3.Connection, *, on: bool, actor: str, now: datetime) -> None:
    """Turn the switch; where that changes it, every live mission looks again."""
    changed = kill_switch(connection) != on
    connection.execute(
        "INSERT INTO switches (name, is_on, actor, changed_at) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (name) DO UPDATE SET"
        " is_on = excluded.is_on, actor = excluded.actor, changed_at = excluded.changed_at",
        (_KILL_SWITCH, int(on), actor, micros(now)),
    )
    if changed:
        connection.execute(
            "UPDATE missions SET wake_at = min(coalesce(wake_at, :now), :now)"
            " WHERE phase <> :closed",
            {"now": micros(now), "closed": Phase.CLOSED.value},
        )

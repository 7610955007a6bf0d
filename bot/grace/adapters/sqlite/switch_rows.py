"""The switches that stop everything: the operator's, and the one that mirrors the stop file."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final, Self

from grace.adapters.sqlite.values import micros
from grace.domain.surroundings import Stop
from grace.ports import GlobalStop

_NAMES: Final[Mapping[GlobalStop, str]] = MappingProxyType(
    {"operator": "kill_switch", "file": "stop_file"}
)
_NAME_CHARS: Final = 200
_KINDS: Final = {name: kind for kind, name in _NAMES.items()}


@dataclass(frozen=True, slots=True)
class Switch:
    """A switch that is on, or is to be put on or off."""

    kind: GlobalStop
    actor: str
    reason: str

    @classmethod
    def of(cls, kind: GlobalStop, actor: str, reason: str) -> Self:
        """Make one whatever somebody calls himself: a brake must not fail for a name."""
        name = "".join(c if c.isprintable() else " " for c in actor).strip()
        return cls(kind, name[:_NAME_CHARS] or "somebody unknown", reason)

    @property
    def stop(self) -> Stop:
        """Say what stops for people."""
        return Stop(kind=self.kind, reason=f"{self.reason or 'put on'} ({self.actor})")

    @property
    def payload(self) -> dict[str, object]:
        """Return what the ledger remembers of it."""
        return {"kind": self.kind, "reason": self.reason}


def switches_on(connection: sqlite3.Connection) -> list[Switch]:
    """Return the switches that are on."""
    rows = connection.execute("SELECT name, actor, reason FROM switches WHERE is_on ORDER BY name")
    return [Switch(_KINDS[row["name"]], row["actor"], row["reason"]) for row in rows]


def turn(connection: sqlite3.Connection, switch: Switch, now: datetime, *, on: bool) -> bool:
    """Put a switch on or off; False: it stood so already."""
    name = _NAMES[switch.kind]
    row = connection.execute("SELECT is_on FROM switches WHERE name = ?", (name,)).fetchone()
    if (row is not None and bool(row["is_on"])) == on:
        return False
    connection.execute(
        "INSERT INTO switches (name, is_on, actor, changed_at, reason) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (name) DO UPDATE SET is_on = excluded.is_on, actor = excluded.actor,"
        " changed_at = excluded.changed_at, reason = excluded.reason",
        (name, int(on), switch.actor, micros(now), switch.reason),
    )
    return True

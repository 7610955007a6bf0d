"""Claims on missions' work: the newest of each mission, and what the ledger says of them."""

import sqlite3
from datetime import datetime
from typing import Final, NamedTuple

from grace.adapters.sqlite.ledger_rows import Pen, write_notes
from grace.adapters.sqlite.values import micros, mission_of, moment
from grace.domain.decision import Note
from grace.domain.lease import Lease
from grace.domain.ledger import timestamp
from grace.domain.mission import Mission
from grace.ports.hub import NothingToClaim

CLAIMED: Final = "elite.claimed"
RELEASED: Final = "elite.released"


class Claiming(NamedTuple):
    """When something is claimed or given back, and what the ledger is written with."""

    now: datetime
    pen: Pen


def newest(connection: sqlite3.Connection, mission: str) -> Lease | None:
    """Return the newest claim on a mission, be it over or not."""
    row = connection.execute("SELECT * FROM leases WHERE mission = ?", (mission,)).fetchone()
    if row is None:
        return None
    return Lease(
        mission_id=row["mission"],
        agent_id=row["agent_id"],
        agent_role=row["agent_role"],
        holder=row["holder"],
        since=moment(row["since"]),
        until=moment(row["until"]),
    )


def claim(connection: sqlite3.Connection, wish: Lease, at: Claiming) -> Lease:
    """Take or renew a claim; another one's that is in force stays and is returned."""
    mission = _mission(connection, wish.mission_id)
    if not mission.live:
        raise NothingToClaim(wish.mission_id, closed=True)
    known = newest(connection, wish.mission_id)
    if known is not None and known.until > at.now:
        if (known.holder, known.agent_id) != (wish.holder, wish.agent_id):
            return known
        renewed = wish.model_copy(update={"since": known.since})
        _store(connection, renewed)
        return renewed
    _store(connection, wish)
    _tell(connection, mission, CLAIMED, wish, at)
    return wish


def release(connection: sqlite3.Connection, name: str, holder: str, at: Claiming) -> bool:
    """End a claim that is in force; False: the holder had none."""
    known = newest(connection, name)
    if known is None or known.holder != holder or known.until <= at.now:
        return False
    ended = known.model_copy(update={"until": at.now})
    _store(connection, ended)
    _tell(connection, _mission(connection, name), RELEASED, ended, at)
    return True


def _mission(connection: sqlite3.Connection, name: str) -> Mission:
    row = connection.execute("SELECT mission FROM missions WHERE name = ?", (name,)).fetchone()
    if row is None:
        raise NothingToClaim(name, closed=False)
    return mission_of(row)


def _store(connection: sqlite3.Connection, lease: Lease) -> None:
    connection.execute(
        "INSERT INTO leases (mission, agent_id, agent_role, holder, since, until)"
        " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (mission) DO UPDATE SET"
        " agent_id = excluded.agent_id, agent_role = excluded.agent_role,"
        " holder = excluded.holder, since = excluded.since, until = excluded.until",
        (
            lease.mission_id,
            lease.agent_id,
            lease.agent_role,
            lease.holder,
            micros(lease.since),
            micros(lease.until),
        ),
    )


def _tell(
    connection: sqlite3.Connection, mission: Mission, kind: str, lease: Lease, at: Claiming
) -> None:
    payload = {"agent": lease.agent_id, "role": lease.agent_role, "until": timestamp(lease.until)}
    note = Note(kind=kind, actor=lease.holder, payload=payload)
    write_notes(connection, mission, [note], at.now, at.pen)

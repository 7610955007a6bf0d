"""A turn: a mission with all that waits for it, read at once and stored at once."""

import sqlite3
from datetime import datetime
from uuid import UUID

from grace.adapters.sqlite import (
    capa_following,
    event_rows,
    mission_rows,
    outbox_rows,
    outcome_rows,
)
from grace.adapters.sqlite.ledger_rows import Pen, put_in_force, write_notes
from grace.adapters.sqlite.surroundings import Surroundings
from grace.adapters.sqlite.values import facts_of, mission_of
from grace.domain.mission import Mission
from grace.domain.phase import Outcome, Phase
from grace.domain.schedule import HOLDING
from grace.ports import Ruling, Turn


def read(
    connection: sqlite3.Connection, uid: UUID, histories: outcome_rows.Histories
) -> Turn | None:
    """Read a mission, its waiting events and what surrounds it."""
    row = mission_rows.row_of(connection, uid)
    if row is None:
        return None
    mission = mission_of(row)
    around = Surroundings.read(connection, row).around(facts_of(row))
    outcome, history = histories.read(
        connection, mission.ref.log, mission_rows.subsystem_of(mission)
    )
    return Turn(
        mission=mission,
        facts=around.model_copy(update={"history": history}),
        version=row["version"],
        events=event_rows.waiting(connection, row["uid"]),
        outcome=outcome,
    )


def commit(
    connection: sqlite3.Connection, turn: Turn, ruling: Ruling, now: datetime, pen: Pen
) -> bool:
    """Store what was decided; False and nothing stored when it was decided on an old picture.

    Old is also a picture whose surroundings have changed. Two missions that start on the same
    paths would else not see each other, and a wake in between would be lost.
    """
    row = mission_rows.row_of(connection, turn.mission.uid)
    if row is None or row["version"] != turn.version:
        return False
    if Surroundings.of(turn.facts) != Surroundings.read(connection, row):
        return False
    kin = (turn.mission.ref.log, mission_rows.subsystem_of(turn.mission))
    if outcome_rows.newest(connection, *kin) != turn.outcome:
        return False
    mission = ruling.mission
    if _recovers(row, mission) and event_rows.waiting(connection, row["uid"]) != turn.events:
        return False  # one of its alerts may have begun to fire again
    if ruling.policy is not None:
        put_in_force(connection, mission.ref, ruling.policy, now, pen)
    entry = write_notes(connection, mission, ruling.notes, now, pen)
    capa_following.follow(connection, mission, ruling.notes, now, pen)
    mission_rows.update(connection, ruling, row, now)
    outbox_rows.add(connection, row["uid"], ruling.effects, entry, now)
    event_rows.mark_handled(connection, row["uid"], ruling.handled, now)
    if _gives_way(Phase(row["phase"]), mission.phase):
        mission_rows.wake_others(connection, mission, Phase.PLANNING, now)
    if _lets_by(row, mission) or outcome_rows.newest(connection, *kin) != turn.outcome:
        mission_rows.wake_others(connection, mission, Phase.GATING, now)
    return True


def _recovers(before: sqlite3.Row, mission: Mission) -> bool:
    """Tell whether a mission ends now because its alerts are resolved."""
    return before["phase"] != Phase.CLOSED and mission.outcome is Outcome.SELF_RECOVERED


def _gives_way(before: Phase, after: Phase) -> bool:
    """Tell whether a mission that planned or worked has closed, or went back to planning."""
    if after is Phase.CLOSED:
        return before is not Phase.CLOSED
    return before in HOLDING and after not in HOLDING


def _lets_by(before: sqlite3.Row, mission: Mission) -> bool:
    """Tell whether a mission gives a merge of the day back, or its CAPA ticket was closed."""
    asked = before["phase"] == Phase.MERGING and before["merged_at"] is not None
    gives_back = asked and mission.landing is None and mission.phase is not Phase.MERGING
    return gives_back or (before["open_capa"] is not None and mission.capa_closed_at is not None)

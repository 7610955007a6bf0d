"""The narrow table of missions that lists are read from: what a mission says to it."""

import sqlite3
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from grace.adapters.sqlite.values import micros, optional_micros
from grace.domain.fingerprint import fingerprint_of
from grace.domain.mission import Mission
from grace.domain.render import one_line, why
from grace.domain.verdict import Condition

WHY_CHARS: Final = 600


class Listed(NamedTuple):
    """One row; the fields are the columns of `mission_list`, in their order."""

    uid: str
    name: str
    log: str
    repository: str
    subsystem: str
    title: str
    severity: int
    phase: str
    outcome: str | None
    held: bool
    issue: int | None
    pull: int | None
    created_at: int
    changed_at: int
    closed_at: int | None
    fingerprint: str
    words: str
    waits_for: str


def listed(mission: Mission, verdict: Mapping[str, Any] | None, changed_at: datetime) -> Listed:
    """Derive the row of a mission from it and the newest verdict on it."""
    return Listed(
        uid=str(mission.uid),
        name=mission.name,
        log=mission.ref.log,
        repository=mission.ref.repository,
        subsystem=mission.request.subsystem_id if mission.request else "",
        title=mission.title,
        severity=mission.severity.rank,
        phase=mission.phase.value,
        outcome=mission.outcome,
        held=mission.held is not None,
        issue=mission.issue,
        pull=mission.pull.number if mission.pull else None,
        created_at=micros(mission.created_at),
        changed_at=micros(changed_at),
        closed_at=optional_micros(mission.closed_at),
        fingerprint=fingerprint_of(mission),
        words=words_of(mission.name, mission.title),
        waits_for=waits_for(verdict) if mission.live else one_line(mission.reason, WHY_CHARS),
    )


def words_of(name: str, title: str) -> str:
    """Write name and title as they are searched: whatever the case, each word within one line."""
    return f"{name}\n{title}".casefold()


def waits_for(verdict: Mapping[str, Any] | None) -> str:
    """Say in one sentence why a live mission is not merged; empty: nothing was judged."""
    return "" if verdict is None else why(Condition.model_validate(verdict["root"]))


def write(connection: sqlite3.Connection, row: Listed, *, same: bool = False) -> None:
    """Store the row of a mission; `same`: its document has not changed.

    A row that says what it said before keeps its `changed_at`.
    """
    columns = ", ".join(Listed._fields)
    marks = ", ".join(f":{name}" for name in Listed._fields)
    changes = ", ".join(f"{n} = excluded.{n}" for n in Listed._fields if n != "changed_at")
    connection.execute(
        f"INSERT INTO mission_list ({columns}) VALUES ({marks})"  # noqa: S608 - our own columns
        f" ON CONFLICT (uid) DO UPDATE SET {changes}, changed_at ="
        " CASE WHEN :same AND waits_for = excluded.waits_for"
        " THEN changed_at ELSE excluded.changed_at END",
        {**row._asdict(), "same": same},
    )

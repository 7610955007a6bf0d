"""How missions ended: the ledger's `mission.closed` entries, folded into a table."""

import sqlite3
from collections.abc import Sequence
from typing import Final

from grace.adapters.sqlite.recorded import read_kind
from grace.adapters.sqlite.values import micros, moment
from grace.domain.phase import Outcome
from grace.domain.surroundings import OutcomeFact
from grace.ports import Recorded

CLOSED: Final = "mission.closed"
KEPT: Final = 500
_REMEMBERED: Final = 200
_COUNTED: Final = frozenset({Outcome.FIXED, Outcome.ROLLED_BACK, Outcome.FAILED})
_NAMED: Final = ("agent", "subsystem", "severity", "outcome", "basis")


def remember(connection: sqlite3.Connection, said: Recorded) -> None:
    """Fold one entry; all but the end of a mission that an agent worked on changes nothing."""
    fact = fact_of(said)
    if fact is None or said.payload is None:
        return
    connection.execute(
        "INSERT INTO outcomes (log, subsystem, seq, mission, agent, severity, outcome, basis, at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            said.log,
            said.payload["subsystem"],
            said.seq,
            fact.mission,
            fact.agent,
            fact.severity.value,
            fact.outcome.value,
            fact.basis,
            micros(fact.at),
        ),
    )


def rebuild_outcomes(connection: sqlite3.Connection) -> None:
    """Fold the whole table anew from the ledger's lines."""
    connection.execute("DELETE FROM outcomes")
    for said in read_kind(connection, CLOSED):
        remember(connection, said)


class Histories:
    """Subsystems' outcomes as a reader last saw them; a ledger that has not grown says the same.

    For one connection that sees what is committed, and nothing else.
    """

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], tuple[int, tuple[OutcomeFact, ...]]] = {}

    def read(
        self, connection: sqlite3.Connection, log: str, subsystem: str
    ) -> tuple[int, tuple[OutcomeFact, ...]]:
        """Return the number of the newest entry, and how missions ended, oldest first."""
        seq = newest(connection, log, subsystem)
        known = self._seen.get((log, subsystem))
        if known is not None and known[0] == seq:
            return known
        if len(self._seen) >= _REMEMBERED:
            self._seen.clear()
        found = (seq, _history(connection, log, subsystem))
        self._seen[log, subsystem] = found
        return found


def _history(connection: sqlite3.Connection, log: str, subsystem: str) -> tuple[OutcomeFact, ...]:
    rows = connection.execute(
        "SELECT * FROM outcomes WHERE log = ? AND subsystem = ? ORDER BY seq DESC LIMIT ?",
        (log, subsystem, KEPT),
    ).fetchall()
    return tuple(_read(row) for row in reversed(rows))


def newest(connection: sqlite3.Connection, log: str, subsystem: str) -> int:
    """Return the number of the newest entry in a subsystem's history; 0: it has none."""
    (seq,) = connection.execute(
        "SELECT max(seq) FROM outcomes WHERE log = ? AND subsystem = ?", (log, subsystem)
    ).fetchone()
    return int(seq or 0)


def select(
    connection: sqlite3.Connection,
    subsystem: str | None,
    agent: str | None,
    log: str | None,
    most: int | None = None,
) -> Sequence[OutcomeFact]:
    """Return outcomes, oldest first; None is any. `most`: of more, those that ended last."""
    rows = connection.execute(
        "SELECT * FROM outcomes WHERE subsystem = coalesce(?, subsystem)"
        " AND agent = coalesce(?, agent) AND log = coalesce(?, log)"
        " ORDER BY at DESC, log DESC, seq DESC LIMIT coalesce(?, -1)",
        (subsystem, agent, log, most),
    ).fetchall()
    return [_read(row) for row in reversed(rows)]


def between(
    connection: sqlite3.Connection, log: str, after: int, last: int | None
) -> dict[int, OutcomeFact]:
    """Return what was folded from entries behind `after` up to `last`, by their number."""
    rows = connection.execute(
        "SELECT * FROM outcomes WHERE log = ? AND seq > ? AND (? IS NULL OR seq <= ?)",
        (log, after, last, last),
    )
    return {row["seq"]: _read(row) for row in rows}


def subsystems(connection: sqlite3.Connection) -> Sequence[str]:
    """Return the subsystems in which missions ended, by name."""
    rows = connection.execute("SELECT DISTINCT subsystem FROM outcomes ORDER BY subsystem")
    return [row["subsystem"] for row in rows]


def _read(row: sqlite3.Row) -> OutcomeFact:
    return OutcomeFact(
        mission=row["mission"],
        agent=row["agent"],
        severity=row["severity"],
        outcome=row["outcome"],
        basis=row["basis"],
        at=moment(row["at"]),
    )


def fact_of(said: Recorded) -> OutcomeFact | None:
    """Read the end of a mission; older versions did not write who worked on what."""
    payload = said.payload
    if said.kind != CLOSED or said.mission is None or payload is None:
        return None
    if not all(payload.get(name) for name in _NAMED) or payload["outcome"] not in _COUNTED:
        return None
    return OutcomeFact(
        mission=said.mission,
        agent=payload["agent"],
        severity=payload["severity"],
        # What regressed was to be undone, whoever had to land the revert in the end.
        outcome=Outcome.ROLLED_BACK if payload.get("regressed") else payload["outcome"],
        basis=payload["basis"],
        at=said.time,
    )

"""How missions ended, folded into a table from the ledger.

An entry `mission.closed` says how; `mission.ineffective` says later of one that was fixed that its
problem came back, and counts as an outcome of its own.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any, Final

from grace.adapters.sqlite.recorded import read_kind
from grace.adapters.sqlite.values import micros, moment
from grace.domain.phase import Outcome
from grace.domain.surroundings import OutcomeFact
from grace.ports import Recorded

CLOSED: Final = "mission.closed"
INEFFECTIVE: Final = "mission.ineffective"
KINDS: Final = (CLOSED, INEFFECTIVE)
_CAME_BACK: Final = "ineffective"  # what the table says instead of an outcome
KEPT: Final = 500
_REMEMBERED: Final = 200
_COUNTED: Final = frozenset({Outcome.FIXED, Outcome.ROLLED_BACK, Outcome.FAILED})
_NAMED: Final = ("agent", "subsystem", "severity", "basis")


def remember(connection: sqlite3.Connection, said: Recorded) -> None:
    """Fold one entry; what is not about the outcome of an agent's work changes nothing."""
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
            _CAME_BACK if fact.came_back else fact.outcome.value,
            fact.basis,
            micros(fact.at),
        ),
    )


def rebuild_outcomes(connection: sqlite3.Connection) -> None:
    """Fold the whole table anew from the ledger's lines."""
    connection.execute("DELETE FROM outcomes")
    for kind in KINDS:
        for said in read_kind(connection, kind):
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
    came_back = row["outcome"] == _CAME_BACK
    return OutcomeFact(
        mission=row["mission"],
        agent=row["agent"],
        severity=row["severity"],
        outcome=Outcome.FAILED if came_back else row["outcome"],
        basis=row["basis"],
        at=moment(row["at"]),
        came_back=came_back,
    )


def fact_of(said: Recorded) -> OutcomeFact | None:
    """Read how a mission ended; older versions did not write who worked on what."""
    payload = said.payload
    if said.kind not in KINDS or said.mission is None or payload is None:
        return None
    came_back = said.kind == INEFFECTIVE
    if not all(payload.get(name) for name in _NAMED):
        return None
    outcome = _outcome(payload, came_back=came_back)
    if outcome is None:
        return None
    return OutcomeFact(
        mission=said.mission,
        agent=payload["agent"],
        severity=payload["severity"],
        outcome=outcome,
        basis=payload["basis"],
        at=said.time,
        came_back=came_back,
    )


def _outcome(payload: Mapping[str, Any], *, came_back: bool) -> Outcome | None:
    """Say what counts; None: that it ended so says nothing of an agent."""
    if came_back:
        return Outcome.FAILED
    if payload.get("outcome") not in _COUNTED:
        return None
    # What regressed was to be undone, whoever had to land the revert in the end.
    return Outcome.ROLLED_BACK if payload.get("regressed") else Outcome(payload["outcome"])

"""What surrounds a mission when it is decided on: other missions, and what stops us."""

import json
import sqlite3
from datetime import datetime, timedelta
from typing import Final, NamedTuple, Self
from uuid import UUID

from grace.adapters.sqlite import brakes, lease_rows
from grace.adapters.sqlite.values import moment
from grace.domain.facts import Facts
from grace.domain.phase import FORWARD, LANDED, WAITING_ROOM, Outcome, Phase
from grace.domain.surroundings import (
    AskFact,
    CapaFact,
    ChildFact,
    ClaimFact,
    JobFact,
    MergeFact,
    Rival,
    RunFact,
    Stop,
)

_ACTIVE: Final = json.dumps(sorted(FORWARD | LANDED))
_IN_CI: Final = FORWARD - {Phase.PLANNING}
_SELF_STARTS: Final = 1000  # the most that governance can allow in a day
_REVERTS_KEPT: Final = timedelta(days=1)
_USED_KEPT: Final = 2 * 86_400_000_000  # microseconds
_SEEKING: Final = frozenset({Phase.PLANNING, Phase.PATCHING})
_MERGES_KEPT: Final = 2 * 86_400_000_000  # microseconds


class Surroundings(NamedTuple):
    """The part of `Facts` that is not folded but read; the names are those of its fields.

    Besides it there is `history`, which only grows and is compared by the number of its newest.
    """

    rivals: tuple[Rival, ...]
    landed_reverts: tuple[datetime, ...]
    self_starts: tuple[datetime, ...]
    asks: tuple[AskFact, ...]
    runs: tuple[RunFact, ...]
    children: tuple[ChildFact, ...]
    claim: ClaimFact | None
    kill_switch: bool
    stops: tuple[Stop, ...]
    merges: tuple[MergeFact, ...]
    capas: tuple[CapaFact, ...]

    @classmethod
    def read(cls, connection: sqlite3.Connection, row: sqlite3.Row) -> Self:
        """Read what surrounds the mission of a row of `missions`."""
        place = (row["host"], row["repository_id"])
        stops = brakes.stops(connection, place)
        return cls(
            rivals=_rivals(connection, place, row),
            landed_reverts=_landed_reverts(connection, place),
            self_starts=_self_starts(connection, row),
            asks=_asks(connection, place, row),
            runs=_runs(connection, place, row),
            children=_children(connection, place, row),
            claim=_claim(connection, row),
            kill_switch=bool(stops),
            stops=stops,
            merges=_merges(connection, place, row["name"]),
            capas=_capas(connection, place),
        )

    @classmethod
    def of(cls, facts: Facts) -> Self:
        """Take the surroundings out of facts."""
        return cls(*(getattr(facts, name) for name in cls._fields))

    def around(self, facts: Facts) -> Facts:
        """Return facts with these surroundings."""
        return facts.model_copy(update=self._asdict())


def _rivals(
    connection: sqlite3.Connection, place: tuple[str, int], row: sqlite3.Row
) -> tuple[Rival, ...]:
    """Return the other missions at work, most urgent first."""
    rows = connection.execute(
        "SELECT uid, name, phase, paths, severity, created_at FROM missions"
        " WHERE host = ? AND repository_id = ? AND uid <> ?"
        " AND phase IN (SELECT value FROM json_each(?)) ORDER BY severity, created_at, name",
        (*place, row["uid"], _ACTIVE),
    )
    found = tuple(
        Rival(
            uid=UUID(row["uid"]),
            name=row["name"],
            phase=Phase(row["phase"]),
            paths=tuple(json.loads(row["paths"])),
            urgency=(row["severity"], moment(row["created_at"]), row["name"]),
        )
        for row in rows
    )
    return _with_ci(connection, found) if row["phase"] == Phase.REVERTING else found


def _with_ci(connection: sqlite3.Connection, rivals: tuple[Rival, ...]) -> tuple[Rival, ...]:
    """Add what CI says of the newest patch of each that has one in CI."""
    rows = connection.execute(
        "SELECT uid, json_extract(mission, '$.attempts[#-1].base') AS base,"
        " json_extract(facts, '$.checks.\"' || json_extract(mission, '$.attempts[#-1].head')"
        " || '\"') AS checks FROM missions WHERE uid IN (SELECT value FROM json_each(?))",
        (json.dumps([str(r.uid) for r in rivals if r.phase in _IN_CI]),),
    )
    known = {row["uid"]: row for row in rows if row["checks"] is not None}
    return tuple(
        rival
        if (row := known.get(str(rival.uid))) is None
        else rival.model_copy(
            update={
                "base": row["base"],
                "ci": tuple(
                    JobFact(name=c["name"], conclusion=c["conclusion"], at=c["at"])
                    for c in json.loads(row["checks"]).values()
                ),
            }
        )
        for rival in rivals
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


def _self_starts(connection: sqlite3.Connection, row: sqlite3.Row) -> tuple[datetime, ...]:
    """Return when Grace last began other missions here by herself, oldest first.

    It is asked for by a mission that she may begin, and by no other.
    """
    if row["alert"] is None or row["phase"] != Phase.AWAITING_START:
        return ()
    rows = connection.execute(
        "SELECT self_started_at FROM missions WHERE host = ? AND repository_id = ?"
        " AND self_started_at IS NOT NULL AND uid <> ? ORDER BY self_started_at DESC LIMIT ?",
        (row["host"], row["repository_id"], row["uid"], _SELF_STARTS),
    )
    return tuple(reversed([moment(r["self_started_at"]) for r in rows]))


def _used(
    connection: sqlite3.Connection, place: tuple[str, int], row: sqlite3.Row, kind: str
) -> list[sqlite3.Row]:
    """Return what other missions used in the day that ends with the newest of it, oldest first."""
    return connection.execute(
        "SELECT target, at, money_usd FROM remedies_used WHERE host = :host"
        " AND repository_id = :repository AND kind = :kind AND mission <> :uid AND at > ("
        " SELECT max(at) - :kept FROM remedies_used WHERE host = :host"
        " AND repository_id = :repository AND kind = :kind) ORDER BY at, mission, number",
        {
            "host": place[0],
            "repository": place[1],
            "kind": kind,
            "uid": row["uid"],
            "kept": _USED_KEPT,
        },
    ).fetchall()


def _asks(
    connection: sqlite3.Connection, place: tuple[str, int], row: sqlite3.Row
) -> tuple[AskFact, ...]:
    """Return the runs of agents that other missions asked for; read while a mission may ask."""
    if row["phase"] not in _SEEKING:
        return ()
    used = _used(connection, place, row, "ask")
    return tuple(AskFact(at=moment(u["at"]), money_usd=u["money_usd"]) for u in used)


def _runs(
    connection: sqlite3.Connection, place: tuple[str, int], row: sqlite3.Row
) -> tuple[RunFact, ...]:
    """Return the runs of playbooks that other missions ordered; read while a mission may order."""
    if row["phase"] != Phase.EXECUTING:
        return ()
    used = _used(connection, place, row, "run")
    return tuple(RunFact(target=u["target"], at=moment(u["at"])) for u in used)


def _children(
    connection: sqlite3.Connection, place: tuple[str, int], row: sqlite3.Row
) -> tuple[ChildFact, ...]:
    """Return the children that somebody started; read while a mission may wait for them.

    Missions that name each other, over however many, wait for none of their circle.
    """
    if row["phase"] != Phase.PLANNING:
        return ()
    rows = connection.execute(
        "SELECT name, phase, json_extract(mission, '$.outcome') AS outcome,"
        " json_extract(mission, '$.contract_hash') AS started FROM missions"
        " WHERE host = :host AND repository_id = :repository AND parent = :name AND uid <> :uid"
        " AND name NOT IN (WITH RECURSIVE above (name) AS (SELECT :parent UNION"
        "  SELECT m.parent FROM missions AS m JOIN above USING (name)"
        "  WHERE m.host = :host AND m.repository_id = :repository)"
        "  SELECT name FROM above WHERE name IS NOT NULL) ORDER BY name",
        {
            "host": place[0],
            "repository": place[1],
            "name": row["name"],
            "uid": row["uid"],
            "parent": row["parent"],
        },
    )
    return tuple(
        ChildFact(
            name=child["name"],
            phase=Phase(child["phase"]),
            outcome=None if child["outcome"] is None else Outcome(child["outcome"]),
        )
        for child in rows
        if child["started"] is not None and Phase(child["phase"]) not in WAITING_ROOM
    )


def _claim(connection: sqlite3.Connection, row: sqlite3.Row) -> ClaimFact | None:
    """Return the newest claim on its work, be it over or not."""
    if row["phase"] not in _SEEKING:
        return None
    lease = lease_rows.newest(connection, row["name"])
    return None if lease is None else ClaimFact(agent=lease.agent_id, until=lease.until)


def _merges(
    connection: sqlite3.Connection, place: tuple[str, int], name: str
) -> tuple[MergeFact, ...]:
    """Return the newest merges, and those that are asked for, of other missions; oldest first.

    The newest one's clock is the forge's, so more than the day that counts is kept.
    """
    rows = connection.execute(
        "SELECT name, subsystem, basis, merged_at FROM missions"
        " WHERE host = :host AND repository_id = :repository AND merged_at > ("
        " SELECT max(merged_at) - :kept FROM missions WHERE host = :host"
        " AND repository_id = :repository AND merged_at IS NOT NULL)"
        " AND name <> :name ORDER BY merged_at, name",
        {"host": place[0], "repository": place[1], "name": name, "kept": _MERGES_KEPT},
    )
    return tuple(
        MergeFact(
            mission=row["name"],
            subsystem=row["subsystem"],
            basis=row["basis"],
            at=moment(row["merged_at"]),
        )
        for row in rows
    )


def _capas(connection: sqlite3.Connection, place: tuple[str, int]) -> tuple[CapaFact, ...]:
    """Return the CAPA tickets that are open, oldest first."""
    rows = connection.execute(
        "SELECT name, subsystem, open_capa FROM missions"
        " WHERE host = ? AND repository_id = ? AND open_capa IS NOT NULL ORDER BY open_capa",
        place,
    )
    return tuple(
        CapaFact(mission=row["name"], subsystem=row["subsystem"], issue=row["open_capa"])
        for row in rows
    )

"""Brakes: what stops us is changed, written to the ledger and told to missions, all at once."""

import sqlite3
from collections.abc import Sequence
from datetime import datetime

from grace.adapters.sqlite import ledger_rows, mission_rows, stop_rows, switch_rows
from grace.adapters.sqlite.ledger_rows import Pen
from grace.adapters.sqlite.switch_rows import Switch
from grace.domain.decision import Note
from grace.domain.surroundings import Stop
from grace.ports import StopIssue


def stops(connection: sqlite3.Connection, place: tuple[str, int]) -> tuple[Stop, ...]:
    """Return all that stops us in a repository."""
    switches = (switch.stop for switch in switch_rows.switches_on(connection))
    return (*switches, *stop_rows.in_force(connection, place).values())


def turn_switch(
    connection: sqlite3.Connection, switch: Switch, now: datetime, pen: Pen, *, on: bool
) -> bool:
    """Turn a switch; where that changes it, every log says so and every live mission looks."""
    if not switch_rows.turn(connection, switch, now, on=on):
        return False
    note = Note(kind="brake.on" if on else "brake.off", actor=switch.actor, payload=switch.payload)
    ledger_rows.record(connection, note, now, pen)
    mission_rows.wake_live(connection, now)
    return True


def hear(
    connection: sqlite3.Connection, said: Sequence[StopIssue], now: datetime, pen: Pen
) -> None:
    """Take words about stop issues."""
    for word in said:
        before = _stop(connection, word)
        stop_rows.add(connection, word)
        _tell(connection, word, before, now, pen)


def verify(
    connection: sqlite3.Connection,
    word: StopIssue,
    now: datetime,
    pen: Pen,
    *,
    allowed: bool | None,
) -> None:
    """Take what was read of the permission of who spoke a word; a second time changes nothing."""
    before = _stop(connection, word)
    if not stop_rows.verify(connection, word, now, allowed):
        return
    if allowed is False:
        reason = f"{stop_rows.speaker(word)} may not write here"
        payload = _payload(word, reason) | {"wish": "stop" if word.open else "lift"}
        note = Note(kind="brake.refused", actor="grace", payload=payload)
        ledger_rows.record(connection, note, now, pen, ref=word.ref)
    _tell(connection, word, before, now, pen)


def _stop(connection: sqlite3.Connection, word: StopIssue) -> Stop | None:
    place = (word.ref.host, word.ref.repository_id)
    return stop_rows.in_force(connection, place).get(word.number)


def _tell(
    connection: sqlite3.Connection, word: StopIssue, before: Stop | None, now: datetime, pen: Pen
) -> None:
    """Write and tell what a word changed."""
    after = _stop(connection, word)
    if after == before:
        return
    ref, actor = word.ref, "grace" if word.actor is None else word.actor.login
    if before is None and after is not None:
        note = Note(kind="brake.on", actor=actor, payload=_payload(word, after.reason))
        ledger_rows.record(connection, note, now, pen, ref=ref)
    elif after is None:
        who = "grace" if word.open else actor
        reason = "nobody stops who may" if word.open else f"lifted by {stop_rows.speaker(word)}"
        note = Note(kind="brake.off", actor=who, payload=_payload(word, reason))
        ledger_rows.record(connection, note, now, pen, ref=ref)
    mission_rows.wake_live(connection, now, (ref.host, ref.repository_id))


def _payload(word: StopIssue, reason: str) -> dict[str, object]:
    return {"kind": "issue", "number": word.number, "reason": reason}

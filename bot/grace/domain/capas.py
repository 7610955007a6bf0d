"""What becomes of a CAPA: each move is made from what is stored, what happened, and the time.

open -> closed -> effective | ineffective. Whether it helped is asked on a date: has the problem's
fingerprint come back since it was closed? Without a fingerprint there is nothing to compare, and a
person says whether it helped.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from grace.domain import capa_words
from grace.domain.capa import Capa, CapaRequest, CapaState
from grace.domain.capa_record import (
    Birth,
    CapaEffect,
    CapaMove,
    CapaRecord,
    CloseCapa,
    FileCapa,
    SayOnCapa,
    TellMission,
)
from grace.domain.decision import Note
from grace.domain.fingerprint import fingerprint_of
from grace.domain.mission import Mission
from grace.domain.phase import Severity

LABEL: Final = "capa"
GRACE: Final = "grace"
CHECK_AFTER: Final = timedelta(days=30)
REMIND_EVERY: Final = timedelta(days=7)
MAX_REMINDERS: Final = 8
MAX_RECURRENCES: Final = 50
_DUE_AFTER: Final = {
    Severity.CRITICAL: timedelta(days=7),
    Severity.HIGH: timedelta(days=14),
    Severity.MEDIUM: timedelta(days=30),
    Severity.LOW: timedelta(days=60),
}
# What may be changed; where a CAPA belongs and which problem it is about stay.
CHANGEABLE: Final = frozenset(
    {
        *("severity", "title", "description", "owner", "due_at", "check_at"),
        *("root_cause", "corrective_action", "preventive_action"),
    }
)


class CapaRefused(ValueError):
    """A wish that cannot be granted: which field of it, and a sentence with the way out."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field
        self.sentence = sentence


def due_default(severity: Severity, now: datetime) -> datetime:
    """Say when a CAPA is due where nobody says it."""
    return now + _DUE_AFTER[severity]


def overdue(capa: Capa, now: datetime) -> bool:
    """Tell whether its actions should be done by now."""
    return capa.state is CapaState.OPEN and capa.due_at is not None and capa.due_at <= now


def wake_of(capa: Capa) -> datetime | None:
    """Say when a CAPA is to be looked at again: its next reminder, or its check; None: never."""
    match capa.state:
        case CapaState.OPEN:
            if capa.reminders >= MAX_REMINDERS or capa.due_at is None:
                return None
            if capa.reminded_at is None:
                return capa.due_at
            return max(capa.due_at, capa.reminded_at + REMIND_EVERY)
        case CapaState.CLOSED if capa.check_at is not None:
            done = capa.checked_at is not None and capa.check_at <= capa.checked_at
            return None if done else capa.check_at
        case _:
            return None


def opened(request: CapaRequest, birth: Birth, by: str, now: datetime) -> CapaMove:
    """Open a CAPA that somebody asked for, and have its issue filed."""
    due_at = request.due_at or due_default(request.severity, now)
    fields = request.model_dump() | {
        "capa_id": birth.capa_id,
        "ref": birth.ref,
        "fingerprint": birth.fingerprint,
        "due_at": due_at,
        "check_at": request.check_at or due_at + CHECK_AFTER,
        "opened_at": now,
        "opened_by": by,
    }
    record = CapaRecord(uid=birth.uid, capa=Capa.model_validate(fields))
    issue = FileCapa(title=capa_words.title(record.capa), body=capa_words.body(record))
    return CapaMove(record=record, notes=(_opening(record, by),), effects=(issue,))


def of_mission(mission: Mission, capa_id: str, issue: int, url: str, now: datetime) -> CapaMove:
    """Take into the register what a mission filed when it was rolled back."""
    due_at = due_default(mission.severity, now)
    capa = Capa(
        subsystem_id=mission.request.subsystem_id if mission.request else "unknown",
        severity=mission.severity,
        title=capa_words.own_title(mission),
        description=capa_words.own_description(mission),
        mission_id=mission.name,
        capa_id=capa_id,
        ref=mission.ref,
        issue=issue,
        issue_url=url,
        fingerprint=fingerprint_of(mission),
        due_at=due_at,
        check_at=due_at + CHECK_AFTER,
        opened_at=now,
        opened_by=GRACE,
    )
    record = CapaRecord(uid=mission.uid, own=True, capa=capa)
    return CapaMove(record=record, notes=(_opening(record, GRACE), _filing(capa)))


def filed(record: CapaRecord, issue: int, url: str) -> CapaMove:
    """Note the issue that was filed."""
    record = _with(record, issue=issue, issue_url=url)
    return CapaMove(record=record, notes=(_filing(record.capa),))


def changed(
    record: CapaRecord, changes: Mapping[str, object], by: str, now: datetime
) -> CapaMove | None:
    """Change what may be changed, or close it; None: nothing is new.

    Raises `CapaRefused`, and `pydantic.ValidationError` for a value that does not fit.
    """
    wished = dict(changes)
    state = wished.pop("state", None)
    fixed = sorted(wished.keys() - CHANGEABLE)
    if fixed:
        raise CapaRefused(fixed[0], f"{fixed[0]} cannot be changed: open another CAPA instead")
    fields = {name: getattr(record.capa, name) for name in Capa.model_fields}
    capa = Capa.model_validate(fields | wished)
    if capa.due_at is None:
        capa = capa.model_copy(update={"due_at": due_default(capa.severity, record.capa.opened_at)})
    if capa.check_at is None:
        assert capa.due_at is not None  # set above
        capa = capa.model_copy(update={"check_at": capa.due_at + CHECK_AFTER})
    said, before = capa.model_dump(mode="json"), record.capa.model_dump(mode="json")
    new = {name: said[name] for name in sorted(CHANGEABLE) if said[name] != before[name]}
    record = record.model_copy(update={"capa": capa})
    notes = (_note("changed", record, by, changed=new),) if new else ()
    move = CapaMove(record=record, notes=notes)
    wanted = capa.state if state is None else _state_of(state)
    if wanted is not capa.state:
        move = _turned(move, wanted, by, now)
    return move if move.notes else None


def closed(record: CapaRecord, by: str, at: datetime, now: datetime) -> CapaMove | None:
    """Take it that its issue was closed by somebody who may; None: that is known."""
    if record.capa.state is not CapaState.OPEN:
        return None
    record = record.model_copy(update={"heard_at": at})
    return _closing(record, by, now)


def reopened(record: CapaRecord, by: str, at: datetime, now: datetime) -> CapaMove | None:
    """Take it that its issue was opened again by somebody who may; None: it is open."""
    capa = record.capa
    if capa.state is CapaState.OPEN:
        return None
    due_at = capa.due_at
    if due_at is None or due_at <= now:
        due_at = due_default(capa.severity, now)
    record = _with(
        record.model_copy(update={"heard_at": at}),
        state=CapaState.OPEN,
        due_at=due_at,
        closed_at=None,
        closed_by=None,
        checked_at=None,
        recurrences=(),
        reminders=0,
        reminded_at=None,
    )
    return CapaMove(record=record, notes=(_note("reopened", record, by, due_at=_iso(due_at)),))


def refused(record: CapaRecord, by: str, *, wish: str) -> CapaMove:
    """Note that somebody who may not write here closed the issue, or opened it again."""
    return CapaMove(record=record, notes=(_note("refused", record, by, wish=wish),))


def reminded(record: CapaRecord, now: datetime) -> CapaMove:
    """Remind of a CAPA that is overdue."""
    number = record.capa.reminders + 1
    record = _with(record, reminders=number, reminded_at=now)
    note = _note("reminded", record, GRACE, number=number, due_at=_iso(record.capa.due_at))
    surface = f"capa-reminder-{now:%Y%m%dT%H%M%S}"
    body = capa_words.reminder(record, surface, last=number == MAX_REMINDERS)
    comment = SayOnCapa(surface=surface, body=body)
    return CapaMove(record=record, notes=(note,), effects=(comment,))


def checked(record: CapaRecord, recurred: Sequence[str], now: datetime) -> CapaMove:
    """Answer whether it helped: `recurred` are the missions of the same problem since the close."""
    capa, found = record.capa, tuple(recurred[:MAX_RECURRENCES])
    if not capa.fingerprint:
        state = CapaState.CLOSED
    else:
        state = CapaState.INEFFECTIVE if found else CapaState.EFFECTIVE
    record = _with(record, state=state, checked_at=now, recurrences=found)
    said = {"result": state.value if capa.fingerprint else "no_data", "recurrences": list(found)}
    note = _note("checked", record, GRACE, since=_iso(capa.closed_at), **said)
    surface = f"capa-check-{now:%Y%m%dT%H%M%S}"
    comment = SayOnCapa(surface=surface, body=capa_words.check(record, surface))
    return CapaMove(record=record, notes=(note,), effects=(comment,))


def _state_of(wished: object) -> CapaState:
    try:
        return CapaState(str(wished))
    except ValueError as error:
        raise CapaRefused("state", f"state is one of {', '.join(CapaState)}") from error


def _turned(move: CapaMove, state: CapaState, by: str, now: datetime) -> CapaMove:
    """Close it by word of a person, or take that person's word whether it helped."""
    capa = move.record.capa
    match state, capa.state:
        case CapaState.CLOSED, CapaState.OPEN:
            record = move.record.model_copy(update={"heard_at": now})
            last = _closing(record, by, now)
            return last.model_copy(
                update={
                    "notes": move.notes + last.notes,
                    "effects": (*_said_and_closed(last.record, by, now),),
                }
            )
        case ((CapaState.EFFECTIVE | CapaState.INEFFECTIVE), CapaState.CLOSED):
            if capa.fingerprint:
                sentence = "whether it helped is checked on its date: the problem has a fingerprint"
                raise CapaRefused("state", sentence)
            record = _with(move.record, state=state, checked_at=now)
            note = _note("checked", record, by, result=state.value, recurrences=[])
            return CapaMove(record=record, notes=(*move.notes, note))
        case _:
            sentence = f"it is {capa.state.value} and cannot become {state.value} so; "
            raise CapaRefused("state", sentence + "open its issue at the forge again to reopen it")


def _said_and_closed(record: CapaRecord, by: str, now: datetime) -> list[CapaEffect]:
    surface = f"capa-closed-{now:%Y%m%dT%H%M%S}"
    effects: list[CapaEffect] = [
        SayOnCapa(surface=surface, body=capa_words.closing(record, surface, by)),
        CloseCapa(),
    ]
    return [*effects, TellMission(login=by, at=now)] if record.own else effects


def _closing(record: CapaRecord, by: str, now: datetime) -> CapaMove:
    check_at = record.capa.check_at
    if check_at is None or check_at <= now:  # nothing could have come back yet
        check_at = now + CHECK_AFTER
    record = _with(record, state=CapaState.CLOSED, closed_at=now, closed_by=by, check_at=check_at)
    return CapaMove(record=record, notes=(_note("closed", record, by, check_at=_iso(check_at)),))


def _opening(record: CapaRecord, by: str) -> Note:
    """Write down all that it was opened with, so that the register can be made of the ledger."""
    left_out = {"capa_id", "ref", "issue", "issue_url", "state"}
    said = record.capa.model_dump(mode="json", exclude=left_out, exclude_defaults=True)
    return _note("opened", record, by, **said)


def _filing(capa: Capa) -> Note:
    payload: dict[str, object] = {
        "capa_id": capa.capa_id,
        "number": capa.issue,
        "url": capa.issue_url,
    }
    return Note(kind="capa.filed", actor=GRACE, payload=payload)


def _note(kind: str, record: CapaRecord, by: str, **said: object) -> Note:
    payload = {"capa_id": record.capa.capa_id, "number": record.capa.issue, **said}
    return Note(kind=f"capa.{kind}", actor=by, payload=payload)


def _with(record: CapaRecord, **changes: Any) -> CapaRecord:
    return record.model_copy(update={"capa": record.capa.model_copy(update=changes)})


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()

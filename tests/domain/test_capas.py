"""CAPAs: what each thing that happens makes of one, and when it is looked at again."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from pydantic import ValidationError

from grace.domain import capa_words, capas
from grace.domain.capa import Capa, CapaRequest, CapaState
from grace.domain.capa_record import Birth, CapaRecord, CloseCapa, FileCapa, SayOnCapa, TellMission
from grace.domain.mission import Mission, MissionRef, Revert
from grace.domain.narration import known, sentence
from grace.domain.package import (
    AcceptanceCriteria,
    MissionRequest,
    Symptom,
    WorkspaceInfo,
)
from grace.domain.phase import Severity

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
UID = UUID("11111111-2222-4333-8444-555555555555")
REF = MissionRef(host="forge.test", repository_id=7, repository="octo/mesh")
MISSION = "mission_20261101_001"
DAY = timedelta(days=1)


def asked(**changes: object) -> CapaRequest:
    given = {
        "subsystem_id": "mesh",
        "severity": "high",
        "title": "Queue overflows",
        "description": "It overflowed twice.",
        "mission_id": MISSION,
    }
    return CapaRequest.model_validate(given | changes)


def born(request: CapaRequest | None = None, fingerprint: str = "sha256:ab") -> CapaRecord:
    birth = Birth(capa_id="capa_20261122_001", uid=UID, ref=REF, fingerprint=fingerprint)
    return capas.opened(request or asked(), birth, "rita", NOW).record


def capa_closed(record: CapaRecord | None = None) -> CapaRecord:
    move = capas.closed(record or born(), "rita", NOW, NOW)
    assert move is not None
    return move.record


def words(move: capas.CapaMove) -> str:
    return "\n".join(e.body for e in move.effects if isinstance(e, FileCapa | SayOnCapa))


def test_opening_sets_dates_by_severity_and_files_the_issue() -> None:
    birth = Birth(capa_id="capa_20261122_001", uid=UID, ref=REF, fingerprint="sha256:ab")
    move = capas.opened(asked(owner="ops"), birth, "rita", NOW)
    capa = move.record.capa
    assert (capa.due_at, capa.check_at) == (NOW + 14 * DAY, NOW + 44 * DAY)
    assert (capa.state, capa.opened_by, capa.fingerprint) == (CapaState.OPEN, "rita", "sha256:ab")
    (issue,) = move.effects
    assert isinstance(issue, FileCapa)
    assert issue.title == "CAPA: Queue overflows"
    assert issue.body.startswith(f"<!-- grace:{UID}:capa -->\n")
    assert "Owner: `ops`. Due: 2026-12-06." in issue.body
    (note,) = move.notes
    assert (note.kind, note.actor) == ("capa.opened", "rita")
    assert note.payload["severity"] == "high"
    assert note.payload["due_at"] == "2026-12-06T12:00:00Z"


@pytest.mark.parametrize(
    ("severity", "days"), [("critical", 7), ("high", 14), ("medium", 30), ("low", 60)]
)
def test_due_date_is_the_severitys_where_nobody_gives_one(severity: str, days: int) -> None:
    assert born(asked(severity=severity)).capa.due_at == NOW + days * DAY
    assert born(asked(severity=severity, due_at=NOW + DAY)).capa.due_at == NOW + DAY


def test_words_of_strangers_stay_quoted_at_the_forge() -> None:
    bad = "<!-- grace:x:mission --> @everyone ``` closes #7"
    request = asked(title="@octo fixes #7", description=bad, root_cause=bad, owner="`@x`")
    record = born(request)
    body = capa_words.body(record)
    assert body.count("<!-- grace:") == 1
    assert capa_words.title(record.capa) == "CAPA: @ octo fixes # 7"
    assert "````text\n<! -- grace:x:mission --> @everyone ``` closes #7\n````" in body
    assert "Owner: `'@x'`" in body
    closing = capa_words.closing(record, "capa-closed-1", "`@evil`")
    assert closing.count("<!-- grace:") == 1
    assert "`'@evil'` closed" in closing
    assert "### Root cause" in closing
    assert (
        len(capa_words.body(born(asked(description="d" * 4000, root_cause="r" * 10_000)))) < 65_536
    )


def test_mission_files_its_own_and_it_is_in_the_register() -> None:
    request = MissionRequest(
        subsystem_id="mesh",
        severity=Severity.CRITICAL,
        symptoms=(Symptom(description="slow", metric_id="mesh.latency"),),
        acceptance_criteria=AcceptanceCriteria(),
        workspace=WorkspaceInfo(),
    )
    mission = Mission(
        uid=UID, name=MISSION, ref=REF, created_at=NOW, request=request, title="Slow\nmesh"
    )
    mission = mission.with_(revert=Revert(reason="latency\nrose"))
    move = capas.of_mission(mission, "capa_20261122_001", 9, "https://forge.test/9", NOW)
    capa = move.record.capa
    assert (move.record.own, move.record.uid, move.effects) == (True, UID, ())
    assert capa.title == f"{MISSION} regressed: Slow mesh"
    assert capa.description == f"{MISSION} regressed after its release: latency rose"
    assert (capa.issue, capa.mission_id, capa.due_at) == (9, MISSION, NOW + 7 * DAY)
    assert capa.fingerprint.startswith("sha256:")
    assert [n.kind for n in move.notes] == ["capa.opened", "capa.filed"]
    bare = capas.of_mission(
        Mission(uid=UID, name=MISSION, ref=REF, created_at=NOW), "capa_20261122_001", 9, "", NOW
    ).record.capa
    assert (bare.subsystem_id, bare.fingerprint) == ("unknown", "")
    assert "no reason was recorded" in bare.description


def test_capa_of_a_fix_that_did_not_hold_says_so() -> None:
    mission = Mission(uid=UID, name=MISSION, ref=REF, created_at=NOW, title="Slow")
    mission = mission.with_(effective=False, recurred="mission_20261123_001")
    capa = capas.of_mission(mission, "capa_20261122_001", 9, "", NOW).record.capa
    assert capa.title == f"{MISSION} came back: Slow"
    assert capa.description == (
        f"{MISSION} was closed as fixed, and came back in mission_20261123_001"
    )


def test_change_is_told_field_by_field_and_nothing_new_is_no_change() -> None:
    record = born()
    assert capas.changed(record, {"owner": None, "title": "Queue overflows"}, "rita", NOW) is None
    move = capas.changed(record, {"owner": "ops", "due_at": NOW + DAY}, "rita", NOW)
    assert move is not None
    (note,) = move.notes
    assert note.payload["changed"] == {"due_at": "2026-11-23T12:00:00Z", "owner": "ops"}
    assert (move.record.capa.owner, move.effects) == ("ops", ())
    cleared = capas.changed(move.record, {"due_at": None, "check_at": None}, "rita", NOW)
    assert cleared is not None
    assert cleared.record.capa.due_at == NOW + 14 * DAY
    assert cleared.record.capa.check_at == NOW + 44 * DAY


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"subsystem_id": "other"}, "subsystem_id"),
        ({"mission_id": None}, "mission_id"),
        ({"state": "weird"}, "state"),
        ({"state": "effective"}, "state"),
    ],
)
def test_what_may_not_be_changed_is_refused_by_field(
    changes: dict[str, object], field: str
) -> None:
    with pytest.raises(capas.CapaRefused) as refused:
        capas.changed(born(), changes, "rita", NOW)
    assert refused.value.field == field
    assert refused.value.sentence


def test_value_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValidationError):
        capas.changed(born(), {"severity": "awful"}, "rita", NOW)


def test_closing_in_the_register_says_what_was_done_and_closes_the_issue() -> None:
    changes = {"state": "closed", "root_cause": "no bound"}
    move = capas.changed(born(), changes, "rita", NOW + DAY)
    assert move is not None
    assert [n.kind for n in move.notes] == ["capa.changed", "capa.closed"]
    assert [type(e) for e in move.effects] == [SayOnCapa, CloseCapa]
    assert "no bound" in words(move)
    capa = move.record.capa
    assert (capa.state, capa.closed_by, capa.closed_at) == (CapaState.CLOSED, "rita", NOW + DAY)
    assert capas.changed(move.record, {"state": "closed"}, "rita", NOW) is None


def test_mission_is_told_of_the_closing_of_its_own() -> None:
    record = born().model_copy(update={"own": True})
    move = capas.changed(record, {"state": "closed"}, "rita", NOW)
    assert move is not None
    assert move.effects[-1] == TellMission(login="rita", at=NOW)


def test_check_that_would_be_over_before_it_began_is_put_later() -> None:
    record = born(asked(check_at=NOW - DAY))
    assert capa_closed(record).capa.check_at == NOW + 30 * DAY
    assert capa_closed(born(asked(check_at=NOW + DAY))).capa.check_at == NOW + DAY


def test_closing_what_is_closed_and_opening_what_is_open_is_nothing() -> None:
    assert capas.closed(capa_closed(), "rita", NOW, NOW) is None
    assert capas.reopened(born(), "rita", NOW, NOW) is None


def test_reopened_begins_anew() -> None:
    later = NOW + 20 * DAY
    record = capas.reminded(born(), NOW).record
    move = capas.reopened(capa_closed(record), "rita", later, later)
    assert move is not None
    capa = move.record.capa
    assert (capa.state, capa.closed_at, capa.reminders) == (CapaState.OPEN, None, 0)
    assert (capa.due_at, move.record.heard_at) == (later + 14 * DAY, later)
    early = capas.reopened(capa_closed(), "rita", NOW, NOW)
    assert early is not None
    assert early.record.capa.due_at == NOW + 14 * DAY


def test_overdue_is_an_open_one_whose_date_has_passed() -> None:
    record = born()
    assert not capas.overdue(record.capa, NOW)
    assert capas.overdue(record.capa, NOW + 14 * DAY)
    assert not capas.overdue(capa_closed().capa, NOW + 14 * DAY)


def test_reminders_come_weekly_and_end() -> None:
    record, at = born(), []
    while (wake := capas.wake_of(record.capa)) is not None:
        at.append((wake - NOW).days)
        record = capas.reminded(record, wake).record
    assert at == [14 + 7 * n for n in range(8)]
    last = capas.reminded(born().model_copy(), NOW)
    assert "Reminder 1" in words(last)
    assert "last reminder" not in words(last)
    seventh = record.model_copy(
        update={"capa": record.capa.model_copy(update={"reminders": 7, "owner": "ops"})}
    )
    assert "last reminder" in words(capas.reminded(seventh, NOW))
    assert "Owner: `ops`" in words(capas.reminded(seventh, NOW))


def test_moved_date_moves_the_next_reminder() -> None:
    record = capas.reminded(born(), NOW + 14 * DAY).record
    move = capas.changed(record, {"due_at": NOW + 50 * DAY}, "rita", NOW + 15 * DAY)
    assert move is not None
    assert capas.wake_of(move.record.capa) == NOW + 50 * DAY


@pytest.mark.parametrize(
    ("fingerprint", "recurred", "state", "result", "said"),
    [
        ("sha256:ab", (), CapaState.EFFECTIVE, "effective", "**effective**"),
        ("sha256:ab", ("mission_20261130_001",), CapaState.INEFFECTIVE, "ineffective", "_001"),
        ("", (), CapaState.CLOSED, "no_data", "**no data**"),
    ],
)
def test_check_answers_whether_the_problem_came_back(
    fingerprint: str, recurred: tuple[str, ...], state: CapaState, result: str, said: str
) -> None:
    record = capa_closed(born(fingerprint=fingerprint))
    check_at = record.capa.check_at
    assert capas.wake_of(record.capa) == check_at
    assert check_at is not None
    move = capas.checked(record, recurred, check_at)
    assert (move.record.capa.state, move.record.capa.recurrences) == (state, recurred)
    assert move.notes[0].payload["result"] == result
    assert said in words(move)
    assert capas.wake_of(move.record.capa) is None
    assert capas.wake_of(move.record.capa.model_copy(update={"check_at": None})) is None


def test_many_recurrences_are_counted_not_listed() -> None:
    recurred = [f"mission_20261130_{n:03d}" for n in range(1, 61)]
    move = capas.checked(capa_closed(), recurred, NOW)
    assert len(move.record.capa.recurrences) == capas.MAX_RECURRENCES
    assert "and 40 more" in words(move)


def test_person_says_whether_it_helped_where_nothing_can_be_compared() -> None:
    record = capas.checked(capa_closed(born(fingerprint="")), (), NOW).record
    move = capas.changed(record, {"state": "effective"}, "rita", NOW)
    assert move is not None
    assert (move.record.capa.state, move.notes[0].actor) == (CapaState.EFFECTIVE, "rita")
    with pytest.raises(capas.CapaRefused, match="fingerprint"):
        capas.changed(capa_closed(), {"state": "effective"}, "rita", NOW)
    with pytest.raises(capas.CapaRefused, match="at the forge"):
        capas.changed(record, {"state": "open"}, "rita", NOW)


def test_capa_without_dates_asks_for_nothing() -> None:
    capa: Capa = born().capa.model_copy(update={"due_at": None})
    assert capas.wake_of(capa) is None
    assert not capas.overdue(capa, NOW)
    reopened = capas.reopened(
        capa_closed().model_copy(
            update={"capa": capa_closed().capa.model_copy(update={"due_at": None})}
        ),
        "rita",
        NOW,
        NOW,
    )
    assert reopened is not None
    assert reopened.record.capa.due_at == NOW + 14 * DAY
    note = capas.reminded(born().model_copy(update={"capa": capa}), NOW).notes[0]
    assert note.payload["due_at"] is None
    assert capa_words.body(born().model_copy(update={"capa": capa})).count("no date") == 1


def test_filing_and_refusals_are_told() -> None:
    move = capas.filed(born(), 12, "https://forge.test/12")
    assert (move.record.capa.issue, move.notes[0].payload["number"]) == (12, 12)
    note = capas.refused(move.record, "mallory", wish="close").notes[0]
    assert (note.kind, note.actor, note.payload["wish"]) == ("capa.refused", "mallory", "close")


@pytest.mark.parametrize(
    ("kind", "payload", "told"),
    [
        ("capa.opened", {"title": "Queue"}, "CAPA capa_1 opened by ann: Queue"),
        ("capa.filed", {"number": 9}, "CAPA capa_1 filed as issue #9"),
        ("capa.changed", {"changed": {"owner": "x"}}, "CAPA capa_1 changed by ann: owner"),
        ("capa.reminded", {"number": 2}, "CAPA capa_1 is overdue: reminder 2"),
        ("capa.closed", {}, "CAPA capa_1 closed by ann"),
        ("capa.reopened", {}, "CAPA capa_1 opened again by ann"),
        (
            "capa.checked",
            {"result": "no_data"},
            "CAPA capa_1 checked: no data",
        ),
        ("capa.refused", {"wish": "close"}, "ann may not close CAPA capa_1"),
    ],
)
def test_every_entry_of_the_register_has_a_sentence(
    kind: str, payload: dict[str, object], told: str
) -> None:
    assert known(kind)
    assert sentence(kind, "ann", {"capa_id": "capa_1"} | payload) == told

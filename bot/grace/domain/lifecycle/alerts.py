"""What alerts change in a mission: they file it, join it, end it by themselves, or come back."""

from typing import Final

from grace.domain import contract, ineffective, messages
from grace.domain import events as ev
from grace.domain.alerting import words
from grace.domain.alerting.alarm import FIRST_STEP, Alarm, AlertState, Placed, is_step
from grace.domain.alerting.placing import JOINABLE
from grace.domain.effects import FileIssue, PublishLedger, Reply, SetLabels
from grace.domain.lifecycle.draft import Draft
from grace.domain.lifecycle.proactive import leave_to_people
from grace.domain.mission import Mission
from grace.domain.package import MissionRequest
from grace.domain.phase import WAITING_ROOM, Outcome, Phase
from grace.domain.verdict import Condition, Result, leaf

INEFFECTIVE_LABEL: Final = "mission/ineffective"
FLAPS_TOLD: Final = 3  # after so many, only some of an alert's changes are noted
_MAY_RECOVER: Final = JOINABLE | {Phase.INVALID}


def alert_seen(draft: Draft, event: ev.AlertSeen) -> None:
    """Take an alert as the contract, or as one more of the mission's, or as one beside it."""
    mission = draft.mission
    placed = event.placed or _alone(mission, event)
    if mission.phase is Phase.FILED and event.status == "firing" and placed.why is None:
        _open(draft, event, placed)
    elif placed.beside:
        _beside(draft, event)
    else:
        _change(draft, event, placed)
    if mission.issue is None and mission.held is not None:
        draft.set(held=None, round=mission.round + 1)


def _alone(mission: Mission, event: ev.AlertSeen) -> Placed:
    """Count the alerts that the mission knows, where no router did."""
    alarm = _heard(mission.alarm or Alarm(), event, 0)
    own = alarm.own
    return Placed(known=len(own), firing=sum(a.status == "firing" for a in own))


def _heard(alarm: Alarm, event: ev.AlertSeen, flaps: int, *, beside: bool = False) -> Alarm:
    return alarm.heard(
        AlertState(
            fingerprint=event.fingerprint,
            title=event.title,
            source=event.source,
            status=event.status,
            at=event.at,
            flaps=flaps,
            beside=beside,
        )
    )


def _open(draft: Draft, event: ev.AlertSeen, placed: Placed) -> None:
    """Take the alert's request as the contract; one that came back is graver than it was."""
    request, recurs = event.request, placed.recurs
    restless = False
    if recurs is not None:
        request = _returned(draft, request, placed)
        restless = recurs.outcome is Outcome.SELF_RECOVERED and placed.flaps > 0
    alarm = Alarm(restless=restless, recurs=recurs, capa=placed.capa)
    alarm = _heard(alarm, event, placed.flaps).counted(placed, draft.now)
    draft.set(
        request=request,
        title=event.title,
        alert=event.fingerprint,
        anomaly=event.anomaly,
        alarm=alarm,
    )
    draft.note(
        "filed",
        event.source,
        fingerprint=event.fingerprint,
        contract_hash=contract.contract_hash(request),
    )
    _tell_return(draft, placed)
    draft.move(Phase.AWAITING_START, "filed by an alert")


def _returned(draft: Draft, request: MissionRequest, placed: Placed) -> MissionRequest:
    """Link a request to the mission that had the same alert; a fix that did not hold is graver."""
    recurs = placed.recurs
    assert recurs is not None  # asked by the caller
    summary = f"{words.came_back(recurs, draft.now)} {request.summary}".strip()
    fixed = recurs.outcome is Outcome.FIXED
    severity = request.severity.graver if fixed else request.severity
    update = {"parent_id": recurs.mission, "severity": severity, "summary": summary[:10_000]}
    return request.model_copy(update=update)


def _tell_return(draft: Draft, placed: Placed) -> None:
    recurs = placed.recurs
    if recurs is not None:
        days = round((draft.now - recurs.closed_at).total_seconds() / 86_400, 3)
        draft.note("came_back", of=recurs.mission, outcome=recurs.outcome.value, days=days)
    if placed.capa is not None:
        draft.note("capa_known", number=placed.capa)


def _beside(draft: Draft, event: ev.AlertSeen) -> None:
    """Keep it as evidence that another alert of the subsystem fired during the window."""
    alarm = draft.mission.alarm or Alarm()
    heard = _heard(alarm, event, 0, beside=True)
    if heard != alarm:
        draft.set(alarm=heard)
        draft.note("alert_beside", event.source, fingerprint=event.fingerprint, title=event.title)


def _change(draft: Draft, event: ev.AlertSeen, placed: Placed) -> None:
    """Count an alert that joined, fires again or is resolved; what is known changes nothing."""
    mission = draft.mission
    if event.anomaly is not None and event.fingerprint == mission.alert:
        draft.set(anomaly=event.anomaly)  # what else moved is seen only after a while
    before = mission.alarm or Alarm()
    alarm = _heard(before, event, placed.flaps).counted(placed, draft.now)
    if placed.recurs is not None and before.recurs is None:
        alarm = alarm.model_copy(update={"recurs": placed.recurs})
    if alarm == before:
        return
    draft.set(alarm=alarm)
    _note_change(draft, event, placed, before)
    if placed.why is not None:
        _join(draft, event, placed, first=before.recurs is None)
        leave_to_people(draft, event.request.severity)
    if alarm.firing == 0 < before.firing:
        due = alarm.settles_at(draft.policy.governance.alerting)
        assert due is not None  # nothing fires
        draft.note("alerts_quiet", known=alarm.known, settles_at=due.isoformat())


def _note_change(draft: Draft, event: ev.AlertSeen, placed: Placed, before: Alarm) -> None:
    """Note it: each alert that is told, a storm at growing steps, and flaps ever more seldom."""
    named = {"fingerprint": event.fingerprint}
    counts = {"known": placed.known, "firing": placed.firing}
    known = before.state(event.fingerprint)
    if placed.why is not None and draft.mission.alarm is not None:
        told = known is None and draft.mission.alarm.state(event.fingerprint) is not None
        if told:
            why = {"title": event.title, "why": placed.why}
            draft.note("alert_joined", event.source, **named, **why, **counts)
        elif placed.known >= FIRST_STEP and is_step(placed.known):
            draft.note("alerts_counted", **counts)
        return
    if known is not None and known.status == event.status:
        return
    if placed.flaps <= FLAPS_TOLD:
        draft.note(f"alert_{event.status}", event.source, **named)
    elif event.status == "firing" and placed.flaps.bit_count() == 1:
        draft.note("alert_flapping", event.source, **named, flaps=placed.flaps)


def _join(draft: Draft, event: ev.AlertSeen, placed: Placed, *, first: bool) -> None:
    """Let a graver alert, or one that came back, change a contract that is the alert's own."""
    if first:
        _tell_return(draft, placed)
    mission = draft.mission
    own = mission.alert is not None and not mission.body_digest
    if mission.request is None or not own or mission.phase not in WAITING_ROOM:
        return
    request, wanted = mission.request, event.request.severity
    if placed.recurs is not None and request.parent_id is None:
        request = _returned(draft, request, placed)
    if wanted.rank < request.severity.rank:
        request = request.model_copy(update={"severity": wanted})
    if request != mission.request:
        draft.set(request=request)
        before, after = mission.request.severity.value, request.severity.value
        if before != after:
            draft.note("severity_raised", event.source, before=before, after=after)


def settled(draft: Draft) -> bool:
    """End a mission whose alerts stayed resolved before anything of a fix has merged.

    Only one that an alert filed, and that no person keeps: by a hold, or by taking over its pull
    request, or by merging it, of which the forge may tell before what landed is read.
    True: it has ended.
    """
    mission = draft.mission
    alarm, rules = mission.alarm, draft.policy.governance.alerting
    each = mission.trying
    if each is not None and (each.run or each.undoing):
        return False  # that it is well again is the doing of the playbook, which is watched
    if alarm is None or mission.alert is None or mission.phase not in _MAY_RECOVER:
        return False
    pull = draft.facts.pulls.get(mission.pull.number) if mission.pull is not None else None
    if pull is not None and pull.merged:
        return False
    due = alarm.settles_at(rules)
    if due is None or (mission.held is not None and messages.kept_by_a_person(mission.held)):
        return False
    if draft.now < due:
        draft.wake(due)
        return False
    draft.close(Outcome.SELF_RECOVERED, words.recovered(alarm.known, alarm.patience(rules)))
    return True


def alert_leaves(mission: Mission) -> tuple[Condition, ...]:
    """Show in the window how alerts stand: for people to read, for the metrics decide."""
    alarm = mission.alarm
    if alarm is None:
        return ()
    found = []
    if alarm.known:
        result = Result.SKIPPED if alarm.firing > 0 else Result.PASS
        found.append(leaf("alerts", result, words.standing(alarm)))
    if alarm.beside:
        said = f"began to fire since the release, in other missions: {words.others(alarm)}"
        found.append(leaf("new alerts", Result.SKIPPED, said))
    return tuple(found)


def recurred(draft: Draft, event: ev.Recurred) -> None:
    """Take it that what was closed as fixed was not: say so, and count it against whoever fixed it.

    What is owed after that is a CAPA, unless it has one.
    """
    mission = draft.mission
    if mission.outcome is not Outcome.FIXED or mission.effective is False:
        return
    draft.set(effective=False, recurred=event.by)
    said = {"by": event.by, "fingerprint": event.fingerprint, "at": event.at.isoformat()}
    draft.note("ineffective", **said, **draft.work())
    draft.ask(PublishLedger(key="ledger/ineffective", slot="ledger"))
    if mission.issue is None:
        return
    number, body = mission.issue, ineffective.comment(mission, event)
    key, surface = f"reply/{ineffective.SURFACE}", ineffective.SURFACE
    draft.ask(Reply(key=key, number=number, surface=surface, body=body))
    draft.ask(SetLabels(key="label/ineffective", number=number, add=(INEFFECTIVE_LABEL,)))
    if mission.capa is None:
        draft.ask(
            FileIssue(
                key="capa/ineffective",
                purpose="capa",
                title=ineffective.capa_title(mission),
                body=ineffective.capa_body(mission, event),
                labels=("capa",),
            )
        )

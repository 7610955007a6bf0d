"""What Grace begins by herself: with a trusted remedy all the way, else as far as a draft."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from grace.domain import contract
from grace.domain import proactive_words as words
from grace.domain.effects import MarkReady, Reply
from grace.domain.lifecycle.draft import Draft
from grace.domain.lifecycle.starting import begin
from grace.domain.mission import CANDIDATE, Mission
from grace.domain.package import MissionRequest, PatchCandidate
from grace.domain.people import Actor
from grace.domain.phase import FORWARD, MissionType, Outcome, Phase, Severity
from grace.domain.playbooks.planning import matching
from grace.domain.policy import Policy
from grace.domain.proactive import Remedy
from grace.domain.trust import Score, score

HERSELF: Final = Actor(login="policy: proactive")
MAX_OFFERED: Final = 10
DAY: Final = timedelta(days=1)


def arm(draft: Draft) -> None:
    """Offer the remedies that people prepared for such trouble as the mission's candidates.

    The one with the best record comes first; those for which its issue has no room are left out.
    Whether people must approve is left to governance.
    """
    request = draft.mission.request
    assert request is not None  # what an alert files has a contract
    mission = draft.mission
    if mission.issue is not None or f"issue/{mission.round}" in mission.requested:
        return
    if request.workspace.patch_candidates:
        return
    found = draft.policy.remedies.matching(request.subsystem_id, metrics_of(request))
    trusted = draft.policy.governance.proactive.min_trust
    if not any(record_of(draft, r).value >= trusted for r in found) and curable(draft, request):
        # What changes no code comes first, but for a patch that has proven itself.
        draft.set(request=request.model_copy(update={"mission_type": MissionType.HEALING}))
        return
    if not found:
        return
    offered: list[Remedy] = []
    for remedy in sorted(found, key=lambda r: -record_of(draft, r).value)[:MAX_OFFERED]:
        if not contract.too_long(_offering(request, [*offered, remedy])):
            offered.append(remedy)
    if offered:
        draft.set(request=_offering(request, offered))
    left = [r.name for r in found if r not in offered]
    draft.note("armed", remedies=[r.name for r in offered], **({"left_out": left} if left else {}))


def _offering(request: MissionRequest, remedies: Sequence[Remedy]) -> MissionRequest:
    workspace = {"patch_candidates": tuple(r.candidate() for r in remedies)}
    trust = {"requires_governance_approval": False}
    return request.model_copy(
        update={
            "workspace": request.workspace.model_copy(update=workspace),
            "trust_requirements": request.trust_requirements.model_copy(update=trust),
        }
    )


def metrics_of(request: MissionRequest) -> frozenset[str]:
    """Name the metrics that a mission is about."""
    named = {s.metric_id for s in request.symptoms if s.metric_id is not None}
    return frozenset(named | {t.metric_id for t in request.acceptance_criteria.metric_targets})


def record_of(draft: Draft, remedy: Remedy) -> Score:
    """Read a remedy's record, for missions as grave as this one."""
    return score(draft.facts.history, remedy.agent, draft.mission.severity, draft.now)


def agent_of(policy: Policy, mission: Mission, candidate: PatchCandidate) -> str:
    """Name whose record a candidate is judged by: who offered it, a remedy's own, its author's."""
    offered = (o.agent for o in mission.offered if o.candidate.name == candidate.name)
    agent = next(offered, None)
    if agent is not None:
        return agent
    remedy = policy.remedies.made(candidate)
    return CANDIDATE if remedy is None else remedy.agent


def begin_herself(draft: Draft) -> None:
    """Start a mission that an alert filed where a remedy matches; as a draft where not trusted.

    One whose issue somebody edited has his contract, which only a person starts.
    """
    mission, rules = draft.mission, draft.policy.governance.proactive
    request = mission.request
    assert request is not None  # what an alert files has a contract
    offered = request.workspace.patch_candidates
    if request.mission_type is MissionType.HEALING:
        heal_herself(draft, request)
        return
    remedy = draft.policy.remedies.made(offered[0]) if offered else None
    if mission.issue is None or mission.held is not None or mission.vetoes:
        return
    configured = request.subsystem_id in draft.policy.subsystems.subsystems
    if mission.body_digest or not configured:
        return
    if not rules.enabled or remedy is None:
        return
    record = record_of(draft, remedy)
    why = person_needed(draft, remedy, record)
    if why is None:
        draft.set(self_started_at=draft.now)
        draft.note("self_started", remedy=remedy.name, record=record.sentence())
        begin(draft, HERSELF)
    elif rules.prepare_drafts:
        draft.set(prepared="wanted")
        draft.note("prepared", remedy=remedy.name, reason=why)
        begin(draft, HERSELF)


def curable(draft: Draft, request: MissionRequest) -> bool:
    """Tell whether a playbook fits, and healing is not turned off."""
    known = draft.policy.subsystems.subsystems.get(request.subsystem_id)
    if not draft.policy.governance.healing.enabled or known is None:
        return False
    return bool(matching(draft.policy.playbooks, request, known.targets))


def heal_herself(draft: Draft, request: MissionRequest) -> None:
    """Start a healing mission that an alert filed; its playbook still asks who must agree."""
    mission, rules = draft.mission, draft.policy.governance
    ready = mission.issue is not None and mission.held is None and not mission.vetoes
    today = [at for at in draft.facts.self_starts if at > draft.now - DAY]
    if not ready or mission.body_digest or not curable(draft, request):
        return
    if request.severity not in rules.healing.severities:
        return
    if not rules.proactive.enabled or len(today) >= rules.proactive.max_per_day:
        return
    draft.set(self_started_at=draft.now)
    draft.note("self_started", remedy="of a playbook", record="by its steps")
    begin(draft, HERSELF)


def person_needed(draft: Draft, remedy: Remedy, record: Score) -> str | None:
    """Say why a person must decide whether a mission goes on, or None."""
    rules, severity = draft.policy.governance.proactive, draft.mission.severity
    if severity not in rules.severities:
        return words.too_grave(severity)
    if record.value < rules.min_trust:
        return words.not_trusted(remedy.name, record, rules.min_trust)
    today = [at for at in draft.facts.self_starts if at > draft.now - DAY]
    if len(today) >= rules.max_per_day:
        return words.enough_today(rules.max_per_day)
    alarm = draft.mission.alarm
    if alarm is not None and alarm.recurs is not None and alarm.recurs.outcome is Outcome.FIXED:
        return words.came_back(alarm.recurs.mission)
    if alarm is not None and alarm.capa is not None:
        return words.capa_open(alarm.capa)
    return None


def leave_to_people(draft: Draft, severity: Severity) -> None:
    """Have a person decide on a mission that she began alone, where a graver alert joins it."""
    mission = draft.mission
    alone = mission.self_started_at is not None and mission.started_by == HERSELF.login
    if not alone or mission.prepared is not None or mission.released_by is not None:
        return
    graver = severity not in draft.policy.governance.proactive.severities
    if not graver or mission.request is None or mission.phase not in FORWARD - {Phase.MERGING}:
        return
    candidates = mission.candidates
    remedy = candidates[min(mission.candidate, len(candidates) - 1)].name if candidates else "none"
    draft.set(prepared="wanted")
    draft.note("prepared", remedy=remedy, reason=words.too_grave(severity))
    tell_people(draft)


def tell_people(draft: Draft) -> None:
    """Tell whom the subsystem names that a draft waits for them, once."""
    mission = draft.mission
    if not mission.prepared or mission.pull is None or mission.issue is None:
        return
    assert mission.request is not None  # it is under way
    subsystem = draft.policy.subsystem(mission.request.subsystem_id)
    surface, body = "prepared", words.draft_waits(mission, subsystem.reviewers)
    draft.ask(Reply(key=f"reply/{surface}", number=mission.issue, surface=surface, body=body))


def taken_over(draft: Draft, login: str) -> None:
    """Let a prepared mission go on, on a person's word; its pull request is a draft no more."""
    mission = draft.mission
    released(draft, login, "start")
    seen = draft.facts.pulls.get(mission.pull.number) if mission.pull is not None else None
    if mission.prepared == "draft" and mission.pull is not None:
        mark_ready(draft, mission.pull.number)
    elif seen is None and any(key.startswith("pull/") for key in mission.requested):
        draft.set(ready_wanted=True)  # it was asked for as a draft, and is seen as one later


def mark_ready(draft: Draft, number: int) -> None:
    """Ask for a draft to be one no more."""
    draft.set(ready_wanted=False)
    draft.ask(MarkReady(key=f"ready/{number}/{draft.mission.round}", number=number))


def look_at_draft(draft: Draft) -> None:
    """Notice that a prepared draft is there, or that a person marked it ready.

    A forge without drafts opens a pull request that never was one: that lets nothing go on.
    """
    mission = draft.mission
    seen = draft.facts.pulls.get(mission.pull.number) if mission.pull is not None else None
    if mission.pull is None or seen is None:
        return
    if mission.ready_wanted and seen.draft:
        mark_ready(draft, mission.pull.number)
    elif mission.prepared == "wanted" and seen.draft:
        draft.set(prepared="draft")
    elif mission.prepared == "draft" and not seen.draft:
        released(draft, seen.sender.login, "ready")


def released(draft: Draft, login: str, how: str) -> None:
    """Remember who let it go on; he proposed nothing by that, and may approve."""
    draft.set(prepared=None, released_by=login)
    draft.note("released", login, how=how)

"""Make what a mission leaves, in the decision that ends it."""

import hashlib
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final, assert_never

from grace.domain.agents import AGENT
from grace.domain.agents import REMEMBERED as MEMORY
from grace.domain.asked import Ask, PlaybookTry
from grace.domain.facts import Facts
from grace.domain.memory.normalise import distinct, errors_in, scrub, trace_of
from grace.domain.memory.recollection import MAX_REUSED_DIFF, RemedyName, Result, Trial
from grace.domain.memory.remembered import Landed, Lesson, Remembered
from grace.domain.memory.signature import signature_of
from grace.domain.mission import CANDIDATE, Attempt, Mission
from grace.domain.package import MemoryScope, MissionRequest, TrustRequirements
from grace.domain.phase import Outcome
from grace.domain.playbooks.rules import PLAYBOOK
from grace.domain.policy import Governance
from grace.domain.proactive import REMEDY
from grace.domain.proposals import Refusal
from grace.domain.results import TestOutcome
from grace.domain.trust import score

_DETAILS: Final = 10_000
_SUMMARY: Final = 500
_DESCRIPTION: Final = 1000
_WHY: Final = 300
_SYMPTOMS: Final = 20
_TESTS: Final = 50
_PATHS: Final = 200
_TRIALS: Final = 50


# Runs that say nothing of whoever was asked.
_NOBODYS: Final = frozenset({Refusal.NO_SANDBOX, Refusal.BUDGET, Refusal.INVALID})


def remember(mission: Mission, facts: Facts, governance: Governance, now: datetime) -> Remembered:
    """Put together what a mission leaves that ends now; its outcome is decided already."""
    assert mission.outcome is not None  # whoever ends a mission says how
    request = mission.request
    reverted = _reverted(mission)
    patch = _landed(mission)
    trust = request.trust_requirements if request is not None else TrustRequirements()
    return Remembered(
        mission=mission.name,
        host=mission.ref.host,
        repository_id=mission.ref.repository_id,
        repository=mission.ref.repository,
        installation_id=mission.ref.installation_id,
        issue=mission.issue,
        severity=mission.severity,
        outcome=mission.outcome,
        reason=mission.reason[:_SUMMARY],
        reverted=reverted,
        tried=trials_of(mission, reverted=reverted)[-_TRIALS:],
        patch=patch,
        scope=trust.memory_write_scope,
        lesson=lesson_of(mission, facts, governance, now),
        capa=mission.capa,
        capa_open=mission.capa is not None and mission.capa_closed_at is None,
        money_usd=sum(ask.spent for ask in mission.asks),
        seconds=max(0.0, (now - (mission.started_at or mission.created_at)).total_seconds()),
        closed_at=now,
        **(
            _wrong(mission, facts, request) if request is not None else {"summary": _title(mission)}
        ),
    )


def _title(mission: Mission) -> str:
    return mission.title[:_SUMMARY]


def _wrong(mission: Mission, facts: Facts, request: MissionRequest) -> dict[str, object]:
    """Say what was wrong: the part that a later mission may share."""
    evidence = [e.excerpt for e in request.evidence if e.excerpt is not None]
    messages, failing = failures(facts)
    texts = [*evidence, *messages, *(s.description for s in request.symptoms)]
    cut = [
        s.model_copy(update={"description": s.description[:_DESCRIPTION]})
        for s in request.symptoms[:_SYMPTOMS]
    ]
    must = request.acceptance_criteria.must_pass_tests
    return {
        "mission_type": request.mission_type,
        "subsystem": request.subsystem_id,
        "summary": _title(mission) or request.symptoms[0].description[:_SUMMARY],
        "symptoms": tuple(cut),
        "details": scrub("\n".join([request.summary, *evidence, *messages]))[:_DETAILS],
        "tests": distinct([*must, *failing], _TESTS),
        "trace": trace_of("\n".join(texts)),
        "errors": distinct([error for text in texts for error in errors_in(text)], _SYMPTOMS),
        "signature": str(signature_of(request)),
    }


def failures(facts: Facts) -> tuple[list[str], list[str]]:
    """List what the tests said that failed on the code of the base, and their names."""
    cases = [
        case
        for report in facts.reports.values()
        for suite in report.suites
        if suite.subject == "base"
        for case in suite.cases
        if case.outcome is TestOutcome.FAILED
    ][:_TESTS]
    return [case.message for case in cases if case.message], [case.name for case in cases]


def remedy_of(agent: str, candidate: str) -> RemedyName:
    """Name what was tried, as learning counts it: without the version that a record is kept of."""
    if agent == CANDIDATE:
        return f"{CANDIDATE}:{_name(candidate)}"
    kind, _, name = agent.partition(":")
    if kind == MEMORY:
        return f"{MEMORY}:reapply"
    if kind not in {REMEDY, AGENT, PLAYBOOK} or not name:
        return f"{AGENT}:{_name(agent)}"
    return f"{kind}:{_name(name.partition('@')[0])}"


def _name(text: str) -> str:
    """Make a name of what may hold anything, as the name of an agent that somebody else gave."""
    plain = re.sub(r"[^A-Za-z0-9_.-]", "-", text).lstrip("_.-")
    return plain[:80] or "unnamed"


def trials_of(mission: Mission, *, reverted: bool) -> tuple[Trial, ...]:
    """List what was tried: runs that left no patch, playbooks, then patches, each in its order."""
    asked = (_of_ask(ask) for ask in mission.asks)
    healed = (_of_playbook(mission, each) for each in mission.tries)
    pushed = (_of_attempt(mission, each, reverted=reverted) for each in _attempts(mission))
    return (*(trial for trial in asked if trial is not None), *healed, *pushed)


def _of_ask(ask: Ask) -> Trial | None:
    """Count a run against an agent that left no patch; a patch is counted by what became of it."""
    if ask.refusal is None:
        return None
    result = Result.UNDECIDED if ask.refusal in _NOBODYS else Result.FAILED
    return Trial(remedy=remedy_of(ask.record, ask.agent), result=result, why=ask.sentence[:_WHY])


def _of_playbook(mission: Mission, each: PlaybookTry) -> Trial:
    remedy = remedy_of(each.record, each.playbook)
    if each.undoing is not None:
        return Trial(remedy=remedy, result=Result.REVERTED, why=each.undoing[:_WHY])
    if each.failure is not None:
        return Trial(remedy=remedy, result=Result.FAILED, why=each.failure[:_WHY])
    healed = mission.outcome is Outcome.FIXED and mission.landing is None
    return Trial(remedy=remedy, result=Result.HELD if healed else Result.UNDECIDED)


def _attempts(mission: Mission) -> Sequence[Attempt]:
    """Leave out an attempt that was only made again, on a new base: the patch was the same."""
    found = {(attempt.agent, attempt.candidate): attempt for attempt in mission.attempts}
    return tuple(found.values())


def _of_attempt(mission: Mission, attempt: Attempt, *, reverted: bool) -> Trial:
    remedy = remedy_of(attempt.agent, attempt.candidate)
    if mission.landing is None or attempt is not mission.attempts[-1]:
        result = Result.UNDECIDED if attempt.failure is None else Result.FAILED
        return Trial(remedy=remedy, result=result, why=(attempt.failure or "")[:_WHY])
    if reverted:
        return Trial(remedy=remedy, result=Result.REVERTED, why=mission.reason[:_WHY])
    held = mission.outcome is Outcome.FIXED
    return Trial(remedy=remedy, result=Result.HELD if held else Result.UNDECIDED)


def _reverted(mission: Mission) -> bool:
    """Tell whether what landed was undone, or was to be, whoever had to do it in the end."""
    regressed = mission.window is not None and mission.window.verdict == "regress"
    undone = mission.outcome is Outcome.ROLLED_BACK or mission.revert is not None
    return mission.landing is not None and (undone or regressed)


def _landed(mission: Mission) -> Landed | None:
    if mission.landing is None or not mission.attempts:
        return None
    attempt = mission.attempts[-1]
    diff = next((c.diff for c in mission.candidates if c.name == attempt.candidate), None)
    kept = diff is not None and len(diff) <= MAX_REUSED_DIFF
    return Landed(
        name=attempt.candidate,
        remedy=remedy_of(attempt.agent, attempt.candidate),
        diff=diff if kept else None,
        digest=None if diff is None else digest_of(diff),
        sha=mission.landing.sha,
        paths=attempt.paths[:_PATHS],
    )


def digest_of(diff: str) -> str:
    """Name a patch by its content."""
    return f"sha256:{hashlib.sha256(diff.encode()).hexdigest()}"


def lesson_of(mission: Mission, facts: Facts, governance: Governance, now: datetime) -> Lesson:
    """Say what the scope of the mission makes of its patch.

    `persist` holds at once only for an agent whose role the mission allows and whose record reaches
    the trust that the mission asks for; the patch of any other waits for a person.
    """
    patch = _landed(mission)
    if patch is None or patch.diff is None or mission.request is None:
        return Lesson.NONE
    if mission.outcome is not Outcome.FIXED or _reverted(mission):
        return Lesson.NONE
    trust = mission.request.trust_requirements
    match trust.memory_write_scope:
        case MemoryScope.READ_ONLY:
            return Lesson.WITHHELD
        case MemoryScope.PROPOSE:
            return Lesson.PROPOSED
        case MemoryScope.PERSIST:
            trusted = _trusted(mission, facts, governance, now)
            return Lesson.KEPT if trusted else Lesson.PROPOSED
        case _ as never:
            assert_never(never)


def _trusted(mission: Mission, facts: Facts, governance: Governance, now: datetime) -> bool:
    assert mission.request is not None  # asked by the caller
    trust = mission.request.trust_requirements
    agent = mission.attempts[-1].agent
    role = governance.role_of(agent)
    if trust.allowed_roles and role not in trust.allowed_roles:
        return False
    record = score(facts.history, mission.trusted_as, mission.severity, now)
    return record.value >= trust.required_trust_score

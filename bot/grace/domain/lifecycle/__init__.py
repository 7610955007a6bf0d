"""The lifecycle: mission, event, facts, policy and a clock reading in; a decision out. Pure."""

import hashlib
from datetime import datetime
from typing import assert_never

import rfc8785

from grace.domain import judging, messages
from grace.domain.decision import Decision
from grace.domain.effects import Effect
from grace.domain.events import Event, PermissionRead, Published
from grace.domain.evidence import Evidence, digest_of
from grace.domain.facts import Facts, fold
from grace.domain.inspection import Inspection
from grace.domain.lifecycle import forward, landed, merging, reverting, tickets
from grace.domain.lifecycle.draft import Draft
from grace.domain.lifecycle.surfaces import publish
from grace.domain.lifecycle.table import react
from grace.domain.mission import Mission
from grace.domain.phase import FORWARD, Phase
from grace.domain.policy import Policy
from grace.domain.results import CIReport
from grace.domain.rules.case import Case
from grace.domain.verdict import Condition, Result, Verdict, all_of, leaf

MAX_STEPS = 50


def decide(mission: Mission, event: Event, facts: Facts, policy: Policy, now: datetime) -> Decision:
    """Decide what follows from one event.

    The event is folded into the facts and may change the mission; then the mission is carried on
    from what is known until nothing changes. So the order of events matters little, and a doubled
    event changes nothing.
    """
    draft = Draft(mission=mission, facts=facts, policy=policy, now=now)
    before = mission.phase
    if mission.live or isinstance(event, PermissionRead):
        draft.facts = fold(facts, event, now)
    react(draft, event)
    missing = unconfigured(draft)
    if missing is None:
        if draft.mission.live or tickets.chased(draft.mission):
            carry_on(draft)
        tree = explain(draft)
    else:
        # What happened is remembered; nothing follows from it before the configuration is back.
        draft.hold(missing)
        reason = leaf("configuration", Result.FAIL, missing, "an operator")
        tree = all_of("configuration", (reason,))
    verdict = judge(draft, tree)
    if missing is None and not (before is Phase.CLOSED and isinstance(event, Published)):
        publish(draft, tree)
    if draft.mission.phase is Phase.CLOSED and before is not Phase.CLOSED:
        landed.on_close(draft)
    return Decision(
        mission=draft.mission,
        facts=draft.facts,
        verdict=verdict,
        notes=tuple(draft.notes),
        effects=ordered(draft),
        wake_at=draft.wake_at if draft.mission.live or tickets.chased(draft.mission) else None,
    )


def unconfigured(draft: Draft) -> str | None:
    """Say what of a started mission is not in the configuration any more, or None."""
    mission, policy = draft.mission, draft.policy
    if mission.request is None or not mission.live or mission.contract_hash is None:
        return None
    if mission.request.subsystem_id not in policy.subsystems.subsystems:
        return messages.unconfigured(f"subsystem {mission.request.subsystem_id}")
    for target in mission.request.acceptance_criteria.metric_targets:
        if target.metric_id not in policy.catalog.metrics:
            return messages.unconfigured(f"metric {target.metric_id}")
    return None


def ordered(draft: Draft) -> tuple[Effect, ...]:
    """Put a merge after the check run that allows it: the forge may require the check."""
    late = {"merge_pull", "publish_ledger"}
    first = [e for e in draft.effects if e.kind not in late]
    return (*first, *(e for e in draft.effects if e.kind in late))


def carry_on(draft: Draft, limit: int = MAX_STEPS) -> None:
    """Step until a step changes nothing; one that never settles is a fault of the program."""
    for _ in range(limit):
        seen = draft.mission
        step(draft)
        if draft.mission == seen:
            return
    raise RuntimeError(f"{draft.mission.name} did not settle in {draft.mission.phase}")


def step(draft: Draft) -> None:
    """Do what the phase asks for, from what is known."""
    match draft.mission.phase:
        case Phase.FILED | Phase.INVALID:
            pass
        case Phase.CLOSED:
            tickets.chase(draft)
        case Phase.AWAITING_START:
            forward.awaiting_start(draft)
        case Phase.PLANNING:
            forward.planning(draft)
        case Phase.PATCHING:
            forward.patching(draft)
        case Phase.TESTING:
            forward.testing(draft)
        case Phase.GATING:
            merging.gating(draft)
        case Phase.MERGING:
            merging.merging(draft)
        case Phase.OBSERVING:
            tickets.chase(draft)
            landed.observing(draft)
        case Phase.REVERTING:
            reverting.reverting(draft)
        case _ as never:
            assert_never(never)


def explain(draft: Draft) -> Condition:
    """Make the tree that answers "why is this not merged?" for the phase it is in."""
    mission = draft.mission
    if mission.phase in {Phase.OBSERVING, Phase.REVERTING} or (
        mission.phase is Phase.CLOSED and mission.window is not None
    ):
        return landed.observation_tree(draft)
    return judging.explained(draft.case())


def judge(draft: Draft, tree: Condition) -> Verdict:
    """Bind the tree to the facts and the policy it was made from; remember a new one."""
    evidence = draft.evidence()
    verdict = Verdict(
        root=tree,
        facts_hash=evidence.digest(),
        policy_hash=policy_hash(draft.case()),
        at=draft.now,
    )
    digest = verdict.digest()
    if draft.mission.phase in FORWARD and digest != draft.mission.verdict_digest:
        keep_parts(draft, evidence)
        draft.set(verdict_digest=digest)
        draft.note(
            "verdict",
            result=tree.result.value,
            tree=tree.model_dump(mode="json", exclude_defaults=True),
            facts_hash=verdict.facts_hash,
            policy_hash=verdict.policy_hash,
            floor=draft.policy.digest(),
            evaluator=verdict.evaluator,
            evidence=evidence.record(),
        )
    return verdict


def policy_hash(case: Case) -> str:
    """Hash the policy in force: the floor, and what the repository adds to it at the base."""
    floor = case.policy.digest()
    own = case.inspection.rules if case.inspection is not None else None
    if own is None or own.policy is None:
        return floor
    canonical = rfc8785.dumps([floor, own.policy.model_dump(mode="json", by_alias=True)])
    return "sha256:" + hashlib.sha256(canonical).hexdigest()


def keep_parts(draft: Draft, evidence: Evidence) -> None:
    """Put into the ledger, once, what a verdict's evidence names by its hash."""
    parts: list[CIReport | Inspection] = [
        *evidence.facts.reports.values(),
        *evidence.facts.inspections.values(),
    ]
    for part in parts:
        digest = digest_of(part)
        if digest not in draft.mission.kept:
            draft.set(kept=(*draft.mission.kept, digest))
            body = part.model_dump(mode="json", by_alias=True, exclude_defaults=True)
            draft.note("evidence", digest=digest, body=body)

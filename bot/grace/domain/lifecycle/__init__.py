"""The lifecycle: mission, event, facts, policy and a clock reading in; a decision out. Pure."""

import hashlib
from datetime import datetime
from typing import assert_never

import rfc8785

from grace.domain import messages
from grace.domain.decision import Decision
from grace.domain.effects import Effect
from grace.domain.events import Event, PermissionRead, Published
from grace.domain.facts import Facts, fold
from grace.domain.lifecycle import forward, landed, merging, reverting
from grace.domain.lifecycle.draft import Draft
from grace.domain.lifecycle.surfaces import publish
from grace.domain.lifecycle.table import react
from grace.domain.mission import Mission
from grace.domain.phase import FORWARD, Phase
from grace.domain.policy import Policy
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
        if draft.mission.live:
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
        wake_at=draft.wake_at if draft.mission.live else None,
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
        case Phase.FILED | Phase.INVALID | Phase.CLOSED:
            pass
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
            landed.observing(draft)
        case Phase.REVERTING:
            reverting.reverting(draft)
        case _ as never:
            assert_never(never)


def explain(draft: Draft) -> Condition:
    """Make the tree that answers "why is this not merged?" for the phase it is in."""
    mission = draft.mission
    if mission.phase in {Phase.TESTING, Phase.GATING} and mission.attempt:
        return forward.merge_tree(draft)
    if mission.phase in {Phase.OBSERVING, Phase.REVERTING} or (
        mission.phase is Phase.CLOSED and mission.window is not None
    ):
        return landed.observation_tree(draft)
    return waiting(draft)


def waiting(draft: Draft) -> Condition:
    """Explain a mission that has no head to judge."""
    mission = draft.mission
    match mission.phase:
        case Phase.INVALID:
            errors = tuple(
                leaf(e.field, Result.FAIL, e.problem, "the mission's author")
                for e in mission.errors
            )
            return all_of("contract", errors)
        case Phase.FILED | Phase.AWAITING_START:
            reason = "waits for `/grace start`"
            who = "somebody with write permission"
            return all_of("start", (leaf("start", Result.PENDING, reason, who),))
        case Phase.CLOSED:
            return all_of("outcome", (leaf(str(mission.outcome), Result.SKIPPED, mission.reason),))
        case Phase.MERGING:
            if mission.queued:
                return merging.queue_tree(draft)
            reason = "every gate passes; the merge is requested"
            return all_of("merge", (leaf("merge", Result.PENDING, reason, "the forge"),))
        case _:
            reason = mission.held or mission.forge_says or f"{mission.phase} is under way"
            result = Result.FAIL if mission.held else Result.PENDING
            who = "/grace resume" if mission.held else "Grace"
            return all_of("merge", (leaf(str(mission.phase), result, reason, who),))


def judge(draft: Draft, tree: Condition) -> Verdict:
    """Bind the tree to the facts and the policy it was made from; remember a new one."""
    canonical = rfc8785.dumps(draft.facts.stored().model_dump(mode="json"))
    verdict = Verdict(
        root=tree,
        facts_hash="sha256:" + hashlib.sha256(canonical).hexdigest(),
        policy_hash=draft.policy.digest(),
        at=draft.now,
    )
    digest = verdict.digest()
    if draft.mission.phase in FORWARD and digest != draft.mission.verdict_digest:
        draft.set(verdict_digest=digest)
        draft.note(
            "verdict",
            result=tree.result.value,
            tree=tree.model_dump(mode="json"),
            facts_hash=verdict.facts_hash,
            policy_hash=verdict.policy_hash,
            evaluator=verdict.evaluator,
        )
    return verdict

"""The lifecycle: mission, event, facts, policy and a clock reading in; a decision out. Pure."""

from datetime import datetime
from typing import assert_never

from grace.domain import judging
from grace.domain.decision import Decision
from grace.domain.effects import Effect
from grace.domain.events import Event, PermissionRead, Published
from grace.domain.facts import Facts, fold
from grace.domain.lifecycle import (
    alerts,
    forward,
    healing,
    landed,
    merging,
    reverting,
    running,
    tickets,
)
from grace.domain.lifecycle.draft import Draft
from grace.domain.lifecycle.recording import record_verdict
from grace.domain.lifecycle.surfaces import publish
from grace.domain.lifecycle.table import react
from grace.domain.mission import Mission
from grace.domain.phase import Phase
from grace.domain.policy import Policy
from grace.domain.verdict import Condition

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
    missing = judging.unconfigured(draft.case())
    if missing is None:
        if draft.mission.live or tickets.chased(draft.mission):
            carry_on(draft)
        tree = explain(draft)
    else:
        # What happened is remembered; nothing follows from it before the configuration is back.
        draft.hold(missing)
        tree = judging.explained(draft.case())
    verdict = record_verdict(draft, tree)
    if missing is None and not (before is Phase.CLOSED and isinstance(event, Published)):
        publish(draft, tree)
    if draft.mission.phase is Phase.CLOSED and before is not Phase.CLOSED:
        landed.on_close(draft)
        running.leave(draft, draft.mission.reason)
    return Decision(
        mission=draft.mission,
        facts=draft.facts,
        verdict=verdict,
        notes=tuple(draft.notes),
        effects=ordered(draft),
        wake_at=draft.wake_at if draft.mission.live or tickets.chased(draft.mission) else None,
    )


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
    """Do what the phase asks for, from what is known; nothing where it recovered by itself."""
    if alerts.settled(draft):
        return
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
        case Phase.EXECUTING:
            healing.executing(draft)
        case Phase.OBSERVING:
            tickets.chase(draft)
            observe = healing.observing if draft.mission.landing is None else landed.observing
            observe(draft)
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

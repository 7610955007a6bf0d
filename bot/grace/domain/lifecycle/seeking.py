"""Look for a patch where the contract has none left: what memory kept, then agents.

An agent's run is an effect like any other; what it answers is an offer that gates judge. Asking is
bounded: in runs, minutes and money for a mission, in runs and money for a repository's day.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from grace.domain import remedy_words as words
from grace.domain.agents import REMEMBERED, Agent, Asking
from grace.domain.asked import Offered
from grace.domain.effects import ReadMemory
from grace.domain.events import EffectFailed, MemoryRead
from grace.domain.learning.choice import Option, Question, choose
from grace.domain.lifecycle.asking import free_name, offer, order, wait_for
from grace.domain.lifecycle.draft import Draft
from grace.domain.lifecycle.given import request_of
from grace.domain.memory.recollection import Recollection, ReusablePatch
from grace.domain.mission import Mission
from grace.domain.package import PatchCandidate
from grace.domain.phase import MissionType
from grace.domain.playbooks.planning import matching, needs

DAY: Final = timedelta(days=1)


def recalled(draft: Draft) -> bool:
    """Tell whether memory was asked about this mission; ask it otherwise."""
    if draft.mission.recalled is not None:
        return True
    draft.ask(ReadMemory(key=f"memory/{draft.mission.round}"))
    return False


def memory_read(draft: Draft, event: MemoryRead) -> None:
    """Remember what memory found, and rank the remedies by it."""
    mission, found = draft.mission, event.recollection
    if mission.recalled is not None:
        return
    said = found.sentence or found.note
    choice = choose(options(draft), found.records, question(draft, found))
    draft.set(recalled=said, choice=choice)
    draft.note_elite(
        "recalled",
        "memory",
        sentence=said,
        hits=[
            {"mission": h.mission, "outcome": h.outcome.value, "score": h.score} for h in found.hits
        ],
        ranking=[r.model_dump(mode="json") for r in choice.order],
        why=choice.sentence,
    )


def unrecalled(draft: Draft, event: EffectFailed) -> None:
    """Go on without memory where it cannot be asked."""
    said = words.memory_silent(event.reason)[:500]
    draft.set(recalled=said)
    nothing = Recollection(asked_at=draft.now, note=said)
    draft.facts = draft.facts.model_copy(update={"memory": nothing})


def question(draft: Draft, found: Recollection) -> Question:
    """Say what remedies are ranked for; the mission's own id makes the draws repeat."""
    subsystem = request_of(draft).subsystem_id
    seed = draft.mission.uid.hex
    return Question(signature=found.signature, subsystem=subsystem, seed=seed)


def options(draft: Draft) -> tuple[Option, ...]:
    """List the remedies that may be chosen between: agents, and playbooks that fit.

    A playbook is explored only where nothing grave can come of it.
    """
    policy, request = draft.policy, request_of(draft)
    severe = request.severity not in policy.governance.proactive.severities
    found = [Option(remedy=a.record) for a in allowed(draft)]
    known = policy.subsystems.subsystems.get(request.subsystem_id)
    targets = known.targets if known is not None else {}
    playbooks = {m.playbook.name: m for m in matching(policy.playbooks, request, targets)}
    found += [
        Option(remedy=f"playbook:{name}", explore=not severe and needs(m.playbook).unattended.mild)
        for name, m in playbooks.items()
    ]
    return tuple(found)


def allowed(draft: Draft) -> tuple[Agent, ...]:
    """List the agents that the contract and governance let work on this mission."""
    request, governance = request_of(draft), draft.policy.governance
    if not governance.asking.enabled or request.severity not in governance.asking.severities:
        return ()
    tests = bool(request.acceptance_criteria.must_pass_tests)
    roles = request.trust_requirements.allowed_roles
    return tuple(
        a
        for a in draft.policy.agents.serving(request.subsystem_id)
        if (tests or not a.needs_tests) and (not roles or governance.role_of(a.record) in roles)
    )


def exhausted(draft: Draft) -> bool:
    """Tell whether every patch that there is was tried."""
    return draft.mission.candidate >= len(draft.mission.candidates)


def awaiting(draft: Draft) -> bool:
    """Tell whether an agent's answer is awaited: those that compete are heard first."""
    return any(a.answered_at is None for a in draft.mission.asks)


def seek(draft: Draft) -> bool:
    """Get another patch, or wait for one; False: there is nobody left to ask."""
    mission = draft.mission
    awaited = [a for a in mission.asks if a.answered_at is None]
    if awaited:
        wait_for(draft, awaited)
        return True
    if remember(draft):
        return True
    claim = draft.facts.claim
    if claim is not None and claim.until > draft.now:
        draft.set(forge_says=words.claimed(claim.agent, claim.until))
        draft.wake(claim.until)
        return True
    wanted = next_agents(draft)
    for agent in wanted:
        order(draft, agent)
    return bool(wanted)


def more_to_ask(draft: Draft) -> bool:
    """Tell whether anybody may still be asked, or memory has a patch that was not tried."""
    return reusable(draft) is not None or bool(next_agents(draft))


def why_nobody(draft: Draft, rules: Asking) -> str | None:
    """Say why no agent is asked, where one might have been."""
    agents = allowed(draft)
    if not agents:
        return None
    if len(draft.mission.asks) >= rules.max_asks:
        return words.asks_done(rules.max_asks)
    left = [a for a in agents if may_ask(draft.mission, a)]
    return over_budget(draft, rules, left[:1]) if left else None


def reusable(draft: Draft) -> ReusablePatch | None:
    """Find the patch of memory's that is tried next."""
    found, mission = draft.facts.memory, draft.mission
    if found is None or not draft.policy.governance.asking.reuse_remembered:
        return None
    if any(o.origin == "memory" for o in mission.offered):
        return None
    known = {c.diff for c in mission.candidates}
    return next((r for r in found.reusable if r.diff not in known), None)


def remember(draft: Draft) -> bool:
    """Offer the patch that held best in missions like this one, once."""
    mission, best = draft.mission, reusable(draft)
    if best is None:
        return False
    candidate = PatchCandidate(
        name=free_name(mission, f"memory-{best.from_mission}"), diff=best.diff
    )
    sentence = words.reused(best.from_mission, best.held)
    offer(
        draft,
        Offered(
            candidate=candidate,
            agent=f"{REMEMBERED}:{best.digest[:8]}",
            origin="memory",
            lines=0,
            sentence=sentence,
        ),
    )
    draft.note_elite(
        "reused", "memory", mission=best.from_mission, entry=best.entry, digest=best.digest
    )
    return True


def next_agents(draft: Draft) -> tuple[Agent, ...]:
    """Choose whom to ask now: the best ranked who may still be asked, as many as compete."""
    mission, rules = draft.mission, draft.policy.governance.asking
    ranked = sorted(
        (a for a in allowed(draft) if may_ask(mission, a)),
        key=lambda a: mission.choice.place(a.record) if mission.choice is not None else 0,
    )
    most = max(0, min(rules.compete, rules.max_asks - len(mission.asks)))
    chosen: list[Agent] = []
    for agent in ranked:  # one that costs too much leaves its turn to the next
        if len(chosen) < most and over_budget(draft, rules, [*chosen, agent]) is None:
            chosen.append(agent)
    return tuple(chosen)


def may_ask(mission: Mission, agent: Agent) -> bool:
    """Tell whether asking is of use: once, and again where its patch failed and it learns of that.

    The built-in ones learn nothing from a failure.
    """
    mine = [a for a in mission.asks if a.agent == agent.name]
    if not mine:
        return True
    last = mine[-1]
    news = last.evidence < len(mission.attempts)
    return agent.builtin is None and last.candidate is not None and news


def over_budget(draft: Draft, rules: Asking, wanted: Sequence[Agent]) -> str | None:
    """Say which budget asking these would go beyond, or None."""
    mission = draft.mission
    day = [a for a in draft.facts.asks if a.at > draft.now - DAY]
    mine = [a for a in mission.asks if a.asked_at > draft.now - DAY]
    money = sum(a.money_usd for a in wanted)
    minutes = sum(a.minutes for a in mission.asks) + sum(a.minutes for a in wanted)
    if minutes > rules.minutes_per_mission:
        return words.minutes_used(rules.minutes_per_mission)
    if money and sum(a.spent for a in mission.asks) + money > rules.money_usd_per_mission:
        return words.money_used(rules.money_usd_per_mission, "mission")
    if len(day) + len(mine) + len(wanted) > rules.asks_per_day:
        return words.asks_used(rules.asks_per_day)
    spent = sum(a.money_usd for a in day) + sum(a.spent for a in mine)
    if money and spent + money > rules.money_usd_per_day:
        return words.money_used(rules.money_usd_per_day, "day")
    return None


def heals(draft: Draft) -> bool:
    """Tell whether a mission is to be healed by a playbook, not by a patch."""
    return request_of(draft).mission_type is MissionType.HEALING

"""Look for a patch where the contract has none left: what memory kept, then agents.

An agent's run is an effect like any other; what it answers is an offer that gates judge. Asking is
bounded: in runs, minutes and money for a mission, in runs and money for a repository's day.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from grace.domain import remedy_words as words
from grace.domain import views
from grace.domain.agents import REMEMBERED, Agent, Asking
from grace.domain.asked import Ask, Offered
from grace.domain.effects import AskAgent, ReadMemory, ReadProposal
from grace.domain.events import (
    AgentAsked,
    AgentRunEnded,
    MemoryRead,
    ProposalAwaited,
    ProposalMade,
)
from grace.domain.learning.choice import Option, Question, choose
from grace.domain.lifecycle.draft import Draft
from grace.domain.lifecycle.given import request_of
from grace.domain.memory.recollection import Recollection, ReusablePatch
from grace.domain.mission import Mission
from grace.domain.package import PatchCandidate
from grace.domain.phase import MissionType, Phase
from grace.domain.playbooks.planning import matching, needs
from grace.domain.proposals import (
    AgentTask,
    Budget,
    FailingTest,
    PastAttempt,
    PastMission,
    Proposal,
    Refusal,
)
from grace.domain.results import TestOutcome

DAY: Final = timedelta(days=1)
POLL: Final = timedelta(minutes=5)
MAX_OFFERED: Final = 10
MAX_TOLD: Final = 20
BEFORE_WORK: Final = frozenset({Phase.PLANNING, Phase.PATCHING})


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
    draft.note(
        "recalled",
        "memory",
        sentence=said,
        hits=[
            {"mission": h.mission, "outcome": h.outcome.value, "score": h.score} for h in found.hits
        ],
        ranking=[r.model_dump(mode="json") for r in choice.order],
        why=choice.sentence,
    )


def unrecalled(draft: Draft, reason: str) -> None:
    """Go on without memory where it cannot be asked."""
    draft.set(recalled=words.memory_silent(reason))
    nothing = Recollection(asked_at=draft.now, note=words.memory_silent(reason)[:500])
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
        Option(remedy=f"playbook:{name}", explore=not severe and needs(m.playbook).risk.mild)
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
    draft.note("reused", "memory", mission=best.from_mission, entry=best.entry, digest=best.digest)
    return True


def offer(draft: Draft, offered: Offered) -> None:
    """Add a patch to try, the smaller before the larger among those that were not tried yet."""
    mission = draft.mission
    own = len(request_of(draft).workspace.patch_candidates)
    tried = max(0, mission.candidate - own)
    rest = sorted((*mission.offered[tried:], offered), key=lambda o: o.lines)
    draft.set(offered=(*mission.offered[:tried], *rest))


def free_name(mission: Mission, wish: str) -> str:
    """Make a candidate's name that no other one has."""
    wish, taken = wish[:70], {c.name for c in mission.candidates}
    return next(n for n in (wish, *(f"{wish}-{i}" for i in range(2, 99))) if n not in taken)


def next_agents(draft: Draft) -> tuple[Agent, ...]:
    """Choose whom to ask now: the best ranked who may still be asked, as many as compete."""
    mission, rules = draft.mission, draft.policy.governance.asking
    ranked = sorted(
        (a for a in allowed(draft) if may_ask(mission, a)),
        key=lambda a: mission.choice.place(a.record) if mission.choice is not None else 0,
    )
    left = rules.max_asks - len(mission.asks)
    chosen: list[Agent] = []
    for agent in ranked[: max(0, min(rules.compete, left))]:
        if over_budget(draft, rules, [*chosen, agent]) is None:
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


def order(draft: Draft, agent: Agent) -> None:
    """Have the forge run an agent on the base."""
    mission, rules, base = draft.mission, draft.policy.governance.asking, draft.facts.base
    assert base is not None  # planning read it
    number = len(mission.asks) + 1
    request = f"{mission.name}/ask/{number}"
    ask = Ask(
        number=number,
        agent=agent.name,
        record=agent.record,
        request=request,
        base=base.sha,
        evidence=len(mission.attempts),
        minutes=agent.minutes,
        money_usd=agent.money_usd,
        asked_at=draft.now,
        ends_at=draft.now + timedelta(minutes=max(rules.answer_timeout_minutes, agent.minutes)),
    )
    task = task_of(draft, agent, request)
    draft.set(asks=(*mission.asks, ask), forge_says=words.asked((ask,)))
    draft.note(
        "agent_asked",
        agent=agent.name,
        request=request,
        base=base.sha,
        minutes=agent.minutes,
        money_usd=agent.money_usd,
        why=mission.choice.sentence if mission.choice is not None else "",
    )
    branch = draft.policy.subsystem(request_of(draft).subsystem_id).base_branch
    draft.ask(AskAgent(key=f"ask/{number}", task=task, workflow=rules.workflow, branch=branch))


def task_of(draft: Draft, agent: Agent, request: str) -> AgentTask:
    """Gather what an agent is told."""
    mission, base = draft.mission, draft.facts.base
    assert base is not None  # planning read it
    package = views.package_of(mission, ())
    assert package is not None  # its contract parsed
    subsystem = draft.policy.subsystem(package.subsystem_id)
    found = draft.facts.memory
    hits = found.hits if found is not None else ()
    return AgentTask(
        request=request,
        agent=agent.name,
        mission=package,
        base=base.sha,
        failing=failing(draft),
        attempts=tuple(past(mission, number) for number in range(len(mission.attempts)))[-5:],
        memory=tuple(
            PastMission(
                mission=h.mission,
                outcome=h.outcome,
                reverted=h.reverted,
                tried=tuple(f"{t.remedy}: {t.result.value}" for t in h.tried),
                closed_at=h.closed_at,
                summary=h.summary,
            )
            for h in hits[:5]
        ),
        memory_sentence=mission.recalled or "",
        budget=Budget(
            minutes=agent.minutes,
            money_usd=agent.money_usd,
            protected_paths=subsystem.protected_paths,
        ),
    )


def failing(draft: Draft) -> tuple[FailingTest, ...]:
    """List the tests that the contract names, and those that failed with the last patch."""
    mission = draft.mission
    named = request_of(draft).acceptance_criteria.must_pass_tests
    tests = {name: FailingTest(name=name[:500]) for name in named}
    head = next((a.head for a in reversed(mission.attempts) if a.head is not None), None)
    report = draft.facts.report(head) if head is not None else None
    for suite in report.suites if report is not None else ():
        for case in suite.cases:
            if case.outcome is TestOutcome.FAILED and suite.subject == "head":
                tests[case.name] = FailingTest(
                    name=case.name, message=case.message, file=case.file, line=case.line
                )
    return tuple(tests.values())[:MAX_TOLD]


def past(mission: Mission, number: int) -> PastAttempt:
    """Say what an attempt was, and why it failed."""
    attempt = mission.attempts[number]
    diff = next((c.diff for c in mission.candidates if c.name == attempt.candidate), None)
    return PastAttempt(
        agent=attempt.agent,
        candidate=attempt.candidate,
        failure=(attempt.failure or "")[:4000],
        diff=(diff or "")[:20_000],
    )


def wait_for(draft: Draft, awaited: Sequence[Ask]) -> None:
    """Look for answers now and then; one that does not come in time is none."""
    rules = draft.policy.governance.asking
    draft.set(forge_says=words.asked(awaited))
    branch = draft.policy.subsystem(request_of(draft).subsystem_id).base_branch
    for ask in awaited:
        if draft.now >= ask.ends_at:
            late = Proposal(
                request=ask.request,
                agent=ask.agent,
                base=ask.base,
                refusal=Refusal.TIMED_OUT,
                sentence=words.no_answer(ask),
            )
            answer(draft, ask, late)
            continue
        rounds = int((draft.now - ask.asked_at) / POLL)
        if rounds or ask.looks:
            draft.ask(
                ReadProposal(
                    key=f"proposal/{ask.number}/{rounds}/{ask.looks}",
                    request=ask.request,
                    agent=ask.agent,
                    base=ask.base,
                    workflow=rules.workflow,
                    branch=branch,
                    since=ask.asked_at,
                )
            )
        draft.wake(min(ask.ends_at, ask.asked_at + (rounds + 1) * POLL))


def ask_of(mission: Mission, request: str) -> Ask | None:
    """Find the ask that waits for an answer to a request."""
    asks = (a for a in mission.asks if a.request == request and a.answered_at is None)
    return next(asks, None)


def set_ask(draft: Draft, ask: Ask, **changes: object) -> None:
    """Change one ask."""
    new = ask.model_copy(update=changes)
    asks = tuple(new if a.number == ask.number else a for a in draft.mission.asks)
    draft.set(asks=asks)


def agent_asked(draft: Draft, event: AgentAsked) -> None:
    """Remember the forge's number of a run, where it told it."""
    ask = ask_of(draft.mission, event.request)
    if ask is not None and event.run is not None:
        set_ask(draft, ask, run=event.run)


def run_ended(draft: Draft, event: AgentRunEnded) -> None:
    """Look for what a run left, as soon as it ended."""
    ask = ask_of(draft.mission, event.request)
    if ask is not None and f"ended/{event.run}" not in draft.mission.requested:
        draft.set(requested=draft.mission.requested | {f"ended/{event.run}"})
        set_ask(draft, ask, looks=ask.looks + 1, run=event.run)


def proposal_awaited(draft: Draft, event: ProposalAwaited) -> None:
    """Remember which run it is that goes on."""
    ask = ask_of(draft.mission, event.request)
    if ask is not None and event.run is not None:
        set_ask(draft, ask, run=event.run)


def proposal_made(draft: Draft, event: ProposalMade) -> None:
    """Take what an agent answered: one that was asked, or one that claimed the work."""
    if event.by:
        given_by_hand(draft, event)
        return
    ask = ask_of(draft.mission, event.proposal.request)
    if ask is not None:
        answer(draft, ask, event.proposal)


def answer(draft: Draft, ask: Ask, proposal: Proposal) -> None:
    """End an ask with its answer; a patch is offered to the gates."""
    name = None
    if proposal.diff is not None:
        name = free_name(draft.mission, f"{ask.agent}-{ask.number}")
    set_ask(
        draft,
        ask,
        answered_at=draft.now,
        candidate=name,
        refusal=proposal.refusal,
        sentence=proposal.sentence or proposal.rationale,
        plausible=proposal.plausible,
        usage=proposal.usage,
    )
    draft.set(forge_says="")
    draft.note("proposed", ask.record, **told(proposal, name))
    if proposal.diff is not None and name is not None:
        offer(
            draft,
            Offered(
                candidate=PatchCandidate(name=name, diff=proposal.diff),
                agent=ask.record,
                origin="agent",
                lines=proposal.lines,
                sentence=proposal.rationale[:1000],
            ),
        )


def not_asked(draft: Draft, key: str, reason: str) -> None:
    """Take it that an agent could not be asked; the forge's sentence says why."""
    number = key.partition("/")[2]
    for ask in draft.mission.asks:
        if str(ask.number) == number and ask.answered_at is None:
            said = Proposal(
                request=ask.request,
                agent=ask.agent,
                base=ask.base,
                refusal=Refusal.FAILED,
                sentence=reason[:4000] or "the forge did not take the order",
            )
            answer(draft, ask, said)


def given_by_hand(draft: Draft, event: ProposalMade) -> None:
    """Take a patch from whoever claimed the mission's work, while there is work to take."""
    mission, proposal = draft.mission, event.proposal
    known = any(c.diff == proposal.diff for c in mission.candidates)
    if mission.phase not in BEFORE_WORK or proposal.diff is None or known:
        return
    if len(mission.offered) >= MAX_OFFERED:
        return
    name = free_name(mission, f"{proposal.agent}-{len(mission.offered) + 1}")
    if mission.held is not None and mission.held.startswith(words.NOTHING_LEFT):
        draft.set(held=None)
    draft.note("proposed", event.by, **told(proposal, name))
    offer(
        draft,
        Offered(
            candidate=PatchCandidate(name=name, diff=proposal.diff),
            agent=event.by,
            origin="claim",
            lines=proposal.lines,
            sentence=proposal.rationale[:1000],
        ),
    )


def told(proposal: Proposal, name: str | None) -> dict[str, object]:
    """Write a proposal for the ledger, its patch with it: memory may try it again."""
    return {
        "request": proposal.request,
        "agent": proposal.agent,
        "candidate": name,
        "diff": proposal.diff,
        "refusal": proposal.refusal.value if proposal.refusal is not None else None,
        "sentence": proposal.sentence,
        "rationale": proposal.rationale,
        "plausible": proposal.plausible,
        "usage": proposal.usage.model_dump(mode="json"),
    }


def heals(draft: Draft) -> bool:
    """Tell whether a mission is to be healed by a playbook, not by a patch."""
    return request_of(draft).mission_type is MissionType.HEALING

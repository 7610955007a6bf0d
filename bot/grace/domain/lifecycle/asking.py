"""Ask an agent, wait for its answer, and take it as an offer that gates judge."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from grace.domain import messages, views
from grace.domain import remedy_words as words
from grace.domain.agents import CLAIM, Agent
from grace.domain.asked import Ask, Offered
from grace.domain.effects import AskAgent, ReadProposal
from grace.domain.events import (
    AgentAsked,
    AgentRunEnded,
    EffectFailed,
    ProposalAwaited,
    ProposalMade,
)
from grace.domain.lifecycle.draft import Draft
from grace.domain.lifecycle.given import request_of
from grace.domain.memory.recall import past_missions
from grace.domain.mission import CANDIDATE, Mission
from grace.domain.package import PatchCandidate
from grace.domain.phase import Phase
from grace.domain.proposals import (
    AgentTask,
    Budget,
    FailingTest,
    PastAttempt,
    Proposal,
    Refusal,
)
from grace.domain.results import TestOutcome

POLL: Final = timedelta(minutes=5)
MAX_OFFERED: Final = 10
MAX_TOLD: Final = 20
MAX_PAST: Final = 5
BEFORE_WORK: Final = frozenset({Phase.PLANNING, Phase.PATCHING})


def offer(draft: Draft, offered: Offered) -> None:
    """Add a patch to try, the smaller before the larger among those that were not tried yet.

    The one in play keeps its place: it would else be tried twice, and what took its place never.
    """
    mission = draft.mission
    own = len(request_of(draft).workspace.patch_candidates)
    in_play = mission.attempt is not None or mission.refresh
    tried = max(0, mission.candidate + in_play - own)
    rest = sorted((*mission.offered[tried:], offered), key=lambda o: o.lines)
    draft.set(offered=(*mission.offered[:tried], *rest))


def free_name(mission: Mission, wish: str) -> str:
    """Make a candidate's name that no other one has."""
    wish, taken = wish[:70], {c.name for c in mission.candidates}
    return next(n for n in (wish, *(f"{wish}-{i}" for i in range(2, 99))) if n not in taken)


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
    draft.note_elite(
        "agent_asked",
        agent=agent.name,
        request=request,
        base=base.sha,
        minutes=agent.minutes,
        money_usd=agent.money_usd,
        why=words.why_asked(mission),
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
    return AgentTask(
        request=request,
        agent=agent.name,
        setup=agent,
        mission=package,
        base=base.sha,
        failing=failing(draft),
        attempts=tuple(past(mission, number) for number in range(len(mission.attempts)))[-5:],
        memory=past_missions(found)[:MAX_PAST] if found is not None else (),
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
    draft.note_elite("proposed", ask.record, **told(proposal, name))
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


def not_asked(draft: Draft, event: EffectFailed) -> None:
    """Take it that an agent could not be asked; the forge's sentence says why."""
    number = event.key.partition("/")[2]
    for ask in draft.mission.asks:
        if str(ask.number) == number and ask.answered_at is None:
            said = Proposal(
                request=ask.request,
                agent=ask.agent,
                base=ask.base,
                refusal=Refusal.FAILED,
                sentence=event.reason[:4000] or "the forge did not take the order",
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
    if messages.wants_patch(mission.held):
        draft.set(held=None)
    if event.person is not None:
        draft.set(
            authors=tuple(sorted({*mission.authors, event.person.login})),
            proposer_ids=mission.proposer_ids | ({event.person.id} - {0}),
        )
    draft.note_elite("proposed", event.by, **told(proposal, name))
    offer(
        draft,
        Offered(
            candidate=PatchCandidate(name=name, diff=proposal.diff),
            agent=claimant(event.by),
            origin="claim",
            lines=proposal.lines,
            sentence=proposal.rationale[:1000],
        ),
    )


def claimant(agent: str) -> str:
    """Name whose record a patch given under a claim has: never that of others' patches."""
    return f"{CLAIM}:{agent}" if ":" in agent or agent == CANDIDATE else agent


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

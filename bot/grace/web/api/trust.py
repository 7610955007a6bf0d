"""How far agents are trusted, and how that comes about."""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field

from grace.domain.base import Frozen
from grace.domain.lease import AgentId
from grace.domain.package import Name
from grace.domain.phase import Severity
from grace.domain.surroundings import OutcomeFact
from grace.domain.trust import Score, Step, score, steps
from grace.web.api.claims import REMEMBERED
from grace.web.api.operation import Answer, Call, Nothing, Operation, Reply, not_there
from grace.web.api.reading import subsystems_seen

SCORES = "/mission-control/trust-scores"
Agent = Annotated[AgentId, Field(description="as the list names it", examples=["candidate"])]


class OfAgent(Frozen):
    """Which agent."""

    agent_id: Agent


class Explaining(OfAgent):
    """Which agent, where, and for missions of which severity."""

    subsystem: Annotated[Name | None, Field(description="in this one alone")] = None
    severity: Severity = Severity.LOW


class TrustScore(Frozen):
    """An agent's scores in a subsystem, by the severity of the missions that they count for."""

    agent_id: str
    role: str | None
    subsystem: str
    scores: dict[Severity, Score]


class TrustScores(Frozen):
    """The record of those who wrote patches."""

    trust_scores: tuple[TrustScore, ...]


class Explained(Frozen):
    """How a score comes about in one subsystem: in a sentence, and mission by mission."""

    agent_id: str
    subsystem: str
    severity: Severity
    sentence: str
    score: Score
    missions: tuple[Step, ...]


class Explanation(Frozen):
    """How an agent's scores come about."""

    explanations: tuple[Explained, ...]


async def list_scores(call: Call[Nothing, None]) -> Answer:
    """List all agents that have a record."""
    return Answer(TrustScores(trust_scores=tuple(await _scores(call, None))))


async def show_scores(call: Call[OfAgent, None]) -> Answer:
    """Show one agent's scores."""
    found = await _scores(call, call.given.agent_id)
    if not found:
        raise not_there("agent with a record")
    return Answer(TrustScores(trust_scores=tuple(found)))


async def _scores(call: Call[Any, None], agent: str | None) -> list[TrustScore]:
    now, policy = call.hub.clock.now(), call.hub.policy()
    roles = {} if policy is None else policy.governance.agent_roles
    found = []
    for subsystem in subsystems_seen(call):
        history = await _history(call, subsystem)
        agents = sorted({each.agent for each in history})
        found += [
            TrustScore(
                agent_id=name,
                role=roles.get(name.partition(":")[0]),
                subsystem=subsystem,
                scores={severity: score(history, name, severity, now) for severity in Severity},
            )
            for name in agents
            if agent in {None, name}
        ]
    return found


async def _history(call: Call[Any, None], subsystem: str) -> Sequence[OutcomeFact]:
    """Read how missions of a subsystem ended, as verdicts see it: where its code lives now."""
    ref = call.hub.refs.get(subsystem)
    log = None if ref is None else ref.log
    return await call.hub.store.outcomes(subsystem, log=log, newest=REMEMBERED)


async def explain_scores(call: Call[Explaining, None]) -> Answer:
    """Say mission by mission how an agent's scores come about."""
    given, now = call.given, call.hub.clock.now()
    found = []
    for subsystem in subsystems_seen(call):
        history = await _history(call, subsystem)
        if given.subsystem not in {None, subsystem}:
            continue
        if not any(each.agent == given.agent_id for each in history):
            continue
        whole = score(history, given.agent_id, given.severity, now)
        found.append(
            Explained(
                agent_id=given.agent_id,
                subsystem=subsystem,
                severity=given.severity,
                sentence=whole.sentence(),
                score=whole,
                missions=steps(history, given.agent_id, given.severity, now),
            )
        )
    if not found:
        raise not_there("agent with a record")
    return Answer(Explanation(explanations=tuple(found)))


OPERATIONS = (
    Operation(
        "GET",
        SCORES,
        "list_trust_scores",
        "List how far agents are trusted",
        "trust",
        list_scores,
        (Reply(TrustScores, "by agent and subsystem"),),
    ),
    Operation(
        "GET",
        f"{SCORES}/{{agent_id}}",
        "show_trust_scores",
        "Show how far an agent is trusted",
        "trust",
        show_scores,
        (Reply(TrustScores, "by subsystem"),),
        given=OfAgent,
        problems=(404,),
    ),
    Operation(
        "GET",
        f"{SCORES}/{{agent_id}}/explanation",
        "explain_trust_scores",
        "Say how an agent's scores come about",
        "trust",
        explain_scores,
        (Reply(Explanation, "mission by mission"),),
        given=Explaining,
        problems=(404,),
    ),
)

"""Missions that look for a patch in the pure world: agents that answer as a test says."""

from grace.domain import effects as fx
from grace.domain import events as ev
from grace.domain.agents import Agent, Agents, Builtin
from grace.domain.policy import Policy
from grace.domain.proposals import Proposal, Refusal, Usage
from support.world import DIFF, World, issue_body, make_policy

REPAIR = Agent(name="repair", builtin=Builtin.REPAIR)
CODER = Agent(name="coder", command="coder $GRACE_TASK", money_usd=1.0, minutes=20)
BUMP = Agent(name="bump", builtin=Builtin.BUMP)
LONG = DIFF + "+more\n"


def seeking_policy(*agents: Agent, **governance: object) -> Policy:
    policy = make_policy(**governance)
    return policy.model_copy(update={"agents": Agents(agents=agents or (REPAIR,))})


def seeking_world(policy: Policy | None = None, candidates: int = 0) -> World:
    world = World(policy=policy or seeking_policy())
    return world.file(issue_body(candidates=candidates))


def asks_of(world: World) -> list[fx.AskAgent]:
    return [e for e in world.done if isinstance(e, fx.AskAgent)]


def proposal(world: World, number: int = 1, diff: str | None = DIFF, **fields: object) -> Proposal:
    ask = world.mission.asks[number - 1]
    told = {
        "request": ask.request,
        "agent": ask.agent,
        "base": ask.base,
        "diff": diff,
        "refusal": None if diff is not None else Refusal.NO_PATCH,
        "sentence": "" if diff is not None else "no plausible patch among 900",
        "usage": Usage(seconds=12, tokens_in=5000, tokens_out=100, money_usd=0.5, measured=True),
        **fields,
    }
    return Proposal.model_validate(told)


def propose(world: World, number: int = 1, diff: str | None = DIFF, **fields: object) -> World:
    """Let an agent's run end and leave its answer."""
    said = proposal(world, number, diff, **fields)
    world.proposals[said.request] = ev.ProposalMade(proposal=said, at=world.now)
    world.deliver(ev.AgentRunEnded(request=said.request, run=number, at=world.now))
    return world.settle()

"""Claim a mission's work, give it back, and look for the next."""

from datetime import timedelta
from typing import Annotated, Any, Final

from pydantic import Field

from grace.domain.access import Principal, Scope
from grace.domain.base import Frozen
from grace.domain.lease import AgentId, Lease
from grace.domain.messages import NO_CANDIDATE
from grace.domain.mission import Mission
from grace.domain.package import MissionId, Name
from grace.domain.phase import Phase
from grace.domain.remedy_words import NOTHING_LEFT
from grace.domain.trust import score
from grace.ports.hub import MissionFilter, MissionRow, NothingToClaim
from grace.web.api.missions import MISSION, MissionSeen, seen
from grace.web.api.operation import CLAIM, Answer, Call, Operation, Reply
from grace.web.api.reading import Found, OfMission, mission_of, row_of
from grace.web.problems import Refused

# Where there is still work to take: it is not being judged, merged or watched yet.
AWAITING: Final = (Phase.AWAITING_START, Phase.PLANNING, Phase.PATCHING)
PAGES: Final = 3
REMEMBERED: Final = 500  # outcomes of a subsystem that a score is made of, as verdicts see them

Agent = Annotated[AgentId, Field(description="name of the agent", examples=["candidate"])]
Role = Annotated[Name, Field(description="role that it works in", examples=["developer"])]


class Claim(Frozen):
    """Who takes the work, and for how long."""

    agent_id: Agent
    agent_role: Role
    minutes: Annotated[int, Field(ge=1, le=240)] = 30


class Asking(Frozen):
    """Who looks for work."""

    agent_id: Agent
    agent_role: Role


class Released(Frozen):
    """Whether a claim was given back."""

    mission_id: MissionId
    released: bool


async def claim(call: Call[OfMission, Claim]) -> Answer:
    """Take a mission's work under a lease, or renew it."""
    wanted, mission = call.body, (await mission_of(call)).mission
    if not _is(call.principal, wanted.agent_id):
        raise Refused(
            403,
            "a token claims for its own agent: let `agent_id` be the token's name, its login, or "
            "one of these with /NAME behind it",
        )
    barred = await why_not(call, mission, wanted)
    if barred is not None:
        raise Refused(409, barred)
    now = call.hub.clock.now()
    lease = Lease(
        mission_id=mission.name,
        agent_id=wanted.agent_id,
        agent_role=wanted.agent_role,
        holder=call.caller,
        since=now,
        until=now + timedelta(minutes=wanted.minutes),
    )
    try:
        held = await call.hub.store.claim(lease, now)
    except NothingToClaim as error:
        raise Refused(409, f"{mission.name} is closed: there is nothing to claim") from error
    if (held.holder, held.agent_id) != (lease.holder, lease.agent_id):
        until = held.until.strftime("%H:%M:%S")
        raise Refused(409, f"{held.agent_id} has claimed {mission.name} until {until} UTC")
    return Answer(held)


async def release(call: Call[OfMission, Any]) -> Answer:
    """Give a claim back."""
    row = await row_of(call)
    now = call.hub.clock.now()
    if not await call.hub.store.release(row.mission_id, call.caller, now):
        raise Refused(409, f"you hold no claim on {row.mission_id}")
    return Answer(Released(mission_id=row.mission_id, released=True))


async def next_in_queue(call: Call[Asking, None]) -> Answer:
    """Find the most urgent mission whose work an agent may take; only look."""
    rows: list[MissionRow] = []
    for phase in AWAITING:
        rows += await _unclaimed(call, phase)
    for row in sorted(rows, key=lambda r: (r.severity.rank, r.created_at, r.mission_id)):
        found = await call.hub.store.find(row.mission_id)
        if found is None or await why_not(call, found[0], call.given) is not None:
            continue
        shown = await seen(call.hub, Found.of(found))
        if isinstance(shown, MissionSeen):
            return Answer(shown)
    return Answer(status=204)


async def _unclaimed(call: Call[Asking, None], phase: Phase) -> list[MissionRow]:
    """List the most urgent missions of a phase that nobody has claimed."""
    store, now = call.hub.store, call.hub.clock.now()
    wanted, after = MissionFilter(logs=call.reach.logs, phase=phase), None
    found: list[MissionRow] = []
    for _ in range(PAGES):
        page = await store.mission_page(wanted, "urgency", now, after=after, limit=100)
        found += [r for r in page.rows if r.claimed_by in {None, call.given.agent_id}]
        after = page.following
        if after is None:
            break
    return found


def _is(principal: Principal, agent: str) -> bool:
    """Tell whether a token may speak for an agent; what an agent's record is worth is its own."""
    names = {name.lower() for name in (principal.name, principal.login) if name}
    own = agent.lower()
    return principal.may(Scope.ADMIN) or any(
        own == name or own.startswith(f"{name}/") for name in names
    )


async def why_not(call: Call[Any, Any], mission: Mission, asking: Asking | Claim) -> str | None:
    """Say why an agent may not take a mission's work; None: it may."""
    request, policy = mission.request, call.hub.policy()
    if policy is None:
        raise Refused(503, "Grace has not reached the forge yet; ask again")
    if request is None or mission.phase not in AWAITING:
        return f"{mission.name} is {mission.phase.value}: there is no work to take"
    wanting = (NO_CANDIDATE, NOTHING_LEFT)
    if mission.held is not None and not mission.held.startswith(wanting):
        return f"{mission.name} is held: {mission.held}"
    trust, agent = request.trust_requirements, asking.agent_id
    role = policy.governance.agent_roles.get(agent)
    if role is not None and role != asking.agent_role:
        return f"governance.yaml says that {agent} is {role}, not {asking.agent_role}"
    if trust.allowed_roles and role not in trust.allowed_roles:
        allowed = ", ".join(trust.allowed_roles)
        return (
            f"{mission.name} allows {allowed}; {agent} is {role or 'without a role'} in "
            "governance.yaml"
        )
    if not trust.required_trust_score:
        return None  # everybody reaches it, and looking for work reads many missions
    history = await call.hub.store.outcomes(
        request.subsystem_id, log=mission.ref.log, newest=REMEMBERED
    )
    reached = score(history, agent, request.severity, call.hub.clock.now())
    if reached.value < trust.required_trust_score:
        needed = f"{trust.required_trust_score:g} is needed"
        return f"{agent} is trusted {reached.sentence()} in {request.subsystem_id}; {needed}"
    return None


OPERATIONS = (
    Operation(
        "POST",
        f"{MISSION}/claim",
        "claim_mission",
        "Claim a mission's work, or renew the claim",
        "queue",
        claim,
        (Reply(Lease, "the claim; it runs out by itself"),),
        need=CLAIM,
        given=OfMission,
        body=Claim,
        problems=(404, 409, 503),
        examples={"body": {"agent_id": "candidate", "agent_role": "developer", "minutes": 30}},
        words=(
            "409 says why not: another one's claim is in force, no work is left, or the mission's "
            "roles or trust are not the agent's. A token claims for its own agent alone."
        ),
    ),
    Operation(
        "POST",
        f"{MISSION}/release",
        "release_mission",
        "Give a claim back",
        "queue",
        release,
        (Reply(Released, "it is free again"),),
        need=CLAIM,
        given=OfMission,
        problems=(404, 409),
    ),
    Operation(
        "GET",
        "/mission-control/queue/next",
        "next_in_queue",
        "Look for the most urgent mission that an agent may take",
        "queue",
        next_in_queue,
        (
            Reply(MissionSeen, "the mission; it is not taken by looking"),
            Reply(None, "there is none for this agent", 204),
        ),
        given=Asking,
        problems=(503,),
    ),
)

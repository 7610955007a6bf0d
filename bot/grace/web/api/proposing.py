"""Propose a patch for a mission whose work one has claimed; gates judge it like anybody's."""

from typing import Annotated
from uuid import uuid5

from pydantic import Field

from grace.domain.base import Frozen
from grace.domain.events import ProposalMade
from grace.domain.lease import Lease
from grace.domain.lifecycle.asking import BEFORE_WORK, MAX_OFFERED
from grace.domain.package import MissionId
from grace.domain.people import Actor
from grace.domain.proposals import MAX_DIFF, Proposal, Usage, Words
from grace.domain.results import Sha
from grace.ports import Delivery, Routed, Target
from grace.web.api.filing import ASKED, ROUTED
from grace.web.api.missions import MISSION
from grace.web.api.operation import CLAIM, Answer, Call, Operation, Reply
from grace.web.api.reading import OfMission, mission_of
from grace.web.problems import Refused

DIFF = "--- a/mesh.py\n+++ b/mesh.py\n@@ -1 +1 @@\n-slow\n+fast\n"


class Given(Frozen):
    """A patch: a unified diff of the base, why it should do, and what it took to make it."""

    diff: Annotated[str, Field(min_length=1, max_length=MAX_DIFF)]
    base: Sha
    rationale: Words = ""
    usage: Usage = Usage()


class Taken(Frozen):
    """A patch that is on its way to the gates."""

    mission_id: MissionId
    agent_id: str
    lines: int
    sentence: str


async def propose(call: Call[OfMission, Given]) -> Answer:
    """Hand in a patch under one's own claim."""
    mission, given, now = (await mission_of(call)).mission, call.body, call.hub.clock.now()
    lease = await call.hub.store.lease(mission.name)
    if lease is None or lease.until <= now or lease.holder != call.caller:
        raise Refused(409, f"you hold no claim on {mission.name}: claim it first")
    if mission.phase not in BEFORE_WORK:
        raise Refused(409, f"{mission.name} is {mission.phase.value}: no patch is taken now")
    if len(mission.offered) >= MAX_OFFERED:
        raise Refused(409, f"{mission.name} was offered {MAX_OFFERED} patches already")
    if any(given.diff == c.diff for c in mission.candidates):
        raise Refused(409, "this very patch was proposed already")
    proposal = Proposal(
        request=f"{mission.name}/claim",
        agent=_name(lease),
        base=given.base,
        diff=given.diff,
        rationale=given.rationale,
        usage=given.usage,
    )
    who = call.principal
    person = None if who.login is None else Actor(login=who.login, id=who.user_id)
    event = ProposalMade(proposal=proposal, by=lease.agent_id, person=person, at=now)
    asked = f"{call.caller}\n{call.key}\n{mission.name}\npropose"
    key = f"api:{uuid5(ASKED, asked)}"
    routed = Routed(target=Target(ref=mission.ref, uid=mission.uid), event=event)
    await call.hub.submit(Delivery("api", key, "proposal", ROUTED.dump_json([routed]), now))
    sentence = "it is on its way: the mission says which attempt it became, and what judged it"
    return Answer(
        Taken(
            mission_id=mission.name,
            agent_id=lease.agent_id,
            lines=proposal.lines,
            sentence=sentence,
        ),
        202,
    )


def _name(lease: Lease) -> str:
    """Make a name of candidates of an agent's: `acme/coder` becomes `acme-coder`."""
    return "".join(c if c.isalnum() or c in "_.-" else "-" for c in lease.agent_id)[:60]


OPERATIONS = (
    Operation(
        "POST",
        f"{MISSION}/propose",
        "propose_patch",
        "Propose a patch for a mission that you claimed",
        "queue",
        propose,
        (Reply(Taken, "it is on its way to the gates", 202),),
        need=CLAIM,
        given=OfMission,
        body=Given,
        problems=(404, 409),
        examples={"body": {"diff": DIFF, "base": "b" * 40, "rationale": "the loop was quadratic"}},
        words=(
            "The claim must be yours and in force. The patch is applied within the same bounds "
            "and judged by the same gates as any other; a mission takes ten that were offered."
        ),
    ),
)

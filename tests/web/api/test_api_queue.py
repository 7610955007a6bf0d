"""Work is looked for, claimed under a lease, and given back."""

from dataclasses import replace
from typing import Any

import pytest

from grace.app.worker import rule
from grace.domain.asked import Offered
from grace.domain.lifecycle.asking import MAX_OFFERED
from grace.domain.package import PatchCandidate, TrustRequirements
from grace.domain.phase import Phase
from grace.web.api.filing import ROUTED
from support.hub_world import HubWorld, Served
from web.api.test_api_missions import MISSIONS, contract, problem

NEXT = "/mission-control/queue/next"
DEVELOPER = {"agent_id": "candidate", "agent_role": "developer"}


async def ask_for(hub: Served, **trust: Any) -> str:
    body = contract(trust_requirements=trust, severity="critical")
    answer = await hub("agent").post(MISSIONS, json=body)
    assert answer.status_code == 201, answer.text
    name: str = answer.json()["mission_id"]
    return name


async def test_next_only_looks_and_is_the_most_urgent(hub: Served, world: HubWorld) -> None:
    for _ in range(2):
        found = await hub("agent").get(NEXT, params=DEVELOPER)
        assert found.json()["mission_id"] == world.missions["fresh"]
        assert found.json()["claim"] is None
    urgent = await ask_for(hub)
    found = await hub("viewer").get(NEXT, params=DEVELOPER)
    assert found.json()["mission_id"] == urgent
    (row,) = (await hub("viewer").get(MISSIONS, params={"severity": "critical"})).json()["missions"]
    assert row["claimed_by"] is None


async def test_claim_is_taken_renewed_and_given_back(hub: Served, world: HubWorld) -> None:
    path = f"{MISSIONS}/{world.missions['fresh']}"
    taken = await hub("agent").post(f"{path}/claim", json=DEVELOPER | {"minutes": 10})
    assert taken.status_code == 200, taken.text
    lease = taken.json()
    assert (lease["agent_id"], lease["holder"]) == ("candidate", "token:id-candidate")
    mission = (await hub("viewer").get(path)).json()
    assert mission["claim"] == lease
    world.clock.at = world.clock.at.replace(second=59)
    renewed = (await hub("agent").post(f"{path}/claim", json=DEVELOPER | {"minutes": 10})).json()
    assert renewed["since"] == lease["since"]
    assert renewed["until"] > lease["until"]
    other = await hub("admin").post(f"{path}/claim", json=DEVELOPER | {"agent_id": "other"})
    assert "candidate has claimed" in problem(other, 409)["detail"]
    assert (await hub("agent").get(NEXT, params=DEVELOPER)).status_code == 200
    nothing = await hub("agent").get(NEXT, params=DEVELOPER | {"agent_id": "other"})
    assert (nothing.status_code, nothing.content) == (204, b"")
    problem(await hub("admin").post(f"{path}/release"), 409)
    assert (await hub("agent").post(f"{path}/release")).json()["released"] is True
    problem(await hub("agent").post(f"{path}/release"), 409)
    entries = (await hub("viewer").get(f"{path}/entries?limit=200")).json()["entries"]
    assert [e["kind"] for e in entries][-2:] == ["elite.claimed", "elite.released"]
    taken = await hub("admin").post(f"{path}/claim", json=DEVELOPER | {"agent_id": "other"})
    assert taken.json()["agent_id"] == "other"


async def test_roles_and_trust_of_the_mission_are_obeyed(hub: Served) -> None:
    reviewers = await ask_for(hub, allowed_roles=["reviewer"])
    answer = await hub("agent").post(f"{MISSIONS}/{reviewers}/claim", json=DEVELOPER)
    assert "allows reviewer; candidate is developer" in problem(answer, 409)["detail"]
    pretending = DEVELOPER | {"agent_role": "reviewer"}
    answer = await hub("agent").post(f"{MISSIONS}/{reviewers}/claim", json=pretending)
    assert "is developer, not reviewer" in problem(answer, 409)["detail"]
    nobody = {"agent_id": "new", "agent_role": "reviewer"}
    answer = await hub("admin").post(f"{MISSIONS}/{reviewers}/claim", json=nobody)
    assert "new is without a role" in problem(answer, 409)["detail"]
    trusted = await ask_for(hub, required_trust_score=0.9)
    answer = await hub("agent").post(f"{MISSIONS}/{trusted}/claim", json=DEVELOPER)
    assert "0.9 is needed" in problem(answer, 409)["detail"]
    open_to_all = await ask_for(hub, allowed_roles=["developer"])
    found = await hub("agent").get(NEXT, params=DEVELOPER)
    assert found.json()["mission_id"] == open_to_all
    answer = await hub("agent").post(f"{MISSIONS}/{open_to_all}/claim", json=DEVELOPER)
    assert answer.status_code == 200
    assert TrustRequirements.model_validate(found.json()["trust_requirements"]).allowed_roles


async def test_token_claims_for_its_own_agent_alone(hub: Served, world: HubWorld) -> None:
    path = f"{MISSIONS}/{world.missions['fresh']}/claim"
    for agent, status in (("other", 403), ("candidate2", 403), ("alice", 200), ("other", 403)):
        answer = await hub("agent").post(path, json=DEVELOPER | {"agent_id": agent})
        assert answer.status_code == status, answer.text
    own = DEVELOPER | {"agent_id": "candidate/two"}
    assert "alice has claimed" in problem(await hub("agent").post(path, json=own), 409)["detail"]


@pytest.mark.parametrize("story", ["resolved", "gating", "invalid"])
@pytest.mark.asyncio(loop_scope="module")
async def test_where_no_work_is_left_there_is_nothing_to_claim(
    read_only: Served, story: str
) -> None:
    path = f"{MISSIONS}/{read_only.world.missions[story]}/claim"
    detail = problem(await read_only("agent").post(path, json=DEVELOPER), 409)["detail"]
    assert "there is no work to take" in detail


@pytest.mark.parametrize(
    ("who", "body", "status"),
    [
        ("viewer", DEVELOPER, 403),
        ("operator", DEVELOPER, 403),
        ("alice", DEVELOPER, 403),
        ("agent", {"agent_id": "candidate"}, 422),
        ("agent", DEVELOPER | {"minutes": 0}, 422),
        ("agent", DEVELOPER | {"minutes": 100_000}, 422),
        ("agent", DEVELOPER | {"agent_id": "a b"}, 422),
        ("elsewhere", DEVELOPER, 404),
    ],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_claim_that_is_refused(
    read_only: Served, who: str, body: dict[str, Any], status: int
) -> None:
    path = f"{MISSIONS}/{read_only.world.missions['fresh']}/claim"
    problem(await read_only(who).post(path, json=body), status)


DIFF = "--- a/mesh.py\n+++ b/mesh.py\n@@ -1 +1 @@\n-slow\n+quicker\n"
PATCH = {"diff": DIFF, "base": "b" * 40, "rationale": "the loop was quadratic"}


async def begin(world: HubWorld, **changes: object) -> None:
    """Let the mission that waits for a start be under way."""
    found = await world.store.find(world.missions["fresh"])
    assert found is not None
    turn = await world.store.turn(found[0].uid)
    assert turn is not None
    ruling = rule(turn, world.policy, world.clock.at)
    begun = ruling.mission.with_(phase=Phase.PLANNING, **changes)
    await world.store.commit(turn, replace(ruling, mission=begun), world.clock.at)


async def test_mission_that_was_offered_enough_takes_no_more(hub: Served, world: HubWorld) -> None:
    path = f"{MISSIONS}/{world.missions['fresh']}"
    await hub("agent").post(f"{path}/claim", json=DEVELOPER)
    patches = (PatchCandidate(name=f"p{i}", diff=f"{DIFF}{i}") for i in range(MAX_OFFERED))
    offered = tuple(Offered(candidate=c, agent="x", origin="claim", lines=1) for c in patches)
    await begin(world, offered=offered)
    answer = await hub("agent").post(f"{path}/propose", json=PATCH)
    assert "was offered 10 patches already" in problem(answer, 409)["detail"]


async def test_patch_is_handed_in_under_a_claim_of_ones_own(hub: Served, world: HubWorld) -> None:
    path = f"{MISSIONS}/{world.missions['fresh']}"
    await hub("agent").post(f"{path}/claim", json=DEVELOPER)
    waiting = await hub("agent").post(f"{path}/propose", json=PATCH)
    assert "is awaiting_start: no patch is taken now" in problem(waiting, 409)["detail"]
    await hub("agent").post(f"{path}/release")
    await begin(world)
    early = await hub("agent").post(f"{path}/propose", json=PATCH)
    assert "claim it first" in problem(early, 409)["detail"]
    await hub("agent").post(f"{path}/claim", json=DEVELOPER)
    stranger = await hub("admin").post(f"{path}/propose", json=PATCH)
    assert "claim it first" in problem(stranger, 409)["detail"]
    problem(await hub("agent").post(f"{path}/propose", json=PATCH | {"base": "main"}), 422)
    taken = await hub("agent").post(f"{path}/propose", json=PATCH)
    assert taken.status_code == 202, taken.text
    assert (taken.json()["agent_id"], taken.json()["lines"]) == ("candidate", 2)
    (routed,) = ROUTED.validate_json(world.submitted[-1].body)
    assert routed.event.person.login == "alice"  # who may not approve it


async def test_patch_for_a_mission_without_work_to_take_is_refused(
    hub: Served, world: HubWorld
) -> None:
    path = f"{MISSIONS}/{world.missions['fresh']}"
    await hub("agent").post(f"{path}/claim", json=DEVELOPER)
    world.clock.at = world.clock.at.replace(hour=23)
    late = await hub("agent").post(f"{path}/propose", json=PATCH)
    assert "claim it first" in problem(late, 409)["detail"]

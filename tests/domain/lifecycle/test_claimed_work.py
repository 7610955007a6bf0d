"""Work that somebody claimed, and patches that are handed in under a claim."""

from datetime import timedelta

import pytest

from grace.domain import effects as fx
from grace.domain import events as ev
from grace.domain import messages
from grace.domain import remedy_words as words
from grace.domain.proposals import Proposal, Refusal
from grace.domain.surroundings import ClaimFact
from support.sought import (
    LONG,
    REPAIR,
    asks_of,
    propose,
    seeking_policy,
    seeking_world,
)
from support.world import DIFF, World, issue_body

OTHER = DIFF.replace("fast", "quick")


def test_work_that_somebody_claimed_is_left_to_him_until_his_claim_ends():
    world = World(policy=seeking_policy(REPAIR), waits=(fx.ReadBase,))
    world.file(issue_body(candidates=0))
    claim = ClaimFact(agent="devin", until=world.now + timedelta(minutes=30))
    world.facts = world.facts.model_copy(update={"claim": claim})
    world.waits = ()
    world.settle()
    assert asks_of(world) == []
    assert "devin has claimed the work" in world.mission.forge_says
    world.deliver(given(world, "devin", OTHER))
    world.settle()
    assert world.mission.attempts[0].agent == "devin"
    assert world.mission.attempts[0].candidate == "devin-1"


def given(world: World, agent: str, diff: str | None) -> ev.ProposalMade:
    said = Proposal(
        request=f"{world.mission.name}/claim",
        agent=agent,
        base=world.base,
        diff=diff,
        refusal=None if diff is not None else Refusal.NO_PATCH,
        sentence="none" if diff is None else "",
    )
    return ev.ProposalMade(proposal=said, by=agent, at=world.now)


def test_patch_by_hand_wakes_a_mission_for_which_nobody_could_be_asked():
    world = World().file(issue_body(candidates=0))
    assert world.mission.held == messages.NO_CANDIDATE
    world.deliver(given(world, "devin", OTHER))
    world.settle()
    assert world.mission.held is None
    assert world.mission.attempts[0].agent == "devin"


def test_patch_by_hand_lifts_no_hold_of_a_person():
    world = World(waits=(fx.ReadMemory,)).file(issue_body(candidates=0))
    world.command("hold", "alice", number="2")
    world.deliver(given(world, "devin", OTHER))
    world.settle()
    assert world.mission.held is not None
    assert world.mission.attempts == ()


def test_patch_by_hand_wakes_a_mission_that_found_none_and_only_news_counts():
    world = propose(seeking_world(), 1, None)
    assert world.mission.held is not None
    world.deliver(given(world, "devin", None))
    assert world.mission.offered == ()
    world.deliver(given(world, "devin", OTHER))
    world.settle()
    assert world.mission.held is None
    assert world.mission.attempts[0].agent == "devin"
    world.deliver(given(world, "devin", OTHER))
    assert len(world.mission.offered) == 1
    tested = world.mission
    world.deliver(given(world, "devin", LONG))  # CI is at it
    assert world.mission == tested


def test_held_mission_stays_with_the_person_who_held_it():
    world = propose(seeking_world(), 1, None)
    world.command("hold", "alice", number="2", argument="mine")
    world.deliver(given(world, "devin", OTHER))
    assert world.mission.attempts == () or world.mission.held is None


def test_more_patches_than_can_be_offered_are_not_taken():
    world = propose(seeking_world(), 1, None)
    world.waits = (fx.ReadBase, fx.PushPatch)
    for i in range(12):
        world.command("hold", "alice", number=f"h{i}")
        world.deliver(given(world, "devin", DIFF.replace("fast", f"fast {i + 5}")))
    assert len(world.mission.offered) <= 10


def test_claim_alone_makes_a_mission_without_agents_wait():
    world = World(waits=(fx.ReadMemory,)).file(issue_body(candidates=0))
    claim = ClaimFact(agent="devin", until=world.now + timedelta(minutes=30))
    world.facts = world.facts.model_copy(update={"claim": claim})
    world.waits = ()
    world.settle()
    assert "devin has claimed the work" in world.mission.forge_says
    world.facts = world.facts.model_copy(update={"claim": claim})
    world.tick(31 * 60)
    assert world.mission.held.startswith(words.NOTHING_LEFT)


@pytest.mark.parametrize("name", ["candidate", "remedy:lookup-off@12345678"])
def test_claim_under_a_name_of_others_does_not_get_their_record(name):
    world = propose(seeking_world(), 1, None)
    event = given(world, "devin", OTHER).model_copy(update={"by": name})
    world.deliver(event)
    world.settle()
    assert world.mission.attempts[0].agent == f"claim:{name}"
    roles = world.policy.governance
    assert roles.role_of("claim:candidate") == "developer"
    assert roles.role_of("agent:repair") == "agent"

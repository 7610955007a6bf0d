"""A mission with children waits for them and ends as they did."""

import pytest

from grace.domain import effects as fx
from grace.domain import messages
from grace.domain.phase import Outcome, Phase
from grace.domain.surroundings import ChildFact
from support.sought import propose, seeking_world
from support.world import World, issue_body


def child(name: str, outcome: Outcome | None = None) -> ChildFact:
    phase = Phase.TESTING if outcome is None else Phase.CLOSED
    return ChildFact(name=name, phase=phase, outcome=outcome)


def with_children(world: World, *children: ChildFact) -> World:
    world.facts = world.facts.model_copy(update={"children": children})
    return world.tick()


def parent(candidates: int = 0) -> World:
    world = World(waits=(fx.ReadMemory,))
    world.file(issue_body(candidates=candidates))
    return world


def test_parent_waits_while_a_child_is_at_work():
    world = with_children(parent(), child("mission_20261122_002"))
    assert world.mission.forge_says == "waits for its children: mission_20261122_002"
    assert world.mission.phase is Phase.PLANNING


@pytest.mark.parametrize(
    ("outcomes", "ends"),
    [
        ((Outcome.FIXED, Outcome.SELF_RECOVERED), Outcome.FIXED),
        ((Outcome.FIXED, Outcome.CANCELLED), Outcome.FIXED),
        ((Outcome.FIXED, Outcome.FAILED), Outcome.FAILED),
        ((Outcome.ROLLED_BACK,), Outcome.FAILED),
    ],
)
def test_parent_closes_when_its_children_have(outcomes, ends):
    children = (child(f"mission_20261122_00{i + 2}", o) for i, o in enumerate(outcomes))
    world = with_children(parent(), *children)
    assert world.mission.outcome is ends


def test_parent_with_a_patch_of_its_own_goes_on_with_it_after_its_children():
    world = parent(candidates=1)
    with_children(world, child("mission_20261122_002", Outcome.FIXED))
    world.waits = ()
    world.settle()
    assert world.mission.phase is Phase.TESTING


def test_parent_whose_children_were_all_cancelled_is_on_its_own_again():
    world = parent()
    with_children(world, child("mission_20261122_002", Outcome.CANCELLED))
    world.waits = ()
    world.settle()
    assert world.mission.held == messages.NO_CANDIDATE


def test_children_that_come_late_wake_a_parent_for_which_nobody_could_be_asked():
    world = World().file(issue_body(candidates=0))
    assert world.mission.held == messages.NO_CANDIDATE
    with_children(world, child("mission_20261122_002", Outcome.FIXED))
    assert world.mission.outcome is Outcome.FIXED


def test_parent_that_found_no_patch_stays_held_where_its_children_were_all_cancelled():
    world = propose(seeking_world(), 1, None)
    held = world.mission.held
    with_children(world, child("mission_20261122_002", Outcome.CANCELLED))
    assert held is not None
    assert world.mission.held == held


def test_children_that_come_late_wake_a_parent_that_found_no_patch():
    world = propose(seeking_world(), 1, None)
    assert world.mission.held is not None
    with_children(world, child("mission_20261122_002"))
    assert world.mission.held is None
    world.command("hold", "alice", number="2")
    with_children(world, child("mission_20261122_002", Outcome.FIXED))
    assert world.mission.phase is Phase.PLANNING

"""What a person may say of what an ended mission left to memory."""

import pytest

from grace.domain import replies
from grace.domain.memory.folding import REMEMBERED, first
from grace.domain.memory.remembered import Lesson
from grace.domain.package import MemoryScope, TrustRequirements
from grace.domain.phase import Outcome, Phase
from support.phases import say, world_in


def kinds(world):
    return [note.kind for note in world.notes]


def scoped(world, scope):
    trust = TrustRequirements(memory_write_scope=scope)
    request = world.mission.request.model_copy(update={"trust_requirements": trust})
    world.mission = world.mission.with_(request=request)
    return world


def test_every_mission_that_ends_leaves_one_memory_before_it_says_so():
    world = world_in(Phase.CLOSED)
    assert kinds(world).count(REMEMBERED) == 1
    left = next(n for n in world.notes if n.kind == REMEMBERED)
    found = first(left.payload, 7)
    assert (found.mission, found.outcome, found.entry) == (
        world.mission.name,
        world.mission.outcome,
        7,
    )
    assert found.lesson is Lesson.PROPOSED
    assert kinds(world).index(REMEMBERED) < kinds(world).index("mission.closed")


def test_a_writer_keeps_the_lesson_of_an_ended_mission():
    world = say(world_in(Phase.CLOSED), "remember")
    assert kinds(world)[-1] == "mission.lesson_kept"
    assert world.notes[-1].actor == "rita"


@pytest.mark.parametrize(
    ("changes", "answer"),
    [
        ({"effective": False}, replies.NO_LESSON),
        ({"outcome": Outcome.CANCELLED}, replies.NO_LESSON),
        ({"landing": None}, replies.NO_LESSON),
    ],
)
def test_what_did_not_hold_is_no_lesson(changes, answer):
    world = world_in(Phase.CLOSED)
    world.mission = world.mission.with_(**changes)
    say(world, "remember")
    assert world.replies() == [answer]
    assert "mission.lesson_kept" not in kinds(world)


def test_a_contract_that_says_read_only_is_kept_to():
    world = say(scoped(world_in(Phase.CLOSED), MemoryScope.READ_ONLY), "remember")
    assert world.replies() == [replies.LESSON_WITHHELD]
    assert "mission.lesson_kept" not in kinds(world)


def test_to_forget_needs_a_reason_and_says_it():
    world = say(world_in(Phase.CLOSED), "forget", argument=" ")
    assert world.replies() == [replies.FORGET_WITHOUT_REASON]
    world = say(world_in(Phase.CLOSED), "forget", argument=" it  was\nwrong ")
    assert world.notes[-1].kind == "mission.forgotten"
    assert world.notes[-1].payload == {"reason": "it was wrong"}

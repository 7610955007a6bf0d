"""A mission whose revert is made, and what its end says wherever it is said."""

from grace.domain import effects as fx
from grace.domain import reverts as words
from grace.domain.phase import Outcome, Phase
from grace.domain.render import inline
from support.world import METRIC, World, sha

BEFORE, UNDONE = sha("before"), sha("merge revert")
OTHER_TREE = {"tree": sha("another tree")}


def regressed(waits=(), observed=4, **world):
    """Bring a mission to its revert; where `follows` is not said, no revert is deployed by itself."""
    made = World(**{"follows": False, **world}).file().ci().review().deploy()
    made.values[METRIC] = 900.0
    made.waits = waits
    return made.observe(observed)


def merges(world):
    return [e for e in world.asked(fx.MergePull) if e.purpose == "revert"]


def told(world):
    """Collect what the end says, wherever it is said."""
    assert world.mission.phase is Phase.CLOSED
    reason = world.mission.reason
    (closed,) = [n.payload["reason"] for n in world.notes if n.kind == "mission.closed"]
    assert closed == reason
    shown = world.checks("observation", world.mission.landing.sha)[-1]
    assert shown.conclusion == "failure"
    pull = [e.body for e in world.asked(fx.PublishComment) if e.surface == "pull"][-1]
    assert inline(reason, 400) in pull
    assert inline(reason, 600) in shown.summary
    return reason


def capa(world):
    (found,) = [e for e in world.asked(fx.FileIssue) if e.purpose == "capa"]
    return found.body


def assert_left(world, sentence):
    assert world.mission.outcome is Outcome.FAILED
    assert told(world) == words.revert_left_to_a_person(sentence)
    assert merges(world) == []
    assert "A person must act" in capa(world)

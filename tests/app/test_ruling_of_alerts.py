"""A turn with several events: what fires again is heard before the mission could recover."""

from datetime import timedelta

from grace.app.worker import rule
from grace.domain import events as ev
from grace.domain.phase import Outcome
from grace.ports import Turn
from support.phases import alert
from support.world import World


def test_an_alert_that_fires_again_is_heard_first() -> None:
    world = World()
    world.deliver(alert(world))
    world.settle()
    world.deliver(alert(world, "resolved"))
    later = world.now + timedelta(minutes=3)
    moved = ev.BasePushed(branch="main", sha="c" * 40)

    def turn(*events: ev.Event) -> Turn:
        return Turn(world.mission, world.facts, 1, tuple(enumerate(events)))

    ended = rule(turn(moved), world.policy, later)
    assert ended.mission.outcome is Outcome.SELF_RECOVERED
    goes_on = rule(turn(moved, alert(world)), world.policy, later)
    assert goes_on.mission.live
    assert goes_on.handled == (0, 1)

"""When the report that CI left behind is looked for."""

from datetime import timedelta

from grace.domain import effects as fx
from grace.domain import events as ev
from support.world import CI_APP, World


def seen(world: World, run: int, conclusion: str | None) -> None:
    head = world.mission.attempts[-1].head
    for name in ("unit", "integration", "stress"):
        told = {"id": f"{name}-{run}", "name": name, "sha": head, "app_id": CI_APP, "run_id": run}
        world.deliver(ev.CheckSeen(**told, conclusion=conclusion, at=world.now))
    world.settle()


def test_a_run_of_which_nobody_told_the_end_keeps_nobody_from_reading_the_next_ones_report():
    world = World().file()
    seen(world, 1, None)
    world.now += timedelta(seconds=5)
    seen(world, 2, "success")
    world.now += timedelta(minutes=2)
    world.deliver(ev.Ticked())
    assert world.asked(fx.ReadReport)


def test_a_newer_run_that_goes_on_is_waited_for():
    world = World().file()
    seen(world, 1, "success")
    world.now += timedelta(seconds=5)
    seen(world, 2, None)
    world.now += timedelta(minutes=2)
    world.deliver(ev.Ticked())
    assert not world.asked(fx.ReadReport)

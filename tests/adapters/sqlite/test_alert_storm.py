"""A storm of 10,000 alerts: a handful of missions, few events, and seconds of work."""

import time

from grace.domain.alerting.rules import Alerting
from grace.domain.phase import Phase

DELIVERIES, EACH = 10, 1000
SECONDS = 10.0  # of one core, for 10,000 alerts


def wave(world, number, status="firing"):
    """Make one delivery of a storm over four subsystems."""
    first = number * EACH
    return [
        world.alert(
            f"f{n}", status, subsystem=f"s{n % 4}", metric=f"m{n % 97}", labels={"pod": f"p{n}"}
        )
        for n in range(first, first + EACH)
    ]


async def count(world, what):
    return await world.store._read(
        lambda c: c.execute(f"SELECT count(*) FROM {what}").fetchone()[0]
    )


async def test_a_storm_becomes_a_handful_of_missions_and_settles(world):
    spent = 0.0
    for number in range(DELIVERIES):
        alerts = wave(world, number)
        began = time.process_time()
        await world.fire(*alerts, rules=Alerting())
        spent += time.process_time() - began
        world.later(seconds=20)
    missions = await world.store.missions()
    assert len(missions) == 4
    assert await count(world, "alerts") == DELIVERIES * EACH
    # Of each mission 20 alerts one by one, then at 50, 100, ... 1600.
    assert await count(world, "events") == 4 * (20 + 6)
    assert spent < SECONDS
    for mission in missions:
        await world.settle(mission.uid, issue=int(mission.name[-3:]), phase=Phase.AWAITING_START)
    # All of it once more, and reordered: nothing new.
    await world.fire(*reversed(wave(world, 0)))
    assert await count(world, "events WHERE handled_at IS NULL") == 0
    for number in range(DELIVERIES):
        await world.fire(*wave(world, number, "resolved"))
    left = [
        event.placed.firing
        for mission in missions
        for _, event in (await world.turn(mission.uid)).events
    ]
    assert (len(left), left.count(0)) == (4 * (20 + 1), 4)
    assert len(await world.store.missions()) == 4

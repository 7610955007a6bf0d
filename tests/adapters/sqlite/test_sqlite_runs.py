"""Runs of playbooks in the store: laid out, taken under a lease, reported, withdrawn."""

from datetime import timedelta

import pytest

from grace.domain.events import RunReported
from grace.domain.playbooks.run import RunState
from grace.ports import RunClaimant, RunHolder
from support.playbooks import order, run_report

NAME = "mission_20261122_001"
RUN = f"{NAME}/run/1.1"


@pytest.fixture
async def board(world):
    await world.open_mission(1)
    return Laid(world)


class Laid:
    """The board, and short words for what is done with it."""

    def __init__(self, world):
        self.world, self.board = world, world.store.runs

    async def offer(self, run=RUN, target="orders-db", **more):
        ordered = order(id=run, target=target, mission=NAME, **more)
        await self.board.offer(self.world.ref, ordered, self.world.later(seconds=1))
        return ordered

    async def claim(self, *targets, runner="db-1", token="token:1", seconds=60):
        claimant = RunClaimant(runner, token, targets or ("orders-db",), seconds)
        return await self.board.claim(claimant, self.world.now)

    async def report(self, lease, number=1, state=RunState.RUNNING, **more):
        token = more.pop("token", "token:1")
        said = run_report(more.pop("run", lease.order.id), number, state, **more)
        holder = RunHolder(lease.order.id, lease.lease, token)
        return await self.board.report(holder, said, self.world.now)

    async def renew(self, lease, token="token:1", seconds=60):
        holder = RunHolder(lease.order.id, lease.lease, token)
        return await self.board.renew(holder, seconds, self.world.now)

    async def heard(self):
        """List what the mission hears of runs."""
        (mission,) = await self.world.store.missions()
        turn = await self.world.store.turn(mission.uid)
        found = [e.report for _, e in turn.events if isinstance(e, RunReported)]
        return [(r.number, r.state.value, r.runner) for r in found]


async def test_a_run_is_taken_once_and_reported_to_its_mission(board):
    ordered = await board.offer()
    lease = await board.claim()
    assert lease.order == ordered
    assert (lease.runner, lease.reported, lease.withdrawn) == ("db-1", None, None)
    assert lease.until == board.world.now + timedelta(seconds=60)
    assert await board.claim() is None
    assert await board.report(lease, 1)
    assert await board.report(lease, 2, RunState.HEALED)
    assert await board.heard() == [(1, "running", "db-1"), (2, "healed", "db-1")]
    assert await board.claim() is None


async def test_a_report_that_comes_twice_is_heard_once(board):
    await board.offer()
    lease = await board.claim()
    for _ in range(2):
        assert await board.report(lease, 3, RunState.HEALED)
    assert await board.report(lease, 2)
    assert await board.heard() == [(3, "healed", "db-1")]
    assert not await board.report(lease, 4)  # it is over


async def test_a_run_that_is_laid_out_twice_is_one(board):
    first = await board.offer()
    await board.offer(mode="dry_run")
    assert (await board.claim()).order == first


async def test_a_run_of_no_mission_is_not_laid_out(board):
    ordered = order(mission="mission_20200101_009")
    await board.board.offer(board.world.ref, ordered, board.world.now)
    assert await board.claim() is None


async def test_one_target_has_one_run_at_a_time_the_oldest_first(board):
    await board.offer(RUN)
    await board.offer(f"{NAME}/run/2.1")
    await board.offer(f"{NAME}/run/3.1", target="cache")
    assert await board.claim("unheard-of") is None
    first = await board.claim()
    assert first.order.id == RUN
    assert await board.claim() is None
    assert (await board.claim("orders-db", "cache")).order.target == "cache"
    await board.report(first, 1, RunState.FAILED)
    assert (await board.claim()).order.id == f"{NAME}/run/2.1"


async def test_a_lease_that_ran_out_is_given_to_the_next_with_what_was_reported(board):
    await board.offer(RUN)
    await board.offer(f"{NAME}/run/2.1")
    lost = await board.claim()
    await board.report(lost, 4)
    board.world.later(seconds=61)
    found = await board.claim(runner="db-2", token="token:2")
    assert (found.order.id, found.runner, found.reported.number) == (RUN, "db-2", 4)
    assert found.lease != lost.lease
    assert await board.renew(lost) is None
    assert not await board.report(lost, 5)
    assert await board.heard() == [(4, "running", "db-1")]


async def test_a_lease_is_held_for_longer_by_its_holder_alone(board):
    await board.offer()
    lease = await board.claim()
    board.world.later(seconds=50)
    held = await board.renew(lease)
    assert held.until == board.world.now + timedelta(seconds=60)
    assert await board.renew(lease, token="token:2") is None
    board.world.later(seconds=60)
    assert await board.renew(lease) is None


async def test_what_was_done_is_heard_from_whoever_had_the_lease_last(board):
    await board.offer()
    lease = await board.claim()
    board.world.later(seconds=61)
    assert await board.report(lease, 1, RunState.HEALED)
    assert await board.heard() == [(1, "healed", "db-1")]


@pytest.mark.parametrize(
    "more",
    [{"token": "token:2"}, {"runner": "db-2"}, {"run": f"{NAME}/run/9.1"}],
)
async def test_a_stolen_lease_is_of_no_use(board, more):
    await board.offer()
    lease = await board.claim()
    assert not await board.report(lease, 1, RunState.HEALED, **more)
    assert await board.heard() == []


async def test_a_run_that_nobody_began_is_withdrawn_at_once(board):
    await board.offer()
    await board.board.withdraw(RUN, "the mission is held", board.world.now)
    await board.board.withdraw(RUN, "the mission is held", board.world.now)
    assert await board.claim() is None
    assert await board.heard() == [(0, "withdrawn", "nobody")]


async def test_the_runner_of_a_run_hears_that_it_is_withdrawn(board):
    await board.offer()
    lease = await board.claim()
    await board.board.withdraw(RUN, "the mission is held", board.world.now)
    await board.board.withdraw(RUN, "again", board.world.now)
    assert (await board.renew(lease)).withdrawn == "the mission is held"
    assert await board.heard() == []
    assert await board.report(lease, 1, RunState.WITHDRAWN)
    await board.board.withdraw("unheard-of", "no", board.world.now)


async def test_a_run_that_nobody_begins_in_time_ends(board):
    await board.offer(expires_at=board.world.now + timedelta(seconds=30))
    await board.offer(f"{NAME}/run/2.1", expires_at=board.world.now + timedelta(seconds=90))
    board.world.later(seconds=40)
    assert (await board.claim()).order.id == f"{NAME}/run/2.1"
    board.world.later(seconds=60)
    assert (await board.claim()).order.id == f"{NAME}/run/2.1"  # begun is begun
    assert await board.heard() == [(0, "withdrawn", "nobody")]

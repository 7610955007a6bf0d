"""A runner and its bot: work taken over HTTP, a bot that is away, a lease that is lost."""

import asyncio
import contextlib
from dataclasses import dataclass, field

import httpx
import pytest

from grace.domain.access import Scope
from grace.domain.playbooks.handing import RunHeld
from grace.domain.playbooks.run import ENDED, RunState
from grace.runner.board import BoardRefused, BotAway, HttpBoard, LeaseLost, board_client
from grace.runner.errors import RunnerError
from grace.runner.holding import Lease
from grace.runner.journal import Journal
from grace.runner.locks import alone_with
from grace.runner.serving import Rhythm, Runner
from support.hostile_world import MESH, hostile
from support.hub_world import write_hub_past
from support.live_world import until
from support.playbooks import START, order, run_report, step

TWO = (step("first"), step("second"))
QUICK = Rhythm(poll=0.02, lease=5)


@dataclass
class FakeBoard:
    """A bot that is asked over no network; `away` calls are not answered."""

    orders: list = field(default_factory=list)
    away: int = 0
    lost: bool = False
    refuses: bool = False
    withdrawn: str | None = None
    reported: object = None
    claims: int = 0
    renewals: int = 0
    told: list = field(default_factory=list)

    def _asked(self):
        if self.refuses:
            raise BoardRefused("the bot answered 401: this token is revoked")
        if self.away:
            self.away -= 1
            raise BotAway("the bot does not answer (ConnectError)")

    def _held(self, ordered):
        return RunHeld(
            order=ordered,
            lease="lease",
            runner="db-1",
            until=START,
            withdrawn=self.withdrawn,
            reported=self.reported,
        )

    async def claim(self, targets):
        self.claims += 1
        self._asked()
        found = next((o for o in self.orders if o.target in targets), None)
        if found is None:
            return None
        self.orders.remove(found)
        return self._held(found)

    async def renew(self, held):
        self.renewals += 1
        self._asked()
        if self.lost:
            raise LeaseLost
        return self._held(held.order)

    async def report(self, held, report):
        self._asked()
        if self.lost:
            raise LeaseLost
        self.told.append(report)


def runner(work, board, rhythm=QUICK, targets=None):
    return Runner(work.bench, board, targets or {"orders-db": work.target}, rhythm)


async def serve(work, board, **more):
    async with asyncio.timeout(20):
        await runner(work, board, **more).run(once=True)


@pytest.fixture
async def world(tmp_path):
    past = await write_hub_past(tmp_path / "past.db")
    (tmp_path / "served").mkdir()
    async with hostile(past, tmp_path / "served") as made:
        yield made


async def test_a_run_goes_from_the_bot_to_the_target_and_back(work, world):
    mission = world.names["gating"]
    ordered = order(*TWO, id=f"{mission}/run/1.1", mission=mission)
    await world.store.runs.offer(MESH, ordered, world.clock.at)
    token = await world.bearer(Scope.RUNNER, targets=frozenset({"orders-db"}))
    work.settings["heals"] = "second"
    async with board_client(world.url, token) as client:
        board = HttpBoard(client, "db-1", 60)
        await serve(work, board)
        assert await board.claim(["orders-db"]) is None
        with pytest.raises(LeaseLost):
            await board.renew(FakeBoard()._held(ordered))
        with pytest.raises(BoardRefused, match="403: your token is not for cache"):
            await board.claim(["cache"])
    async with board_client(world.url, "grace_unknown") as client:
        with pytest.raises(BoardRefused, match="401: this token is unknown"):
            await serve(work, HttpBoard(client, "db-1", 60))
    assert work.done == {"first": 1, "second": 1}
    found = await world.store.find(mission)
    turn = await world.store.turn(found[0].uid)
    heard = [e.report for _, e in turn.events if e.kind == "run_reported"]
    assert heard[0].state is RunState.RUNNING
    assert heard[-1].state is RunState.HEALED
    assert [s.step for s in heard[-1].steps] == ["first", "second", "well"]


async def test_a_bot_that_does_not_answer_is_away(work):
    def respond(request):
        code = 503 if b"orders" in request.content else 200
        return httpx.Response(code, json={"detail": "later"})

    transport = httpx.MockTransport(respond)
    async with httpx.AsyncClient(transport=transport, base_url="http://bot") as client:
        board = HttpBoard(client, "db-1", 60)
        with pytest.raises(BotAway, match="the bot answered 503: later"):
            await board.claim(["orders-db"])
        with pytest.raises(BoardRefused, match="bring runner and bot to the same version"):
            await board.claim(["cache"])
    async with board_client("http://127.0.0.1:1", "token") as client:
        with pytest.raises(BotAway, match="the bot does not answer"):
            await HttpBoard(client, "db-1", 60).claim(["cache"])


def test_a_token_is_not_sent_unencrypted():
    with pytest.raises(RunnerError, match="would send the token unencrypted"):
        board_client("http://grace.example.org", "token")
    with pytest.raises(RunnerError, match="is no address"):
        board_client("https://bot:port", "token")
    with pytest.raises(RunnerError, match="is no address"):
        board_client("grace.example.org", "token")


async def test_while_the_bot_is_away_the_run_goes_on_and_its_end_is_told_later(work):
    board, unheard = FakeBoard([order(*TWO)]), []
    heard = board.report

    async def report(held, said):
        if said.state not in ENDED or said.state not in unheard:
            unheard.append(said.state)
            raise BotAway("the bot does not answer")
        await heard(held, said)

    board.report = report
    await serve(work, board)
    assert work.done == {"first": 1, "second": 1}
    assert unheard[-1] is RunState.NOT_HEALED
    assert [r.state for r in board.told] == [RunState.NOT_HEALED]


async def test_a_runner_that_is_to_end_soon_does_not_wait_for_a_bot_for_ever(work):
    with pytest.raises(BotAway):
        await serve(work, FakeBoard(away=99))
    board = FakeBoard(away=2)
    await serve(work, board)
    assert board.claims == 3
    assert sum("asking again" in line for line in work.said) == 2


async def test_a_report_begins_behind_what_the_bot_knows(work):
    await serve(work, board := FakeBoard([order(*TWO)], reported=run_report(number=40)))
    assert all(r.number > 40 for r in board.told)


async def test_a_lost_lease_ends_the_work_and_another_has_it(work):
    board = FakeBoard([order(*TWO)], lost=True)
    await serve(work, board)
    assert work.done == {}
    assert board.told == []


async def test_a_withdrawn_run_is_not_begun(work):
    board = FakeBoard([order(*TWO)], withdrawn="the mission is held")
    await serve(work, board)
    assert board.told[-1].state is RunState.WITHDRAWN
    assert work.done == {}


async def test_a_damaged_journal_is_told_and_nothing_is_done(work):
    ordered = order(*TWO)
    folder = Journal.of(work.bench.state, ordered).folder
    folder.mkdir(parents=True)
    (folder / "journal").write_bytes(b"nonsense\nmore\n")
    board = FakeBoard([ordered])
    await serve(work, board)
    assert board.told[-1].state is RunState.FAILED
    assert "is damaged" in board.told[-1].sentence
    assert work.done == {}


async def test_a_target_that_somebody_acts_on_is_left_alone(work):
    board = FakeBoard([order(*TWO)])
    with alone_with(work.bench.state, "orders-db"):
        await serve(work, board)
    assert (board.told, work.done) == ([], {})


async def test_a_refusal_in_the_middle_ends_the_run_and_the_runner(work):
    board = FakeBoard([order(*TWO)])

    async def report(_held, _said):
        board.refuses = True
        raise BoardRefused("the bot answered 401: this token is revoked")

    board.report = report
    with pytest.raises(BoardRefused):
        await serve(work, board)
    assert work.done == {}


async def test_a_fault_of_a_run_does_not_end_the_runner(work):
    class Broken:
        async def call(self, *_):
            raise RuntimeError("a fault")

    work.calls = Broken()
    board = FakeBoard([order(*TWO), order(*TWO, id="mission_20261122_001/run/2.1")])
    await serve(work, board)
    assert board.orders == []


async def test_a_runner_that_is_to_leave_ends_what_it_does_and_begins_nothing(work):
    board = FakeBoard([order(*TWO)])
    serving = runner(work, board)
    calls = work.calls

    class Leaving:
        async def call(self, request, *more):
            if request.doing == "act":
                serving.leave()
            return await calls.call(request, *more)

    serving._bench = type(work.bench)(
        **{name: getattr(work.bench, name) for name in ("name", "state", "actions", "say")},
        calls=Leaving(),
    )
    async with asyncio.timeout(20):
        await serving.run()
    assert work.done == {"first": 1}
    assert board.told[-1].state is RunState.RUNNING


async def test_a_lease_is_renewed_and_over_by_this_machines_own_clock():
    ticks = [0.0]
    board = FakeBoard()
    held = board._held(order())
    lease = Lease(board, held, 0.03, lambda: False, lambda: ticks[0])
    assert not lease.lost
    keeping = asyncio.create_task(lease.keep())
    await until(lambda: board.renewals >= 2)
    ticks[0] = 0.02
    assert not lease.lost
    ticks[0] = 99
    assert lease.lost
    board.lost = True
    async with asyncio.timeout(10):
        await keeping
    ticks[0] = 0
    assert lease.lost


async def test_a_lease_outlives_a_bot_that_is_away_for_a_moment():
    board = FakeBoard(away=2)
    lease = Lease(board, board._held(order()), 0.03, lambda: False)
    keeping = asyncio.create_task(lease.keep())
    await until(lambda: board.renewals >= 4)
    assert not keeping.done()
    keeping.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await keeping

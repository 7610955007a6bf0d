"""Turns at the edge: limits that GitHub announces, waits that are short, errors when they are not."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import respx

from grace.adapters import github as package
from grace.adapters.github.pace import Cost, Limits
from grace.adapters.github.schedule import URGENCY, Pulse, Schedules
from grace.adapters.github.wire import (
    GRAPHQL,
    Call,
    Credential,
    Refusal,
    Request,
    Watch,
    Wire,
    cost_of,
)
from grace.ports import ForgeUnavailable

API = "https://github.test/api/v3"
FIRST, SECOND = Credential("ghs_1", installation=5), Credential("ghs_2", installation=6)
MERGE = Request("merge", "PUT", "/merge", body={})
SWEEP = Request("sweep", "GET", "/sweep")


@dataclass
class Alarm:
    at: float
    then: Callable[[], None]
    off: bool = False

    def cancel(self) -> None:
        self.off = True


@dataclass
class Hand:
    """A clock that is moved by hand, and the alarms that are set on it."""

    time: float = 100.0
    alarms: list[Alarm] = field(default_factory=list)

    def now(self) -> float:
        return self.time

    def after(self, delay: float, then: Callable[[], None]) -> Alarm:
        self.alarms.append(Alarm(self.time + delay, then))
        return self.alarms[-1]

    async def move(self, seconds: float) -> None:
        self.time += seconds
        for alarm in sorted(self.alarms, key=lambda alarm: alarm.at):
            if alarm.at <= self.time + 1e-9 and not alarm.off:
                alarm.off = True
                alarm.then()
        await settle()


async def settle() -> None:
    for _ in range(40):
        await asyncio.sleep(0)


@dataclass
class Edge:
    wire: Wire
    router: respx.MockRouter
    hand: Hand
    schedules: Schedules
    calls: list[Call]

    def on(self, path: str) -> respx.Route:
        return self.router.route(path=f"/api/v3{path}")


@pytest.fixture
async def edge(github: Any) -> AsyncIterator[Edge]:
    hand, calls = Hand(), []
    schedules = Schedules(
        Limits(points_per_minute=20, content_per_minute=3), Pulse(hand.now, hand.after)
    )
    router = respx.MockRouter(assert_all_called=False)
    async with httpx.AsyncClient(transport=httpx.MockTransport(router.async_handler)) as client:
        watch = Watch(calls.append, lambda: None)
        wire = Wire(client, API, schedules, github.clock, watch)
        yield Edge(wire, router, hand, schedules, calls)


SHORT = [
    httpx.Response(429, headers={"retry-after": "7"}),
    httpx.Response(403, headers={"retry-after": "7"}, json={"message": "secondary rate limit"}),
]
LONG = [
    (httpx.Response(403, json={"message": "You have exceeded a secondary rate limit"}), 60),
    (httpx.Response(429, headers={"retry-after": "30"}), 30),
]


@pytest.mark.parametrize("refusal", SHORT)
async def test_short_limit_is_waited_for_and_the_call_made_again(
    edge: Edge, refusal: httpx.Response
) -> None:
    route = edge.on("/merge")
    route.side_effect = [refusal, httpx.Response(200, json={})]
    made = asyncio.create_task(edge.wire.call(MERGE, FIRST))
    await settle()
    await edge.hand.move(6.9)
    assert route.call_count == 1
    await edge.hand.move(0.2)
    assert (await made).status == 200
    assert [call.status for call in edge.calls] == [refusal.status_code, 200]


@pytest.mark.parametrize(("refusal", "wait"), LONG)
async def test_long_limit_stops_this_installation_and_no_other(
    edge: Edge, refusal: httpx.Response, wait: int
) -> None:
    edge.on("/merge").mock(side_effect=[refusal])
    sweep = edge.on("/sweep").respond(json={})
    with pytest.raises(Refusal):
        await edge.wire.call(MERGE, FIRST)
    with pytest.raises(ForgeUnavailable) as caught:
        await edge.wire.call(SWEEP, FIRST)
    assert caught.value.retry_after == wait
    assert sweep.call_count == 0
    assert (await edge.wire.call(SWEEP, SECOND)).status == 200
    await edge.hand.move(wait)
    assert (await edge.wire.call(SWEEP, FIRST)).status == 200


async def test_limit_that_comes_again_and_again_is_given_up(edge: Edge) -> None:
    route = edge.on("/merge").respond(429, headers={"retry-after": "0"})
    with pytest.raises(Refusal):
        await edge.wire.call(MERGE, FIRST)
    assert route.call_count == 3


async def test_exhausted_quota_is_known_before_the_next_call(edge: Edge, github: Any) -> None:
    reset = str(int(github.clock.now().timestamp()) + 90)
    told = {
        "x-ratelimit-limit": "5000",
        "x-ratelimit-remaining": "0",
        "x-ratelimit-reset": reset,
    }
    route = edge.on("/sweep").respond(json={}, headers=told)
    await edge.wire.call(SWEEP, FIRST)
    with pytest.raises(ForgeUnavailable, match="it goes on in 90 s"):
        await edge.wire.call(SWEEP, FIRST)
    assert route.call_count == 1
    assert [figures.remaining for figures in edge.schedules.figures()] == [0]


async def test_call_that_others_keep_waiting_gives_up_after_ten_seconds(edge: Edge) -> None:
    gate = asyncio.Event()

    async def slow(_: httpx.Request) -> httpx.Response:
        await gate.wait()
        return httpx.Response(200, json={})

    edge.on("/sweep").mock(side_effect=slow)
    schedules = Schedules(Limits(at_once=1), Pulse(edge.hand.now, edge.hand.after))
    edge.wire._schedules = schedules
    first = asyncio.create_task(edge.wire.call(SWEEP, FIRST))
    await settle()
    second = asyncio.create_task(edge.wire.call(SWEEP, FIRST))
    await settle()
    await edge.hand.move(10.0)
    with pytest.raises(ForgeUnavailable, match="no room for sweep"):
        await second
    gate.set()
    assert (await first).status == 200
    assert schedules.figures()[0].waiting == 0


async def test_call_that_is_cancelled_leaves_the_queue_and_the_next_one_starts(edge: Edge) -> None:
    schedule = Schedules(Limits(at_once=1), Pulse(edge.hand.now, edge.hand.after)).of(5)
    order: list[str] = []
    leave = asyncio.Event()

    async def take(name: str) -> None:
        async with schedule.turn("sweep", Cost()):
            order.append(name)
            await leave.wait()

    tasks = [asyncio.create_task(take(name)) for name in ("a", "b", "c")]
    await settle()
    tasks[1].cancel()
    tasks[0].cancel()
    await settle()
    assert order == ["a", "c"]
    leave.set()
    await tasks[2]
    assert (schedule.figures().waiting, schedule.figures().running) == (0, 0)
    assert all(alarm.off for alarm in edge.hand.alarms)


async def test_content_is_paced_while_reads_go_on(edge: Edge) -> None:
    edge.on("/merge").respond(json={})
    edge.on("/sweep").respond(json={})
    for _ in range(3):
        await edge.wire.call(MERGE, FIRST)
    with pytest.raises(ForgeUnavailable) as caught:
        await edge.wire.call(MERGE, FIRST)
    assert caught.value.retry_after == 60
    await edge.wire.call(SWEEP, FIRST)


@pytest.mark.parametrize(
    ("request_", "cost"),
    [
        (SWEEP, Cost()),
        (MERGE, Cost(5, content=True)),
        (Request("remove label", "DELETE", "/x"), Cost(5)),
        (
            Request("sweep", "POST", GRAPHQL, body={"query": "query { x }"}),
            Cost(1, False, "graphql"),
        ),
        (
            Request("enqueue", "POST", GRAPHQL, body={"query": "mutation { x }"}),
            Cost(5, True, "graphql"),
        ),
    ],
)
def test_calls_cost_what_github_says(request_: Request, cost: Cost) -> None:
    assert cost_of(request_) == cost


def test_every_purpose_in_the_code_has_an_urgency() -> None:
    """A call is made by `on(ref, PURPOSE, …)`, `Request(PURPOSE, …)`, `ask` or `change`."""
    folder = Path(package.__file__).parent
    pattern = re.compile(
        r"(?:\bon\(\s*ref,\s*|\bRequest\(\s*|\b(?:ask|change)\([^\"()]*(?:\[0\]\.ref,\s*)?)\"([a-z ]+)\"",
        re.DOTALL,
    )
    found = {name for file in folder.glob("*.py") for name in pattern.findall(file.read_text())}
    assert found == set(URGENCY)

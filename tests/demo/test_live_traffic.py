"""Live traffic and load, against real processes of the base and of its patched variants."""

import asyncio
import functools
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace

import httpx
import pytest

from grace.demo.service import ServiceProcess, ServiceSpec
from grace.demo.traffic import Counts, Traffic, TrafficSpec

Spec = Callable[[str], ServiceSpec]
Until = Callable[[Callable[[], bool]], Awaitable[None]]


def has_answers(traffic: Traffic, count: int) -> bool:
    return traffic.counts.answered >= count


async def gauge(client: httpx.AsyncClient, name: str) -> float:
    page = (await client.get("/metrics")).text
    found = re.search(rf"^{name} (\S+)$", page, re.MULTILINE)
    assert found, page
    return float(found[1])


async def push_orders(client: httpx.AsyncClient, count: int, senders: int = 16) -> None:
    """Post `count` orders as fast as `senders` connections get answers."""
    numbers = iter(range(count))

    async def send() -> None:
        for number in numbers:
            event = {"id": f"load-{number}", "topic": "orders.created"}
            answer = await client.post("/events", json=event)
            assert answer.status_code == 202

    await asyncio.gather(*(send() for _ in range(senders)))


@pytest.mark.parametrize(("variant", "low", "high"), [("base", 100, 1e6), ("right", 0, 50)])
async def test_load_drives_p95_past_the_target_in_the_base_alone(
    spec: Spec, variant: str, low: float, high: float
) -> None:
    service = ServiceProcess(spec(variant))
    async with service, httpx.AsyncClient(base_url=service.spec.url, timeout=30) as client:
        await push_orders(client, 150)
        assert low < await gauge(client, "trigger_mesh_latency_p95_ms") < high


async def test_live_traffic_breaks_the_regression_and_not_the_base(
    spec: Spec, until: Until
) -> None:
    rates: dict[str, float] = {}
    for variant in ("base", "regress"):
        service = ServiceProcess(spec(variant))
        traffic = Traffic(TrafficSpec(service.spec.url, rate=150))
        async with service, traffic, httpx.AsyncClient(base_url=service.spec.url) as client:
            await until(functools.partial(has_answers, traffic, 300))
            rates[variant] = await gauge(client, "trigger_mesh_error_rate_percent")
            assert traffic.counts.refused == traffic.counts.unreachable == 0
            assert (traffic.counts.failed > 0) == (variant == "regress")
    assert rates["base"] == 0
    assert rates["regress"] > 20


async def test_traffic_lives_through_a_restart(spec: Spec, until: Until) -> None:
    async with Traffic(TrafficSpec(spec("right").url, rate=100)) as traffic:
        async with ServiceProcess(spec("right")):
            await until(lambda: traffic.counts.accepted > 5)
        gone = traffic.counts.unreachable
        await until(lambda: traffic.counts.unreachable > gone + 3)
        before = traffic.counts
        async with ServiceProcess(spec("right")):
            await until(lambda: (traffic.counts - before).accepted > 5)
        assert traffic.counts.error_rate == 0


async def test_stop_ends_the_sending_and_start_begins_again(spec: Spec, until: Until) -> None:
    async with ServiceProcess(spec("right")) as service:
        traffic = Traffic(TrafficSpec(service.spec.url, rate=200))
        await traffic.start()
        with pytest.raises(RuntimeError, match="runs already"):
            await traffic.start()
        await until(lambda: traffic.counts.accepted > 0)
        stopped = await traffic.stop()
        assert await traffic.stop() == stopped
        await traffic.start()
        await until(lambda: traffic.counts.sent > stopped.sent)
        await traffic.stop()


async def test_service_that_hangs_sheds_instead_of_piling_up(until: Until) -> None:
    hung_up = 0

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal hung_up
        await reader.read()
        writer.close()
        await writer.wait_closed()
        hung_up += 1

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        spec = TrafficSpec(f"http://127.0.0.1:{port}", rate=300, in_flight=4)
        async with Traffic(spec) as traffic:
            await until(lambda: traffic.counts.shed > 10)
        assert traffic.counts.sent == 4
        await until(lambda: hung_up == 4)


def test_error_rate_is_unknown_without_answers() -> None:
    assert Counts(sent=3, unreachable=3).error_rate is None
    assert Counts(sent=4, accepted=1, failed=1, refused=2).error_rate == 25
    assert replace(Counts(), sent=3) - Counts(sent=1) == Counts(sent=2)

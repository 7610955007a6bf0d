"""`/events`: the same entries as Server-Sent Events."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest

from grace.domain.access import Reach
from grace.web.live import LiveLimits
from support.live_world import MESH, SHOP, WHO, Followed, followed, frames, hello, positions, until


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Followed]:
    async with followed(tmp_path, LiveLimits(heartbeat_s=0.2, review_s=0.1)) as made:
        yield made


@asynccontextmanager
async def listening(
    world: Followed, query: str = "", **headers: str
) -> AsyncIterator[aiohttp.ClientResponse]:
    async with world.session.get(
        f"{world.url}/events{query}", headers={WHO: "ann", **headers}
    ) as answer:
        yield answer


async def event(answer: aiohttp.ClientResponse) -> dict[str, str]:
    """Read the next event that has data."""
    fields: dict[str, str] = {}
    async with asyncio.timeout(5):
        while True:
            line = (await answer.content.readline()).decode().rstrip("\n")
            if line:
                name, _, value = line.partition(": ")
                fields[name] = value
            elif "data" in fields:
                return fields
            else:
                fields = {}


async def greeted(answer: aiohttp.ClientResponse) -> dict[str, object]:
    first = await event(answer)
    assert first["event"] == "hello"
    said: dict[str, object] = json.loads(first["data"])["hello"]
    return said


async def test_events_are_the_sockets_messages(world: Followed) -> None:
    async with listening(world) as answer, world.socket() as socket:
        assert answer.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        assert answer.headers["Cache-Control"] == "no-store"
        assert (await greeted(answer))["position"] == 0
        await hello(socket)
        await world.tell(3)
        told = [await event(answer) for _ in range(4)]
        texts = await frames(socket, 4)
    assert [e["data"] for e in told] == texts
    assert [int(e["id"]) for e in told] == positions(texts) == [1, 2, 3, 4]
    assert world.live.figures().encoded == 4


async def test_a_browser_that_comes_back_says_what_it_saw_last(world: Followed) -> None:
    await world.tell(6)
    await until(lambda: world.live.end == 7)
    async with listening(world, "?after=1&patterns=mission.*", **{"Last-Event-ID": "5"}) as answer:
        assert (await greeted(answer))["after"] == 5
        await world.tell(1, SHOP)
        assert [int((await event(answer))["id"]) for _ in range(3)] == [6, 7, 9]


async def test_a_quiet_line_says_that_it_stands_and_how_far_it_is(world: Followed) -> None:
    async with listening(world, "?patterns=brake.*") as answer:
        await greeted(answer)
        await world.tell(2)
        seen: list[bytes] = []
        async with asyncio.timeout(10):
            while b"id: 3\n" not in seen:
                seen.append(await answer.content.readline())
    assert b": still here\n" in seen
    assert not [line for line in seen if line.startswith(b"data")]


async def test_who_left_makes_room_soon(world: Followed) -> None:
    async with listening(world) as answer:
        await greeted(answer)
        assert world.live.figures().listeners == 1
        answer.close()
    await until(lambda: world.live.figures().listeners == 0)


async def test_who_may_read_no_more_is_told(world: Followed) -> None:
    async with listening(world) as answer:
        await greeted(answer)
        world.door.reaches.clear()
        last = await event(answer)
        assert last["event"] == "dropped"
        assert json.loads(last["data"]) == {
            "code": 1008,
            "reason": "your session or token is over: sign in again",
        }
        assert await answer.content.read() == b""
    async with listening(world) as refused:
        assert refused.status == 401


async def test_what_one_may_not_see_is_not_there(world: Followed) -> None:
    world.door.reaches["ann"] = Reach(logs=frozenset({SHOP.log}))
    async with listening(world, "?after=0") as answer:
        await greeted(answer)
        await world.tell(2, MESH)
        await world.tell(1, SHOP)
        assert [int((await event(answer))["id"]) for _ in range(2)] == [4, 5]


async def test_an_old_proxy_gets_a_plain_body(world: Followed) -> None:
    address = urlsplit(world.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(f"GET /events HTTP/1.0\r\nHost: a\r\n{WHO}: ann\r\n\r\n".encode())
    async with asyncio.timeout(5):
        assert (await reader.readline()).startswith(b"HTTP/1.0 200")
        assert b"chunked" not in (await reader.readuntil(b"\r\n\r\n")).lower()
        await reader.readuntil(b"\n\n")
        await world.tell(1)
        assert (await reader.readuntil(b"\n\n")).startswith(b'id: 1\ndata: {"position":1,')
    writer.close()
    await writer.wait_closed()


async def test_streams_end_with_the_server(tmp_path: Path) -> None:
    async with followed(tmp_path) as world:
        answer = await world.session.get(f"{world.url}/events", headers={WHO: "ann"})
        await greeted(answer)
        world.live.close()
        last = await event(answer)
        assert json.loads(last["data"])["code"] == 1012

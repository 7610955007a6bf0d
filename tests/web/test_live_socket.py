"""`/ws`: everybody gets every entry that exists for them, as it was signed, in order, once."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path

import aiohttp
import pytest

from grace.domain.access import OWN_LOG, Reach
from grace.domain.following import Following, unframed
from grace.web.live import LiveLimits
from support.live_world import (
    KEYS,
    MESH,
    NOW,
    SHOP,
    WHO,
    Followed,
    followed,
    frames,
    hello,
    positions,
    until,
)

Open = Callable[[LiveLimits], AbstractAsyncContextManager[Followed]]
QUICK = LiveLimits(review_s=0.05, stale_s=0.3, close_s=0.5)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Followed]:
    async with followed(tmp_path) as made:
        yield made


@pytest.fixture
async def quick(tmp_path: Path) -> AsyncIterator[Followed]:
    async with followed(tmp_path, QUICK) as made:
        yield made


async def test_an_entry_comes_as_it_was_signed(world: Followed) -> None:
    async with world.socket() as socket:
        greeting = await hello(socket)
        assert (greeting["position"], greeting["after"], greeting["reset"]) == (0, 0, False)
        await world.tell(3)
        texts = await frames(socket, 4)
    assert positions(texts) == [1, 2, 3, 4]
    following = Following(KEYS, whole=True)
    heard = [following.hear(*found) for text in texts if (found := unframed(text.encode()))]
    assert [h.finding for h in heard] == [None] * 4
    assert [h.entry.line for h in heard if h.entry] == await world.store.lines(MESH.log)


async def test_all_get_the_same_bytes_which_are_made_once(world: Followed) -> None:
    async with AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(world.socket()) for _ in range(8)]
        for socket in sockets:
            await hello(socket)
        await world.tell(5)
        received = [await frames(socket, 6) for socket in sockets]
        late = await stack.enter_async_context(world.socket("?after=0"))
        await hello(late)
        received.append(await frames(late, 6))
    assert all(texts == received[0] for texts in received)
    figures = world.live.figures()
    assert (figures.encoded, figures.sent) == (6, 54)


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("?patterns=brake.*", [5]),
        ("?patterns=brake.*,mission.held", [2, 3, 4, 5]),
        ("?patterns=brake.on&patterns=crypto.log_opened", [1, 5]),
        ("?patterns=&mission=", [1, 2, 3, 4, 5]),
        ("?mission=mission_20261122_001", []),
    ],
)
async def test_what_is_not_asked_for_does_not_come(
    world: Followed, query: str, wanted: list[int]
) -> None:
    async with world.socket(query) as socket, world.socket() as all_:
        await hello(socket)
        await hello(all_)
        await world.tell(3)
        await world.tell(1, kind="brake.on")
        assert positions(await frames(all_, 5)) == [1, 2, 3, 4, 5]
        assert positions(await frames(socket, len(wanted))) == wanted
        with pytest.raises(TimeoutError):
            await socket.receive(timeout=0.05)


async def test_who_comes_back_misses_nothing_and_gets_nothing_twice(world: Followed) -> None:
    await world.tell(6)
    async with world.socket("?after=4") as socket:
        assert (await hello(socket))["after"] == 4
        await world.tell(2)
        assert positions(await frames(socket, 5)) == [5, 6, 7, 8, 9]


@pytest.mark.parametrize("ring", [1, 4_000, 10**7])
async def test_resuming_while_entries_are_written_has_no_gap(tmp_path: Path, ring: int) -> None:
    """Whether the past is in memory, partly, or in the store alone."""
    dice = random.Random(ring)
    total = 90

    async def reader(world: Followed) -> list[int]:
        """Read to the end, and break off and come back again and again."""
        seen: list[int] = []
        while not seen or seen[-1] < total:
            async with world.socket(f"?after={seen[-1] if seen else 0}") as socket:
                await hello(socket)
                for _ in range(dice.randint(1, 25)):
                    seen += positions(await frames(socket, 1))
                    if seen[-1] == total:
                        break
        return seen

    async with followed(tmp_path, LiveLimits(ring=ring)) as world:
        reading = [asyncio.create_task(reader(world)) for _ in range(5)]
        for _ in range(44):
            await world.tell(1, dice.choice((MESH, SHOP)))
            await asyncio.sleep(dice.choice((0, 0.002)))
        while await world.store.feed_end() < total:
            await world.tell(1, dice.choice((MESH, SHOP)))
        assert await asyncio.gather(*reading) == [list(range(1, total + 1))] * 5


async def test_what_one_may_not_see_is_not_there(world: Followed) -> None:
    world.door.reaches = {
        "mesh": Reach(logs=frozenset({MESH.log})),
        "none": Reach(),
        "own": Reach(own=True),
        "ann": Reach(logs=None, own=True),
    }
    await world.store.set_kill_switch(on=True, actor="ann", now=NOW)
    async with AsyncExitStack() as stack:
        sockets = {
            who: await stack.enter_async_context(world.socket("?after=0", who))
            for who in ("mesh", "none", "own", "ann")
        }
        for socket in sockets.values():
            await hello(socket)
        await world.tell(2, SHOP)
        await world.tell(1, MESH)
        texts = await frames(sockets["ann"], 9)
        logs = [logged(text) for text in texts]
        assert logs == [*([OWN_LOG] * 2), *([SHOP.log] * 4), *([MESH.log] * 3)]
        assert await frames(sockets["mesh"], 3) == texts[6:]
        assert await frames(sockets["own"], 2) == texts[:2]
        for who in ("mesh", "none", "own"):
            with pytest.raises(TimeoutError):
                await sockets[who].receive(timeout=0.05)


async def test_a_mission_of_another_repository_is_not_there_by_its_name(world: Followed) -> None:
    world.door.reaches = {"mesh": Reach(logs=frozenset({MESH.log}))}
    await world.tell(2, SHOP)
    async with world.socket("?after=0&mission=mission_20261122_001&patterns=*", "mesh") as socket:
        await hello(socket)
        with pytest.raises(TimeoutError):
            await socket.receive(timeout=0.05)


async def test_who_loses_a_repository_sees_no_more_of_it(quick: Followed) -> None:
    async with quick.socket() as socket:
        await hello(socket)
        await quick.tell(1, SHOP)
        assert positions(await frames(socket, 2)) == [1, 2]
        quick.door.reaches["ann"] = Reach(logs=frozenset({MESH.log}))
        asked = quick.door.asked
        await until(lambda: quick.door.asked > asked + 1)
        await quick.tell(1, SHOP)
        await quick.tell(1, MESH)
        assert positions(await frames(socket, 2)) == [4, 5]


async def test_who_is_nobody_any_more_is_told_and_closed(quick: Followed) -> None:
    async with quick.socket() as socket:
        await hello(socket)
        quick.door.reaches.clear()
        last = await socket.receive(timeout=5)
        assert (last.type, last.data) == (aiohttp.WSMsgType.CLOSE, 1008)
        assert last.extra == "your session or token is over: sign in again"


async def test_a_silent_forge_is_borne_for_a_while(quick: Followed) -> None:
    async with quick.socket() as socket:
        await hello(socket)
        quick.door.silent = True
        asked = quick.door.asked
        await until(lambda: quick.door.asked > asked + 1)
        await quick.tell(1)
        assert positions(await frames(socket, 2)) == [1, 2]
        last = await socket.receive(timeout=5)
        assert (last.data, last.extra) == (
            1013,
            "the forge cannot say now what you may see: the forge is silent",
        )


async def test_a_stranger_is_turned_away_before_the_upgrade(world: Followed) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        async with world.socket(who="eve"):
            pass
    assert refused.value.status == 401
    assert world.live.figures().listeners == 0


async def test_places_are_limited(tmp_path: Path) -> None:
    async with followed(tmp_path, LiveLimits(each=1, sockets=2)) as world:
        world.door.reaches |= {"bob": Reach(), "cy": Reach()}
        async with world.socket(), world.socket(who="bob"):
            for who, status in (("ann", 429), ("cy", 503)):
                with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                    async with world.socket(who=who):
                        pass
                assert refused.value.status == status
        await until(lambda: world.live.figures().listeners == 0)
        async with world.socket() as socket:
            await hello(socket)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("after=-1", "after"),
        ("after=x", "after"),
        ("patterns=*.*", "patterns.0"),
        ("mission=1%27+OR+1", "mission"),
    ],
)
async def test_a_wrong_address_is_refused_by_field(world: Followed, query: str, field: str) -> None:
    for path in ("/ws", "/events"):
        async with world.session.get(f"{world.url}{path}?{query}", headers={WHO: "ann"}) as answer:
            assert answer.status == 400
            assert (await answer.json(content_type=None))["errors"][0]["field"] == field


async def test_the_address_speaks_only_websocket(world: Followed) -> None:
    async with world.session.get(f"{world.url}/ws", headers={WHO: "ann"}) as answer:
        assert answer.status == 426
        assert "/events" in (await answer.json(content_type=None))["detail"]


async def test_wishes_may_be_said_over_the_socket(world: Followed) -> None:
    async with world.socket("?patterns=crypto.*") as socket:
        await hello(socket)
        await world.tell(2)
        assert positions(await frames(socket, 1)) == [1]
        await socket.send_json({"subscribe": ["mission.*"], "after": 1})
        greeting = await hello(socket)
        assert (greeting["after"], greeting["patterns"]) == (1, ["mission.*"])
        assert positions(await frames(socket, 2)) == [2, 3]
        await socket.send_json({"subscribe": ["*"]})
        assert (await hello(socket))["after"] == 3
        await world.tell(1, SHOP)
        assert positions(await frames(socket, 2)) == [4, 5]


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("no json", "body"),
        ("{}", "subscribe"),
        ('{"subscribe": []}', "subscribe"),
        ('{"subscribe": ["DROP"]}', "subscribe.0"),
        ('{"subscribe": ["*"], "after": "1"}', "after"),
        ('{"subscribe": ["*"], "token": "x"}', "token"),
    ],
)
async def test_a_message_that_is_none_gets_a_clear_answer(
    world: Followed, text: str, field: str
) -> None:
    async with world.socket() as socket:
        await hello(socket)
        await socket.send_str(text)
        error = json.loads(await socket.receive_str(timeout=5))["error"]
        assert error["errors"][0]["field"] == field
        assert 'send {"subscribe"' in error["detail"]
        last = await socket.receive(timeout=5)
        assert last.data == 1008


async def test_bytes_and_floods_and_long_messages_end_the_socket(world: Followed) -> None:
    async with world.socket() as socket:
        await hello(socket)
        await socket.send_bytes(b"x")
        assert json.loads(await socket.receive_str(timeout=5))["error"]["errors"][0]["field"] == (
            "message"
        )
        assert (await socket.receive(timeout=5)).data == 1008
    async with world.socket() as socket:
        await hello(socket)
        await socket.send_str("x" * 5000)
        assert (await socket.receive(timeout=5)).data == 1009
    async with world.socket() as socket:
        await hello(socket)
        for _ in range(LiveLimits().messages + 1):
            await socket.send_json({"subscribe": ["*"]})
        types = [(await socket.receive(timeout=5)) for _ in range(LiveLimits().messages + 1)]
        assert types[-1].data == 1008
    await until(lambda: world.live.figures().listeners == 0)


async def test_who_asks_for_the_future_begins_now(world: Followed) -> None:
    await world.tell(2)
    await until(lambda: world.live.end == 3)
    async with world.socket("?after=99") as socket:
        greeting = await hello(socket)
        assert (greeting["after"], greeting["reset"]) == (3, True)
        await world.tell(1)
        assert positions(await frames(socket, 1)) == [4]


async def test_who_follows_is_told_that_the_bot_restarts(tmp_path: Path) -> None:
    async with followed(tmp_path) as world:
        opened = await world.session.ws_connect(f"{world.url}/ws", headers={WHO: "ann"})
        await hello(opened)
        await world.tell(1)
        await frames(opened, 2)
        world.live.close()
        last = await opened.receive(timeout=5)
        assert (last.data, last.extra) == (1012, "the bot restarts: come back with after=2")


def logged(text: str) -> str:
    envelope = json.loads(json.loads(text)["entry"]["envelope"])
    log: str = envelope["log"]
    return log

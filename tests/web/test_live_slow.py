"""Nobody waits for who does not read, and who does not read is told and dropped."""

import asyncio
import base64
import json
import socket as sockets
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from grace.domain.access import Reach
from grace.domain.decision import Note
from grace.ports.hub import FeedEntry
from grace.web.live import Live, LiveLimits
from grace.web.live.listener import Ending, Listener
from grace.web.live.wishes import Wishes
from support.live_world import MESH, NOW, WHO, Followed, followed, frames, hello, positions, until

SMALL = LiveLimits(waiting=32_000, close_s=1.5, send_s=0.3)
CURT = replace(SMALL, close_s=0.2)
LARGE = "x" * 40_000


@asynccontextmanager
async def stalled(
    world: Followed, path: str, upgrade: bool = True
) -> AsyncIterator[sockets.socket]:
    """Ask for events, and read nothing but what one does by hand."""
    address = urlsplit(world.url)
    raw = sockets.socket()
    raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
    raw.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(raw, (address.hostname, address.port))
    key = base64.b64encode(bytes(16)).decode()
    lines = [f"GET {path} HTTP/1.1", f"Host: {address.netloc}", f"{WHO}: ann"]
    if upgrade:
        lines += ["Upgrade: websocket", "Connection: Upgrade"]
        lines += [f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13"]
    await loop.sock_sendall(raw, "\r\n".join([*lines, "", ""]).encode())
    try:
        yield raw
    finally:
        raw.close()


async def everything(raw: sockets.socket) -> bytes:
    """Read to the end."""
    loop, got = asyncio.get_running_loop(), b""
    async with asyncio.timeout(10):
        while True:
            try:
                piece = await loop.sock_recv(raw, 1 << 16)
            except ConnectionResetError:
                return got
            if not piece:
                return got
            got += piece


async def large(world: Followed, count: int) -> None:
    for _ in range(count):
        note = Note(kind="mission.held", actor="grace", payload={"reason": LARGE})
        await world.store.record(note, NOW, ref=MESH)


def messages(stream: bytes) -> list[tuple[int, bytes]]:
    """Take a server's frames apart: opcode and content."""
    found, at = [], stream.index(b"\r\n\r\n") + 4
    while at < len(stream):
        size, start = stream[at + 1], at + 2
        if size == 126:
            (size,) = struct.unpack("!H", stream[start : start + 2])
            start += 2
        elif size == 127:
            (size,) = struct.unpack("!Q", stream[start : start + 8])
            start += 8
        found.append((stream[at] & 0x0F, stream[start : start + size]))
        at = start + size
    return found


async def test_a_slow_one_is_told_where_to_go_on_and_others_get_all(tmp_path: Path) -> None:
    async with (
        followed(tmp_path, SMALL) as world,
        stalled(world, "/ws") as slow,
        world.socket() as quick,
    ):
        await hello(quick)
        await until(lambda: world.live.figures().listeners == 2)
        reading = asyncio.create_task(frames(quick, 31))
        await large(world, 30)
        assert positions(await reading) == list(range(1, 32))
        await until(lambda: world.live.figures().dropped == 1)
        *said, (opcode, last) = messages(await everything(slow))
        await until(lambda: world.live.figures().listeners == 1)
    assert opcode == 8
    heard = [json.loads(data)["position"] for op, data in said[1:] if op == 1]
    assert heard == list(range(1, len(heard) + 1))
    assert len(heard) < 31
    assert struct.unpack("!H", last[:2]) == (1013,)
    assert last[2:].decode() == f"too slow: come back with after={heard[-1]}"


async def test_one_that_never_reads_is_cut_off(tmp_path: Path) -> None:
    async with (
        followed(tmp_path, CURT) as world,
        stalled(world, "/ws"),
        stalled(world, "/events", upgrade=False),
    ):
        await until(lambda: world.live.figures().listeners == 2)
        await large(world, 30)
        await until(lambda: world.live.figures().dropped == 2)
        await until(lambda: world.live.figures().listeners == 0)
        await until(lambda: world.connections() == 0)


async def test_one_that_stalls_over_the_past_is_dropped_too(tmp_path: Path) -> None:
    async with followed(tmp_path, CURT) as world:
        await large(world, 30)
        await until(lambda: world.live.end == 31)
        async with stalled(world, "/ws?after=0"), stalled(world, "/events?after=0", upgrade=False):
            await until(lambda: world.live.figures().dropped == 2)
            await until(lambda: world.live.figures().listeners == 0)


async def test_a_slow_event_stream_is_told_and_dropped(tmp_path: Path) -> None:
    async with (
        followed(tmp_path, SMALL) as world,
        stalled(world, "/events", upgrade=False) as slow,
        world.socket() as quick,
    ):
        await hello(quick)
        await until(lambda: world.live.figures().listeners == 2)
        reading = asyncio.create_task(frames(quick, 31))
        await large(world, 30)
        assert len(await reading) == 31
        await until(lambda: world.live.figures().dropped == 1)
        stream = await everything(slow)
        await until(lambda: world.live.figures().listeners == 1)
    assert stream.endswith(b"\r\n0\r\n\r\n")
    last = stream[stream.index(b"event: dropped\ndata: ") :].splitlines()[1]
    words = json.loads(last.removeprefix(b"data: "))
    assert words["code"] == 1013
    newest = int(stream.rsplit(b"\nid: ", 1)[1].split(b"\n")[0]) if b"\nid: " in stream else None
    assert words["reason"] == f"too slow: come back with after={newest}"


class Broken(asyncio.Transport):
    """A transport that fails in a way of which nobody thought."""

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        raise TypeError("broken")


async def test_one_that_breaks_takes_nobody_with_it() -> None:
    reach = Reach(logs=None, own=True)

    class Kept(Broken):
        def __init__(self) -> None:
            super().__init__()
            self.said: list[bytes] = []

        def write(self, data: bytes | bytearray | memoryview) -> None:
            self.said.append(bytes(data))

    class Nothing:
        async def feed_end(self) -> int:
            return 4

        async def feed(self, after: int, limit: int = 500) -> list[FeedEntry]:
            raise AssertionError("nobody is behind")

    async def send(frame: object) -> None:
        raise AssertionError("nobody is behind")

    live = Live(Nothing(), 0, lambda _: None)  # type: ignore[arg-type]
    kept = Kept()
    broken, well = (Listener(t, Wishes(), reach) for t in (Broken(), kept))
    for listener in (broken, well):
        await live.begin(listener)
        await live.follow(listener, send, lambda frame: frame.text)
    entry = FeedEntry(1, "bot", 1, "", None, "crypto.log_opened", b"{}")
    await live.deliver([entry])
    await live.deliver([entry, FeedEntry(2, "bot", 2, "", None, "brake.on", b"{}")])
    assert live.figures().encoded == 2
    assert kept.said == [b'{"position":1,"entry":{}}', b'{"position":2,"entry":{}}']
    assert broken.ended.done()
    assert not well.ended.done()
    # The store is ahead of what was delivered: that is not the future.
    ahead = Listener(kept, Wishes(after=4), reach)
    assert await live.begin(ahead) == (4, False)
    assert ahead.cursor == 4


def test_a_reason_fits_into_a_close_frame_without_breaking_a_letter() -> None:
    reason = Ending(1013, "ä" * 100).reason
    assert len(reason) == 122
    assert reason.decode() == "ä" * 61

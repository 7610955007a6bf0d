"""Many sockets in a process of their own, as cheap as they can be: they read, and note when.

Arguments: port, readers, stalled ones, frames that each reader is to get, file for the receipts.
Prints `ready` when all are greeted, and at the end a line of JSON. The file holds, reader by
reader and frame by frame, when it was there (monotonic clock, ns; 0: never), as 64-bit integers.
"""

import asyncio
import json
import resource
import socket
import struct
import sys
from array import array
from pathlib import Path
from time import monotonic_ns

PATIENCE_S = 90.0
HANDSHAKE = (
    "GET /ws HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nX-Who: {who}\r\nUpgrade: websocket\r\n"
    "Connection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
    "Sec-WebSocket-Version: 13\r\n\r\n"
)
PONG = b"\x8a\x80" + bytes(4)  # empty, masked with zeros
TEXT, CLOSE, PING = 1, 8, 9


class Run:
    """What all readers have in common: the frames as the first one got them."""

    def __init__(self, readers: int, expected: int) -> None:
        self.readers = readers
        self.expected = expected
        self.receipts = array("q", bytes(8 * readers * expected))
        self.first: dict[int, bytes] = {}
        self.start = 0  # the position that the frames are counted from
        self.different = self.received = self.greeted = self.closed = 0
        self.ready = asyncio.Event()
        self.done = asyncio.Event()


class Reader(asyncio.Protocol):
    """One socket that reads."""

    def __init__(self, run: Run, number: int) -> None:
        self._run = run
        self._number = number
        self._rest = b""
        self._open = False
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        now = monotonic_ns()
        data = self._rest + data
        if not self._open:
            head, found, data = data.partition(b"\r\n\r\n")
            if not found:
                self._rest = head
                return
            self._open = True
        while (frame := split(data)) is not None:
            opcode, content, data = frame
            self._take(opcode, content, now)
        self._rest = data

    def _take(self, opcode: int, content: bytes, now: int) -> None:
        run = self._run
        if opcode == PING and self._transport is not None:
            self._transport.write(PONG)
        elif opcode == CLOSE:
            run.closed += 1
        elif content.startswith(b'{"hello"'):
            run.start = json.loads(content)["hello"]["after"]
            run.greeted += 1
            if run.greeted == run.readers:
                run.ready.set()
        else:
            position = int(content[12 : content.index(b",", 12)])
            run.received += 1
            if run.first.setdefault(position, content) != content:
                run.different += 1
            index = position - run.start - 1
            run.receipts[self._number * run.expected + index] = now
            if run.received == run.readers * run.expected:
                run.done.set()


def split(data: bytes) -> tuple[int, bytes, bytes] | None:
    """Take the first frame off; None: it is not all here."""
    if len(data) < 2:
        return None
    size, start = data[1], 2
    if size == 126:
        start = 4
        size = struct.unpack("!H", data[2:4])[0] if len(data) >= 4 else len(data)
    elif size == 127:
        start = 10
        size = struct.unpack("!Q", data[2:10])[0] if len(data) >= 10 else len(data)
    end = start + size
    return (data[0] & 0x0F, data[start:end], data[end:]) if len(data) >= end else None


async def stall(port: int, who: str) -> socket.socket:
    """Open a socket that never reads, with hardly any room for what is sent to it."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    made.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(made, ("127.0.0.1", port))
    await loop.sock_sendall(made, HANDSHAKE.format(port=port, who=who).encode())
    return made


async def listen(port: int, readers: int, stalled: int, expected: int) -> Run:
    """Read until everything is there, or patience is over."""
    loop, run = asyncio.get_running_loop(), Run(readers, expected)
    kept = [await stall(port, f"user{n % 20}") for n in range(stalled)]
    for number in range(readers):
        transport, _ = await loop.create_connection(
            lambda number=number: Reader(run, number), "127.0.0.1", port
        )
        transport.write(HANDSHAKE.format(port=port, who=f"user{number % 20}").encode())
        if number % 50 == 49:
            await asyncio.sleep(0.01)
    async with asyncio.timeout(PATIENCE_S):
        await run.ready.wait()
    print("ready", flush=True)  # noqa: T201 - told to the parent
    try:
        async with asyncio.timeout(PATIENCE_S):
            await run.done.wait()
    except TimeoutError:
        pass  # the parent counts what is missing
    for made in kept:
        made.close()
    return run


def main() -> None:
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    port, readers, stalled, expected = (int(text) for text in sys.argv[1:5])
    run = asyncio.run(listen(port, readers, stalled, expected))
    file = Path(sys.argv[5])
    file.write_bytes(run.receipts.tobytes())
    lines = [run.first[position].decode() for position in sorted(run.first)]
    file.with_suffix(".lines").write_text("\n".join(lines))
    told = {"received": run.received, "different": run.different, "closed": run.closed}
    print(json.dumps(told))  # noqa: T201 - told to the parent


if __name__ == "__main__":
    main()

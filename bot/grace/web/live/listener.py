"""One who listens: what it may see, how far it is, and why it ends."""

import asyncio
from dataclasses import dataclass
from socket import SO_SNDBUF, SOL_SOCKET
from typing import Final

from grace.domain.access import Reach
from grace.ports.hub import FeedEntry
from grace.web.live.frames import Frame
from grace.web.live.wishes import Wishes

REASON_BYTES: Final = 123  # what fits into a close frame beside its code (RFC 6455, section 5.5)
KERNEL_BYTES: Final = 128 * 1024  # what the kernel may keep for one that does not read
GONE: Final = 1000
RESTART: Final = 1012
TRY_LATER: Final = 1013
ENDED: Final = 1008
FAULT: Final = 1011


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a stream ends: a close code of RFC 6455, and a sentence for the other side."""

    code: int
    sentence: str

    @property
    def reason(self) -> bytes:
        """Return the sentence as far as it fits into a close frame."""
        return self.sentence.encode()[:REASON_BYTES].decode("utf-8", "ignore").encode()


class Listener:
    """A connection that frames are written to, without ever waiting for it.

    `most`: how many bytes may wait for it in this process; whoever lets more gather is dropped.
    `cursor`: every wanted entry up to this position was written.
    """

    def __init__(self, transport: asyncio.Transport, wishes: Wishes, reach: Reach) -> None:
        self.wishes = wishes
        self.reach = reach
        self.cursor = 0
        self.ended: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()
        self._transport = transport
        made = transport.get_extra_info("socket")
        if made is not None:
            made.setsockopt(SOL_SOCKET, SO_SNDBUF, KERNEL_BYTES)

    @property
    def waiting(self) -> int:
        """Return how many bytes wait for it."""
        return self._transport.get_write_buffer_size()

    @property
    def gone(self) -> bool:
        """Tell whether nobody is there any more."""
        return self._transport.is_closing()

    def wants(self, entry: Frame | FeedEntry) -> bool:
        """Tell whether an entry is wanted, and exists for this reader."""
        return self.reach.sees(entry.log) and self.wishes.want(entry.mission, entry.kind)

    def write(self, data: bytes, most: int) -> bool:
        """Write without waiting; False: more than `most` bytes wait already."""
        if self.waiting > most:
            return False
        if not self.gone:
            self._transport.write(data)
        return True

    def end(self, code: int, sentence: str) -> None:
        """End the stream; the first reason counts."""
        if not self.ended.done():
            self.ended.set_result(Ending(code, sentence))

    async def cut(self, patience_s: float) -> None:
        """Break the connection off, once what waits is written or patience is over."""
        loop = asyncio.get_running_loop()
        end = loop.time() + patience_s
        while self.waiting and loop.time() < end:  # noqa: ASYNC110 - transports tell nobody
            await asyncio.sleep(0.05)
        self._transport.abort()

"""Entries as they go over the wire: each is encoded once, and the same bytes are for everybody."""

import struct
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from grace.ports.hub import FeedEntry

_TEXT: Final = 0x81  # the last frame of a message, of text (RFC 6455, section 5.2)
_SHORT: Final = 126
_MEDIUM: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Frame:
    """One entry in all its forms.

    `text`: the message. `socket`: the message as a WebSocket frame. `event`: as a Server-Sent
    Event; `chunk`: the event as a chunk of a chunked body.
    """

    position: int
    log: str
    mission: str | None
    kind: str
    text: bytes
    socket: bytes
    event: bytes
    chunk: bytes

    @property
    def size(self) -> int:
        """Return about how many bytes it holds in memory."""
        return 4 * len(self.text)


def encode(entry: FeedEntry) -> Frame:
    """Encode an entry; the stored line stands in the message byte for byte."""
    text = b'{"position":%d,"entry":%s}' % (entry.position, entry.line)
    event = b"id: %d\ndata: %s\n\n" % (entry.position, text)
    return Frame(
        position=entry.position,
        log=entry.log,
        mission=entry.mission,
        kind=entry.kind,
        text=text,
        socket=_head(len(text)) + text,
        event=event,
        chunk=chunked(event),
    )


def _head(size: int) -> bytes:
    """Return the head of a text frame from the server, which is not masked."""
    if size < _SHORT:
        return struct.pack("!BB", _TEXT, size)
    if size < _MEDIUM:
        return struct.pack("!BBH", _TEXT, _SHORT, size)
    return struct.pack("!BBQ", _TEXT, _SHORT + 1, size)


def chunked(data: bytes) -> bytes:
    """Return data as one chunk of a chunked body (RFC 9112, section 7.1)."""
    return b"%x\r\n%s\r\n" % (len(data), data)


class Ring:
    """The newest frames, without a gap, for those who come back after a short while.

    Every entry behind position `floor` up to `end` is in it, as long as they fit into `room`
    bytes; the newest one stays, whatever its size.
    """

    def __init__(self, start: int, room: int) -> None:
        self.floor = start
        self.end = start
        self._room = room
        self._size = 0
        self._frames: deque[Frame] = deque()

    def add(self, frame: Frame) -> None:
        """Take the next frame; the oldest ones leave."""
        self._frames.append(frame)
        self.end = frame.position
        self._size += frame.size
        while self._size > self._room and len(self._frames) > 1:
            oldest = self._frames.popleft()
            self.floor = oldest.position
            self._size -= oldest.size

    def behind(self, position: int) -> Iterator[Frame]:
        """Return the frames behind a position that is not below the floor."""
        newer: list[Frame] = []
        for frame in reversed(self._frames):
            if frame.position <= position:
                break
            newer.append(frame)
        return reversed(newer)

"""Many who read the whole past at once leave the store to others."""

import asyncio
from typing import cast

from grace.domain.access import Reach
from grace.ports.hub import FeedEntry, HubStore
from grace.web.live import Live
from grace.web.live.frames import Frame
from grace.web.live.listener import Listener
from grace.web.live.live import AT_ONCE, PAGE
from grace.web.live.wishes import Wishes

END = 20 * PAGE
MANY = 12


class Past:
    """A feed of which each page takes a turn of the loop; it counts who reads at the same time."""

    def __init__(self) -> None:
        self.reading = self.most = self.pages = 0

    async def feed(self, after: int, limit: int = 500) -> list[FeedEntry]:
        self.reading += 1
        self.pages += 1
        self.most = max(self.most, self.reading)
        await asyncio.sleep(0)
        self.reading -= 1
        last = min(after + limit, END)
        return [
            FeedEntry(n, "forge.test/1", n, "", None, "mission.held", b"{}")
            for n in range(after + 1, last + 1)
        ]

    async def feed_end(self) -> int:
        return END


class Wire(asyncio.Transport):
    def get_write_buffer_size(self) -> int:
        return 0


async def test_many_who_begin_at_the_first_entry_read_it_a_few_at_a_time() -> None:
    past = Past()

    async def nobody(_request: object) -> None:
        return None

    live = Live(cast(HubStore, past), END, nobody)
    sent: list[int] = []

    async def send(frame: Frame) -> None:
        sent.append(frame.position)

    async def follow(patterns: tuple[str, ...]) -> Listener:
        wishes = Wishes(patterns=patterns, after=0)
        listener = Listener(Wire(), wishes, Reach(logs=None))
        await live.begin(listener)
        await live.follow(listener, send, lambda frame: frame.text)
        return listener

    listeners = await asyncio.gather(
        follow(("mission.*",)), *(follow(("nothing.such",)) for _ in range(MANY - 1))
    )
    assert {each.cursor for each in listeners} == {END}
    assert sent == list(range(1, END + 1))
    assert past.pages == MANY * END // PAGE
    assert past.most == AT_ONCE

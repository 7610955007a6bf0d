"""Send notifications with apprise, in threads: its services block, each as long as it likes.

A channel's URL holds its secrets. It is never logged or told, and neither is what apprise logs,
which may repeat parts of it: of that only what is known to be harmless is taken.
"""

import asyncio
import logging
import re
import threading
from collections import defaultdict, deque
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, Self

from grace.domain.narration import Tone
from grace.domain.notifying.news import Draft

if TYPE_CHECKING:
    from apprise import Apprise, NotifyType

TIMEOUT_S: Final = 30.0
_THREADS: Final = 4
_RECORDS: Final = 20
_STATUS: Final = re.compile(r"\berror=(\d{3})\b")
_NO_CONNECTION: Final = re.compile(r"connection error", re.IGNORECASE)


class ChannelUnusable(ValueError):
    """A channel whose URL apprise does not understand; the URL itself is not told."""

    def __init__(self, channel: str) -> None:
        super().__init__(f"channel {channel}: its URL is none that apprise knows")
        self.channel = channel


class _Said(logging.Handler):
    """Keep what apprise logs, by thread, for as long as it takes to ask what it means."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._by_thread: dict[int, deque[str]] = defaultdict(lambda: deque(maxlen=_RECORDS))

    def emit(self, record: logging.LogRecord) -> None:
        self._by_thread[record.thread or 0].append(record.getMessage())

    def take(self) -> list[str]:
        """Return and forget what was logged in this thread."""
        return list(self._by_thread.pop(threading.get_ident(), ()))


class AppriseChannels:
    """Send to named channels (`grace.ports.outgoing.Messenger`)."""

    def __init__(self, channels: "Mapping[str, Apprise]", timeout_s: float) -> None:
        self._channels = channels
        self._timeout_s = timeout_s
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="notify")
        self._said = _Said()
        self._logger = logging.getLogger("apprise")
        self._propagated = self._logger.propagate
        self._logger.propagate = False
        self._logger.addHandler(self._said)

    @classmethod
    def open(cls, urls: Mapping[str, str], *, timeout_s: float = TIMEOUT_S) -> Self:
        """Read the URLs of channels; raises `ChannelUnusable`. It takes a third of a second."""
        return cls({name: _channel(name, url) for name, url in urls.items()}, timeout_s)

    async def send(self, channel: str, draft: Draft) -> str | None:
        """Send to a channel; return why it failed, without any secret; None: it was taken."""
        loop = asyncio.get_running_loop()
        call = loop.run_in_executor(self._threads, self._notify, self._channels[channel], draft)
        try:
            async with asyncio.timeout(self._timeout_s):
                return await call
        except TimeoutError:
            return f"did not take the message within {self._timeout_s:g} s"

    def close(self) -> None:
        """Begin nothing more; what is being sent ends by itself."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._logger.removeHandler(self._said)
        self._logger.propagate = self._propagated

    def _notify(self, channel: "Apprise", draft: Draft) -> str | None:
        try:
            taken = channel.notify(
                body=draft.body,
                title=draft.title,
                notify_type=_type(draft.tone),
                body_format="text",
                interpret_escapes=False,
            )
        except Exception as error:  # noqa: BLE001 - of a hundred services; its words may hold secrets
            self._said.take()
            return f"failed: {type(error).__name__}"
        said = self._said.take()
        return None if taken else _reason(said)


def _channel(name: str, url: str) -> "Apprise":
    from apprise import Apprise, AppriseAsset  # noqa: PLC0415 - slow, and only some need it

    asset = AppriseAsset(app_id="Grace", app_desc="Grace Mission Control", async_mode=False)
    channel = Apprise(asset=asset)
    logger = logging.getLogger("apprise")
    quiet = logging.NullHandler()
    propagated, logger.propagate = logger.propagate, False
    logger.addHandler(quiet)
    try:
        usable = channel.add(url) and len(channel) > 0
    finally:
        logger.removeHandler(quiet)
        logger.propagate = propagated
    if not usable:
        raise ChannelUnusable(name)
    return channel


def _type(tone: Tone) -> "NotifyType":
    from apprise import NotifyType  # noqa: PLC0415 - as above

    return {
        Tone.PLAIN: NotifyType.INFO,
        Tone.GOOD: NotifyType.SUCCESS,
        Tone.WAIT: NotifyType.WARNING,
        Tone.BAD: NotifyType.FAILURE,
    }[tone]


def _reason(said: list[str]) -> str:
    """Say why a message was not taken, in words of our own."""
    statuses = [found[1] for line in said if (found := _STATUS.search(line))]
    if statuses:
        return f"the service answered {statuses[-1]}"
    if any(_NO_CONNECTION.search(line) for line in said):
        return "the service cannot be reached"
    return "the service did not take the message"

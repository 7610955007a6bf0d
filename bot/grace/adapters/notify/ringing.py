"""Send notifications with apprise, in threads: its services block, each as long as it likes.

A channel's URL holds its secrets. It is never logged or told, and neither is what apprise logs,
which may repeat parts of it: of that only what is known to be harmless is taken.
"""

import asyncio
import logging
import re
import warnings
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Final, Self

from grace.domain.narration import Tone
from grace.domain.notifying.news import Draft

if TYPE_CHECKING:
    from apprise import Apprise, NotifyType

TIMEOUT_S: Final = 30.0
_THREADS: Final = 4
_STATUS: Final = re.compile(r"\berror=(\d{3})\b")
_NO_CONNECTION: Final = re.compile(r"connection error", re.IGNORECASE)


class ChannelUnusable(ValueError):
    """A channel whose URL apprise does not understand; the URL itself is not told."""

    def __init__(self, channel: str) -> None:
        super().__init__(f"channel {channel}: its URL is none that apprise knows")
        self.channel = channel


class AppriseChannels:
    """Send to named channels (`grace.ports.outgoing.Messenger`)."""

    def __init__(self, channels: "Mapping[str, Apprise]", timeout_s: float) -> None:
        self._channels = channels
        self._timeout_s = timeout_s
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="notify")
        self._unheard = ExitStack()
        self._unheard.enter_context(_unheard())

    @classmethod
    def open(cls, urls: Mapping[str, str], *, timeout_s: float = TIMEOUT_S) -> Self:
        """Read the URLs of channels; raises `ChannelUnusable`. The first takes a second."""
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
        self._unheard.close()

    def _notify(self, channel: "Apprise", draft: Draft) -> str | None:
        try:
            result = channel.notify(
                body=draft.body,
                title=draft.title,
                notify_type=_type(draft.tone),
                body_format="text",
                interpret_escapes=False,
            )
            return None if result else _reason([entry.message for entry in result.logs()])
        except Exception as error:  # noqa: BLE001 - of a hundred services; its words may hold secrets
            return f"failed: {type(error).__name__}"


def _channel(name: str, url: str) -> "Apprise":
    with _unheard(), warnings.catch_warnings():
        # Some of its services import what Python deprecates.
        warnings.simplefilter("ignore", DeprecationWarning)
        from apprise import Apprise, AppriseAsset  # noqa: PLC0415 - slow, and only some need it

        asset = AppriseAsset(app_id="Grace", app_desc="Grace Mission Control", async_mode=False)
        channel = Apprise(asset=asset)
        usable = channel.add(url) and len(channel) > 0
    if not usable:
        raise ChannelUnusable(name)
    return channel


@contextmanager
def _unheard() -> Iterator[None]:
    """Keep to itself what apprise and the HTTP library below it log: it may hold the URL."""
    nobody = logging.NullHandler()
    loggers = [logging.getLogger(name) for name in ("apprise", "urllib3")]
    before = [logger.propagate for logger in loggers]
    for logger in loggers:
        logger.propagate = False
        logger.addHandler(nobody)
    try:
        yield
    finally:
        for logger, propagated in zip(loggers, before, strict=True):
            logger.removeHandler(nobody)
            logger.propagate = propagated


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

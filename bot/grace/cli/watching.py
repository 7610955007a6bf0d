"""Where `grace watch` hears of entries: from a running bot's socket, or from the store itself."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import aiohttp

from grace.adapters.keys import KeyMaterialError, PublicKeys
from grace.adapters.sqlite.hub_reader import HubReader
from grace.domain.following import unframed
from grace.domain.render import one_line
from grace.domain.signing import PUBLIC_KEY_BYTES, NotCanonicalError, decode64
from grace.domain.topics import EVERYTHING, any_matches

LARGEST: Final = 64 * 1024 * 1024
LOOK_S: Final = 0.5
PAGE: Final = 200
ENDED: Final = 1008
_FINAL: Final = frozenset({400, 401, 403, 404, 426})

Line = tuple[int, bytes]
Say = Callable[[str], None]


class CannotWatch(Exception):
    """Nothing can be heard, and waiting does not help; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be heard: from behind position `after` on; None: from now on."""

    patterns: tuple[str, ...] = (EVERYTHING,)
    mission: str | None = None
    after: int | None = None

    @property
    def whole(self) -> bool:
        """Tell whether every entry of a log is to be heard."""
        return EVERYTHING in self.patterns and self.mission is None

    def query(self) -> dict[str, str]:
        """Return it as parameters of an address."""
        given = {"patterns": ",".join(self.patterns)}
        if self.mission is not None:
            given["mission"] = self.mission
        if self.after is not None:
            given["after"] = str(self.after)
        return given


@dataclass(frozen=True, slots=True)
class Patience:
    """How long is waited before the next try to connect, in seconds, and at most."""

    first_s: float = 0.5
    last_s: float = 30.0

    def after(self, tries: int) -> float:
        return min(self.first_s * 2.0**tries, self.last_s)


class Bot:
    """A running bot, asked with a token."""

    def __init__(self, url: str, token: str, say: Say, patience: Patience | None = None) -> None:
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._say = say
        self._patience = patience or Patience()

    async def keys(self) -> PublicKeys:
        """Ask which keys sign the ledger; `CannotWatch` when that cannot be answered."""
        url = f"{self._url}/mission-control/keys"
        try:
            async with self._session() as session, session.get(url) as answer:
                if not answer.ok:
                    raise CannotWatch(refusal(answer.status, await answer.text()))
                listed = (await answer.json())["keys"]
        except (aiohttp.ClientError, TimeoutError) as error:
            raise CannotWatch(f"the bot at {self._url} does not answer: {error}") from error
        try:
            raw = [decode64(key["public_key"], PUBLIC_KEY_BYTES) for key in listed]
            return PublicKeys(*raw)
        except (KeyError, TypeError, NotCanonicalError, KeyMaterialError) as error:
            raise CannotWatch(f"{url} does not answer with keys: {error}") from error

    async def lines(self, wanted: Wanted) -> AsyncGenerator[Line, None]:
        """Hear entries for ever; a connection that breaks is made again where it broke off."""
        tries = 0
        while True:
            try:
                async with self._session() as session, self._open(session, wanted) as socket:
                    async for message in socket:
                        found = unframed(_bytes(message))
                        if found is None:
                            tries = 0
                            self._greeted(message)
                            continue
                        wanted = replace(wanted, after=found[0])
                        yield found
                    self._closed(socket.close_code)
                    reason = f"the bot closed the connection ({socket.close_code})"
            except aiohttp.WSServerHandshakeError as error:
                if error.status in _FINAL:
                    raise CannotWatch(refusal(error.status, "")) from error
                reason = refusal(error.status, "")
            except (aiohttp.ClientError, OSError) as error:
                reason = f"the bot at {self._url} does not answer: {error}"
            wait = self._patience.after(tries)
            tries += 1
            self._say(f"{reason}; trying again in {wait:g} s")
            await asyncio.sleep(wait)

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[aiohttp.ClientSession]:
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=60)
        async with aiohttp.ClientSession(headers=self._headers, timeout=timeout) as session:
            yield session

    @asynccontextmanager
    async def _open(
        self, session: aiohttp.ClientSession, wanted: Wanted
    ) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        async with session.ws_connect(
            f"{self._url}/ws", params=wanted.query(), heartbeat=30, max_msg_size=LARGEST
        ) as socket:
            yield socket

    def _greeted(self, message: aiohttp.WSMessage) -> None:
        """Take a message that is no entry; say where the stream begins when that is a surprise."""
        if message.type is not aiohttp.WSMsgType.TEXT:
            return
        hello = _object(message.data).get("hello")
        if isinstance(hello, dict) and hello.get("reset"):
            position = one_line(str(hello.get("after")))
            self._say(f"the bot's feed ends before what was heard last: from {position} on")

    def _closed(self, code: int | None) -> None:
        if code == ENDED:
            raise CannotWatch("the bot ended it: the token is over, or may see nothing here")


def refusal(status: int, body: str) -> str:
    """Say why the bot refused, in its own words where it gives some."""
    detail = _object(body).get("detail")
    known = {
        401: "the token is missing, wrong or over: set GRACE_TOKEN (`grace token create`)",
        403: "the token may not see this",
        404: "there are no live events at this address: is --url the bot's?",
    }
    words = detail if isinstance(detail, str) else known.get(status, "it gives no reason")
    return f"the bot refuses ({status}): {one_line(words, 300)}"


def _object(text: str) -> dict[str, Any]:
    """Read a JSON object; anything else is an empty one."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _bytes(message: aiohttp.WSMessage) -> bytes:
    return message.data.encode() if message.type is aiohttp.WSMsgType.TEXT else b""


async def stored(path: Path, wanted: Wanted) -> AsyncGenerator[Line, None]:
    """Hear entries of a store on this machine, beside the bot that writes them; `StoreError`."""
    reader = await HubReader.look(path)
    try:
        position = await reader.feed_end() if wanted.after is None else wanted.after
        while True:
            entries = await reader.feed(position, PAGE)
            for entry in entries:
                position = entry.position
                if wanted.mission in {None, entry.mission} and any_matches(
                    wanted.patterns, entry.kind
                ):
                    yield entry.position, entry.line
            if not entries:
                await asyncio.sleep(LOOK_S)
    finally:
        await reader.close()

"""The relay to a model: it holds the key outside of the sandbox, counts, and stops at the budget.

It listens on a unix socket that is shown to the sandbox. A program inside speaks to it as to the
model, with no key; what it may ask is the few paths of the dialects that are known here, at one
address. Nothing of what passes is kept or logged.
"""

import asyncio
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import aiohttp
from aiohttp import web

from grace.agents.judge import AgentError
from grace.agents.metering import Meter, Tokens
from grace.domain.proposals import Usage

MAX_QUESTION: Final = 64 * 1024 * 1024
_START_S: Final = 10.0
# Asked at once; what is under way when the money is used up is still paid.
_AT_ONCE: Final = 4
_SILENT_S: Final = 300.0
_REDIRECTED: Final = re.compile("3")
_MESSAGES: Final = "/v1/messages"
_FREE: Final = frozenset({"/v1/messages/count_tokens", "/v1/models"})
_PAID: Final = frozenset({_MESSAGES, "/v1/chat/completions", "/v1/responses"})
_PASSED_ON: Final = frozenset(
    {"content-type", "accept", "anthropic-version", "anthropic-beta", "openai-beta", "originator"}
)
_PASSED_BACK: Final = frozenset({"content-type", "request-id", "x-request-id", "retry-after"})


@dataclass(frozen=True, slots=True)
class Upstream:
    """Where a model is asked, up to its `/v1`, with which key, and what its tokens cost.

    `price_in`, `price_out`: US dollars for a million tokens; cached ones are counted as read anew.
    """

    url: str
    key: str = field(repr=False)
    price_in: float = 0.0
    price_out: float = 0.0
    money_usd: float = 0.0

    @property
    def is_priced(self) -> bool:
        return self.price_in > 0 or self.price_out > 0

    def cost(self, tokens: Tokens) -> float:
        """Return what an answer cost, in US dollars."""
        return (tokens.read * self.price_in + tokens.written * self.price_out) / 1_000_000


class Relay:
    """Serves one run of an agent."""

    def __init__(self, upstream: Upstream, socket: Path) -> None:
        self._upstream = upstream
        self._base = upstream.url.rstrip("/").removesuffix("/v1")
        self.socket = socket
        self._read = 0
        self._written = 0
        self._spent = 0.0
        self._counted = True
        self._model = ""
        self.refused: str | None = None
        self._slots = asyncio.Semaphore(_AT_ONCE)

    def usage(self) -> Usage:
        """Return what was used until now; the money is measured where prices are known."""
        return Usage(
            tokens_in=self._read,
            tokens_out=self._written,
            money_usd=round(self._spent, 6),
            measured=self._upstream.is_priced and self._counted,
            model=self._model[:100],
        )

    @contextmanager
    def serving(self) -> Iterator["Relay"]:
        """Serve in a thread of its own. Raises `AgentError` where it cannot listen."""
        loop = asyncio.new_event_loop()
        ready: _Ready = _Ready()
        thread = threading.Thread(target=self._run, args=(loop, ready), name="relay", daemon=True)
        thread.start()
        if not ready.event.wait(_START_S) or not ready.listening:
            raise AgentError(f"The relay to the model cannot listen: {ready.error or 'no answer'}.")
        try:
            yield self
        finally:
            loop.call_soon_threadsafe(ready.stop)
            thread.join(_START_S)
            self.socket.unlink(missing_ok=True)

    def _run(self, loop: asyncio.AbstractEventLoop, ready: "_Ready") -> None:
        asyncio.set_event_loop(loop)
        try:
            with asyncio.Runner(loop_factory=lambda: loop) as runner:
                runner.run(self._serve(ready))
        finally:
            ready.event.set()

    async def _serve(self, ready: "_Ready") -> None:
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=30, sock_read=_SILENT_S)
        async with aiohttp.ClientSession(timeout=timeout, auto_decompress=True) as session:
            app = web.Application(client_max_size=MAX_QUESTION)

            async def answer(request: web.Request) -> web.StreamResponse:
                return await self._answer(request, session)

            app.router.add_route("*", "/{path:.*}", answer)
            runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
            await runner.setup()
            try:
                await web.UnixSite(runner, str(self.socket)).start()
                await ready.until_stopped()
            except OSError as error:
                ready.failed(error)
            finally:
                await runner.cleanup()

    async def _answer(
        self, request: web.Request, session: aiohttp.ClientSession
    ) -> web.StreamResponse:
        path = request.path
        if path not in _PAID | _FREE or request.method not in {"GET", "POST"}:
            return _error(404, f"The relay passes nothing on to {path}.")
        if path in _FREE:
            return await self._pass(request, session, await request.read(), Meter(0, False))
        if (told := self._broke()) is not None:
            self.refused = told
            return _error(403, told)
        async with self._slots:
            asked = await request.read()
            body, streamed = _question(path, asked)
            self._model = _model_in(asked) or self._model
            meter = Meter(len(body), streamed)
            try:
                return await self._pass(request, session, body, meter)
            finally:
                if meter.passed:
                    self._count(meter.tokens())

    def _broke(self) -> str | None:
        """Say that the money is used up, once it is."""
        up = self._upstream
        if not up.is_priced or (up.money_usd > 0 and self._spent < up.money_usd):
            return None
        if up.money_usd <= 0:
            return "The model has a price, and the agent has no money: give it money_usd."
        return (
            f"The money of this run is used up: {self._spent:.2f} of {up.money_usd:.2f} US dollars."
        )

    def _count(self, tokens: Tokens) -> None:
        self._read += tokens.read
        self._written += tokens.written
        self._spent += self._upstream.cost(tokens)
        self._counted = self._counted and tokens.counted

    async def _pass(
        self, request: web.Request, session: aiohttp.ClientSession, body: bytes, meter: Meter
    ) -> web.StreamResponse:
        """Ask the model with the key, and pass its answer back as it comes."""
        url = self._base + request.path
        try:
            async with session.request(
                request.method,
                url,
                data=body or None,
                headers=self._headers(request),
                allow_redirects=False,
            ) as answer:
                if _REDIRECTED.match(str(answer.status)):
                    return _error(502, "The model's address leads elsewhere; correct model_url.")
                kept = {k: v for k, v in answer.headers.items() if k.lower() in _PASSED_BACK}
                response = web.StreamResponse(status=answer.status, headers=kept)
                await response.prepare(request)
                async for chunk in answer.content.iter_any():
                    if answer.status == HTTPStatus.OK:
                        meter.feed(chunk)
                    await response.write(chunk)
                await response.write_eof()
                return response
        except aiohttp.ClientError as error:
            return _error(502, f"The model cannot be reached: {type(error).__name__}.")

    def _headers(self, request: web.Request) -> dict[str, str]:
        headers = {k: v for k, v in request.headers.items() if k.lower() in _PASSED_ON}
        headers["Accept-Encoding"] = "identity"
        if request.path.startswith(_MESSAGES) or "anthropic-version" in request.headers:
            headers["x-api-key"] = self._upstream.key
        else:
            headers["Authorization"] = f"Bearer {self._upstream.key}"
        return headers


class _Ready:
    """The word between the thread that serves and the one that started it."""

    def __init__(self) -> None:
        self.event = threading.Event()
        self.error: OSError | None = None
        self.listening = False
        self._stopped = asyncio.Event()

    async def until_stopped(self) -> None:
        self.listening = True
        self.event.set()
        await self._stopped.wait()

    def stop(self) -> None:
        self._stopped.set()

    def failed(self, error: OSError) -> None:
        self.error = error


def _question(path: str, body: bytes) -> tuple[bytes, bool]:
    """Return what is asked, and whether a stream answers; a stream is told to end with figures."""
    try:
        asked: Any = json.loads(body)
    except ValueError:
        return body, False
    if not isinstance(asked, dict) or asked.get("stream") is not True:
        return body, False
    if path == "/v1/chat/completions":
        options = asked.get("stream_options")
        asked["stream_options"] = (options if isinstance(options, dict) else {}) | {
            "include_usage": True
        }
        return json.dumps(asked).encode(), True
    return body, True


def _model_in(body: bytes) -> str:
    try:
        asked = json.loads(body)
    except ValueError:
        return ""
    model = asked.get("model") if isinstance(asked, dict) else None
    return model if isinstance(model, str) else ""


def _error(status: int, sentence: str) -> web.Response:
    """Answer as both dialects do, so that each client shows the sentence."""
    told = {"type": "error", "error": {"type": "relay", "message": sentence, "code": "relay"}}
    return web.json_response(told, status=status)

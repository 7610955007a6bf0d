"""`/ws`: ledger entries as they were signed, over a WebSocket."""

import asyncio
import json
from collections import deque
from typing import Final

import structlog
from aiohttp import WSMsgType, web
from pydantic import ValidationError

from grace.web.hub import principal_of, reach_of
from grace.web.live.frames import Frame
from grace.web.live.listener import ENDED, GONE, Listener
from grace.web.live.live import LIVE, Live
from grace.web.live.stream import greeting, review, start, stop
from grace.web.live.wishes import Message, wishes_of
from grace.web.problems import Refused, fields_of

MINUTE_S: Final = 60.0
FORM: Final = 'send {"subscribe": ["mission.*"]}, with "mission" and "after" if you like'


async def socket(request: web.Request) -> web.StreamResponse:
    """Send entries, from those that the address names on; a message may ask for others."""
    live = request.app[LIVE]
    principal = principal_of(request)
    wishes = wishes_of(request)
    reach = await reach_of(request)
    limits = live.limits
    answer = web.WebSocketResponse(
        heartbeat=2 * limits.heartbeat_s,
        compress=False,
        max_msg_size=limits.message,
        timeout=limits.close_s,
    )
    if not answer.can_prepare(request):
        raise Refused(426, "this address speaks WebSocket; without it ask /events")
    with live.seat(principal):
        await answer.prepare(request)
        transport = request.transport
        if transport is None:
            return answer  # it left meanwhile
        connection = _Connection(request, answer, Listener(transport, wishes, reach))
        await connection.serve()
    return answer


class _Connection:
    """One open socket: one task hears, one sends, one looks again who reads."""

    def __init__(
        self, request: web.Request, answer: web.WebSocketResponse, listener: Listener
    ) -> None:
        self._request = request
        self._answer = answer
        self._listener = listener
        self._live: Live = request.app[LIVE]
        self._messages: deque[float] = deque(maxlen=self._live.limits.messages)
        self._sending: asyncio.Task[None] | None = None

    async def serve(self) -> None:
        listener, live = self._listener, self._live
        hearing = start(listener, self._hear)
        reviewing = start(listener, lambda: review(self._request, listener))
        try:
            ending = await listener.ended
        finally:
            await stop(hearing, reviewing, self._sending)
            live.leave(listener)
        patience = live.limits.close_s
        try:
            if ending.code != GONE:
                async with asyncio.timeout(patience):
                    await self._answer.close(code=ending.code, message=ending.reason, drain=False)
        except TimeoutError:
            structlog.get_logger("live").info("not heard of again", code=ending.code)
        finally:
            await listener.cut(patience)

    async def _hear(self) -> None:
        """Send what the address asks for, and listen for other wishes."""
        await self._begin()
        async for message in self._answer:
            if message.type is WSMsgType.ERROR:
                break  # too long, or no answer to our pings: closed with its code already
            if self._too_many():
                self._listener.end(ENDED, "you say too much: a few messages a minute are enough")
                return
            if message.type is not WSMsgType.TEXT:
                await self._refuse(({"field": "message", "problem": "is not text"},))
                return
            try:
                wanted = Message.model_validate_json(message.data)
            except ValidationError as error:
                await self._refuse(fields_of(error))
                return
            self._listener.wishes = wanted.wishes().model_copy(
                update={} if wanted.after is not None else {"after": self._listener.cursor}
            )
            await self._begin()
        self._listener.end(GONE, "")

    def _too_many(self) -> bool:
        """Count a message; tell whether there were more than enough within a minute."""
        now, heard = asyncio.get_running_loop().time(), self._messages
        full = len(heard) == heard.maxlen and now - heard[0] < MINUTE_S
        heard.append(now)
        return full

    async def _begin(self) -> None:
        """Say where the stream begins, and begin it; what was sent before is of the one before."""
        await stop(self._sending)
        listener, live, answer = self._listener, self._live, self._answer

        async def send(frame: Frame) -> None:
            await answer.send_frame(frame.text, WSMsgType.TEXT)

        await answer.send_str(await greeting(self._request, listener))
        self._sending = start(
            listener, lambda: live.follow(listener, send, lambda frame: frame.socket)
        )

    async def _refuse(self, errors: tuple[dict[str, str], ...]) -> None:
        """Say what is wrong with a message, and end."""
        error = {"status": 400, "detail": FORM, "errors": errors}
        await self._answer.send_str(json.dumps({"error": error}))
        self._listener.end(ENDED, FORM)

"""`/events`: the same entries as Server-Sent Events, for those who cannot use WebSocket."""

import asyncio
import json

from aiohttp import HttpVersion11, web

from grace.web.hub import principal_of, reach_of
from grace.web.live.frames import Frame, chunked
from grace.web.live.listener import GONE, Listener
from grace.web.live.live import LIVE, Live
from grace.web.live.stream import greeting, review, start, stop
from grace.web.live.wishes import wishes_of

LOOK_S = 1.0
HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",  # nginx would hold events back
}


async def events(request: web.Request) -> web.StreamResponse:
    """Send entries until who reads is gone, too slow, or may read no more."""
    live = request.app[LIVE]
    principal = principal_of(request)
    wishes = wishes_of(request)
    reach = await reach_of(request)
    with live.seat(principal):
        answer = web.StreamResponse(headers=HEADERS)
        answer.force_close()
        await answer.prepare(request)
        transport = request.transport
        if transport is None:
            return answer  # it left meanwhile
        await _serve(request, answer, Listener(transport, wishes, reach))
    return answer


async def _serve(request: web.Request, answer: web.StreamResponse, listener: Listener) -> None:
    """Send what was missed with patience, then each new event without waiting for anybody."""
    live = request.app[LIVE]
    whole = request.version >= HttpVersion11

    async def send(frame: Frame) -> None:
        await answer.write(frame.event)

    def form(frame: Frame) -> bytes:
        return frame.chunk if whole else frame.event

    async def sending() -> None:
        await answer.write(_event("hello", await greeting(request, listener)))
        await live.follow(listener, send, form)
        await _keep_alive(live, listener, whole=whole)

    tasks = start(listener, sending), start(listener, lambda: review(request, listener))
    try:
        ending = await listener.ended
    finally:
        await stop(*tasks)
        live.leave(listener)
    if ending.code != GONE and not listener.gone:
        words = json.dumps({"code": ending.code, "reason": ending.sentence})
        last = _event("dropped", words)
        listener.write(chunked(last) + b"0\r\n\r\n" if whole else last, live.limits.waiting * 2)
    await listener.cut(live.limits.close_s)


async def _keep_alive(live: Live, listener: Listener, *, whole: bool) -> None:
    """Say now and then that the line stands, and how far it is; notice when it was cut."""
    quiet = 0.0
    while not listener.gone:
        await asyncio.sleep(min(LOOK_S, live.limits.heartbeat_s))
        quiet += LOOK_S
        if quiet < live.limits.heartbeat_s:
            continue
        quiet = 0.0
        # An event without data moves the browser's Last-Event-ID and is shown to nobody.
        beat = b": still here\nid: %d\n\n" % listener.cursor
        if not listener.write(chunked(beat) if whole else beat, live.limits.waiting):
            live.drop(listener)
            return
    listener.end(GONE, "")


def _event(name: str, data: str) -> bytes:
    return f"event: {name}\ndata: {data}\n\n".encode()

"""What a socket and an event stream have in common: the greeting, and looking again who reads."""

import asyncio
import json
from collections.abc import Awaitable, Callable

import structlog
from aiohttp import web

from grace.domain.access import Reach
from grace.web.hub import HUB, PRINCIPAL, reach_of
from grace.web.live.listener import ENDED, FAULT, GONE, TRY_LATER, Listener
from grace.web.live.live import LIVE
from grace.web.problems import Refused

_NOT_NOW = 503


async def greeting(request: web.Request, listener: Listener) -> str:
    """Put a listener where it begins, and say where that is, as JSON on one line.

    `reset`: what was asked for lies ahead of the newest entry, so the stream begins at that one.
    """
    newest, reset = await request.app[LIVE].begin(listener)
    keys = request.app[HUB].about.keys
    hello = {
        "position": newest,
        "after": listener.cursor,
        "reset": reset,
        "patterns": listener.wishes.patterns,
        "mission": listener.wishes.mission,
        "keys": [
            {"key_id": key_id, "algorithm": "ed25519", "public_key": public}
            for key_id, public in keys.items()
        ],
    }
    return json.dumps({"hello": hello}, separators=(",", ":"))


async def review(request: web.Request, listener: Listener) -> None:
    """Look again and again whether who reads may still read, and what."""
    live, loop = request.app[LIVE], asyncio.get_running_loop()
    known = loop.time()
    while True:
        await asyncio.sleep(live.limits.review_s)
        try:
            listener.reach = await _reach(request)
        except Refused as refused:
            if refused.status != _NOT_NOW:
                listener.end(ENDED, refused.sentence)
                return
            if loop.time() - known >= live.limits.stale_s:
                listener.end(TRY_LATER, refused.sentence)
                return
        else:
            known = loop.time()


async def _reach(request: web.Request) -> Reach:
    """Return what exists for whoever this request belongs to now."""
    principal = await request.app[LIVE].recognise(request)
    if principal is None:
        raise Refused(401, "your session or token is over: sign in again")
    request[PRINCIPAL] = principal
    return await reach_of(request)


def start(listener: Listener, work: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
    """Begin a part of a stream; a fault of it ends this stream alone."""

    async def guarded() -> None:
        try:
            await work()
        except ConnectionError:
            listener.end(GONE, "")
        except Exception:  # noqa: BLE001 - logged, and told to the one whose stream it was
            structlog.get_logger("live").exception("failed", after=listener.cursor)
            listener.end(FAULT, f"a fault of ours: come back with after={listener.cursor}")

    return asyncio.create_task(guarded())


async def stop(*tasks: asyncio.Task[None] | None) -> None:
    """End parts of a stream."""
    running = [task for task in tasks if task is not None]
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)

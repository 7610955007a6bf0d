"""The one door: every request passes these steps, in this order, or is refused with a problem."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

from aiohttp import web

from grace.web.access.bodies import read_in_time
from grace.web.access.entrance import ACCESS, Access
from grace.web.access.forgery import SAFE, SESSION, require_own_site, require_token
from grace.web.access.headers import secure
from grace.web.access.rates import TooMany
from grace.web.access.recognise import Known, recognise
from grace.web.access.site import STATIC, outside
from grace.web.hub import PRINCIPAL
from grace.web.problems import Refused, problem

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_SIGN_IN: Final = "/sign-in/"
_SIGN_OUT: Final = "/sign-out"
_CLOSING: Final = frozenset({400, 408, 413})


@web.middleware
async def door(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let a request in, with `request[PRINCIPAL]` where it is known who asks."""
    try:
        admitted = await let_in(request)
    except TooMany as refused:
        answer = problem(refused.status, refused.sentence)
        answer.headers["Retry-After"] = str(refused.retry_after)
        return answer
    except Refused as refused:
        answer = problem(refused.status, refused.sentence)
        if refused.status in _CLOSING:
            answer.force_close()
        return answer
    try:
        return await handler(admitted)
    except Refused as refused:
        if refused.status != HTTPStatus.UNAUTHORIZED or not _reads_pages(admitted):
            raise
        onward = quote(admitted.path_qs, safe="")
        return web.Response(status=303, headers={"Location": f"/sign-in?next={onward}"})


def _reads_pages(request: web.Request) -> bool:
    """Tell whether a person's browser asks for a page, who can sign in and come back."""
    return request.method in SAFE and "text/html" in request.headers.get("Accept", "")


async def let_in(request: web.Request) -> web.Request:
    """Return the request with its body read; `Refused` says what is wrong."""
    access = request.app[ACCESS]
    # 1. Machines prove themselves to their own handlers; only their time is short.
    if outside(request.path):
        return await read_in_time(access, request)
    # 2. It was sent to us, and not to a name that somebody else made lead here.
    access.site.require_ours(request)
    if request.path.startswith(STATIC) and request.method in SAFE:
        return request
    # 3. Who asks, and not too often.
    known = await _counted(access, request)
    if known is not None:
        request[PRINCIPAL] = known.principal
    # 4. With a cookie: a page of ours asks.
    if known is not None and known.session_id is not None:
        request[SESSION] = known.session_id
        require_own_site(request)
    # 5. Nobody in particular has anything to write here.
    if known is None and request.method not in SAFE and request.path != _SIGN_OUT:
        raise Refused(401, "send the header Authorization: Bearer TOKEN, or sign in at /sign-in")
    # 6. The body is small and comes at once.
    request = await read_in_time(access, request)
    # 7. With a cookie: a page of this very session asks.
    if SESSION in request:
        await require_token(request)
    return request


async def _counted(access: Access, request: web.Request) -> Known | None:
    """Tell who asks, counted by who it is, and where that is not known by address."""
    rates, address = access.rates, access.site.address(request)
    if request.path.startswith(_SIGN_IN):
        rates.take(f"sign-in {address}", rates.sign_ins)
    try:
        known = await recognise(request)
    except Refused:
        rates.take(f"stranger {address}", rates.strangers)
        raise
    if known is None:
        rates.take(f"stranger {address}", rates.strangers)
        return None
    who = f"{known.principal.kind} {known.principal.id}"
    rates.take(who, rates.reads)
    if request.method not in SAFE:
        rates.take(f"write {who}", rates.writes)
    return known


def guard(app: web.Application) -> None:
    """Put the door in front of an application's routes, and the headers on all its answers.

    Call it after the middleware that turns a handler's `Refused` into a problem was added. A
    browser that asks for a page and is refused with 401 is sent to sign in.
    """
    app.middlewares.append(door)
    app.on_response_prepare.append(secure)

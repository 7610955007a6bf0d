"""How much is read of whoever asks, and how long it is waited for."""

import asyncio

from aiohttp import web

from grace.web.access.entrance import Access
from grace.web.access.site import outside
from grace.web.problems import Refused


async def read_in_time(access: Access, request: web.Request) -> web.Request:
    """Read the whole body; return the request that has it. `Refused` 400, 408 and 413."""
    if not request.can_read_body:
        return request
    limits = access.limits
    if outside(request.path):
        await _read(request, limits.machine_body_s)
        return request
    if (request.content_length or 0) > limits.body:
        raise _too_large(limits.body)
    small = request.clone(client_max_size=limits.body)
    try:
        await _read(small, limits.body_s)
    except web.HTTPRequestEntityTooLarge as error:
        raise _too_large(limits.body) from error
    return small


async def _read(request: web.Request, seconds: float) -> None:
    try:
        await asyncio.wait_for(request.read(), seconds)
    except TimeoutError as error:
        raise Refused(408, f"the body did not arrive within {seconds:g} s") from error
    except web.RequestPayloadError as error:
        raise Refused(400, "the body is not encoded as its headers say") from error


def _too_large(limit: int) -> Refused:
    return Refused(413, f"the body is larger than {limit // 1024} KiB")

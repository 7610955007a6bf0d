"""The API's routes, made from the table, and the pages that describe it."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence

from aiohttp import web

from grace import __version__
from grace.web.api.calling import IN_HAND, JSON, etag_of, named, serve
from grace.web.api.capas import CHANGING
from grace.web.api.filing import PATIENCE, PATIENCE_S
from grace.web.api.openapi import document
from grace.web.api.operation import Operation
from grace.web.api.readable import page
from grace.web.api.table import TABLE


def add_routes(app: web.Application, table: Sequence[Operation] = TABLE) -> None:
    """Serve the API, its OpenAPI document and a page for people."""
    app[IN_HAND] = set()
    app[CHANGING] = asyncio.Lock()
    app.setdefault(PATIENCE, PATIENCE_S)
    for operation in table:
        app.router.add_route(operation.method, operation.path, serve(operation))
    described = document(table, __version__)
    text = json.dumps(described, separators=(",", ":")).encode()
    app.router.add_get("/openapi.json", fixed(text, JSON), allow_head=False)
    app.router.add_get("/api", fixed(page(described).encode(), "text/html"), allow_head=False)


def fixed(body: bytes, media_type: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Make a handler that answers the same each time."""
    etag = etag_of(body)

    async def handle(request: web.Request) -> web.Response:
        if named(request.headers.get("If-None-Match"), etag):
            return web.Response(status=304, headers={"ETag": etag})
        charset = "utf-8" if media_type.startswith("text/") else None
        headers = {"ETag": etag, "Cache-Control": "no-cache"}
        return web.Response(body=body, content_type=media_type, charset=charset, headers=headers)

    return handle

"""The HTTP face: routing, sign-in, rate limits, request log, faults, errors as JSON."""

import asyncio
import hashlib
import json
import re
import uuid
from collections.abc import Awaitable, Callable
from typing import Final

import structlog
from aiohttp import web

from grace.localforge.api import Call, Reply, Route, carry_out
from grace.localforge.auth import Actor, authenticate
from grace.localforge.core import Core
from grace.localforge.errors import ApiError, not_found
from grace.localforge.faults import RequestFault
from grace.localforge.githttp import git_routes
from grace.localforge.graph.endpoint import GraphApi
from grace.localforge.limits import GRAPHQL, HourExhausted, Resource, cost_of
from grace.localforge.pages.site import Pages
from grace.localforge.routes.table import ALL_ROUTES, service_routes
from grace.localforge.watching import Exchange

MAX_BODY: Final = 25 * 1024 * 1024
NOT_MODIFIED: Final = 304
TOO_LARGE: Final = 413

WebHandler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class ForgeServer:
    """Builds the aiohttp application of a forge."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def application(self) -> web.Application:
        """Return the application: API at /api/v3 and at /, services, git."""
        app = web.Application(client_max_size=MAX_BODY)
        app.add_routes(service_routes(self._core))
        pages = Pages(self._core, ALL_ROUTES)
        root = next(route for route in ALL_ROUTES if route.path == "/")
        app.add_routes(pages.front(self._handler(root)))
        graph = GraphApi().route
        for prefix in ("/api/v3", ""):
            for route in (graph, *ALL_ROUTES):
                app.router.add_route(route.method, prefix + route.path, self._handler(route))
        app.router.add_route(graph.method, f"/api{graph.path}", self._handler(graph))
        for git in git_routes(self._core):
            app.router.add_route(git.method, git.path, self._git(git.handler))
        # What the API has comes first: an owner called `users` has no pages.
        app.add_routes(pages.routes(self._unknown))
        app.router.add_route("*", "/{tail:.*}", self._unknown)
        return app

    def _handler(self, route: Route) -> WebHandler:
        template = re.sub(r":[^}]+}", "}", route.path)

        async def handle(request: web.Request) -> web.StreamResponse:
            return await self._answer(request, route, template)

        return handle

    async def _unknown(self, request: web.Request) -> web.StreamResponse:
        async def missing(_call: Call) -> Reply:
            raise not_found()

        route = Route(request.method, "(unknown)", missing)
        return await self._answer(request, route, route.path)

    async def _answer(
        self, request: web.Request, route: Route, template: str
    ) -> web.StreamResponse:
        now = self._core.clock().timestamp()
        actor = Actor("anonymous")
        resource: Resource = "graphql" if template == GRAPHQL else "core"
        try:
            actor = authenticate(self._core, request.headers.get("Authorization"))
            reply = await self._limited(request, actor, route, template)
        except ApiError as error:
            reply = Reply(error.body(), error.status, error.headers)
        except web.HTTPRequestEntityTooLarge:
            reply = Reply({"message": "Payload too large", "status": "413"}, 413)
        except Exception:  # noqa: BLE001 - the boundary: answer 500, log, go on serving
            structlog.get_logger().exception("forge.request_failed", path=request.path)
            reply = Reply({"message": "Server Error", "status": "500"}, 500)
        response = _response(request, reply)
        if response.status == NOT_MODIFIED:
            self._core.limits.charge(actor.caller, resource, -1, now)
        response.headers.update(self._core.limits.headers(actor.caller, resource, now))
        await self._record(request, actor, template, response)
        return response

    async def _record(
        self, request: web.Request, actor: Actor, template: str, response: web.Response
    ) -> None:
        path = request.path.removeprefix("/api/v3")
        self._core.db.insert(
            "calls",
            at=self._core.now(),
            actor=actor.name,
            method=request.method,
            template=template,
            path=path,
            status=response.status,
        )
        if not self._core.watchers:
            return
        body = response.body if isinstance(response.body, bytes) else b""
        sent = b"" if response.status == TOO_LARGE else await request.read()
        seen = Exchange(
            actor.name,
            request.method,
            template,
            path,
            request.query_string,
            sent,
            response.status,
            body,
        )
        for watcher in self._core.watchers:
            watcher(seen)

    async def _limited(
        self, request: web.Request, actor: Actor, route: Route, template: str
    ) -> Reply:
        """Serve a request within the limits of its caller."""
        if template == "/rate_limit":
            return await self._faulty(request, actor, route)
        payload = await request.read() if template == GRAPHQL else b""
        cost = cost_of(request.method, template, payload)
        try:
            self._core.limits.begin(actor.caller, cost, self._core.clock().timestamp())
        except HourExhausted as refusal:
            if template != GRAPHQL:
                raise
            error = {"type": "RATE_LIMIT", "code": "graphql_rate_limit", "message": refusal.message}
            return Reply({"errors": [error]})
        try:
            return await self._faulty(request, actor, route)
        finally:
            self._core.limits.end(actor.caller)

    async def _faulty(self, request: web.Request, actor: Actor, route: Route) -> Reply:
        """Serve a request under the faults a test asked for."""
        fault = self._core.faults.request(request.method, request.path)
        await _hold(fault)
        if fault is not None and fault.status is not None and not fault.after:
            return _failure(fault.status)
        reply = await self._serve(request, actor, route)
        if fault is not None and fault.status is not None:
            return _failure(fault.status)
        return reply

    async def _serve(self, request: web.Request, actor: Actor, route: Route) -> Reply:
        payload = await request.read()
        return await carry_out(route, Call(self._core, actor, request, payload))

    def _git(self, handler: WebHandler) -> WebHandler:
        async def handle(request: web.Request) -> web.StreamResponse:
            try:
                return await self._faulty_git(request, handler)
            except ApiError as error:
                headers = {"WWW-Authenticate": 'Basic realm="GitHub"'}
                return web.Response(
                    status=error.status,
                    text=f"{error.message}\n",
                    headers=headers if error.status == 401 else None,  # noqa: PLR2004 - HTTP's code
                )

        return handle

    async def _faulty_git(self, request: web.Request, handler: WebHandler) -> web.StreamResponse:
        fault = self._core.faults.request(request.method, request.path)
        await _hold(fault)
        if fault is not None and fault.status is not None and not fault.after:
            raise ApiError(fault.status, "Server Error")
        response = await handler(request)
        if fault is not None and fault.status is not None:
            raise ApiError(fault.status, "Server Error")
        return response


async def _hold(fault: RequestFault | None) -> None:
    if fault is not None and fault.seconds:
        await asyncio.sleep(fault.seconds)


def _failure(status: int) -> Reply:
    return Reply({"message": "Server Error", "status": str(status)}, status)


def _response(request: web.Request, reply: Reply) -> web.Response:
    headers = {
        "X-GitHub-Request-Id": uuid.uuid4().hex[:20].upper(),
        "X-GitHub-Media-Type": "github.v3; format=json",
        "X-GitHub-Enterprise-Version": "3.18.0",
        **reply.headers,
    }
    if reply.raw is not None:
        return web.Response(status=reply.status, body=reply.raw, headers=headers)
    if reply.status in {204, 302}:
        return web.Response(status=reply.status, headers=headers)
    body = json.dumps(reply.body).encode()
    headers["Content-Type"] = "application/json; charset=utf-8"
    if request.method == "GET" and reply.status == 200:  # noqa: PLR2004 - HTTP's code
        # A list whose first page stays and that grew a second one has changed too.
        tag = f'"{hashlib.sha256(body + reply.headers.get("Link", "").encode()).hexdigest()}"'
        headers["ETag"] = tag
        if request.headers.get("If-None-Match", "").removeprefix("W/") == tag:
            return web.Response(status=NOT_MODIFIED, headers=headers)
    return web.Response(status=reply.status, body=body, headers=headers)

"""The HTTP server: intake, health and measures; and the hub: API, live events, pages."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from aiohttp import web

from grace.web import alerts, api, live, pages
from grace.web.access import sign_in
from grace.web.access.door import guard
from grace.web.access.entrance import ACCESS, Access
from grace.web.alerts import TAKE_ALERTS, TakeAlerts
from grace.web.api.calling import api_problems
from grace.web.api.outgoing import OUTGOING, Desks
from grace.web.hub import HUB, Hub
from grace.web.intake import (
    INTAKE,
    MAX_BODY,
    Intake,
    ci_results,
    github,
    kill_switch,
    refusals,
)
from grace.web.live import LIVE, Live
from grace.web.pages.rendering import errors_as_pages

Readiness = Callable[[], Awaitable[Mapping[str, str]]]
READINESS: web.AppKey[Readiness] = web.AppKey("readiness")
Exposition = Callable[[], tuple[bytes, str]]
EXPOSITION: web.AppKey[Exposition] = web.AppKey("exposition")


@dataclass(frozen=True, slots=True)
class Served:
    """What the server is made of.

    `readiness` answers what is not well, by part; empty: ready. `exposition` answers the measures
    and their media type.
    """

    intake: Intake
    take_alerts: TakeAlerts
    readiness: Readiness
    exposition: Exposition
    hub: Hub
    access: Access
    live: Live
    desks: Desks


def make_app(served: Served) -> web.Application:
    """Build the application: the door stands in front of every route."""
    app = web.Application(client_max_size=MAX_BODY, middlewares=[refusals])
    guard(app)
    app.middlewares.extend((api_problems, errors_as_pages))
    app[INTAKE] = served.intake
    app[TAKE_ALERTS] = served.take_alerts
    app[READINESS] = served.readiness
    app[EXPOSITION] = served.exposition
    app[HUB] = served.hub
    app[ACCESS] = served.access
    app[LIVE] = served.live
    app[OUTGOING] = served.desks
    add_machine_routes(app)
    for part in (sign_in, api, live, pages):
        part.add_routes(app)
    return app


def add_machine_routes(app: web.Application) -> None:
    """Add what machines call, who prove themselves in their own ways."""
    app.router.add_post("/hooks/github", github)
    app.router.add_post("/ci/results", ci_results)
    alerts.add_routes(app)
    app.router.add_put("/kill-switch", kill_switch)
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/metrics", metrics)


async def healthz(_request: web.Request) -> web.Response:
    """Answer that the process lives."""
    return web.json_response({"status": "alive"})


async def readyz(request: web.Request) -> web.Response:
    """Answer 200 when everything works, else 503 with a sentence for each part that does not."""
    problems = dict(await request.app[READINESS]())
    status = 503 if problems else 200
    words = "degraded" if problems else "ready"
    return web.json_response({"status": words, "problems": problems}, status=status)


async def metrics(request: web.Request) -> web.Response:
    """Answer the process's measures in Prometheus text format."""
    body, media_type = request.app[EXPOSITION]()
    return web.Response(body=body, headers={"Content-Type": media_type})

"""The HTTP server: intake, health, measures."""

from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from grace.web.intake import (
    INTAKE,
    MAX_BODY,
    Intake,
    alertmanager,
    ci_results,
    github,
    kill_switch,
    refusals,
)

Readiness = Callable[[], Awaitable[Mapping[str, str]]]
READINESS: web.AppKey[Readiness] = web.AppKey("readiness")
Exposition = Callable[[], tuple[bytes, str]]
EXPOSITION: web.AppKey[Exposition] = web.AppKey("exposition")


def make_app(intake: Intake, readiness: Readiness, exposition: Exposition) -> web.Application:
    """Build the application.

    `readiness` answers what is not well, by part; empty: ready. `exposition` answers the measures
    and their media type.
    """
    app = web.Application(client_max_size=MAX_BODY, middlewares=[refusals])
    app[INTAKE] = intake
    app[READINESS] = readiness
    app[EXPOSITION] = exposition
    app.router.add_post("/hooks/github", github)
    app.router.add_post("/ci/results", ci_results)
    app.router.add_post("/alerts/alertmanager", alertmanager)
    app.router.add_put("/kill-switch", kill_switch)
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/metrics", metrics)
    return app


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

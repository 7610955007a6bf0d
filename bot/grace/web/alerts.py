"""Alerts over HTTP: proven over their raw bytes, read, stored and answered."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from aiohttp import web

from grace.ports import Delivery
from grace.web.intake import INTAKE
from grace.web.problems import Refused

ORIGIN: Final = "alerts"
NAMED: Final = ("alertmanager", "grafana", "sentry", "pagerduty")
# A body of more than this is read beside the loop, which answers others meanwhile.
_LARGE: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class AlertCall:
    """One call: the source by its path, as `grafana` or `custom/NAME`, and what was sent."""

    name: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    at: datetime


@dataclass(frozen=True, slots=True)
class TakenAlerts:
    """What a call comes to.

    `errors`: alerts that ask for nothing we know, by field, and how many `more` there are.
    `left`: why there is nothing to do. `patient`: the source would stop sending if it were
    refused. `away`: subsystems whose repository has not been reached yet.
    """

    deliveries: tuple[Delivery, ...] = ()
    errors: tuple[dict[str, str], ...] = ()
    more: int = 0
    left: str = ""
    patient: bool = False
    away: tuple[str, ...] = ()


# Prove and read a call; raises `Refused`, and may be called in another thread.
TakeAlerts = Callable[[AlertCall], TakenAlerts]
TAKE_ALERTS: web.AppKey[TakeAlerts] = web.AppKey("take_alerts")


def add_routes(app: web.Application) -> None:
    """Add the doors of alert sources, which prove themselves each in its own way."""
    for name in NAMED:
        app.router.add_post(f"/alerts/{name}", _named(name))
    app.router.add_post("/alerts/custom/{name}", custom)


async def custom(request: web.Request) -> web.Response:
    """Take a call of a source that the configuration describes."""
    return await _take(request, f"custom/{request.match_info['name']}")


def _named(name: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handler(request: web.Request) -> web.Response:
        return await _take(request, name)

    return handler


async def _take(request: web.Request, name: str) -> web.Response:
    intake, take = request.app[INTAKE], request.app[TAKE_ALERTS]
    body = await request.read()
    call = AlertCall(name, dict(request.headers), body, intake.clock.now())
    taken = take(call) if len(body) < _LARGE else await asyncio.to_thread(take, call)
    fresh = [await intake.store.accept(delivery) for delivery in taken.deliveries]
    if any(fresh):
        intake.wake()
    if taken.away:
        raise Refused(503, f"{', '.join(taken.away)} is not reachable at the forge yet")
    if not taken.deliveries:
        return _nothing(request, taken)
    status = "accepted" if any(fresh) else "duplicate"
    intake.count(ORIGIN, status)
    return _answer(status, taken, {"delivery": taken.deliveries[0].delivery_id})


def _nothing(request: web.Request, taken: TakenAlerts) -> web.Response:
    """Answer a call that has nothing to store: refused, or nothing to do."""
    intake = request.app[INTAKE]
    if not taken.errors:
        intake.count(ORIGIN, "ignored")
        return _answer("ignored", taken, {"reason": taken.left})
    if not taken.patient:
        raise Refused(422, "no alert of this webhook can become a mission", taken.errors)
    resource = request.match_info.route.resource
    intake.count("nowhere" if resource is None else resource.canonical, "422")
    return _answer("refused", taken, {})


def _answer(status: str, taken: TakenAlerts, more: Mapping[str, str]) -> web.Response:
    body: dict[str, object] = {"status": status, **more}
    if taken.errors:
        body["errors"] = list(taken.errors)
    if taken.more:
        body["more_errors"] = taken.more
    return web.json_response(body, status=202)

"""Pages of what is kept about people and promises: trust and its history, and the CAPAs."""

from typing import Annotated, Final

from aiohttp import web
from pydantic import BeforeValidator, ValidationError

from grace.domain.base import Frozen
from grace.domain.capa import Capa, CapaState
from grace.domain.capas import overdue
from grace.domain.phase import Severity
from grace.ports.hub import BadCursor
from grace.web.api.calling import etag_of
from grace.web.api.claims import REMEMBERED
from grace.web.hub import HUB, principal_of, reach_of
from grace.web.pages.paging import asked_for
from grace.web.pages.rendering import page
from grace.web.pages.trust_view import HEIGHT, WIDTH, history_of, records
from grace.web.problems import Refused

ON_PAGE: Final = 25


def _blank(value: object) -> object:
    return None if value == "" else value


class OfAgent(Frozen):
    """Whose history is wanted; without an agent only the scores are shown."""

    agent: str = ""
    subsystem: str = ""
    severity: Severity = Severity.LOW


async def trust(request: web.Request) -> web.Response:
    """Show how far each agent is trusted, and of one how that came about."""
    try:
        wanted = OfAgent.model_validate(dict(request.query))
    except ValidationError as error:
        raise Refused(422, "No such history: choose one in the table.") from error
    hub, reach = request.app[HUB], await reach_of(request)
    now = hub.clock.now()
    histories = [
        (name, await hub.store.outcomes(name, log=ref.log, newest=REMEMBERED))
        for name, ref in sorted(hub.refs.items())
        if reach.sees(ref.log)
    ]
    context: dict[str, object] = {
        "wanted": wanted,
        "records": records(histories, now),
        "history": None,
        "size": (WIDTH, HEIGHT),
    }
    if wanted.agent:
        mine = dict(histories).get(wanted.subsystem, ())
        if not any(each.agent == wanted.agent for each in mine):
            raise Refused(404, "There is no agent of this name with a record for you.")
        context["history"] = history_of(mine, wanted.agent, wanted.severity, now)
    return await page(request, "trust", context)


class WhichCapas(Frozen):
    """Which CAPAs are wanted."""

    state: Annotated[CapaState | None, BeforeValidator(_blank)] = None
    overdue: Annotated[bool | None, BeforeValidator(_blank)] = None
    after: Annotated[str | None, BeforeValidator(_blank)] = None


class CapaShown(Frozen):
    """One CAPA with what its form needs; `etag` names what was read, so that nothing is lost."""

    capa: Capa
    overdue: bool
    etag: str
    url: str


async def capas(request: web.Request) -> web.Response:
    """Show the register, with forms to change a CAPA and to open one."""
    wanted = asked_for(request, WhichCapas)
    hub, reach = request.app[HUB], await reach_of(request)
    now = hub.clock.now()
    try:
        found, following = await hub.capas.page(
            reach.logs,
            state=wanted.state,
            overdue=wanted.overdue,
            after=wanted.after,
            limit=ON_PAGE,
        )
    except BadCursor as error:
        raise Refused(422, "This page of the register is not there: begin at the first.") from error
    shown = [
        CapaShown(
            capa=each,
            overdue=overdue(each, now),
            etag=etag_of(each.model_dump_json().encode()),
            url=each.issue_url if each.issue_url.startswith(("https://", "http://")) else "",
        )
        for each in found
    ]
    context: dict[str, object] = {
        "wanted": wanted,
        "shown": shown,
        "states": list(CapaState),
        "subsystems": [n for n, ref in sorted(hub.refs.items()) if reach.sees(ref.log)],
        "may_write": principal_of(request).login is not None,
        "following": following and str(request.rel_url.update_query(after=following)),
    }
    return await page(request, "capa", context)

"""CAPAs: the register of what is owed after something went wrong."""

import asyncio
from typing import Annotated, Any, Literal
from uuid import uuid5

from aiohttp import web
from pydantic import Field, StringConstraints

from grace.domain.base import Frozen
from grace.domain.capa import Capa, CapaId, CapaRequest, CapaState, Day, Words
from grace.domain.capas import CapaRefused
from grace.domain.mission import MissionRef
from grace.domain.package import Text
from grace.domain.people import Permission
from grace.domain.phase import Severity
from grace.web.api.calling import etag_of, named
from grace.web.api.filing import ASKED
from grace.web.api.operation import COMMAND, Answer, Call, Operation, Reply, not_there
from grace.web.api.paging import Paged
from grace.web.api.reading import check_permission, place_of
from grace.web.problems import Refused

CAPAS = "/mission-control/capa"
CAPA = f"{CAPAS}/{{capa_id}}"
# One change at a time, so that `If-Match` compares with what is changed.
CHANGING: web.AppKey[asyncio.Lock] = web.AppKey("a CAPA is being changed", asyncio.Lock)


class ListCapas(Paged):
    """Which CAPAs."""

    state: CapaState | None = None
    overdue: Annotated[bool | None, Field(description="open, and past its due date")] = None


class OfCapa(Frozen):
    """Which CAPA."""

    capa_id: Annotated[CapaId, Field(examples=["capa_20261122_001"])]


class CapaList(Frozen):
    """Some CAPAs, the newest first."""

    capas: tuple[Capa, ...]
    next: str | None


class CapaChanges(Frozen):
    """What is changed; what is left out stays.

    `state`: its actions are done (`closed`), or what somebody found about their effect.
    """

    severity: Severity | None = None
    title: (
        Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
        | None
    ) = None
    description: Text | None = None
    owner: Annotated[str, Field(max_length=100)] | None = None
    due_at: Day | None = None
    root_cause: Words | None = None
    corrective_action: Words | None = None
    preventive_action: Words | None = None
    check_at: Day | None = None
    state: Literal[CapaState.CLOSED, CapaState.EFFECTIVE, CapaState.INEFFECTIVE] | None = None

    def changes(self) -> dict[str, object]:
        """List what is changed; a field that must have a value cannot be emptied."""
        given = {name: getattr(self, name) for name in self.model_fields_set}
        empty = [n for n, v in given.items() if v is None and n not in {"owner", "due_at"}]
        empty = [n for n in empty if n != "check_at"]
        if empty or not given:
            words = "cannot be null" if empty else "names no field to change"
            wrong = {"field": empty[0] if empty else "body", "problem": words}
            raise Refused(422, "the body does not fit its schema", (wrong,))
        return given


async def list_capas(call: Call[ListCapas, None]) -> Answer:
    """List the register."""
    given = call.given
    capas, following = await call.hub.capas.page(
        call.reach.logs,
        state=given.state,
        overdue=given.overdue,
        after=given.after,
        limit=given.limit,
    )
    return Answer(CapaList(capas=tuple(capas), next=following), following=following)


async def _capa_of(call: Call[OfCapa, Any]) -> Capa:
    capa = await call.hub.capas.get(call.given.capa_id)
    if capa is None or not call.reach.sees(capa.ref.log):
        raise not_there("CAPA")
    return capa


async def show_capa(call: Call[OfCapa, None]) -> Answer:
    """Show one CAPA."""
    return Answer(await _capa_of(call))


async def open_capa(call: Call[Any, CapaRequest]) -> Answer:
    """Open a CAPA; its issue is filed at the forge."""
    ref = place_of(call, call.body.subsystem_id)
    await check_permission(call, ref, Permission.TRIAGE)
    await _check_mission(call, ref)
    try:
        uid = uuid5(ASKED, f"{call.caller}\n{call.key}\ncapa")
        capa = await call.hub.capas.open(call.body, ref, call.principal.actor, uid)
    except CapaRefused as error:
        raise _refused(error) from error
    return Answer(capa, 201)


def _refused(error: CapaRefused) -> Refused:
    wrong = {"field": error.field, "problem": error.sentence}
    return Refused(422, "the register does not take it", (wrong,))


async def _check_mission(call: Call[Any, CapaRequest], ref: MissionRef) -> None:
    name = call.body.mission_id
    if name is None:
        return
    row = await call.hub.store.mission_row(name, call.hub.clock.now())
    if row is None or row.log != ref.log:
        wrong = {"field": "mission_id", "problem": "is no mission of the subsystem's repository"}
        raise Refused(422, "the body does not fit what is there", (wrong,))


async def change_capa(call: Call[OfCapa, CapaChanges]) -> Answer:
    """Change a CAPA, or say that its actions are done."""
    async with call.request.app[CHANGING]:
        capa = await _capa_of(call)
        await check_permission(call, capa.ref, Permission.WRITE)
        changes = call.body.changes()
        known = etag_of(capa.model_dump_json().encode())
        if call.if_match is not None and not named(call.if_match, known):
            raise Refused(412, "somebody changed it meanwhile: read it again, then change it")
        try:
            changed = await call.hub.capas.change(capa.capa_id, changes, call.principal.actor)
        except CapaRefused as error:
            raise _refused(error) from error
    if changed is None:
        raise not_there("CAPA")
    return Answer(changed)


OPERATIONS = (
    Operation(
        "GET",
        CAPAS,
        "list_capas",
        "List CAPAs, the newest first",
        "CAPA",
        list_capas,
        (Reply(CapaList, "CAPAs of the repositories that you see"),),
        given=ListCapas,
    ),
    Operation(
        "POST",
        CAPAS,
        "open_capa",
        "Open a CAPA; its issue is filed at the forge",
        "CAPA",
        open_capa,
        (Reply(Capa, "the CAPA; `Location` names it", 201),),
        need=COMMAND,
        body=CapaRequest,
        created=CAPA,
        problems=(503,),
        examples={
            "body": {
                "subsystem_id": "trigger_mesh",
                "severity": "high",
                "title": "Deliveries slow down under load",
                "description": "The fix was rolled back: p95 rose again within ten minutes.",
                "owner": "ada",
            }
        },
    ),
    Operation(
        "GET",
        CAPA,
        "show_capa",
        "Show a CAPA",
        "CAPA",
        show_capa,
        (Reply(Capa, "with its `ETag`"),),
        given=OfCapa,
        problems=(404,),
    ),
    Operation(
        "PATCH",
        CAPA,
        "change_capa",
        "Change a CAPA, or close it",
        "CAPA",
        change_capa,
        (Reply(Capa, "as it is now"),),
        need=COMMAND,
        given=OfCapa,
        body=CapaChanges,
        problems=(404, 412, 503),
        examples={"body": {"root_cause": "the queue had no bound"}},
        words="With `If-Match` it changes what was read, or nothing.",
    ),
)

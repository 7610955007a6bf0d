"""CAPAs with a real forge: one that is asked for, closed by hand; one that a mission filed."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from grace.app.capas import Capas, Office
from grace.domain.capa import Capa, CapaRequest, CapaState
from grace.domain.phase import Outcome
from support.flow_look import eventually
from support.flow_mission import REGRESSING, Wanted
from support.flows import Bot, Stage


def register_of(bot: Bot) -> Capas:
    """Look into the register of the running bot, which does the work itself."""
    system = bot.system
    store, forge = system.store, system.forge
    return Capas(Office(store, forge, system.clock, lambda: None, lambda _: None))


def seen(look: Callable[[], Awaitable[Capa | None]], wanted: Callable[[Capa], bool]) -> Any:
    async def found() -> Capa | None:
        capa = await look()
        return capa if capa is not None and wanted(capa) else None

    return found


async def test_issue_is_filed_and_whoever_may_write_closes_it(stage: Stage, bot: Bot) -> None:
    register = register_of(bot)
    request = CapaRequest.model_validate(
        {"subsystem_id": "mesh", "severity": "low", "title": "Slow", "description": "@all: slow"}
    )
    opened = await register.open(request, bot.system.refs["mesh"], "alice")

    async def look() -> Capa | None:
        return await register.get(opened.capa_id)

    capa = await eventually(seen(look, lambda c: c.issue is not None), "the issue")
    (issue,) = await stage.get("/issues", labels="capa")
    assert (issue["number"], issue["user"]["login"]) == (capa.issue, stage.app.bot)
    assert issue["html_url"] == capa.issue_url
    path = f"{stage.path}/issues/{capa.issue}"
    for login, status in (("mallory", 403), ("rita", 200)):
        answer = await stage.client(login).patch(path, json={"state": "closed"})
        assert answer.status_code == status
    closed = await eventually(seen(look, lambda c: c.state is CapaState.CLOSED), "the closing")
    assert closed.closed_by == "rita"
    await stage.client("rita").patch(path, json={"state": "open"})
    await eventually(seen(look, lambda c: c.state is CapaState.OPEN), "the opening")


@pytest.mark.stress
async def test_rolled_back_missions_capa_is_closed_in_the_register(stage: Stage, bot: Bot) -> None:
    async with stage.people():
        issue = await stage.file(Wanted((REGRESSING,)))
        mission = await bot.look.closed(issue, Outcome.ROLLED_BACK)
    register = register_of(bot)
    ((capa,), _) = await register.page(None)
    assert (capa.mission_id, capa.issue) == (mission.name, mission.capa)
    assert capa.fingerprint
    await register.change(capa.capa_id, {"state": "closed", "root_cause": "no bound"}, "rita")

    async def told() -> bool | None:
        found = await bot.system.store.find(mission.name)
        return None if found is None or found[0].capa_closed_at is None else True

    await eventually(told, "the mission hears who closed it")
    assert (await stage.get(f"/issues/{capa.issue}"))["state"] == "closed"
    assert any("no bound" in words for words in await stage.words(capa.issue or 0))
    kinds = [e.envelope.kind for e in await bot.system.store.entries(mission.ref.log)]
    assert kinds.count("capa.closed") == 1
    assert kinds.count("mission.capa_closed") == 1

"""The bot as it runs: tokens that a command made, and what the forge says of people."""

from datetime import UTC, datetime, timedelta

import httpx

from grace.adapters.access.store import SqliteAccess
from grace.app.rights import ForgeRights
from grace.domain.access import OWN_LOG, Principal, Scope
from grace.ports.access import TokenDraft
from support.doors import HeldClock
from support.flow_look import eventually
from support.flows import OWNER, Bot, Stage


async def told(bot: Bot) -> list[tuple[str, str]]:
    entries = await bot.system.store.entries(OWN_LOG)
    return [
        (e.envelope.kind, str((e.payload or {}).get("name")))
        for e in entries
        if e.envelope.kind.startswith("crypto.token")
    ]


async def test_a_token_made_beside_the_bot_works_at_once_and_is_told_to_the_ledger(
    stage: Stage, bot: Bot, web: httpx.AsyncClient
) -> None:
    now = datetime.now(UTC)
    draft = TokenDraft("reader", frozenset({Scope.VIEWER}), now + timedelta(days=1), "root")
    beside = await SqliteAccess.open(stage.data / "access.db")
    try:
        token, text = await beside.create_token(draft, now)
        headers = {"Authorization": f"Bearer {text}"}
        answer = await web.get("/mission-control/status", headers=headers)
        assert answer.status_code == 200, answer.text
        await beside.revoke_token(token.id, "root", now)
        again = await web.get("/mission-control/status", headers=headers)
        assert again.status_code == 401
    finally:
        await beside.close()
    both = [("crypto.token_created", "reader"), ("crypto.token_revoked", "reader")]

    async def heard() -> bool | None:
        return await told(bot) == both or None

    await eventually(heard, "both entries")
    answer = await web.get("/mission-control/status")
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def person(login: str) -> Principal:
    return Principal(kind="person", id=login, login=login, scopes=frozenset({Scope.VIEWER}))


async def test_the_forge_says_for_whom_a_repository_exists(stage: Stage, bot: Bot) -> None:
    await stage.forge.create_user("eve")
    (log,) = {ref.log for ref in bot.system.refs.values()}

    async def seers() -> set[str]:
        rights = ForgeRights(bot.system.forge, bot.system.refs, HeldClock())
        logins = (OWNER, "alice", "mallory", "eve", "nobody-at-all")
        return {login for login in logins if (await rights.reach(person(login))).sees(log)}

    # A public repository is read by everybody whom the forge knows.
    assert await seers() == {OWNER, "alice", "mallory", "eve"}
    owner = stage.client(OWNER)
    assert (await owner.patch(stage.path, json={"private": True})).status_code == 200
    assert await seers() == {OWNER, "alice", "mallory"}
    gone = await owner.delete(f"{stage.path}/collaborators/mallory")
    assert gone.status_code == 204
    assert await seers() == {OWNER, "alice"}


async def test_paths_that_somebody_makes_up_make_no_measures(
    bot: Bot, web: httpx.AsyncClient
) -> None:
    for number in range(3):
        assert (await web.get(f"/missions/made-up-{number}")).status_code == 401
        assert (await web.get(f"/made-up-{number}")).status_code in {401, 404}
    shown = (await web.get("/metrics")).text
    assert "made-up" not in shown
    assert 'origin="/missions/{mission_id}"' in shown

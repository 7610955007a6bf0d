"""A mission whose people use the API alone, and what a token may not do there."""

import httpx
import pytest

from grace.domain.access import Scope
from grace.domain.phase import Outcome, Phase
from support.flow_calls import BODY, caller
from support.flow_look import eventually
from support.flows import Bot, Stage


async def test_mission_is_asked_for_held_and_started_by_the_api(stage: Stage, bot: Bot) -> None:
    async with (
        caller(stage, bot, "alice", Scope.OPERATOR) as alice,
        stage.people(),
    ):
        key = {"Idempotency-Key": "one"}
        made = await alice.post("/mission-control/missions", json=BODY, headers=key)
        assert made.status_code == 201, made.text
        name = made.json()["mission_id"]
        again = await alice.post("/mission-control/missions", json=BODY, headers=key)
        assert again.json()["mission_id"] == name
        mission = await bot.look.closed(1, Outcome.FIXED)
        assert mission.name == name
        assert mission.started_by == "alice"
        issue = await stage.get("/issues/1")
        assert "`alice`, who asked for it by the API" in issue["body"]
        assert issue["user"]["login"] == stage.app.bot
        entries = (await alice.get(f"/mission-control/missions/{name}/entries")).json()
        assert len(entries["entries"]) > 20
        status = (await alice.get("/mission-control/status")).json()
        assert (status["total_missions"], status["resolved_missions"]) == (1, 1)
        await bot.look.nothing_doubled(mission)


async def test_orders_by_the_api_are_what_the_forge_lets_their_giver_do(
    stage: Stage, bot: Bot
) -> None:
    async with (
        caller(stage, bot, "alice", Scope.OPERATOR) as alice,
        caller(stage, bot, "mallory", Scope.ADMIN) as mallory,
        caller(stage, bot, None, Scope.ADMIN) as nobody,
        stage.people(reviewing=False),
    ):
        issue = await stage.file()
        mission = await bot.look.phase(issue, Phase.GATING)
        path = f"/mission-control/missions/{mission.name}"
        for stranger in (mallory, nobody):
            refused = await stranger.post(f"{path}/cancel", json={})
            assert refused.status_code == 403, refused.text
        for reason in ("wait for the release", "and again"):
            held = await alice.post(f"{path}/hold", json={"reason": reason})
            assert held.status_code == 202, held.text
            seen = await bot.look.until(issue, lambda m: m.held is not None)
            assert seen.held is not None
            assert reason in seen.held
            answer = (await alice.get(f"{path}/verdict")).json()
            assert reason in answer["why"]
            await alice.post(f"{path}/resume", json={})
            await bot.look.until(issue, lambda m: m.held is None)
        await alice.post(f"{path}/cancel", json={})
        await bot.look.closed(issue, Outcome.CANCELLED)


async def test_tokens_that_a_command_made_stand_in_the_ledger(stage: Stage, bot: Bot) -> None:
    async with caller(stage, bot, "alice", Scope.VIEWER) as viewer:

        async def told() -> bool | None:
            found = [
                e async for e in bot.system.store.entries_of_kind("bot", ["crypto.token_created"])
            ]
            return bool(found) or None

        await eventually(told, "the token's entry")
        assert (await viewer.get("/mission-control/ledger/bot/entries")).status_code == 404
        refused = await viewer.put("/mission-control/kill-switch", json={"on": True})
        assert refused.status_code == 403


@pytest.mark.parametrize("path", ["/", "/missions/mission_20260101_001", "/ledger"])
async def test_who_is_not_known_is_led_to_the_sign_in(stage: Stage, bot: Bot, path: str) -> None:
    async with httpx.AsyncClient(base_url=bot.url) as client:
        answer = await client.get(path, headers={"Accept": "text/html"})
        assert answer.status_code == 303
        assert answer.headers["Location"].startswith("/sign-in?next=")
        assert (await client.get("/mission-control/status")).status_code == 401

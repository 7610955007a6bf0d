"""A mission whose people use the API alone, and what a token may not do there."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from grace.adapters.access.store import SqliteAccess
from grace.domain.access import Scope
from grace.domain.phase import Outcome, Phase
from grace.ports.access import TokenDraft
from support.flow_look import eventually
from support.flow_mission import GOOD, MUST_PASS, WINDOW_MINUTES
from support.flows import Bot, Stage

# The contract's own body, and a patch beside it.
BODY = {
    "subsystem_id": "mesh",
    "severity": "high",
    "detected_by": "a watcher",
    "assigned_to": "candidate",
    "symptoms": [{"description": "p95 is far too high", "metric_id": "mesh.latency_p95"}],
    "workspace_repo_path": ".",
    "workspace_branch": "main",
    "acceptance_criteria": {
        "must_pass_tests": [MUST_PASS],
        "metric_targets": [
            {
                "metric_id": "mesh.latency_p95",
                "comparator": "<",
                "target": 100,
                "rolling_window_minutes": WINDOW_MINUTES,
            }
        ],
        "observation_window_minutes": WINDOW_MINUTES,
    },
    "trust_requirements": {"requires_governance_approval": False},
    "workspace": {"patch_candidates": [{"name": "first", "diff": GOOD}]},
    "title": "Delivery is slow",
}


@asynccontextmanager
async def caller(
    stage: Stage, bot: Bot, login: str | None, scope: Scope
) -> AsyncIterator[httpx.AsyncClient]:
    """Call the API with a token as `grace token create` makes it, beside the running bot."""
    now = datetime.now(UTC)
    store = await SqliteAccess.open(stage.data / "access.db")
    try:
        draft = TokenDraft(
            name=f"{login or 'nobody'} {scope}",
            scopes=frozenset({scope}),
            login=login,
            expires_at=now + timedelta(hours=1),
            created_by="test",
        )
        _, text = await store.create_token(draft, now)
    finally:
        await store.close()
    headers = {"Authorization": f"Bearer {text}"}
    async with httpx.AsyncClient(base_url=bot.url, headers=headers, timeout=20) as client:
        yield client


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

"""Calling the bot's API as people and agents do, with tokens of their own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import httpx

from grace.adapters.access.store import SqliteAccess
from grace.domain.access import Scope
from grace.ports.access import TokenDraft
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

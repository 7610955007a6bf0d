"""A locked database is healed by a real runner, though bot and runner are killed on the way."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from grace.adapters.access.store import SqliteAccess
from grace.demo.healing import PLAYBOOK, hurried_playbook, stuck
from grace.domain.access import Scope
from grace.domain.mission import Mission
from grace.domain.phase import Outcome
from grace.domain.playbooks.run import RunState
from grace.ports.access import TokenDraft
from support.flow_look import Look, eventually
from support.flow_process import BotProcess
from support.flows import ALERT_TOKEN, Stage
from support.shop_database import APPLICATION, execute, make_database

TARGET = "orders-db"
ALERT = {
    "status": "firing",
    "labels": {
        "alertname": "Orders cannot be written",
        "subsystem_id": "mesh",
        "metric_id": "mesh.latency_p95",
        "severity": "medium",
    },
    "annotations": {
        "description": "sqlite3.OperationalError: database is locked",
        "observation_window_minutes": "0.05",
        "rolling_window_minutes": "0.05",
    },
    "endsAt": "0001-01-01T00:00:00Z",
    "fingerprint": "locked",
}


def write(stage: Stage, name: str, content: dict[str, Any]) -> None:
    path = stage.folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(content))


def prepare(stage: Stage) -> Path:
    """Give the subsystem a target, the bot its playbook and the runner its file."""
    database = make_database(stage.folder / "orders.db", "wal")
    execute(database, "CREATE TABLE events (id TEXT, topic TEXT)")
    subsystems = yaml.safe_load((stage.folder / "config/subsystems.yaml").read_text())
    subsystems["subsystems"]["mesh"]["targets"] = {TARGET: "sqlite"}
    write(stage, "config/subsystems.yaml", subsystems)
    write(stage, f"config/playbooks/{PLAYBOOK}.yaml", hurried_playbook())
    settings = {"path": str(database), "application_id": APPLICATION}
    runner = {"name": "db-1", "state": "state", "poll_seconds": 0.2, "lease_seconds": 5}
    targets = {TARGET: {"kind": "sqlite", "settings": settings}}
    write(stage, "runner/runner.yaml", {**runner, "targets": targets})
    return database


async def token_of(stage: Stage) -> str:
    """Make a runner's token, good for the one target."""
    now = datetime.now(UTC)
    store = await SqliteAccess.open(stage.data / "access.db")
    try:
        draft = TokenDraft(
            name="runner",
            scopes=frozenset({Scope.RUNNER}),
            expires_at=now + timedelta(hours=1),
            created_by="test",
            targets=frozenset({TARGET}),
        )
        _, text = await store.create_token(draft, now)
    finally:
        await store.close()
    return text


@asynccontextmanager
async def runner(stage: Stage, token: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run `grace runner`; whatever happens, it is gone afterwards."""
    config = str(stage.folder / "runner/runner.yaml")
    process = await asyncio.create_subprocess_exec(
        *(str(Path(sys.executable).with_name("grace")), "runner"),
        *("--url", stage.bot_url, "--config", config),
        env={"PATH": os.environ["PATH"], "GRACE_RUNNER_TOKEN": token},
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def alarm(stage: Stage) -> int:
    """Send the alert, and return the number of the issue that it becomes."""
    alert = {**ALERT, "startsAt": datetime.now(UTC).isoformat()}
    headers = {"Authorization": f"Bearer {ALERT_TOKEN}"}
    body = {"version": "4", "groupKey": "g", "alerts": [alert]}
    async with httpx.AsyncClient(base_url=stage.bot_url, headers=headers) as client:
        answer = await client.post("/alerts/alertmanager", json=body)
    assert answer.status_code == 202, answer.text

    async def look() -> int | None:
        found = await stage.get("/issues", labels="mission", state="all")
        return int(found[0]["number"]) if found else None

    return await eventually(look, "the issue of the alert")


def runs(mission: Mission) -> bool:
    return mission.trying is not None and mission.trying.state is RunState.RUNNING


def waits(mission: Mission) -> bool:
    each = mission.trying
    return each is not None and each.state is None and each.waiting_for == "end"


@pytest.mark.stress
async def test_a_locked_database_is_healed_though_bot_and_runner_are_killed(stage: Stage) -> None:
    database = prepare(stage)
    settings = {**stage.settings(), "redelivery_seconds": "0.3"}
    bot = await BotProcess.start(settings)
    try:
        await bot.ready()
        look = await Look.at(stage)
        token = await token_of(stage)
        async with stuck(stage.folder, database) as pid:
            issue = await alarm(stage)
            async with runner(stage, token) as first:
                await look.until(issue, runs)
                await bot.kill()
                first.kill()
                await first.wait()
            bot = await BotProcess.start(settings)
            await bot.ready()
            async with runner(stage, token):
                await look.until(issue, waits)
                os.kill(pid, 0)  # it lives: nobody agreed to its end yet
                await stage.say(issue, "/grace approve end", "rita")
                await bot.kill()
                bot = await BotProcess.start(settings)
                mission = await look.closed(issue, Outcome.FIXED)
                execute(database, "BEGIN IMMEDIATE", "ROLLBACK")
        (each,) = mission.tries
        assert each.report is not None
        assert [s.step for s in each.report.steps if s.state == "done"].count("end") == 1
        assert [(a.login, a.gate) for a in mission.agreements] == [("rita", "end")]
        await look.ledger_verifies(mission)
        words = await stage.words(issue)
        assert sum(":reply:" not in said.partition("\n")[0] for said in words) == 1
        await look.close()
    finally:
        await bot.kill()

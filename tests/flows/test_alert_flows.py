"""Alerts at a real forge: a storm is one issue and recovers by itself; a fix that did not hold."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from grace.domain.phase import Outcome, Phase, Severity
from support.flow_look import eventually
from support.flow_mission import Wanted
from support.flows import ALERT_TOKEN, Stage, staged

STORM = 300
NEVER = "0001-01-01T00:00:00Z"


def notified(count: int, ends: str = "") -> dict[str, Any]:
    """Make a notification of so many alerts; `ends`: when they were resolved."""
    alerts = [
        {
            "status": "resolved" if ends else "firing",
            "labels": {
                "alertname": f"Slow {n}",
                "subsystem_id": "mesh",
                "metric_id": "mesh.latency_p95",
                "severity": "medium",
            },
            "annotations": {"summary": f"p95 of pod {n} is high"},
            "startsAt": "2026-01-01T10:00:00Z",
            "endsAt": ends or NEVER,
            "fingerprint": f"f{n}",
        }
        for n in range(count)
    ]
    return {"version": "4", "groupKey": "g", "status": "firing", "receiver": "g", "alerts": alerts}


async def send(stage: Stage, body: dict[str, Any]) -> None:
    headers = {"Authorization": f"Bearer {ALERT_TOKEN}"}
    async with httpx.AsyncClient(base_url=stage.bot_url, headers=headers) as client:
        answer = await client.post("/alerts/alertmanager", json=body)
    assert answer.status_code == 202, answer.text


async def issues(stage: Stage, label: str, count: int) -> list[dict[str, Any]]:
    """Wait for so many issues with a label, newest first."""

    async def look() -> list[dict[str, Any]] | None:
        found: list[dict[str, Any]] = await stage.get("/issues", labels=label, state="all")
        return found if len(found) >= count else None

    return await eventually(look, f"{count} issues labelled {label}")


@pytest.fixture
async def impatient(tmp_path: Path, app_key: tuple[str, str]) -> AsyncIterator[Stage]:
    """Set a stage on which alerts settle within two seconds."""
    async with staged(tmp_path, app_key, {"alerting": {"settle_minutes": 0.03}}) as made:
        yield made


@pytest.mark.stress
async def test_a_storm_is_one_issue_that_is_closed_when_all_of_it_is_resolved(
    impatient: Stage,
) -> None:
    stage = impatient
    async with stage.bot() as bot:
        await send(stage, notified(STORM))
        (issue,) = await issues(stage, "mission", 1)
        number = issue["number"]
        said = await bot.look.comment(number, "### Alerts")
        assert "- and more than 100 more" in said
        await send(stage, notified(STORM - 1, "2026-01-01T10:05:00Z"))
        await bot.look.settled()
        assert (await bot.look.phase(number, Phase.AWAITING_START)).alarm.firing > 0
        await send(stage, notified(STORM, "2026-01-01T10:06:00Z"))
        mission = await bot.look.closed(number, Outcome.SELF_RECOVERED)
        assert len(await bot.look.missions()) == 1
        assert "self_recovered" in await bot.look.comment(number, "Mission closed")

        async def closed() -> bool | None:
            return (await stage.get(f"/issues/{number}"))["state"] == "closed" or None

        await eventually(closed, "the closed issue")
        await bot.look.ledger_verifies(mission)
        kinds = [e.envelope.kind for e in await bot.look.entries(mission)]
        assert kinds.count("mission.alert_joined") == 19
        assert len(await stage.words(number)) == 1


async def test_an_alert_that_fires_again_says_that_the_fix_did_not_hold(stage: Stage) -> None:
    async with stage.bot() as bot, stage.people():
        await send(stage, notified(1))
        (issue,) = await issues(stage, "mission", 1)
        number = issue["number"]
        await bot.look.phase(number, Phase.AWAITING_START)
        body = {"body": Wanted(severity="medium").body()}
        path = f"{stage.path}/issues/{number}"
        assert (await stage.client("alice").patch(path, json=body)).status_code == 200
        await stage.say(number, "/grace start")
        fixed = await bot.look.closed(number, Outcome.FIXED)
        await send(stage, notified(1, "2026-01-01T10:30:00Z"))
        again = notified(1)
        again["alerts"][0]["startsAt"] = "2026-01-02T10:00:00Z"
        await send(stage, again)
        newer = (await issues(stage, "mission", 2))[0]
        new = await bot.look.phase(newer["number"], Phase.AWAITING_START)
        assert new.request is not None
        assert (new.request.parent_id, new.severity) == (fixed.name, Severity.HIGH)
        (capa,) = await issues(stage, "capa", 1)
        (old,) = await issues(stage, "mission/ineffective", 1)
        assert old["number"] == number
        said = await bot.look.comment(number, "**Ineffective.**")
        assert new.name in said

        async def counted() -> Any:
            facts = await bot.system.store.outcomes("mesh")
            return facts if len(facts) == 2 else None

        outcomes = await eventually(counted, "two outcomes")
        assert [(o.outcome, o.came_back) for o in outcomes] == [
            (Outcome.FIXED, False),
            (Outcome.FAILED, True),
        ]
        found = await bot.system.store.find(fixed.name)
        assert found is not None
        assert found[0].effective is False
        assert f"{fixed.name} came back" in capa["title"]
        kinds = [e.envelope.kind for e in await bot.look.entries(found[0])]
        assert kinds.count("mission.ineffective") == 1

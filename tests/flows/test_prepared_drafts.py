"""A grave alert whose remedy people prepared: Grace opens a draft, and a person lets it go on."""

from pathlib import Path

import httpx
import yaml

from grace.domain.mission import Mission
from grace.domain.phase import Outcome, Phase
from support.flow_look import eventually
from support.flow_mission import GOOD
from support.flows import ALERT_TOKEN, Bot, staged

REMEDY = {"name": "delay-off", "metrics": ["mesh.latency_p95"], "diff": GOOD}
ALERT = {
    "status": "firing",
    "labels": {
        "alertname": "DeliverySlow",
        "subsystem": "mesh",
        "severity": "high",
        "metric_id": "mesh.latency_p95",
    },
    "annotations": {"observation_window_minutes": "0.05", "rolling_window_minutes": "0.05"},
    "startsAt": "2026-11-22T12:00:00Z",
    "endsAt": "0001-01-01T00:00:00Z",
    "fingerprint": "a1b2c3",
}


async def alarm(bot: Bot) -> None:
    body = {"version": "4", "groupKey": "g", "truncatedAlerts": 0, "alerts": [ALERT]}
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {ALERT_TOKEN}"}) as client:
        answer = await client.post(f"{bot.url}/alerts/alertmanager", json=body)
    assert answer.status_code == 202, answer.text


async def test_a_prepared_draft_waits_for_a_person_and_then_goes_all_the_way(
    tmp_path: Path, app_key: tuple[str, str]
) -> None:
    async with staged(tmp_path, app_key) as stage:
        text = yaml.safe_dump({"remedies": [REMEDY]})
        (stage.folder / "config" / "remedies.yaml").write_text(text)
        async with stage.bot() as bot, stage.people():
            await alarm(bot)
            mission = await prepared(bot)
            assert mission.pull is not None
            assert mission.issue is not None
            number = mission.pull.number
            assert (await stage.get(f"/pulls/{number}"))["draft"] is True
            assert any("prepared as draft" in words for words in await stage.words(mission.issue))
            await stage.say(number, "/grace start", "rita")
            await bot.look.closed(mission.issue, Outcome.FIXED)
            pull = await stage.get(f"/pulls/{number}")
            assert (pull["draft"], pull["merged"]) == (False, True)


async def prepared(bot: Bot) -> Mission:
    async def look() -> Mission | None:
        found = [m for m in await bot.look.missions() if m.phase is Phase.GATING]
        return found[0] if found and found[0].prepared == "draft" else None

    return await eventually(look, "a draft that waits in gating")

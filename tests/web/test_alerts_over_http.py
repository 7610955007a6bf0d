"""Alerts at a running bot: one mission a problem while it is open."""

import hashlib
import hmac
import json
from typing import Any

import httpx
import pytest

from grace.adapters.config import ConfigError
from grace.domain.phase import Outcome, Phase
from support.flow_look import eventually
from support.flows import ALERT_TOKEN, OPERATOR_TOKEN, Bot, Stage
from web.test_hooks_over_http import problem

GOOD_TOKEN = {"Authorization": f"Bearer {ALERT_TOKEN}"}


def alert(status: str = "firing", fingerprint: str = "f1", **labels: str) -> dict[str, Any]:
    return {
        "status": status,
        "labels": {
            "alertname": "SlowDelivery",
            "subsystem_id": "mesh",
            "metric_id": "mesh.latency_p95",
            "severity": "warning",
            **labels,
        },
        "annotations": {"summary": "p95 is high"},
        "startsAt": "2026-01-01T10:00:00Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus.test/graph",
        "fingerprint": fingerprint,
    }


def signed(secret: str, body: dict[str, Any]) -> tuple[bytes, str]:
    raw = json.dumps(body).encode()
    return raw, hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()


def notification(*alerts: dict[str, Any]) -> dict[str, Any]:
    return {
        "version": "4",
        "groupKey": '{}:{alertname="SlowDelivery"}',
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "grace",
        "groupLabels": {},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager.test",
        "alerts": list(alerts),
    }


async def fire(web: httpx.AsyncClient, *alerts: dict[str, Any]) -> httpx.Response:
    return await web.post("/alerts/alertmanager", json=notification(*alerts), headers=GOOD_TOKEN)


async def filed(stage: Stage, number: int) -> list[dict[str, Any]]:
    """Wait until so many mission issues are there."""

    async def look() -> list[dict[str, Any]] | None:
        found = await stage.get("/issues", labels="mission", state="all")
        return found if len(found) >= number else None

    return await eventually(look, f"{number} mission issues")


async def test_alert_files_one_issue_while_it_is_open_and_another_one_later(
    web: httpx.AsyncClient, stage: Stage, bot: Bot
) -> None:
    assert (await fire(web, alert())).status_code == 202
    (issue,) = await filed(stage, 1)
    assert issue["user"]["login"] == stage.app.bot
    assert (await fire(web, alert())).status_code == 202
    await fire(web, alert(annotation_of="a change"), alert(fingerprint="f2"))
    await bot.look.settled()
    assert len(await filed(stage, 1)) == 1
    assert len(await bot.look.missions()) == 1
    await stage.say(issue["number"], "/grace cancel")
    await bot.look.closed(issue["number"], Outcome.CANCELLED)
    over = alert("resolved") | {"endsAt": "2026-01-01T12:00:00Z"}
    assert (await fire(web, over)).status_code == 202
    later = alert() | {"startsAt": "2026-01-02T10:00:00Z"}
    assert (await fire(web, later)).status_code == 202
    assert len(await filed(stage, 2)) == 2


async def test_resolved_alert_is_recorded_and_alone_opens_nothing(
    web: httpx.AsyncClient, stage: Stage, bot: Bot
) -> None:
    await fire(web, alert("resolved", "never-fired"))
    await fire(web, alert())
    (issue,) = await filed(stage, 1)
    await fire(web, alert("resolved"))
    mission = await bot.look.phase(issue["number"], Phase.AWAITING_START)

    async def recorded() -> bool | None:
        kinds = [e.envelope.kind for e in await bot.look.entries(mission)]
        return "mission.alert_resolved" in kinds or None

    await eventually(recorded, "the resolved alert in the ledger")
    assert len(await bot.look.missions()) == 1


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Basic {ALERT_TOKEN}"},
        {"Authorization": f"Bearer {OPERATOR_TOKEN}"},
    ],
)
async def test_wrong_token_is_refused(web: httpx.AsyncClient, headers: dict[str, str]) -> None:
    answer = await web.post("/alerts/alertmanager", json=notification(alert()), headers=headers)
    assert answer.status_code == 401
    assert "token" in problem(answer)["detail"].lower()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"version": "3"}, "version"),
        ({"alerts": [{**alert(), "fingerprint": "no spaces"}]}, "alerts[0].fingerprint"),
        ({"alerts": [alert(subsystem_id="unknown")]}, "alerts[0].labels.subsystem_id"),
        ({"alerts": [alert(metric_id="mesh.unknown")]}, "alerts[0].labels.metric_id"),
    ],
)
async def test_alert_that_asks_for_nothing_known_names_the_field(
    web: httpx.AsyncClient, bot: Bot, body: dict[str, Any], field: str
) -> None:
    answer = await web.post(
        "/alerts/alertmanager", json=notification(alert()) | body, headers=GOOD_TOKEN
    )
    assert answer.status_code == 422, answer.text
    fields = [e["field"].replace(".0.", "[0].") for e in problem(answer)["errors"]]
    assert field in fields
    assert await bot.look.missions() == []


async def test_body_that_is_no_json_is_refused(web: httpx.AsyncClient) -> None:
    answer = await web.post("/alerts/alertmanager", content=b"{", headers=GOOD_TOKEN)
    assert answer.status_code == 422
    problem(answer)


async def test_one_bad_alert_does_not_stop_the_good_one(
    web: httpx.AsyncClient, stage: Stage
) -> None:
    answer = await fire(web, alert(subsystem_id="unknown"), alert(fingerprint="f9"))
    assert answer.status_code == 202
    assert [e["field"] for e in answer.json()["errors"]] == ["alerts[0].labels.subsystem_id"]
    await filed(stage, 1)


SOURCES = """
custom:
  curl:
    auth: {kind: hmac, secret_env: GRACE_TEST_CURL, header: X-Signature, prefix: "sha256="}
    fields:
      fingerprint: id
      status: state
      title: title
      severity: "'low'"
      subsystem: "'mesh'"
      metric_id: "'mesh.latency_p95'"
    firing: [down]
    resolved: [up]
"""


async def test_sources_are_opened_by_settings_and_configuration(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    (stage.folder / "config" / "alert_sources.yaml").write_text(SOURCES)
    monkeypatch.setenv("GRACE_TEST_CURL", "old,curl-secret")
    async with stage.bot(grafana_secret="grafana-secret") as bot:
        async with httpx.AsyncClient(base_url=bot.url, timeout=20) as client:
            raw, digest = signed("grafana-secret", {"orgId": 1, "alerts": [alert()]})
            headers = {"X-Grafana-Alerting-Signature": digest}
            answer = await client.post("/alerts/grafana", content=raw, headers=headers)
            assert answer.status_code == 202, answer.text
            (issue,) = await filed(stage, 1)
            assert "grafana:f1" in issue["body"]
            raw, digest = signed("curl-secret", {"id": "disk", "state": "down", "title": "full"})
            headers = {"X-Signature": f"sha256={digest}"}
            answer = await client.post("/alerts/custom/curl", content=raw, headers=headers)
            assert answer.status_code == 202, answer.text
            for name in ("sentry", "pagerduty"):
                assert (await client.post(f"/alerts/{name}", content=raw)).status_code == 404
        await bot.look.settled()


async def test_a_source_without_its_secret_stops_the_start(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    (stage.folder / "config" / "alert_sources.yaml").write_text(SOURCES)
    monkeypatch.delenv("GRACE_TEST_CURL", raising=False)
    with pytest.raises(ConfigError, match="GRACE_TEST_CURL is not set; set it"):
        async with stage.bot():
            pytest.fail("it started")

"""Every alert source over HTTP: who may send, what is answered, and what is stored."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

import httpx
import pytest
from aiohttp import web

from grace.adapters.alerts import Secrets, make_doors
from grace.adapters.github.ours import Ours
from grace.app.bootstrap.alert_doors import PART, alerts_of
from grace.app.inlets import from_alerts, readers_of
from grace.domain.alerting.sources import AlertSources
from grace.domain.mission import MissionRef
from grace.domain.policy import Policy
from grace.ports import Delivery, Store
from grace.web.alerts import TAKE_ALERTS, add_routes
from grace.web.intake import INTAKE, MAX_BODY, Claims, Intake, refusals
from grace.web.problems import Refused
from support.alert_calls import (
    NOW,
    POLICY,
    SECRET,
    grafana,
    grafana_alert,
    pagerduty,
    sentry_event,
    signature,
)

SOURCES = AlertSources.model_validate(
    {
        "sentry": {"subsystems": {"front-end": "web"}, "metrics": {"web": "mesh.errors"}},
        "pagerduty": {"subsystems": {"PF9KMXH": "mesh"}, "metrics": {"mesh": "mesh.errors"}},
        "custom": {
            "any": {
                "auth": {"kind": "bearer", "secret_env": "X"},
                "fields": {
                    "fingerprint": "id",
                    "title": "title",
                    "subsystem": "'mesh'",
                    "metric_id": "'mesh.errors'",
                    "at": "at",
                },
            }
        },
    }
)
TOKEN = {"Authorization": f"Bearer {SECRET}"}
REFS = {
    name: MissionRef(host="github.com", repository_id=number, repository=f"a/{name}")
    for number, name in enumerate(("mesh", "web"), 1)
}


@dataclass
class Door:
    """A server with alert sources alone; `kept` are the deliveries that it stored."""

    url: str = ""
    policy: Policy | None = POLICY
    refs: dict[str, MissionRef] = field(default_factory=lambda: dict(REFS))
    kept: dict[str, Delivery] = field(default_factory=dict)
    counted: list[tuple[str, str]] = field(default_factory=list)
    woken: int = 0
    at: datetime = NOW

    def now(self) -> datetime:
        return self.at

    def wake(self) -> None:
        self.woken += 1

    async def accept(self, delivery: Delivery) -> bool:
        fresh = delivery.delivery_id not in self.kept
        self.kept.setdefault(delivery.delivery_id, delivery)
        return fresh

    async def post(self, name: str, body: Any, **headers: str) -> httpx.Response:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        async with httpx.AsyncClient(base_url=self.url, trust_env=False) as client:
            given = {n.replace("_", "-"): value for n, value in headers.items()}
            return await client.post(f"/alerts/{name}", content=raw, headers=given)

    async def proven(self, name: str, body: Any, **headers: str) -> httpx.Response:
        """Post with whatever proves this source."""
        raw = json.dumps(body).encode()
        signed = signature(raw)
        proof = {
            "grafana": {"X_Grafana_Alerting_Signature": signed},
            "sentry": {"Sentry_Hook_Signature": signed, "Sentry_Hook_Resource": "event_alert"},
            "pagerduty": {"X_PagerDuty_Signature": f"v1={signed}"},
        }
        return await self.post(name, raw, **proof.get(name, TOKEN), **headers)


def served(door: Door, *names: str) -> web.Application:
    async def no_token(_token: str) -> Claims:
        raise Refused(401, "no")

    app = web.Application(client_max_size=MAX_BODY, middlewares=[refusals])
    app[INTAKE] = Intake(
        store=cast(Store, door),
        clock=door,
        count=lambda origin, answer: door.counted.append((origin, answer)),
        wake=door.wake,
        webhook=lambda _headers, _body: ("", ""),
        token=no_token,
        workflows=(),
        bases=frozenset(),
        operator_token=None,
    )
    secrets = {name: Secrets.parse(SECRET) for name in names}
    app[TAKE_ALERTS] = alerts_of(make_doors(SOURCES, secrets), lambda: door.policy, door.refs)
    add_routes(app)
    return app


async def serve(door: Door, *names: str) -> AsyncIterator[Door]:
    runner = web.AppRunner(served(door, *names), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    door.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield door
    await runner.cleanup()


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    async for made in serve(Door(), "alertmanager", "grafana", "sentry", "pagerduty", "custom/any"):
        yield made


@pytest.fixture
async def shut() -> AsyncIterator[Door]:
    async for made in serve(Door()):
        yield made


ALERTMANAGER = {"version": "4", "groupKey": "{}", "alerts": [grafana_alert()]}
CUSTOM = {"id": "disk", "title": "disk is full"}
GOOD = [
    ("alertmanager", ALERTMANAGER),
    ("grafana", grafana(grafana_alert())),
    ("sentry", sentry_event()),
    ("pagerduty", pagerduty()),
    ("custom/any", CUSTOM | {"at": "2026-11-22T12:00:00Z"}),
]


@pytest.mark.parametrize(("name", "body"), GOOD)
async def test_an_alert_is_stored_once_however_often_it_is_sent(
    door: Door, name: str, body: dict[str, Any]
) -> None:
    first = await door.proven(name, body)
    assert (first.status_code, first.json()["status"]) == (202, "accepted")
    door.at = datetime.fromisoformat("2026-11-22T13:04:00Z")
    again = await door.proven(name, body)
    assert (again.status_code, again.json()["status"]) == (202, "duplicate")
    assert again.json()["delivery"] == first.json()["delivery"]
    ((key, delivery),) = door.kept.items()
    assert (delivery.origin, delivery.delivery_id) == ("alerts", key)
    assert delivery.event == name.replace("/", ":")
    routed, note = from_alerts(delivery)
    assert note == "1 alerts"
    assert routed[0].target.create
    assert door.woken == 1
    assert door.counted == [("alerts", "accepted"), ("alerts", "duplicate")]


async def test_an_alert_that_still_fires_hours_later_is_heard_again(door: Door) -> None:
    name, body = GOOD[0]
    await door.proven(name, body)
    door.at = datetime.fromisoformat("2026-11-22T16:00:00Z")
    later = await door.proven(name, body)
    assert (later.status_code, later.json()["status"]) == (202, "accepted")
    assert len(door.kept) == 2


@pytest.mark.parametrize(("name", "body"), GOOD)
async def test_nobody_else_may_send(door: Door, name: str, body: dict[str, Any]) -> None:
    for proof in (
        {},
        {"Authorization": "Bearer wrong"},
        {
            "Sentry_Hook_Signature": "0" * 64,
            "X_PagerDuty_Signature": "v1=" + "0" * 64,
            "X_Grafana_Alerting_Signature": "0" * 64,
        },
    ):
        answer = await door.post(name, body, **proof)
        assert answer.status_code == 401
        assert SECRET not in answer.text
    assert door.kept == {}
    assert {status for _, status in door.counted} == {"401"}


@pytest.mark.parametrize(
    ("name", "variable"),
    [
        ("alertmanager", "GRACE_ALERT_TOKEN"),
        ("grafana", "GRACE_GRAFANA_SECRET"),
        ("sentry", "GRACE_SENTRY_SECRET"),
        ("pagerduty", "GRACE_PAGERDUTY_SECRET"),
        ("custom/any", "alert_sources.yaml"),
    ],
)
async def test_a_source_without_a_secret_is_shut(shut: Door, name: str, variable: str) -> None:
    answer = await shut.proven(name, {})
    assert answer.status_code == 404
    assert variable in answer.json()["detail"]


async def test_a_body_that_is_not_the_sources_is_refused_by_field(door: Door) -> None:
    answer = await door.proven("grafana", {"alerts": []})
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"field": "orgId", "problem": "Field required"}]
    assert "grafana" in answer.json()["detail"]


async def test_an_alert_that_nobody_knows_is_refused_and_the_good_ones_go_on(door: Door) -> None:
    unknown = grafana_alert(labels={"subsystem": "x", "metric_id": "mesh.latency"})
    answer = await door.proven("grafana", grafana(unknown))
    assert answer.status_code == 422
    assert [e["field"] for e in answer.json()["errors"]] == ["alerts[0].labels.subsystem"]
    answer = await door.proven("grafana", grafana(unknown, grafana_alert()))
    assert (answer.status_code, answer.json()["status"]) == (202, "accepted")
    assert [e["field"] for e in answer.json()["errors"]] == ["alerts[0].labels.subsystem"]
    answer = await door.proven("grafana", grafana(*[unknown] * 60, grafana_alert()))
    assert (len(answer.json()["errors"]), answer.json()["more_errors"]) == (50, 10)


async def test_more_of_a_call_is_taken_once_the_configuration_knows_it(door: Door) -> None:
    body = grafana(grafana_alert(), grafana_alert(fingerprint="f2", labels={"subsystem": "mesh"}))
    await door.proven("grafana", body)
    labels = {"subsystem": "mesh", "metric_id": "mesh.errors"}
    body["alerts"][1]["labels"] = labels
    answer = await door.proven("grafana", body)
    assert answer.json()["status"] == "accepted"


async def test_pagerduty_is_not_refused_since_it_would_stop_sending(door: Door) -> None:
    unknown = pagerduty(service={"id": "PX", "summary": "other"})
    answer = await door.proven("pagerduty", unknown)
    assert (answer.status_code, answer.json()["status"]) == (202, "refused")
    assert [e["field"] for e in answer.json()["errors"]] == ["labels.service_id", "metrics"]
    answer = await door.proven("pagerduty", {"event": {}})
    assert (answer.status_code, answer.json()["status"]) == (202, "refused")
    # The probe of alert sources sees that nothing was taken.
    assert door.counted == [("/alerts/pagerduty", "422")] * 2
    assert door.kept == {}


async def test_a_call_that_asks_for_nothing_says_so_and_is_not_stored(door: Door) -> None:
    answer = await door.proven("pagerduty", pagerduty("pagey.ping"))
    assert (answer.status_code, answer.json()) == (
        202,
        {"status": "ignored", "reason": "'pagey.ping' asks for nothing"},
    )
    assert door.kept == {}


async def test_grace_that_has_not_reached_the_forge_asks_to_be_sent_it_again(door: Door) -> None:
    door.policy = None
    assert (await door.proven(*GOOD[0])).status_code == 503
    # An unproven sender is told nothing of that.
    assert (await door.post("alertmanager", ALERTMANAGER)).status_code == 401


async def test_a_repository_that_is_away_holds_up_no_other(door: Door) -> None:
    del door.refs["web"]
    other = grafana_alert(
        fingerprint="f2", labels={"subsystem": "web", "metric_id": "mesh.latency"}
    )
    answer = await door.proven("grafana", grafana(grafana_alert(), other))
    assert answer.status_code == 503
    assert "web is not reachable" in answer.json()["detail"]
    ((_, delivery),) = door.kept.items()
    assert [item.target.ref.repository for item in from_alerts(delivery)[0]] == ["a/mesh"]
    assert door.woken == 1
    door.refs["web"] = REFS["web"]
    assert (await door.proven("grafana", grafana(grafana_alert(), other))).status_code == 202
    assert len(door.kept) == 2


async def test_an_alert_without_a_time_is_news_each_time(door: Door) -> None:
    for minute in (1, 2):
        door.at = datetime.fromisoformat(f"2026-11-22T13:0{minute}:00Z")
        assert (await door.proven("custom/any", CUSTOM)).json()["status"] == "accepted"
    assert len(door.kept) == 2


async def test_a_storm_is_stored_in_parts(door: Door) -> None:
    alerts = [grafana_alert(fingerprint=f"f{i}") for i in range(PART + 1)]
    answer = await door.proven("grafana", grafana(*alerts))
    assert answer.status_code == 202
    sizes = [len(from_alerts(delivery)[0]) for delivery in door.kept.values()]
    assert sizes == [PART, 1]
    assert (await door.proven("grafana", grafana(*alerts))).json()["status"] == "duplicate"


async def test_resolved_alerts_open_nothing(door: Door) -> None:
    over = grafana_alert(status="resolved", endsAt="2026-11-22T12:59:00Z")
    await door.proven("grafana", grafana(over))
    ((_, delivery),) = door.kept.items()
    (item,) = from_alerts(delivery)[0]
    assert (item.target.create, item.target.alert) == (False, "grafana:bc97ff14869b13e3")


async def test_a_custom_source_that_is_not_listed_is_shut(door: Door) -> None:
    assert (await door.proven("custom/nobody", CUSTOM)).status_code == 404
    assert ("/alerts/custom/{name}", "404") in door.counted


async def test_too_large_a_body_is_refused(door: Door) -> None:
    answer = await door.post("grafana", b" " * (MAX_BODY + 1), **TOKEN)
    assert answer.status_code == 413


async def test_what_an_earlier_version_stored_is_still_read(door: Door) -> None:
    await door.proven(*GOOD[0])
    ((_, delivery),) = door.kept.items()
    translators = readers_of(cast(Ours, None), POLICY, REFS, 60).translators
    assert translators["alertmanager"](delivery) == translators["alerts"](delivery)
    assert translators["alerts"](delivery) == from_alerts(delivery)

"""The register of CAPAs, and the kill switch: what people answer for."""

import asyncio
from typing import Any

import pytest

from support.hub_world import OTHER_REF, HubWorld, Served, file_issue
from web.api.test_api_missions import problem

CAPAS = "/mission-control/capa"
SWITCH = "/mission-control/kill-switch"


def wanted(**changes: Any) -> dict[str, Any]:
    return {
        "subsystem_id": "trigger_mesh",
        "severity": "high",
        "title": "It comes back",
        "description": "Every Monday.",
    } | changes


async def test_capa_is_opened_shown_and_listed(hub: Served, world: HubWorld) -> None:
    name = world.missions["rolled_back"]
    opened = await hub("operator").post(CAPAS, json=wanted(mission_id=name, owner="ada"))
    assert opened.status_code == 201, opened.text
    capa = opened.json()
    assert (capa["opened_by"], capa["state"], capa["owner"]) == ("alice", "open", "ada")
    assert opened.headers["Location"] == f"{CAPAS}/{capa['capa_id']}"
    shown = await hub("viewer").get(opened.headers["Location"])
    assert shown.json() == capa
    listed = (await hub("viewer").get(CAPAS)).json()["capas"]
    assert listed[0] == capa
    first = (await hub("viewer").get(CAPAS, params={"limit": 1})).json()
    assert [c["capa_id"] for c in first["capas"]] == [capa["capa_id"]]
    rest = (await hub("viewer").get(CAPAS, params={"after": first["next"]})).json()
    assert rest["capas"] == listed[1:]
    assert (await hub("viewer").get(CAPAS, params={"state": "closed"})).json()["capas"] == []
    assert (await hub("viewer").get(CAPAS, params={"overdue": "true"})).json()["capas"] == []


async def test_doubled_capa_is_opened_once(hub: Served) -> None:
    key = {"Idempotency-Key": "one"}
    before = len((await hub("viewer").get(CAPAS)).json()["capas"])
    both = await asyncio.gather(
        *(hub("operator").post(CAPAS, json=wanted(), headers=key) for _ in range(4))
    )
    # Whoever comes while the first is being answered is told so, or gets its answer.
    assert {answer.status_code for answer in both} <= {201, 409}
    assert (await hub("operator").post(CAPAS, json=wanted(), headers=key)).status_code == 201
    assert len((await hub("viewer").get(CAPAS)).json()["capas"]) == before + 1


async def test_a_repeat_after_a_crash_that_forgot_the_answer_opens_none(
    hub: Served, world: HubWorld
) -> None:
    key = {"Idempotency-Key": "before the crash"}
    first = await hub("operator").post(CAPAS, json=wanted(), headers=key)
    await world.store._write(lambda c: c.execute("DELETE FROM answers"))
    again = await hub("operator").post(CAPAS, json=wanted(), headers=key)
    assert (again.status_code, again.json()) == (201, first.json())


async def test_change_needs_the_version_that_was_read(hub: Served, world: HubWorld) -> None:
    path = f"{CAPAS}/{world.missions['capa']}"
    etag = (await hub("viewer").get(path)).headers["ETag"]
    first = await hub("alice").patch(
        path, json={"root_cause": "no bound"}, headers={"If-Match": etag}
    )
    assert first.json()["root_cause"] == "no bound"
    late = await hub("alice").patch(path, json={"root_cause": "x"}, headers={"If-Match": etag})
    problem(late, 412)
    newer = first.headers["ETag"]
    assert (await hub("viewer").get(path)).headers["ETag"] == newer
    world.rights.gate, world.rights.waiting = asyncio.Event(), 0
    both = [
        asyncio.create_task(
            hub(who).patch(path, json={"root_cause": who}, headers={"If-Match": newer})
        )
        for who in ("alice", "admin")
    ]
    while not world.rights.waiting:
        await hub("viewer").get(path)
    for _ in range(20):  # by now the other one came too, and waits for the first to be through
        await hub("viewer").get(path)
    assert world.rights.waiting == 1
    world.rights.gate.set()
    assert sorted([(await each).status_code for each in both]) == [200, 412]
    closed = await hub("alice").patch(path, json={"state": "closed"})
    assert (closed.json()["state"], closed.json()["closed_by"]) == ("closed", "alice")
    again = await hub("alice").patch(path, json={"state": "closed", "owner": "ada"})
    assert (again.status_code, again.json()["owner"]) == (200, "ada")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "body"),
        ({"title": None}, "title"),
        ({"title": ""}, "title"),
        ({"mission_id": "mission_20261122_001"}, "mission_id"),
        ({"state": "open"}, "state"),
        ({"due_at": "tomorrow"}, "due_at"),
        ({"due_at": "2026-12-01T00:00:00"}, "due_at"),
    ],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_change_that_cannot_be_is_refused_by_field(
    read_only: Served, body: dict[str, Any], field: str
) -> None:
    path = f"{CAPAS}/{read_only.world.missions['capa']}"
    answer = await read_only("alice").patch(path, json=body)
    assert field in [error["field"] for error in problem(answer, 422)["errors"]]


@pytest.mark.parametrize(
    ("who", "body", "status"),
    [
        ("viewer", wanted(), 403),
        ("mallory", wanted(), 403),
        ("nobodys", wanted(), 403),
        ("stranger", wanted(), 422),
        ("operator", wanted(subsystem_id="other"), 422),
        ("operator", wanted(mission_id="mission_20200101_001"), 422),
        ("operator", wanted(title=""), 422),
    ],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_capa_that_is_refused(
    read_only: Served, who: str, body: dict[str, Any], status: int
) -> None:
    problem(await read_only(who).post(CAPAS, json=body), status)


async def test_mission_of_a_capa_is_of_the_subsystems_repository(
    hub: Served, world: HubWorld
) -> None:
    other = await file_issue(world, 78, "words", ref=OTHER_REF)
    answers = [
        await hub("operator").post(CAPAS, json=wanted(mission_id=name))
        for name in (other, "mission_20200101_001")
    ]
    for answer in answers:
        assert problem(answer, 422)["errors"][0]["field"] == "mission_id"
    assert answers[0].json() == answers[1].json()


async def test_change_takes_write_permission(hub: Served, world: HubWorld) -> None:
    path = f"{CAPAS}/{world.missions['capa']}"
    problem(await hub("mallory").patch(path, json={"owner": "m"}), 403)
    world.rights.permissions["mallory"] = world.rights.permissions["tara"]
    problem(await hub("mallory").patch(path, json={"owner": "m"}), 403)
    problem(await hub("elsewhere").patch(path, json={"owner": "m"}), 404)
    assert (await hub("admin").patch(path, json={"owner": "m"})).status_code == 200


async def test_switch_stops_everything_and_says_who_turned_it(hub: Served, world: HubWorld) -> None:
    assert (await hub("viewer").get(SWITCH)).json() == {"on": False, "changed": None}
    problem(await hub("viewer").put(SWITCH, json={"on": True}), 403)
    problem(await hub("alice").put(SWITCH, json={"on": True}), 403)
    problem(await hub("elsewhere").put(SWITCH, json={"on": True}), 403)
    turned = await hub("operator").put(SWITCH, json={"on": True, "reason": "an incident"})
    assert turned.json() == {"on": True, "changed": True}
    assert [d.event for d in world.submitted] == ["switch"]
    assert (await hub("viewer").get("/mission-control/status")).json()["kill_switch"] is True
    again = await hub("nobodys").put(SWITCH, json={"on": True})
    assert again.json() == {"on": True, "changed": False}
    off = await hub("nobodys").put(SWITCH, json={"on": False})
    assert off.json() == {"on": False, "changed": True}
    told = await hub("viewer").get("/mission-control/activity?pattern=brake.*")
    said = [(e["kind"], e["actor"]) for e in told.json()["entries"]]
    assert said[:2] == [("brake.off", "token nobodys"), ("brake.on", "alice")]

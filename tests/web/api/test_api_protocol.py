"""How the API speaks HTTP: validators, problems, keys, methods."""

import asyncio
from typing import Any

import pytest

from support.hub_world import HubWorld, Served
from web.api.test_api_missions import MISSIONS, contract, problem

STATUS = "/mission-control/status"
shared = pytest.mark.asyncio(loop_scope="module")


@shared
async def test_answer_has_a_strong_validator_that_saves_sending_it_again(
    read_only: Served,
) -> None:
    client = read_only("viewer")
    first = await client.get(STATUS)
    etag = first.headers["ETag"]
    assert etag.startswith('"')
    for known in (etag, f'"other", {etag}', f"W/{etag}", "*"):
        again = await client.get(STATUS, headers={"If-None-Match": known})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["ETag"] == etag
    other = await client.get(STATUS, headers={"If-None-Match": '"other"'})
    assert (other.status_code, other.json()) == (200, first.json())


async def test_validator_changes_with_what_is_told(hub: Served, world: HubWorld) -> None:
    path = f"{MISSIONS}/{world.missions['fresh']}"
    before = (await hub("viewer").get(path)).headers["ETag"]
    body = {"agent_id": "candidate", "agent_role": "developer"}
    await hub("agent").post(f"{path}/claim", json=body)
    after = await hub("viewer").get(path, headers={"If-None-Match": before})
    assert after.status_code == 200
    assert after.headers["ETag"] != before


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("limit=0", ["limit"]),
        ("limit=201", ["limit"]),
        ("limit=many&status=lost", ["limit", "status"]),
        ("colour=red", ["colour"]),
        ("status=open&status=resolved", ["status"]),
        ("after=garbage", ["after"]),
        ("mission_id=mission_20261122_001", ["mission_id"]),
    ],
)
@shared
async def test_wrong_parameters_are_named(read_only: Served, query: str, fields: list[str]) -> None:
    answer = await read_only("viewer").get(f"{MISSIONS}?{query}")
    assert sorted(e["field"] for e in problem(answer, 422)["errors"]) == fields


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (b"{", {}, 422),
        (b"[]", {}, 422),
        (b"null", {}, 422),
        (b'{"on": NaN}', {}, 422),
        (b'{"on": true, "reason": "\\ud800"}', {}, 422),
        (b"\xff\xfe", {}, 422),
        (b"[" * 100_000, {}, 422),
        (b'{"on": true}', {"Content-Type": "text/plain"}, 415),
        (b"on=true", {"Content-Type": "application/x-www-form-urlencoded"}, 415),
        (b"", {}, 422),
    ],
)
@shared
async def test_body_that_is_none_is_a_problem(
    read_only: Served, content: bytes, headers: dict[str, str], status: int
) -> None:
    answer = await read_only("operator").put(
        "/mission-control/kill-switch",
        content=content,
        headers={"Content-Type": "application/json"} | headers,
    )
    problem(answer, status)


@shared
async def test_what_takes_no_body_refuses_one(read_only: Served) -> None:
    path = f"{MISSIONS}/{read_only.world.missions['fresh']}/release"
    answer = await read_only("agent").post(path, json={"agent_id": "x"})
    assert problem(answer, 422)["errors"][0]["field"] == "body"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("DELETE", "/mission-control/status", 405),
        ("POST", "/mission-control/status", 405),
        ("GET", "/mission-control/nothing", 404),
        ("GET", "/mission-control", 404),
        ("GET", f"{MISSIONS}/mission_20261122_001/nothing", 404),
        ("GET", f"{MISSIONS}/mission_20261122_001/hold", 405),
    ],
)
@shared
async def test_path_or_method_that_is_not_there_is_a_problem(
    read_only: Served, method: str, path: str, status: int
) -> None:
    answer = await read_only("admin").request(method, path)
    body = problem(answer, status)
    assert body["instance"] == path
    assert ("Allow" in answer.headers) is (status == 405)


@shared
async def test_nobody_is_told_how_to_be_somebody(read_only: Served) -> None:
    answer = await read_only(None).get(STATUS)
    assert "Bearer" in problem(answer, 401)["detail"]
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert (await read_only(None).get("/mission-control/keys")).status_code == 200


@pytest.mark.parametrize("key", ["", "a" * 201, "caf\u00e9".encode("latin-1")])
@shared
async def test_key_that_is_none_is_refused(read_only: Served, key: Any) -> None:
    path = f"{MISSIONS}/{read_only.world.missions['gating']}/hold"
    answer = await read_only("alice").post(path, headers={"Idempotency-Key": key})
    assert problem(answer, 422)["errors"][0]["field"] == "Idempotency-Key"


async def test_same_key_at_the_same_time_makes_one_mission(hub: Served, world: HubWorld) -> None:
    key = {"Idempotency-Key": "at once"}
    answers = await asyncio.gather(
        *(hub("agent").post(MISSIONS, json=contract(), headers=key) for _ in range(5))
    )
    assert {a.status_code for a in answers} <= {201, 409}
    made = {a.json()["mission_id"] for a in answers if a.status_code == 201}
    assert len(made) == len(world.submitted) == 1


async def test_refusal_is_not_remembered_under_its_key(hub: Served) -> None:
    key = {"Idempotency-Key": "corrected"}
    wrong = await hub("agent").post(MISSIONS, json=contract(severity="grave"), headers=key)
    problem(wrong, 422)
    right = await hub("agent").post(MISSIONS, json=contract(), headers=key)
    assert right.status_code == 201


async def test_fault_of_the_program_is_a_problem_without_its_reason(
    hub: Served, world: HubWorld
) -> None:
    await world.store.close()
    body = problem(await hub("viewer").get(STATUS), 500)
    assert "closed" not in body["detail"]

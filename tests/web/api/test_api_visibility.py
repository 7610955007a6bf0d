"""What somebody may not see does not exist for them: over every operation there is."""

from typing import Any

import httpx
import pytest

from grace.web.api.operation import ANYBODY, LOOK, Operation
from grace.web.api.table import TABLE
from support.hub_world import LOG, HubWorld, Served

pytestmark = pytest.mark.asyncio(loop_scope="module")
# What would betray that the repository is there; metrics are of no repository.
TRAITOR_WORDS = ("acme/mesh", LOG, "candidate:alice", "mission_2026", "capa_2026", "Deliver")
THERE = {
    "host": "forge.test",
    "repository_id": "1",
    "agent_id": "candidate:alice",
    "name": "ops",
    "delivery_id": "msg_" + "1" * 32,
}
NOT_THERE = {
    "mission_id": "mission_20200101_001",
    "capa_id": "capa_20200101_001",
    "host": "forge.test",
    "repository_id": "9",
    "agent_id": "candidate:nobody",
    "submission_id": "00000000-0000-0000-0000-000000000001",
    "name": "nothing",
    "delivery_id": "msg_" + "0" * 32,
}
REQUIRED = {"agent_id": "candidate", "agent_role": "developer", "channel": "ops"}


def names(operation: Operation, world: HubWorld) -> dict[str, str]:
    """Name what is there, where the operation names something."""
    there = THERE | {
        "mission_id": world.missions["gating"],
        "capa_id": world.missions["capa"],
        "submission_id": str(world.uid),
    }
    return {name: there[name] for name in operation.path_names}


async def call(hub: Served, who: str | None, operation: Operation, path: dict[str, str]) -> Any:
    query = {
        name: REQUIRED[name]
        for name, found in operation.given.model_fields.items()
        if found.is_required() and name not in operation.path_names
    }
    body = operation.examples.get("body")
    url = operation.path.format(**path)
    if operation.body is None:
        return await hub(who).request(operation.method, url, params=query)
    return await hub(who).request(operation.method, url, params=query, json=body)


def told(answer: httpx.Response) -> dict[str, Any]:
    body: dict[str, Any] = answer.json()
    return {name: value for name, value in body.items() if name != "instance"}


@pytest.mark.parametrize("operation", TABLE, ids=lambda o: o.name)
@pytest.mark.parametrize("who", ["restricted", "elsewhere", "stranger"])
async def test_what_is_invisible_is_not_there(
    read_only: Served, who: str, operation: Operation
) -> None:
    path = names(operation, read_only.world)
    answer = await call(read_only, who, operation, path)
    assert answer.status_code < 500, answer.text
    for word in TRAITOR_WORDS:
        assert not any(word in value for value in path.values()) or word in answer.request.url.path
        assert word not in answer.text.replace(answer.request.url.path, "")
    if not path:
        return
    missing = await call(read_only, who, operation, {n: NOT_THERE[n] for n in path})
    assert answer.status_code == missing.status_code in {403, 404}
    assert told(answer) == told(missing)


@pytest.mark.parametrize("operation", TABLE, ids=lambda o: o.name)
async def test_nobody_is_let_in_but_to_what_is_public(
    read_only: Served, operation: Operation
) -> None:
    answer = await call(read_only, None, operation, names(operation, read_only.world))
    assert answer.status_code == (200 if operation.need == ANYBODY else 401)


@pytest.mark.parametrize(
    "operation",
    [o for o in TABLE if o.path_names and o.method == "GET" and o.need == LOOK],
    ids=lambda o: o.name,
)
async def test_what_is_visible_is_there(read_only: Served, operation: Operation) -> None:
    """The test above proves something only where the same path answers others."""
    answer = await call(read_only, "viewer", operation, names(operation, read_only.world))
    assert answer.status_code == 200, answer.text


async def test_lists_of_who_sees_nothing_are_empty(read_only: Served) -> None:
    client = read_only("elsewhere")
    lists = {
        "missions": "missions",
        "queue": "missions",
        "capa": "capas",
        "ledger": "logs",
        "activity": "entries",
        "trust-scores": "trust_scores",
    }
    for path, name in lists.items():
        assert (await client.get(f"/mission-control/{path}")).json()[name] == [], path
    status = (await client.get("/mission-control/status")).json()
    assert (status["total_missions"], status["subsystems"][0]["parts"]) == (0, [])

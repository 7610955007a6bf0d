"""What runners may ask of the bot, and what nobody else may, behind the real door."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
import pytest_asyncio

from grace.domain.access import Scope
from grace.domain.playbooks.handing import RunHeld
from grace.domain.playbooks.run import RunState
from support.hostile_world import MESH, Caller, Hostile, hostile
from support.hub_world import Past, write_hub_past
from support.playbooks import order, run_report

pytestmark = pytest.mark.asyncio(loop_scope="module")
RUNS = "/mission-control/runs"
NUMBERS = count(1)


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Past:
    return asyncio.run(write_hub_past(tmp_path_factory.mktemp("runs") / "grace.db"))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(past: Past, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Hostile]:
    async with hostile(past, tmp_path_factory.mktemp("runs-served")) as made:
        yield made


@pytest.fixture
def target() -> str:
    """Name a target that no other test has."""
    return f"db-{next(NUMBERS)}"


async def runner(world: Hostile, *targets: str) -> Caller:
    return await world.client(Scope.RUNNER, targets=frozenset(targets))


async def offer(world: Hostile, target: str) -> str:
    mission = world.names["gating"]
    run = f"{mission}/run/{target}"
    ordered = order(id=run, mission=mission, target=target)
    await world.store.runs.offer(MESH, ordered, world.clock.at)
    return run


def claim(*targets: str, **more: Any) -> dict[str, Any]:
    return {"runner": "db-1", "targets": list(targets), "seconds": 60} | more


def word(held: RunHeld, number: int = 1, state: RunState = RunState.HEALED, **more: Any) -> Any:
    said = run_report(held.order.id, number, state)
    return {"lease": held.lease, "report": said.model_dump(mode="json") | more}


async def taken(client: Caller, target: str) -> RunHeld:
    answer = await client.post(f"{RUNS}/claim", json=claim(target))
    assert answer.status_code == 200, answer.text
    return RunHeld.model_validate_json(answer.content)


async def reports(world: Hostile) -> list[tuple[str, int]]:
    found = await world.store.find(world.names["gating"])
    assert found is not None
    turn = await world.store.turn(found[0].uid)
    assert turn is not None
    return [(e.report.id, e.report.number) for _, e in turn.events if e.kind == "run_reported"]


async def test_a_runner_takes_holds_and_reports_a_run(world: Hostile, target: str) -> None:
    client = await runner(world, target)
    assert (await client.post(f"{RUNS}/claim", json=claim(target))).status_code == 204
    run = await offer(world, target)
    held = await taken(client, target)
    assert held.order.id == run
    renewal = {"run": run, "lease": held.lease, "seconds": 60}
    assert (await client.post(f"{RUNS}/renew", json=renewal)).status_code == 200
    answer = await client.post(f"{RUNS}/report", json=word(held))
    assert answer.json() == {"run": run, "number": 1}
    assert (run, 1) in await reports(world)


async def test_a_report_that_is_sent_twice_is_kept_once(world: Hostile, target: str) -> None:
    client = await runner(world, target)
    run = await offer(world, target)
    held = await taken(client, target)
    for _ in range(2):
        assert (await client.post(f"{RUNS}/report", json=word(held))).status_code == 200
    assert [found for found in await reports(world) if found[0] == run] == [(run, 1)]


async def test_a_runner_sees_the_runs_of_its_own_targets_alone(world: Hostile, target: str) -> None:
    await offer(world, target)
    stranger = await runner(world, "other-db")
    answer = await stranger.post(f"{RUNS}/claim", json=claim("other-db"))
    assert answer.status_code == 204
    answer = await stranger.post(f"{RUNS}/claim", json=claim("other-db", target))
    assert answer.status_code == 403
    assert answer.json()["detail"] == f"your token is not for {target}: `grace token create`"


async def test_a_stolen_lease_is_of_no_use_to_another_token(world: Hostile, target: str) -> None:
    run = await offer(world, target)
    held = await taken(await runner(world, target), target)
    before = await reports(world)
    for thief in (await runner(world, "other-db"), await runner(world, target)):
        renewal = {"run": run, "lease": held.lease, "seconds": 60}
        assert (await thief.post(f"{RUNS}/renew", json=renewal)).status_code == 409
        assert (await thief.post(f"{RUNS}/report", json=word(held))).status_code == 409
    assert await reports(world) == before


@pytest.mark.parametrize("more", [{"id": "mission_20261122_001/run/9.9"}, {"runner": "db-2"}])
async def test_a_lease_is_good_for_its_own_run_and_runner(
    world: Hostile, target: str, more: dict[str, str]
) -> None:
    client = await runner(world, target)
    await offer(world, target)
    held = await taken(client, target)
    before = await reports(world)
    assert (await client.post(f"{RUNS}/report", json=word(held, **more))).status_code == 409
    guessed = word(held) | {"lease": "a" * 32}
    assert (await client.post(f"{RUNS}/report", json=guessed)).status_code == 409
    assert await reports(world) == before


async def test_a_lease_that_ran_out_is_lost_once_another_has_it(
    world: Hostile, target: str
) -> None:
    first, second = await runner(world, target), await runner(world, target)
    run = await offer(world, target)
    lost = await taken(first, target)
    world.clock.at += timedelta(seconds=61)
    held = await taken(second, target)
    assert held.order.id == run
    assert (await first.post(f"{RUNS}/report", json=word(lost))).status_code == 409
    renewal = {"run": run, "lease": lost.lease, "seconds": 60}
    assert (await first.post(f"{RUNS}/renew", json=renewal)).status_code == 409
    assert (await second.post(f"{RUNS}/report", json=word(held))).status_code == 200


async def test_a_runner_hears_that_its_run_is_withdrawn(world: Hostile, target: str) -> None:
    client = await runner(world, target)
    run = await offer(world, target)
    held = await taken(client, target)
    await world.store.runs.withdraw(run, "the mission is held", world.clock.at)
    answer = await client.post(f"{RUNS}/renew", json={"run": run, "lease": held.lease})
    assert answer.json()["withdrawn"] == "the mission is held"


@pytest.mark.parametrize(
    ("scopes", "more"),
    [
        ((Scope.VIEWER,), {}),
        ((Scope.OPERATOR,), {"login": "alice"}),
        ((Scope.AGENT,), {"login": "alice"}),
        ((Scope.ADMIN,), {"login": "boss"}),
        ((Scope.ADMIN,), {}),
    ],
)
async def test_nobody_else_takes_a_run(
    world: Hostile, target: str, scopes: tuple[Scope, ...], more: dict[str, Any]
) -> None:
    await offer(world, target)
    client = await world.client(*scopes, **more)
    assert (await client.post(f"{RUNS}/claim", json=claim(target))).status_code == 403
    person = await world.person("boss")
    assert (await person.post(f"{RUNS}/claim", json=claim(target))).status_code == 403
    nobody = world.caller({})
    assert (await nobody.post(f"{RUNS}/claim", json=claim(target))).status_code == 401


async def test_a_runners_token_is_for_nothing_else(world: Hostile, target: str) -> None:
    client = await runner(world, target)
    name = world.names["gating"]
    for path in (
        "/mission-control/status",
        "/mission-control/missions",
        f"/mission-control/missions/{name}",
        f"/mission-control/missions/{name}/entries",
        "/mission-control/subsystems",
        "/mission-control/capa",
        "/mission-control/live",
    ):
        answer = await client.get(path)
        assert answer.status_code in {401, 403, 404}, path
        assert name not in answer.text.replace(path, "")
    asked = {"agent_id": "test-nobody", "agent_role": "developer"}
    answer = await client.post(f"/mission-control/missions/{name}/claim", json=asked)
    assert answer.status_code == 403
    assert (await client.put("/mission-control/kill-switch", json={"on": True})).status_code >= 403


@pytest.mark.parametrize(
    "body",
    [
        claim("x", seconds=1),
        claim("x", seconds=1e9),
        claim(),
        claim("../../etc"),
        claim("x", runner="a b"),
        claim("x", more=1),
        claim(*[f"t{n}" for n in range(51)]),
    ],
)
async def test_what_does_not_fit_is_refused_by_its_field(
    world: Hostile, target: str, body: dict[str, Any]
) -> None:
    client = await runner(world, target)
    answer = await client.post(f"{RUNS}/claim", json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"]


async def test_a_report_has_its_bounds(world: Hostile, target: str) -> None:
    client = await runner(world, target)
    await offer(world, target)
    held = await taken(client, target)
    answer = await client.post(f"{RUNS}/report", json=word(held, sentence="x" * 2001))
    assert answer.status_code == 422
    answer = await client.post(f"{RUNS}/report", json=word(held, diff="x" * 1_100_000))
    assert answer.status_code == 413
    answer = await client.post(f"{RUNS}/report", json=word(held, diff="x" * 300_000))
    assert answer.status_code == 422

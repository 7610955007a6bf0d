"""Asking for a mission, and commanding one: everything goes to the inbox, nothing is decided here."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from grace.domain.events import CommandGiven, MissionRequested
from grace.domain.lifecycle.commands import COMMANDS
from grace.domain.phase import Phase
from grace.web.api.commands import ORDERS
from grace.web.api.filing import EXAMPLE, ROUTED
from support.hub_world import HOSTILE, LOG, OTHER_REF, HubWorld, Past, Served, file_issue, served
from support.reports import MUST_PASS
from support.world import METRIC

BASE = "/mission-control"
MISSIONS = f"{BASE}/missions"


def contract(**changes: Any) -> dict[str, Any]:
    return {
        "subsystem_id": "trigger_mesh",
        "severity": "high",
        "detected_by": "a detector",
        "assigned_to": "candidate",
        "symptoms": [{"description": "p95 rose", "metric_id": METRIC, "observed_value": 180}],
        "workspace_repo_path": "acme/mesh",
        "workspace_branch": "main",
        "acceptance_criteria": {
            "must_pass_tests": [MUST_PASS],
            "metric_targets": [{"metric_id": METRIC, "comparator": "<", "target": 100}],
        },
    } | changes


def problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json; charset=utf-8"
    body: dict[str, Any] = answer.json()
    assert body["status"] == status
    return body


async def test_body_of_the_contract_makes_a_mission(hub: Served, world: HubWorld) -> None:
    answer = await hub("agent").post(MISSIONS, json=contract())
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert answer.headers["Location"] == f"{MISSIONS}/{made['mission_id']}"
    assert (made["phase"], made["requester"], made["title"]) == (
        "awaiting_start",
        "alice",
        "p95 rose",
    )
    assert made["workspace"]["repo_path"] == "acme/mesh"
    assert made["workspace"]["working_branch"] == "main"
    assert (made["detected_by"], made["assigned_to"]) == ("a detector", "candidate")
    (delivery,) = world.submitted
    (routed,) = ROUTED.validate_json(delivery.body)
    assert isinstance(routed.event, MissionRequested)
    assert (delivery.origin, delivery.event, routed.target.create) == ("api", "mission", True)
    assert routed.event.actor.login == "alice"
    shown = await hub("viewer").get(answer.headers["Location"])
    assert shown.json() == made


async def test_what_is_over_the_hour_s_limit_is_not_stored(past: Past, tmp_path: Path) -> None:
    since = past.end - timedelta(hours=1)
    async with served(past, tmp_path) as known:
        begun = await known.world.store.begun_since(LOG, since)
    async with served(past, tmp_path, new_an_hour=begun + 1) as hub:
        assert (await hub("agent").post(MISSIONS, json=contract())).status_code == 201
        refused = problem(await hub("agent").post(MISSIONS, json=contract()), 429)
        assert "max_missions_per_hour" in refused["detail"]
        assert len(hub.world.submitted) == 1


async def test_doubled_request_makes_one_mission(hub: Served, world: HubWorld) -> None:
    key = {"Idempotency-Key": "the first of today"}
    first = await hub("agent").post(MISSIONS, json=contract(), headers=key)
    second = await hub("agent").post(MISSIONS, json=contract(), headers=key)
    assert (first.status_code, second.status_code) == (201, 201)
    assert second.json() == first.json()
    assert second.headers["Location"] == first.headers["Location"]
    assert len(world.submitted) == 1
    other = await hub("agent").post(MISSIONS, json=contract(severity="low"), headers=key)
    assert problem(other, 422)["errors"][0]["field"] == "Idempotency-Key"
    another = await hub("operator").post(MISSIONS, json=contract(), headers=key)
    assert another.status_code == 201
    assert another.json()["mission_id"] != first.json()["mission_id"]
    third = await hub("agent").post(MISSIONS, json=contract())
    assert third.json()["mission_id"] != first.json()["mission_id"]


async def test_answer_that_was_lost_is_found_by_its_key(hub: Served, world: HubWorld) -> None:
    key = {"Idempotency-Key": "lost"}
    first = await hub("agent").post(MISSIONS, json=contract(), headers=key)
    world.clock.at += timedelta(days=2)  # answers are kept for a day; the mission is the key's
    again = await hub("agent").post(MISSIONS, json=contract(), headers=key)
    assert again.json()["mission_id"] == first.json()["mission_id"]
    world.clock.at += timedelta(days=2)
    other = await hub("agent").post(MISSIONS, json=contract(severity="low"), headers=key)
    assert problem(other, 422)["errors"][0]["field"] == "Idempotency-Key"


async def test_worker_that_sleeps_leaves_a_place_to_look(past: Past, tmp_path: Path) -> None:
    async with served(past, tmp_path, patience=0.05) as hub:
        world, key = hub.world, {"Idempotency-Key": "slow"}
        world.awake = False
        answer = await hub("agent").post(MISSIONS, json=contract(), headers=key)
        assert answer.status_code == 202, answer.text
        url = answer.json()["status_url"]
        problem(await hub("agent").get(url), 404)
        await world.work()
        shown = await hub("agent").get(url)
        assert (shown.status_code, shown.json()["phase"]) == (200, "awaiting_start")
        problem(await hub("restricted").get(url), 404)
        again = await hub("agent").post(MISSIONS, json=contract(), headers=key)
        assert again.status_code == 201
        assert again.json()["mission_id"] == shown.json()["mission_id"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"subsystem_id": "unheard_of"}, "subsystem_id"),
        ({"severity": "grave"}, "severity"),
        ({"symptoms": []}, "symptoms"),
        ({"symptoms": [{"description": "x", "metric": "y"}]}, "symptoms.0.metric"),
        ({"color": "red"}, "color"),
        ({"acceptance_criteria": {}}, "acceptance_criteria"),
        (
            {
                "acceptance_criteria": {
                    "metric_targets": [{"metric_id": "unmeasured", "comparator": "<", "target": 1}]
                }
            },
            "acceptance_criteria.metric_targets[0].metric_id",
        ),
        ({"parent_id": "mission_20200101_001"}, "parent_id"),
        ({"workspace": {"repo_path": "other/place"}}, "workspace.repo_path"),
        ({"summary": "a fence: ```"}, "body"),
        (
            {"workspace": {"patch_candidates": [{"name": "a", "diff": "x" * 100_000}]}},
            "body",
        ),
    ],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_contract_that_cannot_be_kept_is_refused_by_field(
    read_only: Served, changes: dict[str, Any], field: str
) -> None:
    answer = await read_only("agent").post(MISSIONS, json=contract(**changes))
    assert field in [error["field"] for error in problem(answer, 422)["errors"]]
    assert read_only.world.submitted == []


async def test_example_of_the_document_is_a_contract(hub: Served) -> None:
    assert (await hub("agent").post(MISSIONS, json=EXAMPLE)).status_code == 201


async def test_strangers_words_in_a_request_stay_data(hub: Served) -> None:
    symptoms = [{"description": HOSTILE.replace("```", "")}]
    answer = await hub("agent").post(MISSIONS, json=contract(title=HOSTILE, symptoms=symptoms))
    assert answer.status_code == 201, answer.text
    assert answer.json()["title"] == HOSTILE
    assert answer.json()["symptoms"][0]["description"] == symptoms[0]["description"].strip()


@pytest.mark.parametrize(
    ("who", "status"),
    [
        (None, 401),
        ("viewer", 403),
        ("nobodys", 403),
        ("mallory", 403),
        ("elsewhere", 422),
        ("stranger", 422),
    ],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_who_may_not_ask_for_a_mission(
    read_only: Served, who: str | None, status: int
) -> None:
    answer = await read_only(who).post(MISSIONS, json=contract())
    problem(answer, status)
    assert read_only.world.submitted == []


async def test_who_may_ask_for_a_mission(hub: Served, world: HubWorld) -> None:
    for count, who in enumerate(("alice", "operator", "agent", "admin"), start=1):
        answer = await hub(who).post(MISSIONS, json=contract())
        assert answer.status_code == 201, answer.text
        assert len(world.submitted) == count


async def test_parent_is_one_that_the_asker_sees(hub: Served, world: HubWorld) -> None:
    hidden = await file_issue(world, 77, "words", ref=OTHER_REF)
    for parent, status in ((hidden, 422), (world.missions["resolved"], 201)):
        answer = await hub("alice").post(MISSIONS, json=contract(parent_id=parent))
        assert answer.status_code == status, answer.text
    unknown = await hub("alice").post(MISSIONS, json=contract(parent_id="mission_20200101_001"))
    refused = await hub("alice").post(MISSIONS, json=contract(parent_id=hidden))
    assert unknown.json() == refused.json()


async def test_silent_forge_is_a_503_that_is_not_remembered(hub: Served, world: HubWorld) -> None:
    key = {"Idempotency-Key": "k"}
    world.rights.silent = True
    problem(await hub("agent").post(MISSIONS, json=contract(), headers=key), 503)
    world.rights.silent = False
    assert (await hub("agent").post(MISSIONS, json=contract(), headers=key)).status_code == 201


async def test_execute_starts_as_a_comment_does(hub: Served, world: HubWorld) -> None:
    name = world.missions["fresh"]
    answer = await hub("agent").post(f"{MISSIONS}/{name}/execute", json={"mission_type": "coding"})
    assert answer.status_code == 202, answer.text
    body = answer.json()
    assert (body["accepted"], body["mission_id"]) == (True, name)
    assert "issue #4" in body["sentence"]
    (delivery,) = world.submitted
    (routed,) = ROUTED.validate_json(delivery.body)
    event = routed.event
    assert isinstance(event, CommandGiven)
    assert (event.name, event.actor.login, event.id) == ("start", "alice", body["command_id"])
    assert (event.at, event.sha, delivery.event) == (world.clock.at, None, "command")
    found = await world.store.find(name)
    assert found is not None
    # The forge is asked what alice may before anything is done.
    assert (found[0].phase, len(found[0].commands)) == (Phase.AWAITING_START, 1)


async def test_execute_names_the_type_that_the_contract_has(hub: Served, world: HubWorld) -> None:
    path = f"{MISSIONS}/{world.missions['fresh']}/execute"
    answer = await hub("agent").post(path, json={"mission_type": "healing"})
    assert problem(answer, 422)["errors"][0]["field"] == "mission_type"
    assert (await hub("agent").post(path)).status_code == 202


async def test_every_command_of_a_comment_can_be_given(hub: Served, world: HubWorld) -> None:
    world.awake = False
    body = {"reason": "  the release\nwaits ", "sha": "a" * 40}
    for name in ORDERS:
        path = f"{MISSIONS}/{world.missions['gating']}/{name}"
        answer = await hub("alice").post(path, json=body)
        assert answer.status_code == 202, answer.text
        (routed,) = ROUTED.validate_json(world.submitted[-1].body)
        event = routed.event
        assert isinstance(event, CommandGiven)
        assert (event.name, event.argument, event.sha) == (name, "the release waits", "a" * 40)
        assert (event.actor.login, event.comment) == ("alice", "")
    assert {*ORDERS, "start"} == {n for n, c in COMMANDS.items() if c.does is not None}


async def test_command_takes_one_argument(hub: Served, world: HubWorld) -> None:
    path = f"{MISSIONS}/{world.missions['gating']}/veto"
    answer = await hub("alice").post(path, json={"reason": "a", "argument": "b"})
    assert problem(answer, 422)["errors"][0]["field"] == "reason"


@pytest.mark.parametrize(
    ("who", "status"),
    [("viewer", 403), ("agent", 403), ("nobodys", 403), ("mallory", 403), ("elsewhere", 404)],
)
async def test_who_may_not_command(hub: Served, world: HubWorld, who: str, status: int) -> None:
    answer = await hub(who).post(f"{MISSIONS}/{world.missions['gating']}/hold")
    problem(answer, status)
    assert world.submitted == []


async def test_doubled_command_is_given_once(hub: Served, world: HubWorld) -> None:
    path, key = f"{MISSIONS}/{world.missions['gating']}/hold", {"Idempotency-Key": "1"}
    first = await hub("alice").post(path, headers=key)
    second = await hub("alice").post(path, headers=key)
    assert first.json() == second.json()
    assert len(world.submitted) == 1
    other = await hub("alice").post(path)
    assert other.json()["command_id"] != first.json()["command_id"]

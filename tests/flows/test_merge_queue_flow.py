"""Where the forge requires its merge queue, the queue merges, and every gate is asked again."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from grace.domain.mission import Mission
from grace.domain.phase import Outcome, Phase
from grace.localforge.faults import DeliveryFault
from support.flow_ci import git
from support.flows import GOVERNANCE, OWNER, Bot, Stage, staged

POLLING = {"poll": True, "sweep_seconds": 0.3, "webhook_secret": None}
ARTIFACTS = {"tests": {**GOVERNANCE["tests"], "fetch_report_after_seconds": 0.2}}
FOREVER = 10_000
PLACE = """query($owner: String!, $name: String!, $number: Int!) {
  repository(owner: $owner, name: $name) { pullRequest(number: $number) { id isInMergeQueue } } }"""
DEQUEUE = "mutation($id: ID!) { dequeuePullRequest(input: {id: $id}) { mergeQueueEntry { id } } }"


async def graph(stage: Stage, document: str, **variables: object) -> Any:
    """Ask the forge's graph as the owner."""
    url = f"{stage.forge.url}/api/graphql"
    body = {"query": document, "variables": variables}
    answer = (await stage.client(OWNER).post(url, json=body)).json()
    assert "errors" not in answer, answer
    return answer["data"]


async def place(stage: Stage, mission: Mission) -> Any:
    """Read the node id of a mission's pull request, and whether it is in the queue."""
    assert mission.pull is not None
    owner, _, name = stage.repository.full_name.partition("/")
    found = await graph(stage, PLACE, owner=owner, name=name, number=mission.pull.number)
    return found["repository"]["pullRequest"]


async def governance(stage: Stage, mission: Mission) -> str | None:
    """Read what our check says on the newest head."""
    head = mission.attempts[-1].head
    runs = (await stage.get(f"/commits/{head}/check-runs"))["check_runs"]
    return next(r["conclusion"] for r in runs if r["name"] == "mission/governance")


@asynccontextmanager
async def waiting(stage: Stage, **settings: Any) -> AsyncIterator[tuple[Bot, int, Mission]]:
    """Bring a mission into the queue, where its group waits for a report that does not come."""
    await stage.forge.require_merge_queue(stage.repository.full_name, "main")
    async with stage.bot(**settings) as bot, stage.people(reviewing=False):
        issue = await stage.file()
        mission = await bot.look.phase(issue, Phase.GATING)
        stage.ci.silent = True
        assert mission.pull is not None
        head = mission.attempts[-1].head
        path = f"/pulls/{mission.pull.number}/reviews"
        await stage.post(path, "rita", event="APPROVE", commit_id=head)
        mission = await bot.look.until(issue, lambda m: m.queued and m.group is not None)
        assert (await place(stage, mission))["isInMergeQueue"]
        yield bot, issue, mission


async def test_where_a_merge_queue_is_required_it_merges(stage: Stage) -> None:
    """Grace only enqueues; on the group's commit every gate is asked again."""
    await stage.forge.require_merge_queue(stage.repository.full_name, "main")
    async with stage.bot() as bot, stage.people():
        issue = await stage.file()
        mission = await bot.look.closed(issue, Outcome.FIXED)
        await bot.look.nothing_doubled(mission)
    await landed_by_the_queue(stage, mission)


@pytest.mark.stress
async def test_while_polling_the_group_is_found_by_the_sweep(
    tmp_path: Path, app_key: tuple[str, str]
) -> None:
    async with staged(tmp_path, app_key, ARTIFACTS) as stage:
        await stage.forge.set_webhook(stage.app.id, active=False)
        stage.ci.artifact = True
        await stage.forge.require_merge_queue(stage.repository.full_name, "main")
        async with stage.bot(**POLLING) as bot, stage.people():
            issue = await stage.file()
            mission = await bot.look.closed(issue, Outcome.FIXED)
            await bot.look.nothing_doubled(mission)
        await landed_by_the_queue(stage, mission)


async def landed_by_the_queue(stage: Stage, mission: Mission) -> None:
    assert mission.landing is not None
    assert mission.group is not None
    assert mission.landing.tree == mission.group.tree
    runs = (await stage.get(f"/commits/{mission.group.head}/check-runs"))["check_runs"]
    ours = {r["name"]: r["conclusion"] for r in runs if r["name"].startswith("mission/")}
    assert ours["mission/governance"] == "success"
    calls = await stage.forge.calls(stage.app.bot)
    assert not [c for c in calls if c.method == "PUT" and c.template.endswith("/merge")]


@pytest.mark.stress
async def test_vetoed_change_leaves_the_queue_and_comes_back_when_it_is_wanted(
    stage: Stage,
) -> None:
    async with waiting(stage) as (bot, issue, mission):
        assert mission.pull is not None
        await stage.say(mission.pull.number, "/grace veto not on a friday", "rita")
        await bot.look.phase(issue, Phase.GATING)
        await bot.look.settled()
        assert not (await place(stage, mission))["isInMergeQueue"]
        assert await governance(stage, mission) is None
        stage.ci.silent = False
        await stage.say(mission.pull.number, "/grace approve", "rita")
        done = await bot.look.closed(issue, Outcome.FIXED)
        await bot.look.nothing_doubled(done)


@pytest.mark.parametrize("heard", [True, False])
async def test_change_that_a_person_takes_out_is_not_waited_for(stage: Stage, heard: bool) -> None:
    """By webhook, and where all that a queue tells is lost by the sweep."""
    if not heard:
        lost = "pull_request.dequeued|merge_group.destroyed"
        stage.forge.faults.deliveries(DeliveryFault.DROP, lost, times=FOREVER)
    async with waiting(stage, sweep_seconds=60.0 if heard else 0.3) as (bot, issue, mission):
        await graph(stage, DEQUEUE, id=(await place(stage, mission))["id"])
        dropped = await bot.look.phase(issue, Phase.GATING)
        assert "the merge queue dropped the change" in dropped.forge_says
        assert not dropped.queued


async def test_mission_that_is_cancelled_in_the_queue_never_lands(stage: Stage) -> None:
    before = await git(stage.repository.bare, "rev-parse", "main")
    async with waiting(stage) as (bot, issue, _):
        await stage.client("alice").patch(f"{stage.path}/issues/{issue}", json={"state": "closed"})
        mission = await bot.look.closed(issue, Outcome.CANCELLED)
        assert not (await place(stage, mission))["isInMergeQueue"]
        assert await governance(stage, mission) == "failure"
    assert await git(stage.repository.bare, "rev-parse", "main") == before

"""The merge queue: only it moves the base, by groups whose checks passed."""

from typing import Any

import httpx
import pytest

from localforge.forge_world import REPO, World

ENQUEUE = """mutation($id: ID!, $sha: GitObjectID) {
  enqueuePullRequest(input: {pullRequestId: $id, expectedHeadOid: $sha}) {
    mergeQueueEntry { position state headCommit { oid } baseCommit { oid } } } }"""
DEQUEUE = "mutation($id: ID!) { dequeuePullRequest(input: {id: $id}) { mergeQueueEntry { id } } }"
CI = {"strict": True, "contexts": [], "checks": [{"context": "ci"}]}


async def _ready(world: World, method: str = "merge") -> None:
    """Demand a queue and a check; later heads need not be up to date."""
    await world.protect(required_status_checks=CI)
    await world.forge.require_merge_queue("ann/app", "main", merge_method=method)


async def _passing(world: World, branch: str, path: str, **more: Any) -> dict[str, Any]:
    sha = await world.commit(branch, path, f"{branch}\n")
    await world.check(sha)
    number = await world.pull(branch, **more)
    found: dict[str, Any] = (await world.person("ann").get(f"{REPO}/pulls/{number}")).json()
    return found


async def _enqueue(world: World, pull: dict[str, Any]) -> dict[str, Any]:
    answer = await world.ask(
        ENQUEUE, await world.bot(), id=pull["node_id"], sha=pull["head"]["sha"]
    )
    assert "errors" not in answer, answer
    entry: dict[str, Any] = answer["data"]["enqueuePullRequest"]["mergeQueueEntry"]
    return entry


async def _pull(world: World, number: int) -> dict[str, Any]:
    await world.forge.idle()
    found: dict[str, Any] = (await world.person("ann").get(f"{REPO}/pulls/{number}")).json()
    return found


@pytest.mark.parametrize("who", ["ann", "bot"])
async def test_nobody_merges_or_pushes_around_the_queue(world: World, who: str) -> None:
    await _ready(world)
    pull = await _passing(world, "fix", "b.txt")
    client = await world.bot() if who == "bot" else world.person(who)
    refused = await client.put(f"{REPO}/pulls/{pull['number']}/merge", json={})
    assert refused.status_code == 405
    assert refused.json()["message"] == "Changes must be made through the merge queue"
    moved = await client.patch(f"{REPO}/git/refs/heads/main", json={"sha": pull["head"]["sha"]})
    assert moved.status_code == 422
    body = {"ref": "refs/heads/gh-readonly-queue/main/x", "sha": pull["head"]["sha"]}
    assert (await client.post(f"{REPO}/git/refs", json=body)).status_code == 422


async def test_base_moves_to_the_group_when_its_checks_pass(world: World) -> None:
    await _ready(world)
    before = await world.tip()
    pull = await _passing(world, "fix", "b.txt", body="Refs #9\n\nMission-Id: 7")
    entry = await _enqueue(world, pull)
    group = entry["headCommit"]["oid"]
    assert (entry["position"], entry["state"]) == (1, "AWAITING_CHECKS")
    assert entry["baseCommit"]["oid"] == before
    await world.forge.idle()
    told = world.receiver.last("merge_group.checks_requested")
    ref = f"refs/heads/gh-readonly-queue/main/pr-{pull['number']}-{before}"
    wanted = {"head_sha": group, "head_ref": ref, "base_sha": before, "base_ref": "refs/heads/main"}
    assert {name: told["merge_group"][name] for name in wanted} == wanted
    assert (await world.tip()) == before
    await world.check(group)
    landed = await _pull(world, pull["number"])
    assert (landed["merged"], landed["merge_commit_sha"]) == (True, group)
    assert landed["merged_by"]["login"] == "github-merge-queue[bot]"
    assert await world.tip() == group
    commit = (await world.person("ann").get(f"{REPO}/git/commits/{group}")).json()
    assert commit["message"] == f"Merge fix (#{pull['number']})\n\nRefs #9\n\nMission-Id: 7"
    assert [parent["sha"] for parent in commit["parents"]] == [before, pull["head"]["sha"]]
    names = world.receiver.names()
    assert world.receiver.last("push")["deleted"]
    assert world.receiver.last("merge_group.destroyed")["reason"] == "merged"
    assert world.receiver.last("pull_request.closed")["pull_request"]["merge_commit_sha"] == group
    assert names.index("pull_request.enqueued") < names.index("merge_group.checks_requested")


async def test_failed_group_leaves_the_queue_and_the_one_behind_is_built_anew(world: World) -> None:
    await _ready(world)
    before = await world.tip()
    bad, good = await _passing(world, "bad", "b.txt"), await _passing(world, "good", "c.txt")
    first, second = await _enqueue(world, bad), await _enqueue(world, good)
    assert second["position"] == 2
    assert second["baseCommit"] == first["headCommit"]
    await world.check(second["headCommit"]["oid"])
    await world.forge.idle()
    assert await world.tip() == before
    await world.check(first["headCommit"]["oid"], conclusion="failure")
    still = await _pull(world, bad["number"])
    assert (still["state"], still["merged"]) == ("open", False)
    dequeued = [
        item.body for item in world.receiver.received if item.name == "pull_request.dequeued"
    ]
    assert [(body["number"], body["reason"]) for body in dequeued] == [
        (bad["number"], "CI_FAILURE")
    ]
    reasons = [
        i.body["reason"] for i in world.receiver.received if i.name == "merge_group.destroyed"
    ]
    assert reasons == ["dequeued", "invalidated"]
    rebuilt = world.receiver.last("merge_group.checks_requested")["merge_group"]
    assert rebuilt["base_sha"] == before
    await world.check(rebuilt["head_sha"])
    assert (await _pull(world, good["number"]))["merged"]
    assert await world.tip() == rebuilt["head_sha"]


@pytest.mark.parametrize(("method", "parents"), [("squash", 1), ("rebase", 1)])
async def test_queue_without_required_checks_lands_at_once(
    world: World, method: str, parents: int
) -> None:
    await world.forge.require_merge_queue("ann/app", "main", merge_method=method)
    pull = await _passing(world, "fix", "b.txt")
    await _enqueue(world, pull)
    landed = await _pull(world, pull["number"])
    assert landed["merged"]
    commit = (await world.person("ann").get(f"{REPO}/git/commits/{await world.tip()}")).json()
    assert len(commit["parents"]) == parents
    assert commit["message"].startswith("Merge fix (#1)" if method == "squash" else "put b.txt")


async def _refusal(world: World, client: httpx.AsyncClient, **variables: Any) -> tuple[str, str]:
    (error,) = (await world.ask(ENQUEUE, client, **variables))["errors"]
    return error["type"], error["message"]


async def test_what_may_not_enter_is_refused_with_the_reason(world: World) -> None:
    bob = world.person("bob")
    pull = await _passing(world, "fix", "b.txt")
    assert "no merge queue" in (await _refusal(world, bob, id=pull["node_id"]))[1]
    await _ready(world)
    moved = await _refusal(world, bob, id=pull["node_id"], sha="0" * 40)
    assert moved == ("UNPROCESSABLE", "Head sha didn't match the expected head sha")
    assert (await _refusal(world, world.person("eve"), id=pull["node_id"]))[0] == "FORBIDDEN"
    reader = await world.bot(permissions={"contents": "read", "pull_requests": "read"})
    assert (await _refusal(world, reader, id=pull["node_id"]))[0] == "FORBIDDEN"
    await world.commit("raw", "d.txt", "d\n")
    raw = await _pull(world, await world.pull("raw"))
    expected = await _refusal(world, bob, id=raw["node_id"])
    assert expected == ("UNPROCESSABLE", 'Required status check "ci" is expected.')
    await _enqueue(world, pull)
    assert "already in" in (await _refusal(world, bob, id=pull["node_id"]))[1]


@pytest.mark.parametrize("how", ["dequeue", "push", "close"])
async def test_pull_request_that_leaves_is_dropped(world: World, how: str) -> None:
    await _ready(world)
    pull = await _passing(world, "fix", "b.txt")
    entry = await _enqueue(world, pull)
    ann = world.person("ann")
    if how == "dequeue":
        assert "errors" not in await world.ask(DEQUEUE, await world.bot(), id=pull["node_id"])
    elif how == "push":
        await world.commit("fix", "b.txt", "more\n")
    else:
        await ann.patch(f"{REPO}/pulls/{pull['number']}", json={"state": "closed"})
    await world.forge.idle()
    assert world.receiver.last("merge_group.destroyed")["reason"] == "dequeued"
    await world.check(entry["headCommit"]["oid"])
    assert not (await _pull(world, pull["number"]))["merged"]
    refs = (await ann.get(f"{REPO}/git/matching-refs/heads/gh-readonly-queue")).json()
    assert refs == []


async def test_conflict_with_what_is_ahead_never_gets_a_group(world: World) -> None:
    await _ready(world)
    one, two = await _passing(world, "one", "a.txt"), await _passing(world, "two", "a.txt")
    await _enqueue(world, one)
    assert await _enqueue(world, two) is None
    await world.forge.idle()
    told = world.receiver.last("pull_request.dequeued")
    assert (told["number"], told["reason"]) == (two["number"], "MERGE_CONFLICT")


async def test_group_runs_the_workflows_that_ask_for_it(world: World) -> None:
    await _ready(world)
    await world.commit("fix", ".github/workflows/ci.yml", "on: merge_group\nunit")
    pull = await _passing(world, "fix", "b.txt")
    entry = await _enqueue(world, pull)
    await world.forge.idle()
    (request,) = world.runner.requests
    assert (request.event_name, request.sha) == ("merge_group", entry["headCommit"]["oid"])
    assert request.ref.startswith("refs/heads/gh-readonly-queue/main/pr-")

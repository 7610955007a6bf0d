"""Webhooks: signed, in order, recorded, sent again on demand, and faulty on request."""

import asyncio
import hashlib
import hmac

import httpx
import pytest

from grace.localforge.faults import DeliveryFault
from grace.localforge.forge import ForgeConfig, LocalForge
from localforge.forge_world import REPO, SECRET, Receiver, World


async def _comment(world: World, *texts: str) -> None:
    ann = world.person("ann")
    await ann.post(f"{REPO}/issues", json={"title": "t"})
    for text in texts:
        await ann.post(f"{REPO}/issues/1/comments", json={"body": text})


def _comments(receiver: Receiver) -> list[str]:
    return [r.body["comment"]["body"] for r in receiver.received if r.event == "issue_comment"]


async def test_deliveries_are_signed_over_the_raw_bytes(world: World) -> None:
    await _comment(world, "hi")
    await world.forge.idle()
    for item in world.receiver.received:
        expected = hmac.new(SECRET.encode(), item.raw, hashlib.sha256).hexdigest()
        assert item.headers["x-hub-signature-256"] == f"sha256={expected}"
        assert item.headers["x-github-hook-installation-target-id"] == str(world.app.id)
    last = world.receiver.last("issue_comment.created")
    assert last["installation"]["id"] == world.installation
    assert last["repository"]["full_name"] == "ann/app"


async def test_deliveries_arrive_in_order(world: World) -> None:
    await world.forge.idle()
    world.receiver.gate = asyncio.Event()
    texts = [f"c{n}" for n in range(12)]
    await _comment(world, *texts)
    # By now everything behind the first delivery has piled up.
    world.receiver.gate.set()
    await world.forge.idle()
    assert _comments(world.receiver) == texts


@pytest.mark.parametrize(
    ("fault", "seen"),
    [
        (DeliveryFault.DROP, ["b", "c"]),
        (DeliveryFault.DUPLICATE, ["a", "a", "b", "c"]),
        (DeliveryFault.REORDER, ["b", "a", "c"]),
    ],
)
async def test_delivery_faults(world: World, fault: DeliveryFault, seen: list[str]) -> None:
    world.forge.faults.deliveries(fault, r"issue_comment\.created")
    await _comment(world, "a", "b", "c")
    await world.forge.idle()
    assert _comments(world.receiver) == seen


async def test_failed_delivery_is_not_repeated_until_somebody_asks(world: World) -> None:
    world.receiver.status = 500
    await _comment(world, "a")
    await world.forge.idle()
    world.receiver.status = 202
    app = world.client(world.jwt())
    failed = (await app.get("/app/hook/deliveries", params={"status": "failure"})).json()
    mine = next(item for item in failed if item["event"] == "issue_comment")
    assert mine["status_code"] == 500
    assert _comments(world.receiver) == ["a"]
    again = await app.post(f"/app/hook/deliveries/{mine['id']}/attempts")
    assert again.status_code == 202
    await world.forge.idle()
    assert _comments(world.receiver) == ["a", "a"]
    assert world.receiver.received[-1].delivery == mine["guid"]
    newest = (await app.get("/app/hook/deliveries")).json()[0]
    assert (newest["redelivery"], newest["status"]) == (True, "OK")
    full = (await app.get(f"/app/hook/deliveries/{newest['id']}")).json()
    assert full["request"]["payload"]["comment"]["body"] == "a"


async def test_deliveries_are_paged_by_a_cursor_that_new_ones_do_not_shift(world: World) -> None:
    for words in ("a", "b", "c"):
        await _comment(world, words)
    await world.forge.idle()
    app = world.client(world.jwt())
    every = [d["id"] for d in (await app.get("/app/hook/deliveries")).json()]
    first = await app.get("/app/hook/deliveries", params={"per_page": 2})
    await _comment(world, "d")
    await world.forge.idle()
    found, page = [d["id"] for d in first.json()], first
    while "next" in page.links:
        page = await app.get(page.links["next"]["url"])
        found += [d["id"] for d in page.json()]
    assert found == every
    assert len(every) > 2
    assert (await app.get("/app/hook/deliveries", params={"cursor": "2"})).status_code == 422


async def test_slow_receiver_times_out_and_the_queue_goes_on(
    world: World, receiver: Receiver, tmp_path
) -> None:
    forge = LocalForge(ForgeConfig(tmp_path / "other", delivery_timeout=0.2))
    token = await forge.create_user("ann")
    await forge.start()
    await forge.create_repository("ann", "app")
    receiver.gate = asyncio.Event()
    headers = {"Authorization": f"token {token}"}
    async with httpx.AsyncClient(base_url=forge.api_url, headers=headers) as ann:
        hook = {"config": {"url": receiver.url}, "events": ["issues"]}
        number = (await ann.post(f"{REPO}/hooks", json=hook)).json()["id"]
        await forge.idle()
        receiver.gate.set()
        await ann.post(f"{REPO}/issues", json={"title": "t"})
        await forge.idle()
        deliveries = (await ann.get(f"{REPO}/hooks/{number}/deliveries")).json()
    assert [item["status"] for item in reversed(deliveries)] == ["timed out", "OK"]
    await forge.close()


async def test_queue_survives_a_restart(world: World, receiver: Receiver, tmp_path) -> None:
    config = ForgeConfig(tmp_path / "other")
    forge = LocalForge(config)
    token = await forge.create_user("ann")
    await forge.start()
    await forge.create_repository("ann", "app")
    receiver.gate = asyncio.Event()
    headers = {"Authorization": f"token {token}"}
    async with httpx.AsyncClient(base_url=forge.api_url, headers=headers) as ann:
        hook = {"config": {"url": receiver.url}, "events": ["issues"]}
        await ann.post(f"{REPO}/hooks", json=hook)
        await ann.post(f"{REPO}/issues", json={"title": "kept"})
    await forge.close()
    receiver.gate.set()
    receiver.gate = None
    again = LocalForge(config)
    await again.start()
    await again.idle()
    async with httpx.AsyncClient(base_url=again.api_url, headers=headers) as ann:
        assert (await ann.get(f"{REPO}/issues/1")).json()["title"] == "kept"
    await again.close()
    assert [r.name for r in receiver.received if r.event == "issues"] == ["issues.opened"]


async def test_every_event_comes_as_github_documents_it(world: World) -> None:
    # That each one fits its schema is what the fixture asserts at the end.
    ann, bot = world.person("ann"), await world.bot()
    await _comment(world, "a")
    await ann.patch(f"{REPO}/issues/comments/1", json={"body": "b"})
    await ann.delete(f"{REPO}/issues/comments/1")
    await ann.patch(f"{REPO}/issues/1", json={"title": "u", "labels": ["bug"]})
    await ann.patch(f"{REPO}/issues/1", json={"labels": [], "state": "closed"})
    await ann.patch(f"{REPO}/issues/1", json={"state": "open"})
    sha = await world.commit("fix", "b.txt", "b")
    number = await world.pull("fix")
    await ann.post(f"{REPO}/pulls/{number}/requested_reviewers", json={"reviewers": ["bob"]})
    await ann.patch(f"{REPO}/pulls/{number}", json={"title": "new", "body": "text"})
    await ann.post(f"{REPO}/issues/{number}/labels", json={"labels": ["bug"]})
    review = {"event": "COMMENT", "body": "hm"}
    await world.person("bob").post(f"{REPO}/pulls/{number}/reviews", json=review)
    check = {"name": "ci", "head_sha": sha, "conclusion": "success"}
    run = (await bot.post(f"{REPO}/check-runs", json=check)).json()
    await ann.post(f"{REPO}/check-runs/{run['id']}/rerequest")
    again = (await ann.get(f"{REPO}/check-runs/{run['id']}")).json()
    assert (again["status"], again["conclusion"], again["completed_at"]) == ("queued", None, None)
    await bot.patch(f"{REPO}/check-runs/{run['id']}", json={"conclusion": "success"})
    suite = again["check_suite"]["id"]
    assert (await ann.post(f"{REPO}/check-suites/{suite}/rerequest")).status_code == 201
    await world.forge.request_action(run["id"], "again", "ann")
    await ann.post(f"{REPO}/statuses/{sha}", json={"state": "success"})
    body = {"ref": "main", "required_contexts": []}
    deployment = (await ann.post(f"{REPO}/deployments", json=body)).json()["id"]
    await ann.post(f"{REPO}/deployments/{deployment}/statuses", json={"state": "success"})
    await world.commit("fix", "b.txt", "c")
    await ann.put(f"{REPO}/pulls/{number}/merge", json={})
    await ann.delete(f"{REPO}/git/refs/heads/fix")
    await world.commit("main", ".github/workflows/ci.yml", "on: push\nbuild")
    await world.forge.idle()
    await ann.patch(REPO, json={"name": "renamed"})
    await ann.delete("/repos/ann/renamed")
    await world.forge.change_installation(world.installation)
    await world.forge.uninstall_app(world.installation)
    await world.forge.idle()
    wanted = {
        "push",
        "create",
        "delete",
        "status",
        "installation.created",
        "installation.deleted",
        *(
            f"issues.{a}"
            for a in ["opened", "edited", "closed", "reopened", "labeled", "unlabeled"]
        ),
        *(f"issue_comment.{a}" for a in ["created", "edited", "deleted"]),
        *(f"pull_request.{a}" for a in ["opened", "edited", "synchronize", "closed", "labeled"]),
        "pull_request.review_requested",
        "pull_request_review.submitted",
        *(f"check_run.{a}" for a in ["created", "completed", "rerequested", "requested_action"]),
        *(f"check_suite.{a}" for a in ["completed", "rerequested"]),
        *(f"workflow_run.{a}" for a in ["requested", "in_progress", "completed"]),
        *(f"workflow_job.{a}" for a in ["queued", "in_progress", "completed"]),
        "deployment.created",
        "deployment_status.created",
        "repository.renamed",
        "repository.deleted",
    }
    assert wanted <= set(world.receiver.names())
    found = world.receiver.last("check_run.completed")["check_run"]
    assert found["check_suite"]["head_branch"]

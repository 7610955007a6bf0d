"""Apps: their JWTs, installation tokens, permissions, and what only an App may do."""

import time

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from localforge.forge_world import REPO, World


@pytest.mark.parametrize(
    ("claims", "status"),
    [
        ({}, 200),
        ({"exp": int(time.time()) - 60}, 401),
        ({"exp": int(time.time()) + 3600}, 401),
        ({"iss": "999"}, 401),
    ],
)
async def test_app_jwt_is_checked(world: World, claims: dict[str, object], status: int) -> None:
    answer = await world.client(world.jwt(**claims)).get("/app")
    assert answer.status_code == status


async def test_jwt_signed_by_another_key_is_refused(world: World) -> None:
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    world.key = other.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
    assert (await world.client(world.jwt()).get("/app")).status_code == 401


async def test_jwt_opens_no_repository_and_a_person_is_no_app(world: World) -> None:
    assert (await world.client(world.jwt()).get(REPO)).status_code == 401
    assert (await world.person("ann").get("/app")).status_code == 401


async def test_installation_acts_as_its_bot_within_its_permissions(world: World) -> None:
    bot = await world.bot()
    issue = await bot.post(f"{REPO}/issues", json={"title": "t", "labels": ["mission"]})
    assert (issue.json()["user"]["login"], issue.json()["user"]["type"]) == ("grace[bot]", "Bot")
    narrow = await world.bot(permissions={"issues": "read"})
    assert (await narrow.get(f"{REPO}/issues")).status_code == 200
    refused = await narrow.post(f"{REPO}/issues", json={"title": "t"})
    assert refused.status_code == 403
    assert refused.json()["message"] == "Resource not accessible by integration"
    protection = await bot.delete(f"{REPO}/branches/main/protection")
    assert protection.status_code == 403


async def test_token_cannot_widen_permissions_or_repositories(world: World) -> None:
    app = world.client(world.jwt())
    path = f"/app/installations/{world.installation}/access_tokens"
    for body in ({"permissions": {"administration": "write"}}, {"repositories": ["other"]}):
        assert (await app.post(path, json=body)).status_code == 422
    await world.forge.create_repository("ann", "other")
    bot = await world.bot()
    assert (await bot.post("/repos/ann/other/issues", json={"title": "t"})).status_code == 403
    listed = (await bot.get("/installation/repositories")).json()
    assert [repo["name"] for repo in listed["repositories"]] == ["app"]


async def test_only_an_app_creates_check_runs_and_only_its_own_changes_them(world: World) -> None:
    body = {"name": "ci", "head_sha": await world.tip(), "status": "in_progress"}
    refused = await world.person("ann").post(f"{REPO}/check-runs", json=body)
    assert refused.status_code == 403
    bot = await world.bot()
    run = (await bot.post(f"{REPO}/check-runs", json=body)).json()
    path = f"{REPO}/check-runs/{run['id']}"
    assert (await world.person("ann").patch(path, json={"status": "queued"})).status_code == 403
    note = {
        "path": "a.txt",
        "start_line": 1,
        "end_line": 1,
        "annotation_level": "failure",
        "message": "m",
    }
    output = {"title": "t", "summary": "s", "annotations": [note]}
    done = await bot.patch(path, json={"conclusion": "failure", "output": output})
    assert done.json()["status"] == "completed"
    assert done.json()["output"]["annotations_count"] == 1
    assert (await bot.get(f"{path}/annotations")).json()[0]["message"] == "m"
    missing = await bot.patch(path, json={"status": "completed"})
    assert missing.status_code == 422
    latest = (await bot.post(f"{REPO}/check-runs", json=body)).json()
    listed = (await bot.get(f"{REPO}/commits/main/check-runs")).json()
    assert [item["id"] for item in listed["check_runs"]] == [latest["id"]]
    everything = await bot.get(f"{REPO}/commits/main/check-runs", params={"filter": "all"})
    assert everything.json()["total_count"] == 2


async def test_uninstalled_app_is_out(world: World) -> None:
    bot = await world.bot()
    await world.forge.uninstall_app(world.installation)
    assert (await bot.get(REPO)).status_code == 401


@pytest.mark.parametrize(
    ("role", "label", "merge"), [("read", 403, 403), ("triage", 200, 403), ("write", 200, 200)]
)
async def test_roles_decide_for_people(world: World, role: str, label: int, merge: int) -> None:
    await world.forge.add_collaborator("ann/app", "eve", role)
    await world.commit("fix", "b.txt", "b")
    number = await world.pull("fix")
    eve = world.person("eve")
    labels = await eve.post(f"{REPO}/issues/{number}/labels", json={"labels": ["bug"]})
    assert labels.status_code == label
    assert (await eve.put(f"{REPO}/pulls/{number}/merge", json={})).status_code == merge
    assert (await eve.get(f"{REPO}/hooks")).status_code == 403
    asked = await world.person("ann").get(f"{REPO}/collaborators/eve/permission")
    older = {"triage": "read"}.get(role, role)
    assert (asked.json()["permission"], asked.json()["role_name"]) == (older, role)

"""Workflow runs: started by events, recorded as checks, logs and artifacts, identified by OIDC."""

import asyncio
import io
import stat
import zipfile
from pathlib import Path

import httpx
import jwt
import pytest

from grace.localforge.forge import ForgeConfig, LocalForge
from localforge.forge_world import REPO, FakeRunner, World

WORKFLOW = ".github/workflows/ci.yml"


async def _run(world: World, **params: str) -> dict[str, object]:
    await world.forge.idle()
    answer = await world.person("ann").get(f"{REPO}/actions/runs", params=params)
    return answer.json()["workflow_runs"][0]


async def test_pull_request_runs_the_heads_workflow_as_checks(world: World) -> None:
    sha = await world.commit("fix", WORKFLOW, "on: pull_request\nunit bad skip")
    number = await world.pull("fix")
    run = await _run(world)
    assert (run["event"], run["head_sha"], run["status"]) == ("pull_request", sha, "completed")
    assert run["conclusion"] == "failure"
    request = world.runner.requests[0]
    assert (request.ref, request.sha) == (f"refs/pull/{number}/merge", sha)
    assert request.event["pull_request"]["head"]["sha"] == sha
    ann = world.person("ann")
    checks = (await ann.get(f"{REPO}/commits/{sha}/check-runs")).json()["check_runs"]
    outcomes = {check["name"]: check["conclusion"] for check in checks}
    assert outcomes == {"Unit": "success", "Bad": "failure", "Skip": "skipped"}
    assert {check["app"]["slug"] for check in checks} == {"local-actions"}
    jobs = (await ann.get(f"{REPO}/actions/runs/{run['id']}/jobs")).json()["jobs"]
    assert checks[0]["details_url"] == jobs[0]["html_url"]
    log = await ann.get(f"{REPO}/actions/jobs/{jobs[0]['id']}/logs", follow_redirects=True)
    assert "hello from unit" in log.text
    await ann.get(f"{REPO}/pulls/{number}")
    await world.forge.idle()
    state = (await ann.get(f"{REPO}/pulls/{number}")).json()["mergeable_state"]
    assert state == "unstable"
    names = world.receiver.names()
    assert names.index("workflow_run.requested") < names.index("workflow_run.completed")
    assert names.count("workflow_job.completed") == 3


async def test_artifacts_come_back_as_a_zip(world: World) -> None:
    await world.commit("main", WORKFLOW, "on: push\nunit stress")
    run = await _run(world)
    ann = world.person("ann")
    listed = (await ann.get(f"{REPO}/actions/runs/{run['id']}/artifacts")).json()["artifacts"]
    assert [artifact["name"] for artifact in listed] == ["results"]
    url = listed[0]["archive_download_url"]
    data = (await ann.get(url, follow_redirects=True)).content
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert sorted(archive.namelist()) == ["stress.txt", "unit.txt"]


async def test_broken_workflow_is_a_failed_check_that_says_why(world: World) -> None:
    sha = await world.commit("main", WORKFLOW, "on: push\nbroken")
    run = await _run(world)
    assert run["conclusion"] == "failure"
    checks = (await world.person("ann").get(f"{REPO}/commits/{sha}/check-runs")).json()
    assert checks["check_runs"][0]["output"]["summary"] == "line 2: not a workflow"


async def test_rerun_is_a_new_attempt_with_new_checks(world: World) -> None:
    sha = await world.commit("main", WORKFLOW, "on: push\nunit")
    first = await _run(world)
    ann = world.person("ann")
    assert (await ann.post(f"{REPO}/actions/runs/{first['id']}/rerun")).status_code == 201
    second = await _run(world)
    assert (second["id"], second["run_attempt"]) == (first["id"], 2)
    params = {"filter": "all"}
    checks = (await ann.get(f"{REPO}/commits/{sha}/check-runs", params=params)).json()
    assert checks["total_count"] == 2


async def test_runs_are_listed_since_a_moment(world: World) -> None:
    await world.commit("main", WORKFLOW, "on: push\nunit")
    run = await _run(world)
    ann = world.person("ann")
    for since, count in (
        ("2000-01-01T00:00:00Z", 1),
        (run["created_at"], 1),
        ("2999-01-01T00:00:00Z", 0),
    ):
        params = {"created": f">={since}"}
        assert (await ann.get(f"{REPO}/actions/runs", params=params)).json()["total_count"] == count


async def test_cancelled_run_ends_cancelled(world: World) -> None:
    world.runner.held = asyncio.Event()
    await world.commit("main", WORKFLOW, "on: push\nunit later")
    ann = world.person("ann")
    await asyncio.wait_for(world.runner.started.acquire(), 10)
    assert (await ann.post(f"{REPO}/actions/runs/1/cancel")).status_code == 202
    run = await _run(world)
    assert run["conclusion"] == "cancelled"
    again = await ann.post(f"{REPO}/actions/runs/1/cancel")
    assert again.status_code == 409


async def test_at_most_two_runs_at_a_time_and_none_is_lost(world: World) -> None:
    world.runner.held = asyncio.Event()
    for number in range(3):
        await world.commit("main", WORKFLOW, f"on: push\nunit{number}")
    for _ in range(2):
        await asyncio.wait_for(world.runner.started.acquire(), 10)
    queued = asyncio.Event()
    world.receiver.watch["workflow_run.requested"] = (3, queued)
    world.receiver.tell()
    await asyncio.wait_for(queued.wait(), 10)
    assert len(world.runner.requests) == 2
    world.runner.held.set()
    await world.forge.idle()
    assert len(world.runner.requests) == 3


async def test_job_proves_itself_by_oidc(world: World) -> None:
    world.runner.held = asyncio.Event()
    sha = await world.commit("fix", WORKFLOW, "on: pull_request\nunit")
    await world.pull("fix")
    await asyncio.wait_for(world.runner.started.acquire(), 10)
    environment = world.runner.requests[0].env
    headers = {"Authorization": f"bearer {environment['ACTIONS_ID_TOKEN_REQUEST_TOKEN']}"}
    url = f"{environment['ACTIONS_ID_TOKEN_REQUEST_URL']}&audience=grace"
    async with httpx.AsyncClient(headers=headers, verify=False) as job:
        token = (await job.get(url)).json()["value"]
        issuer = f"{world.forge.url}/_services/token"
        found = (await job.get(f"{issuer}/.well-known/openid-configuration")).json()
        keys = jwt.PyJWKSet.from_dict((await job.get(found["jwks_uri"])).json())
        key = keys[jwt.get_unverified_header(token)["kid"]]
        claims = jwt.decode(token, key, algorithms=["RS256"], audience="grace", issuer=issuer)
        assert claims["sub"] == "repo:ann/app:pull_request"
        assert (claims["sha"], claims["head_ref"], claims["base_ref"]) == (sha, "fix", "main")
        assert claims["workflow_ref"] == f"ann/app/{WORKFLOW}@refs/pull/1/merge"
        # The checkout token is no identity token, and neither outlives its run.
        plain = {"Authorization": f"bearer {environment['FORGE_TOKEN']}"}
        assert (await job.get(url, headers=plain)).status_code == 401
        world.runner.held.set()
        await world.forge.idle()
        assert (await job.get(url)).status_code == 401


async def test_forks_job_gets_no_identity(world: World) -> None:
    eve = world.person("eve")
    await eve.post(f"{REPO}/forks", json={})
    text = {"message": "m", "content": "b246IHB1bGxfcmVxdWVzdAp1bml0", "branch": "main"}
    await eve.put(f"/repos/eve/app/contents/{WORKFLOW}", json=text)
    pull = {"title": "t", "base": "main", "head": "eve:main"}
    await eve.post(f"{REPO}/pulls", json=pull)
    await world.forge.idle()
    assert len(world.runner.requests) == 1
    assert "ACTIONS_ID_TOKEN_REQUEST_TOKEN" not in world.runner.requests[0].env


async def test_oidc_key_is_kept_and_readable_by_its_owner_alone(
    world: World, tmp_path: Path
) -> None:
    async with httpx.AsyncClient(verify=False) as client:
        url = f"{world.forge.url}/_services/token/.well-known/jwks"
        first = (await client.get(url)).json()
        file = tmp_path / "forge" / "oidc_key.pem"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        await world.forge.close()
        again = LocalForge(ForgeConfig(tmp_path / "forge"))
        await again.start()
        url = f"{again.url}/_services/token/.well-known/jwks"
        assert (await client.get(url)).json() == first
        await again.close()


async def test_unfinished_run_begins_again_after_a_restart(world: World, tmp_path: Path) -> None:
    world.runner.held = asyncio.Event()
    await world.commit("main", WORKFLOW, "on: push\nunit")
    await asyncio.wait_for(world.runner.started.acquire(), 10)
    await world.forge.close()
    runner = FakeRunner()
    again = LocalForge(ForgeConfig(tmp_path / "forge"), runner)
    await again.start()
    await again.idle()
    headers = {"Authorization": f"token {world.tokens['ann']}"}
    async with httpx.AsyncClient(base_url=again.api_url, headers=headers, verify=False) as ann:
        run = (await ann.get(f"{REPO}/actions/runs/1")).json()
        checks = (await ann.get(f"{REPO}/commits/main/check-runs")).json()
    await again.close()
    assert (run["status"], run["conclusion"]) == ("completed", "success")
    assert [check["conclusion"] for check in checks["check_runs"]] == ["success"]
    assert len(runner.requests) == 1


@pytest.mark.parametrize("who", ["bob", "bot"])
async def test_dispatch_starts_a_workflow_by_hand(world: World, who: str) -> None:
    await world.commit("main", WORKFLOW, "on: workflow_dispatch\nunit")
    await world.forge.idle()
    assert world.runner.requests == []
    client = await world.bot() if who == "bot" else world.person(who)
    path = f"{REPO}/actions/workflows/ci.yml/dispatches"
    assert (await client.post(path, json={"ref": "main"})).status_code == 204
    run = await _run(world, event="workflow_dispatch")
    assert run["conclusion"] == "success"

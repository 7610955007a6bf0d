"""Workflows that are started by hand: what is taken, how a run is called, who began it."""

import asyncio
import os
import shutil
from pathlib import Path
from typing import Any

import github
import pytest
from githubkit import GitHub

from localforge.forge_world import REPO, World

WORKFLOW = ".github/workflows/grace-patch.yml"
FILE = """\
name: grace-patch
run-name: grace patch ${{ inputs.request }}
on:
  workflow_dispatch:
    inputs:
      request: {required: true, type: string}
      agent: {default: repair}
jobs:
  propose: {runs-on: ubuntu-latest, steps: [{run: echo}]}
"""
PLACE = f"{REPO}/actions/workflows/grace-patch.yml"
ORDER = {"ref": "main", "inputs": {"request": "m/ask/1"}}


async def runs(world: World, **params: str) -> list[dict[str, Any]]:
    await world.forge.idle()
    answer = await world.person("ann").get(f"{PLACE}/runs", params=params)
    found: list[dict[str, Any]] = answer.json()["workflow_runs"]
    return found


async def test_a_run_has_its_inputs_its_name_and_who_began_it(world: World) -> None:
    sha = await world.commit("main", WORKFLOW, FILE)
    bot = await world.bot()
    assert (await bot.post(f"{PLACE}/dispatches", json=ORDER)).status_code == 204
    (run,) = await runs(world)
    assert run["display_title"] == "grace patch m/ask/1"
    assert (run["name"], run["path"], run["head_sha"]) == ("grace-patch", WORKFLOW, sha)
    assert (run["event"], run["head_branch"]) == ("workflow_dispatch", "main")
    assert run["actor"]["login"] == run["triggering_actor"]["login"] == "grace[bot]"
    (request,) = world.runner.requests
    assert request.event["inputs"] == {"request": "m/ask/1", "agent": "repair"}
    assert request.env["GITHUB_REF"] == "refs/heads/main"
    told = world.receiver.last("workflow_run.completed")
    assert told["workflow_run"]["display_title"] == "grace patch m/ask/1"
    assert told["workflow_run"]["actor"]["login"] == "grace[bot]"
    names = world.receiver.names()
    assert names.index("workflow_run.requested") < names.index("workflow_run.completed")


async def test_whoever_runs_it_again_is_named_beside_who_began_it(world: World) -> None:
    await world.commit("main", WORKFLOW, FILE)
    bot = await world.bot()
    await bot.post(f"{PLACE}/dispatches", json=ORDER)
    (run,) = await runs(world)
    await world.person("bob").post(f"{REPO}/actions/runs/{run['id']}/rerun")
    (again,) = await runs(world)
    assert (again["run_attempt"], again["actor"]["login"]) == (2, "grace[bot]")
    assert again["triggering_actor"]["login"] == "bob"
    environment = world.runner.requests[-1].env
    assert environment["GITHUB_ACTOR"] == "grace[bot]"
    assert environment["GITHUB_TRIGGERING_ACTOR"] == "bob"


async def test_runs_are_listed_by_who_began_them(world: World) -> None:
    await world.commit("main", WORKFLOW, FILE)
    await world.person("bob").post(f"{PLACE}/dispatches", json=ORDER)
    assert [run["actor"]["login"] for run in await runs(world, actor="bob")] == ["bob"]
    assert await runs(world, actor="ann") == []
    assert await runs(world, actor="nobody") == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"inputs": {}}, "Required input 'request' not provided"),
        ({"inputs": {"request": "m", "x": "1"}}, 'Unexpected inputs provided: ["x"]'),
        ({"inputs": {"request": "m" * 65_536}}, "inputs are too large."),
        ({"inputs": {f"i{n}": "" for n in range(26)}}, "you may only define up to 25 `inputs`"),
        ({"ref": "nowhere"}, "No ref found for: nowhere"),
        ({"ref": "main~1"}, "No ref found for: main~1"),
        ({"ref": "refs/heads/main^{tree}"}, "No ref found for"),
        ({"ref": "bare"}, "Workflow does not have 'workflow_dispatch' trigger"),
        ({"ref": "broken"}, "failed to parse workflow: job `propose` has no steps"),
    ],
)
async def test_what_it_does_not_take_is_refused_in_githubs_words(
    world: World, change: dict[str, Any], said: str
) -> None:
    await world.commit("main", WORKFLOW, FILE)
    await world.commit("bare", WORKFLOW, FILE.replace("workflow_dispatch", "push"))
    await world.commit("broken", WORKFLOW, FILE.replace("steps: [{run: echo}]", "steps: []"))
    world.runner.requests.clear()
    answer = await world.person("bob").post(f"{PLACE}/dispatches", json={**ORDER, **change})
    assert answer.status_code == 422
    assert said in answer.json()["message"]
    await world.forge.idle()
    assert [r for r in world.runner.requests if r.event_name == "workflow_dispatch"] == []


async def test_a_workflow_that_is_not_there_is_not_found(world: World) -> None:
    client = world.person("bob")
    assert (await client.post(f"{PLACE}/dispatches", json=ORDER)).status_code == 404
    assert (await client.get(f"{PLACE}/runs")).status_code == 404
    assert (await world.person("eve").post(f"{PLACE}/dispatches", json=ORDER)).status_code == 403


async def test_a_workflow_is_known_before_it_ran_and_runs_on_a_tag_too(world: World) -> None:
    sha = await world.commit("main", WORKFLOW, FILE)
    ann = world.person("ann")
    listed = (await ann.get(f"{REPO}/actions/workflows")).json()["workflows"]
    assert [(each["name"], each["path"]) for each in listed] == [("grace-patch", WORKFLOW)]
    assert await runs(world) == []
    await ann.post(f"{REPO}/git/refs", json={"ref": "refs/tags/v1", "sha": sha})
    path = f"{REPO}/actions/workflows/{listed[0]['id']}/dispatches"
    assert (await ann.post(path, json={**ORDER, "ref": "v1"})).status_code == 204
    (run,) = await runs(world)
    assert (run["head_branch"], world.runner.requests[-1].ref) == ("v1", "refs/tags/v1")


async def test_strict_clients_start_it(world: World) -> None:
    await world.commit("main", WORKFLOW, FILE)
    repo = {"owner": "ann", "repo": "app"}
    kit = GitHub(world.tokens["bob"], base_url=world.forge.api_url)
    await kit.rest.actions.async_create_workflow_dispatch(
        **repo, workflow_id="grace-patch.yml", ref="main", inputs={"request": "kit"}
    )
    listed = await kit.rest.actions.async_list_workflow_runs(**repo, workflow_id="grace-patch.yml")
    assert listed.parsed_data.workflow_runs[0].display_title == "grace patch kit"

    def pygithub() -> bool:
        client = github.Github(
            base_url=world.forge.api_url, auth=github.Auth.Token(world.tokens["bob"]), retry=None
        )
        workflow = client.get_repo("ann/app").get_workflow("grace-patch.yml")
        done = workflow.create_dispatch("main", {"request": "py"})
        client.close()
        return done

    assert await asyncio.to_thread(pygithub)
    titles = [run["display_title"] for run in await runs(world)]
    assert titles == ["grace patch py", "grace patch kit"]


@pytest.mark.skipif(shutil.which("gh") is None, reason="the GitHub CLI is not installed")
async def test_gh_workflow_run_starts_it(world: World, tmp_path: Path) -> None:
    await world.commit("main", WORKFLOW, FILE)
    config = tmp_path / "gh"
    config.mkdir()
    (config / "config.yml").write_text(f"version: 1\nhttp_unix_socket: {tmp_path / 's'}\n")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "GH_CONFIG_DIR": str(config),
        "GH_HOST": "github.localhost",
        "GH_TOKEN": world.tokens["ann"],
        "GH_NO_UPDATE_NOTIFIER": "1",
    }
    process = await asyncio.create_subprocess_exec(
        *("gh", "workflow", "run", "grace-patch.yml", "-R", "github.localhost/ann/app"),
        *("--ref", "main", "-f", "request=gh"),
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    _, err = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, err.decode()
    assert [run["display_title"] for run in await runs(world)] == ["grace patch gh"]

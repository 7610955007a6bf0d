"""The deployer: real git, real service processes, and a forge that takes deployments."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from grace.demo.deployer import Deployer, DeployerConfig, DeployError
from grace.demo.service import write_template

Until = Callable[[Callable[[], bool]], Awaitable[None]]
TOKEN = "ghs_the-deployers-token"


@dataclass
class Forge:
    """Takes deployments and their statuses as GitHub does; `broken` answers 500."""

    broken: bool = False
    refused: int = 0
    deployments: list[dict[str, object]] = field(default_factory=list)
    statuses: list[tuple[int, str, str]] = field(default_factory=list)

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/api/v3/repos/acme/mesh/deployments", self.create)
        app.router.add_post("/api/v3/repos/acme/mesh/deployments/{id}/statuses", self.report)
        return app

    async def create(self, request: web.Request) -> web.Response:
        if self.broken:
            self.refused += 1
            return web.json_response({"message": "Server Error"}, status=500)
        assert request.headers["Authorization"] == f"Bearer {TOKEN}"
        self.deployments.append(await request.json())
        return web.json_response({"id": len(self.deployments)}, status=201)

    async def report(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.statuses.append((int(request.match_info["id"]), body["state"], body["description"]))
        return web.json_response({"id": len(self.statuses)}, status=201)


class Origin:
    """The repository that is deployed from: the template, and what is committed on top."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        write_template(folder)
        self.git("init", "--quiet", "-b", "main")
        # As the forge's repositories are set up, and as GitHub is.
        self.git("config", "uploadpack.allowAnySHA1InWant", "true")

    @property
    def url(self) -> str:
        return self.folder.as_uri()

    def git(self, *args: str) -> str:
        identity = ("-c", "user.name=Ann", "-c", "user.email=ann@example.org")
        command = ["git", *identity, *args]
        done = subprocess.run(command, cwd=self.folder, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def commit(self, message: str, path: str = "", text: str = "") -> str:
        if path:
            (self.folder / path).write_text(text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def forge() -> Forge:
    return Forge()


@pytest.fixture
def origin(tmp_path: Path) -> Origin:
    return Origin(tmp_path / "origin")


@pytest.fixture
async def deployer(
    forge: Forge, origin: Origin, tmp_path: Path, free_port: int
) -> AsyncIterator[Deployer]:
    async with TestServer(forge.app()) as server:
        config = DeployerConfig(
            api_url=str(server.make_url("/api/v3")),
            git_url=origin.url,
            repository="acme/mesh",
            token=TOKEN,
            work=tmp_path / "work",
            python=Path(sys.executable),
            port=free_port,
            poll_interval_s=0.05,
        )
        async with Deployer(config) as made:
            yield made


async def served_version(deployer: Deployer) -> str:
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"{deployer.config.public_url}/healthz")
    version: str = answer.json()["version"]
    return version


async def test_commit_goes_live_and_the_forge_is_told(
    deployer: Deployer, forge: Forge, origin: Origin
) -> None:
    sha = origin.commit("first")
    done = await deployer.deploy(sha)
    assert (done.sha, done.state, deployer.live_sha) == (sha, "success", sha)
    assert await served_version(deployer) == sha
    (made,) = forge.deployments
    assert (made["ref"], made["environment"]) == (sha, "production")
    assert (made["auto_merge"], made["required_contexts"]) == (False, [])
    assert [state for _, state, _ in forge.statuses] == ["in_progress", "success"]


async def test_watch_deploys_each_new_tip(deployer: Deployer, origin: Origin) -> None:
    watching = asyncio.create_task(deployer.watch())
    for message in ("first", "second"):
        sha = origin.commit(message)
        async with asyncio.timeout(20):
            assert (await deployer.wait_for(sha)).state == "success"
        assert await served_version(deployer) == sha
    watching.cancel()
    await asyncio.wait([watching])
    assert watching.cancelled()


async def test_older_commit_can_be_deployed_again(deployer: Deployer, origin: Origin) -> None:
    first = origin.commit("first")
    await deployer.deploy(origin.commit("second"))
    await deployer.deploy(first)
    assert await served_version(deployer) == first


async def test_version_that_does_not_start_is_reported_and_the_one_before_serves_again(
    deployer: Deployer, forge: Forge, origin: Origin
) -> None:
    good = origin.commit("first")
    await deployer.deploy(good)
    bad = origin.commit("break it", "trigger_mesh/delivery.py", "raise RuntimeError('no')\n")
    done = await deployer.deploy(bad)
    assert (done.sha, done.state) == (bad, "failure")
    assert forge.statuses[-1] == (2, "failure", "the service ended with status 1")
    assert deployer.live_sha == await served_version(deployer) == good


async def test_commit_that_does_not_exist_is_a_failed_deployment(
    deployer: Deployer, forge: Forge, origin: Origin
) -> None:
    origin.commit("first")
    done = await deployer.deploy("0" * 39 + "1")
    assert done.state == "failure"
    assert done.description.startswith("git fetch:")
    assert forge.statuses[-1][1] == "failure"


async def test_forge_that_refuses_leaves_the_running_version_alone(
    deployer: Deployer, forge: Forge, origin: Origin
) -> None:
    sha = origin.commit("first")
    await deployer.deploy(sha)
    forge.broken = True
    with pytest.raises(DeployError, match=r"POST deployments: the forge answered 500"):
        await deployer.deploy(origin.commit("second"))
    assert deployer.live_sha == await served_version(deployer) == sha


async def test_watch_lives_through_a_forge_that_is_down(
    deployer: Deployer, forge: Forge, origin: Origin, until: Until
) -> None:
    forge.broken = True
    sha = origin.commit("first")
    async with asyncio.TaskGroup() as group:
        watching = group.create_task(deployer.watch())
        await until(lambda: forge.refused > 1)
        forge.broken = False
        assert (await deployer.wait_for(sha)).state == "success"
        watching.cancel()


async def test_branch_that_does_not_exist_yet_has_no_tip(
    deployer: Deployer, origin: Origin
) -> None:
    origin.commit("first")
    async with Deployer(replace(deployer.config, branch="next")) as other:
        assert await other.tip() is None


async def test_close_stops_the_service_even_after_an_exception(
    deployer: Deployer, origin: Origin
) -> None:
    sha = origin.commit("first")

    async def fail_after_deploying() -> None:
        async with deployer:
            await deployer.deploy(sha)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail_after_deploying()
    assert deployer.live_sha is None
    with pytest.raises(httpx.ConnectError):
        await served_version(deployer)


def test_token_is_not_in_the_config_as_printed(tmp_path: Path) -> None:
    python = Path(sys.executable)
    config = DeployerConfig("http://forge", "http://git", "a/b", TOKEN, tmp_path, python, 1)
    assert TOKEN not in repr(config)

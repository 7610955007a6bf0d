"""A started forge with people, a repository, an App and something that receives its webhooks."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from grace.localforge.forge import ForgeConfig, LocalForge
from localforge.forge_world import EVENTS, PERMISSIONS, SECRET, FakeRunner, Receiver, World
from support.flow_keys import make_app_key
from support.schema import GitHubSchema, published
from support.schema_check import SchemaCheck


@pytest.fixture(scope="session")
def app_key() -> tuple[str, str]:
    """Return (private, public) PEM of an App."""
    return make_app_key()


@pytest.fixture
def template(tmp_path: Path) -> Path:
    folder = tmp_path / "template"
    (folder / "src").mkdir(parents=True)
    (folder / "a.txt").write_text("one\ntwo\nthree\n")
    (folder / "src" / "run.sh").write_text("#!/bin/sh\n")
    (folder / "src" / "run.sh").chmod(0o755)
    return folder


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    found = Receiver()
    app = web.Application(client_max_size=30_000_000)
    app.router.add_post("/hook", found.take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    found.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield found
    if found.gate is not None:
        found.gate.set()
    await runner.cleanup()


@pytest.fixture(scope="session")
def github_schema() -> GitHubSchema:
    return published()


@pytest.fixture
async def world(
    tmp_path: Path,
    template: Path,
    receiver: Receiver,
    app_key: tuple[str, str],
    github_schema: GitHubSchema,
) -> AsyncIterator[World]:
    runner = FakeRunner()
    forge = LocalForge(ForgeConfig(tmp_path / "forge", unix_socket=tmp_path / "s"), runner)
    tokens = {login: await forge.create_user(login) for login in ("ann", "bob", "eve")}
    await forge.start()
    await forge.create_repository("ann", "app", template=template)
    await forge.add_collaborator("ann/app", "bob", "write")
    app = await forge.create_app(
        "Grace",
        webhook_url=receiver.url,
        webhook_secret=SECRET,
        public_key_pem=app_key[1],
        permissions=PERMISSIONS,
        events=EVENTS,
    )
    installation = await forge.install_app(app.id, "ann", ["app"])
    check = SchemaCheck(github_schema)
    forge.watch(check)
    made = World(forge, tokens, app, app_key[0], installation, receiver, runner)
    yield made
    for client in made.clients.values():
        await client.aclose()
    await forge.close()
    # Whatever a test was about, all that the forge answered to it was as GitHub publishes it.
    check.assert_clean()

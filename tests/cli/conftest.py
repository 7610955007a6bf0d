"""A set stage with a running bot; a forge whose App is as `grace github manifest` asks."""

import base64
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import yaml
from aiohttp import web

from grace.localforge.forge import App, ForgeConfig, LocalForge
from grace.setup.app_manifest import EVENTS, PERMISSIONS
from grace.setup.plan import LABEL_SET
from support.flow_keys import make_app_key
from support.flows import Bot, Stage, staged

SECRET = "0f3c5b7e9d1a2c4e6f8091a3b5c7d9e1"


@pytest.fixture(scope="session")
def app_key() -> tuple[str, str]:
    return make_app_key()


@pytest.fixture
async def stage(tmp_path: Path, app_key: tuple[str, str]) -> AsyncIterator[Stage]:
    async with staged(tmp_path, app_key) as made:
        yield made


@pytest.fixture
async def bot(stage: Stage) -> AsyncIterator[Bot]:
    async with stage.bot() as running:
        yield running


@dataclass
class Outside:
    """What stands at the bot's address: what it answers to a GET and to a delivery."""

    url: str = ""
    get: int = 405
    post: int = 202

    async def answer(self, request: web.Request) -> web.Response:
        return web.Response(status=self.get if request.method == "GET" else self.post)

    async def metric(self, _: web.Request) -> web.Response:
        return web.Response(text="temperature 20\n")


@pytest.fixture
async def outside() -> AsyncIterator[Outside]:
    found = Outside()
    app = web.Application()
    app.router.add_route("*", "/hooks/github", found.answer)
    app.router.add_get("/metrics", found.metric)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    found.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield found
    await runner.cleanup()


@dataclass
class Ward:
    """An installation to be examined: forge, App, the bot's configuration folder."""

    forge: LocalForge
    app: App
    folder: Path
    outside: Outside
    owner: httpx.AsyncClient

    async def protect(self, **status_checks: object) -> None:
        checks = {"strict": True, "contexts": [], "checks": [], **status_checks}
        body = {
            "required_status_checks": checks,
            "enforce_admins": True,
            "required_pull_request_reviews": None,
            "restrictions": None,
        }
        path = "/repos/acme/mesh/branches/main/protection"
        assert (await self.owner.put(path, json=body)).status_code == 200

    async def put(self, path: str, text: str) -> None:
        """Commit a file to the base branch, whose protection is taken away for that."""
        await self.owner.delete("/repos/acme/mesh/branches/main/protection")
        body = {"message": path, "content": base64.b64encode(text.encode()).decode()}
        answer = await self.owner.put(f"/repos/acme/mesh/contents/{path}", json=body)
        assert answer.status_code == 201, answer.text

    def write(self, name: str, values: object) -> None:
        (self.folder / "config" / name).write_text(json.dumps(values))


@pytest.fixture
async def ward(tmp_path: Path, app_key: tuple[str, str], outside: Outside) -> AsyncIterator[Ward]:
    template = tmp_path / "template"
    (template / ".github/workflows").mkdir(parents=True)
    (template / ".github/workflows/ci.yml").write_text("on: pull_request\njobs: {}\n")
    forge = LocalForge(ForgeConfig(tmp_path / "forge"))
    await forge.start()
    token = await forge.create_user("acme")
    await forge.create_repository("acme", "mesh", template=template)
    app = await forge.create_app(
        "grace",
        webhook_url=f"{outside.url}/hooks/github",
        webhook_secret=SECRET,
        public_key_pem=app_key[1],
        permissions={each.name: each.access for each in PERMISSIONS},
        events=list(EVENTS),
    )
    await forge.install_app(app.id, "acme", ["mesh"])
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=forge.api_url, headers=headers, timeout=20) as owner:
        made = Ward(forge, app, tmp_path, outside, owner)
        (tmp_path / "config").mkdir()
        where = {"host": "localforge", "repository": "acme/mesh", "guards": ["heat"]}
        made.write("subsystems.yaml", {"subsystems": {"mesh": where}})
        source = {
            "kind": "prometheus_text",
            "url": f"{outside.url}/metrics",
            "series": "temperature",
        }
        metric = {"target": 30, "comparator": "<", "unit": "C", "source": source}
        made.write("metrics_catalog.yaml", {"metrics": {"heat": metric}})
        key = tmp_path / "app.pem"
        key.write_text(app_key[0])
        key.chmod(0o600)
        settings = {
            "data_dir": str(tmp_path / "data"),
            "config_dir": str(tmp_path / "config"),
            "forge_host": "localforge",
            "forge_api_url": forge.api_url,
            "forge_web_url": forge.url,
            "app_id": app.id,
            "app_key_file": str(key),
            "webhook_secret": SECRET,
            "oidc_issuer": f"{forge.url}/_services/token",
        }
        (tmp_path / "bot.yaml").write_text(yaml.safe_dump(settings))
        for label in LABEL_SET:
            body = {"name": label.name, "color": label.color}
            assert (await owner.post("/repos/acme/mesh/labels", json=body)).status_code == 201
        await made.protect(checks=[{"context": "mission/governance", "app_id": app.id}])
        yield made
    await forge.close()

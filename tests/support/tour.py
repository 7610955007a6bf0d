"""The adapter at a forge that answers over real sockets and real git, with people and webhooks."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx
from aiohttp import web
from cryptography.hazmat.primitives import serialization

from grace.adapters.github.forge import GitHubForge
from grace.adapters.github.ours import Ours
from grace.adapters.github.session import GitHubSite
from grace.adapters.github.translate import translate
from grace.adapters.github.webhook import WebhookSecrets, verify
from grace.adapters.github.wire import Call
from grace.domain.mission import MissionRef
from grace.localforge.forge import ForgeConfig, LocalForge
from grace.localforge.runs import WorkflowRunner
from grace.ports import Delivery, Routed
from support.schema import published
from support.schema_check import SchemaCheck

SECRET = "over the raw bytes"
PERMISSIONS = {
    "actions": "write",
    "checks": "write",
    "contents": "write",
    "issues": "write",
    "members": "read",
    "pull_requests": "write",
    "statuses": "read",
    "metadata": "read",
}
EVENTS = (
    "issues",
    "issue_comment",
    "pull_request",
    "pull_request_review",
    "check_run",
    "push",
    "workflow_run",
)


class Wall:
    def now(self) -> datetime:
        return datetime.now(UTC)


@dataclass
class Inbox:
    """What the app's webhook was sent, each one proven."""

    url: str = ""
    deliveries: list[Delivery] = field(default_factory=list)

    async def hook(self, request: web.Request) -> web.Response:
        body = await request.read()
        arrived = verify(request.headers, body, WebhookSecrets([SECRET]))
        self.deliveries.append(
            Delivery("github", arrived.delivery_id, arrived.event, body, datetime.now(UTC))
        )
        return web.Response(status=202)


@dataclass
class Tour:
    """A forge with an app installed, a person of each kind, and what its webhooks meant."""

    local: LocalForge
    forge: GitHubForge
    client: httpx.AsyncClient
    ref: MissionRef
    ours: Ours
    inbox: Inbox
    installation: int
    people: dict[str, str]
    calls: list[Call]

    async def heard(self) -> tuple[list[Routed], list[str]]:
        """Wait for all webhooks and translate them: what they mean, and why the rest does not."""
        await self.local.idle()
        found = [translate(delivery, self.ours) for delivery in self.inbox.deliveries]
        self.inbox.deliveries.clear()
        return [r for routed, _ in found for r in routed], [note for _, note in found if note]

    async def person(self, login: str, method: str, path: str, **body: object) -> httpx.Response:
        answer = await self.client.request(
            method,
            f"{self.local.api_url}/repos/ada/mesh{path}",
            json=body,
            headers={"authorization": f"token {self.people[login]}"},
        )
        assert answer.is_success, answer.text
        return answer


@asynccontextmanager
async def started(
    tmp_path: Path, runner: WorkflowRunner | None = None
) -> AsyncIterator[LocalForge]:
    """Run a forge that has nothing yet."""
    forge = LocalForge(ForgeConfig(tmp_path / "forge"), runner)
    await forge.start()
    yield forge
    await forge.close()


@asynccontextmanager
async def listening() -> AsyncIterator[Inbox]:
    """Take webhooks."""
    made = Inbox()
    receiver = web.Application()
    receiver.router.add_post("/hook", made.hook)
    runner = web.AppRunner(receiver)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield made
    await runner.cleanup()


@asynccontextmanager
async def toured(
    tmp_path: Path, key_pem: str, runner: WorkflowRunner | None = None
) -> AsyncIterator[Tour]:
    """Set up a repository with people and the App; hold all to GitHub's schema at the end."""
    async with started(tmp_path, runner) as local, listening() as inbox:
        schema = SchemaCheck(published())
        local.watch(schema)
        async with installed(local, inbox, tmp_path, key_pem) as tour:
            schema.requests_of = tour.ours.bot_login
            yield tour
    schema.assert_clean()


@asynccontextmanager
async def installed(
    local: LocalForge, inbox: Inbox, tmp_path: Path, key_pem: str
) -> AsyncIterator[Tour]:
    """Make people, a repository and the App, and install it."""
    template = tmp_path / "template"
    template.mkdir()
    (template / "README.md").write_text("mesh\n")
    people = {login: await local.create_user(login) for login in ("ada", "rex", "eve")}
    await local.create_repository("ada", "mesh", template=template)
    await local.add_collaborator("ada/mesh", "rex", "maintain")
    public = serialization.load_pem_private_key(key_pem.encode(), password=None).public_key()
    app = await local.create_app(
        "Grace",
        webhook_url=inbox.url,
        webhook_secret=SECRET,
        public_key_pem=public.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        ).decode(),
        permissions=PERMISSIONS,
        events=EVENTS,
    )
    installation = await local.install_app(app.id, "ada", ["mesh"])
    site = GitHubSite("forge.test", local.api_url, local.url, app.id, key_pem)
    ours = Ours(host="forge.test", app_id=app.id, bot_login=app.bot)
    calls: list[Call] = []
    async with httpx.AsyncClient() as client:
        forge = GitHubForge(site, client, Wall(), calls.append)
        ref = await forge.resolve("forge.test", "ada/mesh")
        yield Tour(local, forge, client, ref, ours, inbox, installation, people, calls)

"""The stage of a demo: a forge with people and repositories, a bot, a deployer, live traffic."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from grace.app.boot import running
from grace.app.bootstrap import System
from grace.app.settings import Settings
from grace.demo.deployer import Deployer, DeployerConfig
from grace.demo.scenes import HOST, Built, Scene
from grace.demo.tools import make_runner, python_path
from grace.demo.traffic import Traffic, TrafficSpec
from grace.localforge.forge import ForgeConfig, LocalForge, Repository

OWNER, REPORTER, REVIEWER = "acme", "alice", "rita"
PERMISSIONS = {
    "checks": "write",
    "contents": "write",
    "issues": "write",
    "metadata": "read",
    "pull_requests": "write",
    "deployments": "read",
    "statuses": "read",
    "administration": "read",
    "actions": "write",
    "members": "read",
    "merge_queues": "read",
}
EVENTS = (
    "issues",
    "issue_comment",
    "pull_request",
    "pull_request_review",
    "check_run",
    "push",
    "deployment_status",
    "merge_group",
    "repository",
    "status",
    "workflow_run",
)
WINDOW_MINUTES = 0.2
ROLLING_MINUTES = 0.2
Say = Callable[[str], None]


def free_port() -> int:
    """Find a port on loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True, slots=True)
class People:
    """Personal tokens by login; never printed except by `--keep`."""

    tokens: dict[str, str] = field(repr=False)

    def client(self, login: str, api_url: str) -> httpx.AsyncClient:
        """Act at the forge as one person."""
        headers = {"Authorization": f"Bearer {self.tokens[login]}"}
        return httpx.AsyncClient(base_url=api_url, headers=headers, timeout=30)


@dataclass(slots=True)
class Stage:
    """Everything that a story is played on."""

    workdir: Path
    forge: LocalForge
    people: People
    repositories: dict[str, Repository]
    bot_url: str
    bot_login: str
    service_port: int
    system: System
    settings: Settings

    @asynccontextmanager
    async def production(self, name: str) -> AsyncIterator[Deployer]:
        """Deploy a repository's main branch, and every commit that lands there, under traffic."""
        repository = self.repositories[name]
        config = DeployerConfig(
            api_url=self.forge.api_url,
            git_url=repository.clone_url,
            repository=repository.full_name,
            token=self.people.tokens[OWNER],
            work=self.workdir / "deployer" / name,
            python=python_path(),
            port=self.service_port,
        )
        async with Deployer(config) as deployer:
            watch = asyncio.create_task(deployer.watch(), name="deployer")
            try:
                tip = await deployer.tip()
                assert tip is not None
                await deployer.wait_for(tip)
                async with Traffic(TrafficSpec(config.public_url)):
                    yield deployer
            finally:
                watch.cancel()
                await asyncio.gather(watch, return_exceptions=True)


@asynccontextmanager
async def set_up(
    workdir: Path, names: Sequence[str], say: Say, scene: Scene | None = None
) -> AsyncIterator[Stage]:
    """Start forge and bot, and make people and the repositories of these names."""
    scene = scene or Scene()
    service_port, bot_port = free_port(), free_port()
    bot_url = f"http://127.0.0.1:{bot_port}"
    forge_data = workdir / "forge"
    bot_data = workdir / "bot"
    forge = LocalForge(
        ForgeConfig(data=forge_data, job_environment={"GRACE_URL": bot_url}),
        make_runner(hidden=(forge_data, bot_data)),
    )
    async with AsyncExitStack() as stack:
        await forge.start()
        stack.push_async_callback(forge.close)
        people = People(
            {login: await forge.create_user(login) for login in (OWNER, REPORTER, REVIEWER)}
        )
        repositories = {
            name: await make_repository(forge, workdir / "template" / name, name, scene)
            for name in names
        }
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        secret = "demo-webhook-secret"  # noqa: S105 - both ends live and die with this process
        app = await forge.create_app(
            "grace",
            webhook_url=f"{bot_url}/hooks/github",
            webhook_secret=secret,
            public_key_pem=public_pem(key),
            permissions=PERMISSIONS,
            events=EVENTS,
            callback_urls=(f"{bot_url}/sign-in/callback",),
        )
        full_names = [r.full_name.partition("/")[2] for r in repositories.values()]
        await forge.install_app(app.id, OWNER, full_names)
        for repository in repositories.values():
            await protect(forge, people, repository, app.id, bound_admins=scene.bound_admins)
        config = workdir / "config"
        scene.write_config(config, Built(repositories, service_port, forge.ci_app_id))
        settings = Settings(
            data_dir=bot_data,
            config_dir=config,
            listen_port=bot_port,
            forge_host=HOST,
            forge_api_url=forge.api_url,
            forge_web_url=forge.url,
            app_id=app.id,
            app_key=private_pem(key),
            webhook_secret=secret,
            environment="demo",
            public_url=bot_url,
            oauth_client_id=app.client_id,
            oauth_client_secret=app.client_secret,
            operators=(OWNER,),
            oidc_issuer=f"{forge.url}/_services/token",
            **scene.settings,
        )
        system, url = await stack.enter_async_context(running(settings, say))
        yield Stage(
            workdir=workdir,
            forge=forge,
            people=people,
            repositories=repositories,
            bot_url=url,
            bot_login=app.bot,
            service_port=service_port,
            system=system,
            settings=settings,
        )


async def make_repository(forge: LocalForge, template: Path, name: str, scene: Scene) -> Repository:
    """Make a repository with its own first commit and collaborators."""
    scene.templates.get(name, scene.template)(template)
    repository = await forge.create_repository(OWNER, f"mesh-{name}", template=template)
    for login in (REPORTER, REVIEWER):
        await forge.add_collaborator(repository.full_name, login, "write")
    return repository


async def protect(
    forge: LocalForge, people: People, repository: Repository, app_id: int, *, bound_admins: bool
) -> None:
    """Require Grace's own check by App id, on a head that contains the base's tip."""
    body = {
        "required_status_checks": {
            "strict": True,
            "checks": [{"context": "mission/governance", "app_id": app_id}],
        },
        "enforce_admins": bound_admins,
        "required_pull_request_reviews": None,
        "restrictions": None,
    }
    async with people.client(OWNER, forge.api_url) as client:
        path = f"/repos/{repository.full_name}/branches/main/protection"
        answer = await client.put(path, json=body)
        answer.raise_for_status()


def public_pem(key: rsa.RSAPrivateKey) -> str:
    """Write the App's public key."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()


def private_pem(key: rsa.RSAPrivateKey) -> str:
    """Write the App's private key; it stays in this process."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
